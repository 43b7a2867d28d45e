"""What cannot be made costs its candidate alone, and what the others have learnt from is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from effkit import recipes
from effkit.catalogue import FetchError
from effkit.spec import CandidateSpec
from tests import own_models
from tests.test_study import study


def test_weights_that_cannot_be_fetched_cost_their_candidate_alone(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipes.recipe

    def without_a_source(candidate: CandidateSpec, *others: Any) -> Any:
        if candidate.name == "shallow-tree":
            raise FetchError(f"no source has it (401 for https://me:word@host.example/x): see {Path.home()}/x")
        return recipe(candidate, *others)

    monkeypatch.setattr("effkit.preparing.recipes.recipe", without_a_source)
    record = study(reference="logreg", candidates=["logreg", "shallow-tree"]).run()
    assert [each.name for each in record.failed] == ["shallow-tree"]
    told = "no source has it (401 for https://…@host.example/x): see ~/x"
    assert record.failed[0].error == told, "neither a password nor the name of a home folder"
    assert record.candidate("logreg").quality is not None


def test_a_cascade_learns_from_no_more_labels_than_its_stages_that_learn_here(results: Path) -> None:
    tree: dict[str, Any] = {"model": "shallow-tree", "fit_items": 50}
    record = study(
        reference="logreg",
        candidates=["logreg", {"cascade": [tree, "mine"]}],
        own={"mine": own_models.always_one},
    ).run()
    cascade = record.candidate("shallow-tree@50-then-mine")
    assert (cascade.status, cascade.fit_items) == ("ok", 50)
