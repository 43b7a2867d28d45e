"""From what a study names to recipes."""

from __future__ import annotations

from pathlib import Path

import pytest

from effkit import recipes, resolve
from effkit.catalogue.errors import HashMismatch
from effkit.params import parse
from effkit.spec import StudySpec
from tests.conftest import parameters


def study() -> StudySpec:
    """Two candidates of the same weights."""
    shorter = {"model": "minilm-l6", "techniques": [{"tokens": {"most": 64}}]}
    asked = {"task": "clothing-department", "reference": "minilm-l6", "candidates": ["minilm-l6", shorter]}
    return parse(parameters(**asked))


def a_run(spec: StudySpec) -> None:
    how = recipes.ingredients(spec, "classification", lambda part: 100, lambda name: None)
    for candidate in spec.candidates:
        made = recipes.recipe(candidate, resolve.model_of(candidate, {}), how, seed=1)
        assert made.weights == Path("/weights") and "model.safetensors" in made.weights_sha256


def test_weights_that_candidates_share_are_verified_once_in_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def fetch(name: str) -> Path:
        asked.append(name)
        return Path("/weights")

    monkeypatch.setattr("effkit.catalogue.fetch", fetch)
    a_run(study())
    assert asked == ["minilm-l6"]
    a_run(study())
    assert asked == ["minilm-l6", "minilm-l6"]


def test_weights_that_are_not_the_pinned_ones_are_in_no_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(name: str) -> Path:
        raise HashMismatch("model.safetensors is another")

    monkeypatch.setattr("effkit.catalogue.fetch", fetch)
    with pytest.raises(HashMismatch, match="another"):
        a_run(study())
