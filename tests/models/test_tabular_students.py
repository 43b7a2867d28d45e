"""Small tabular models that learn what a large one says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effkit.models import Products, Recipe, builder, teaching
from effkit.models.own import Packed
from effkit.tasks import Task, load
from effkit.techniques import apply_chain

STUDENTS = ("logreg", "lightgbm-small")


@pytest.fixture
def taught(recipe: Callable[..., Recipe]) -> Callable[..., Recipe]:
    """A student whose teacher is a LightGBM of some size, and who hears it on 5,000 items at most."""

    def make(student: str, task: Task, **asked: Any) -> Recipe:
        teacher = recipe("lightgbm-large", task, n_estimators=60)
        chain = [("distil", {"teacher": "lightgbm-large", **asked})]
        return apply_chain(replace(recipe(student, task), teacher=teacher), chain)

    return make


def answers(recipe: Recipe, task: Task, products: Products, split: str = "test") -> Any:
    module = builder(recipe.builder)
    return module.predict(recipe, module.make(recipe, task, products), task, task.splits[split], products)


@pytest.mark.parametrize("student", STUDENTS)
@pytest.mark.parametrize("asked", [{}, {"temperature": 1.0}, {"labels": "hard"}])
def test_a_student_says_what_its_teacher_says(
    student: str, asked: dict[str, Any], taught: Callable[..., Recipe], products: Products
) -> None:
    task = load("breast-cancer", seed=1)
    made = taught(student, task, **asked)
    assert made.teacher is not None
    said, teachers = answers(made, task, products), answers(made.teacher, task, products)
    assert (said.argmax(axis=1) == teachers.argmax(axis=1)).mean() > 0.9


def contrary(items: list[Any]) -> Any:
    """Be sure of what is not so: that a small tumour is malignant, and a large one benign."""
    malignant = np.array([0.9 if item["mean radius"] < 15 else 0.1 for item in items])
    return np.column_stack([1 - malignant, malignant])


@pytest.mark.parametrize("student", STUDENTS)
@pytest.mark.parametrize("labels", ["soft", "hard"])
def test_a_student_believes_its_teacher_and_not_the_labels(
    student: str, labels: str, recipe: Callable[..., Recipe], products: Products, tmp_path: Path
) -> None:
    task = load("breast-cancer", seed=1)
    teacher = Recipe("contrary", "own", task.kind, 0, 1, Packed.of(contrary).settings(task, tmp_path))
    chain = [("distil", {"teacher": "lightgbm-large", "labels": labels})]
    said = answers(apply_chain(replace(recipe(student, task), teacher=teacher), chain), task, products).argmax(axis=1)
    test = task.splits["test"]
    assert (said == contrary(list(task.items.take(test))).argmax(axis=1)).mean() > 0.9
    assert (said == task.labels[test]).mean() < 0.2


@pytest.mark.parametrize("student", STUDENTS)
def test_asking_the_teacher_is_a_step_and_asked_once(
    student: str, taught: Callable[..., Recipe], products: Products
) -> None:
    task = load("breast-cancer", seed=1)
    for asked in ({}, {"labels": "hard"}):
        made = taught(student, task, **asked)
        builder(made.builder).make(made, task, products)
    steps = [(each["step"], each["reused"]) for each in products.used]
    assert steps == [
        ("train lightgbm-large", False),
        ("ask the teacher, lightgbm-large", False),
        (f"train {student}", False),
        ("train lightgbm-large", True),
        ("ask the teacher, lightgbm-large", True),
        (f"train {student}", False),
    ]


@pytest.mark.parametrize("student", STUDENTS)
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_three_classes_are_learnt_from_probabilities(
    student: str, temperature: float, taught: Callable[..., Recipe], products: Products
) -> None:
    rng = np.random.default_rng(1)
    rows = [{"x": float(x), "y": float(y)} for x, y in rng.normal(size=(600, 2))]
    names = ["abc"[int(np.argmax([row["x"], row["y"], -row["x"] - row["y"]]))] for row in rows]
    task = Task.from_arrays("three", rows, names)
    made = taught(student, task, temperature=temperature)
    said = answers(made, task, products)
    assert said.shape[1] == 3
    assert np.allclose(said.sum(axis=1), 1)
    assert (said.argmax(axis=1) == task.labels[task.splits["test"]]).mean() > 0.9


@pytest.mark.parametrize("student", STUDENTS)
def test_a_student_of_values_follows_them(student: str, taught: Callable[..., Recipe], products: Products) -> None:
    task = load("diabetes", seed=1)
    made = taught(student, task)
    assert made.teacher is not None
    said, teachers = answers(made, task, products, "fit"), answers(made.teacher, task, products, "fit")
    assert np.corrcoef(said, teachers)[0, 1] > 0.8


def test_a_linear_student_recovers_a_linear_teacher_at_any_temperature(
    recipe: Callable[..., Recipe], products: Products
) -> None:
    rng = np.random.default_rng(1)
    rows = [{"x": float(x), "y": float(y)} for x, y in rng.normal(size=(2000, 2))]
    likely = 1 / (1 + np.exp([-(row["x"] - row["y"]) for row in rows]))
    task = Task.from_arrays("slope", rows, ["yes" if chance > rng.random() else "no" for chance in likely])
    teacher = recipe("logreg", task)
    chain = [("distil", {"teacher": "logreg", "temperature": 3.0})]
    student = apply_chain(replace(recipe("logreg", task, C=1e6), teacher=teacher), chain)
    assert np.allclose(answers(student, task, products), answers(teacher, task, products), atol=0.01)


def test_a_taught_booster_is_exported_as_any_other(taught: Callable[..., Recipe], products: Products) -> None:
    task = load("breast-cancer", seed=1)
    made = taught("lightgbm-small", task)
    graph = apply_chain(made, [("onnx", {})])
    assert np.allclose(answers(made, task, products), answers(graph, task, products), atol=1e-12)


def test_hard_labels_are_the_class_that_the_teacher_finds_likeliest(
    taught: Callable[..., Recipe], products: Products
) -> None:
    task = load("breast-cancer", seed=1)
    made = taught("logreg", task, labels="hard")
    indices, said = teaching.lesson(made, made.settings["distil"], task, products)
    assert (indices == task.splits["fit"]).all()
    assert made.teacher is not None
    likeliest = answers(made.teacher, task, products, "fit").argmax(axis=1)
    assert (said == np.eye(2)[likeliest]).all() and sorted(set(likeliest)) == [0, 1]
