"""Teachers: found in the catalogue, checked before anything is fetched, and part of what a student is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from effkit import recipes, resolve
from effkit.models import Recipe
from effkit.spec import CandidateSpec, SpecError, StudySpec
from effkit.techniques import teacher_of

STUDENT = {"model": "minilm-l6", "techniques": [{"distil": {"teacher": "tfidf-logreg"}}]}


def study(candidate: Any) -> StudySpec:
    return StudySpec(
        name="taught", task="clothing-department", reference="minilm-l6", candidates=("minilm-l6", candidate),
        margin_points=1.0, margin_reason="a test",
    )  # fmt: skip


def test_a_teacher_is_found_in_the_chain() -> None:
    assert teacher_of([("onnx", {})]) is None
    assert teacher_of([("layers", {"keep": 3}), ("distil", {"teacher": "mpnet-base"})]) == "mpnet-base"


@pytest.mark.parametrize(
    ("teacher", "reason"),
    [
        ("mpnet", r"`mpnet` is not a known model\. Did you mean `mpnet-base`"),
        ("lightgbm-large", r"`lightgbm-large` is a tabular model"),
        ("minilm-l6", r"the teacher is the model itself\. Name a larger one, or use `heal`"),
    ],
)
def test_a_teacher_that_cannot_teach_is_refused_before_anything_is_fetched(teacher: str, reason: str) -> None:
    with pytest.raises(SpecError, match=reason):
        resolve.check(
            study({"model": "minilm-l6", "techniques": [{"distil": {"teacher": teacher}}]}), own={}, own_task=None
        )


def test_a_recipe_carries_its_teacher_through_the_pipe_and_into_its_key() -> None:
    teacher = Recipe("large", "text.tfidf", "classification", 10, 1, {"C": 1.0}, Path("/somewhere"))
    plain = Recipe("small", "text.encoder", "classification", 10, 1)
    taught = Recipe("small", "text.encoder", "classification", 10, 1, teacher=teacher)
    elsewhere = Recipe("large", "text.tfidf", "classification", 10, 1, {"C": 1.0}, Path("/elsewhere"))
    assert Recipe.from_json(taught.to_json()) == taught and Recipe.from_json(plain.to_json()) == plain
    assert len({plain.key(), taught.key(), elsewhere.key()}) == 3
    assert taught.key() == Recipe("small", "text.encoder", "classification", 10, 1, teacher=elsewhere).key()


def test_student_and_teacher_learn_from_as_many_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve.catalogue, "fetch", lambda name: Path("/weights"))
    candidate = CandidateSpec.model_validate(STUDENT)
    found = resolve.model("minilm-l6", {})
    made = recipes.recipe(candidate, found, recipes.Ingredients("classification", lambda _: 70), seed=3)
    assert made.teacher is not None
    assert (made.teacher.model, made.teacher.fit_items, made.teacher.seed) == ("tfidf-logreg", 70, 3)
    assert made.teacher.weights is None and made.teacher.teacher is None
