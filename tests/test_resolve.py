"""From names in a study to what they stand for."""

from __future__ import annotations

from typing import Any

import pytest

from effkit import resolve
from effkit.resolve import Own
from effkit.spec import CandidateSpec


@pytest.mark.parametrize(
    ("candidate", "title"),
    [
        ({"model": "efficientnet-lite0"}, "EfficientNet-Lite0"),
        ({"model": "efficientnet-lite0", "techniques": [{"resolution": {"pixels": 128}}]},
         "EfficientNet-Lite0 at 128 px"),
        ({"model": "tfidf-logreg", "fit_items": "all"}, "TF-IDF with all labels"),
        ({"model": "small-cnn", "techniques": [{"resolution": {"pixels": 64}}], "fit_items": 5000},
         "Small CNN at 64 px with 5,000 labels"),
    ],
)  # fmt: skip
def test_a_title_reads_as_in_a_sentence(candidate: dict[str, Any], title: str) -> None:
    spec = CandidateSpec.model_validate(candidate)
    assert resolve.title(spec, resolve.model(spec.model, {})) == title


def test_a_model_of_ones_own_keeps_its_title() -> None:
    own = {"mine": Own(lambda items: items, "My model")}
    assert resolve.title(CandidateSpec(model="mine"), resolve.model("mine", own)) == "My model"
