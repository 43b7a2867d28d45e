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


def test_a_title_names_no_more_labels_than_there_are() -> None:
    asked = CandidateSpec(model="tfidf-logreg", fit_items=20_000)
    found = resolve.model(asked.model, {})
    assert resolve.title(asked, found, 11_314) == "TF-IDF with 11,314 labels"
    assert resolve.title(asked, found, 50_000) == resolve.title(asked, found) == "TF-IDF with 20,000 labels"
    cascade = CandidateSpec.model_validate({"cascade": [asked, "minilm-l6"]})
    assert resolve.title(cascade, resolve.model_of(cascade, {}), 11_314) == "TF-IDF with 11,314 labels, then MiniLM-L6"


def test_a_model_of_ones_own_keeps_its_title() -> None:
    own = {"mine": Own(lambda items: items, "My model")}
    assert resolve.title(CandidateSpec(model="mine"), resolve.model("mine", own)) == "My model"
