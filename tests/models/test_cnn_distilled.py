"""A small CNN that learns what a teacher says of images whose labels nobody looks at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from effkit.models import Products, Recipe, cnn
from effkit.spec import SpecError
from effkit.tasks.base import Task
from effkit.techniques import apply_chain
from tests.models.encoders import images

SETTINGS = {
    "channels": [8],
    "resolution": 16,
    "epochs": 2,
    "batch_size": 16,
    "learning_rate": 0.01,
    "weight_decay": 0.0,
}
LABELLED = 40
TEACHER = Recipe("teacher", "vision.cnn", "classification", LABELLED, 1, {**SETTINGS, "epochs": 6})


def student(teacher: Recipe | None = TEACHER, **parameters: Any) -> Recipe:
    plain = Recipe("student", "vision.cnn", "classification", LABELLED, 1, SETTINGS, teacher=teacher)
    return apply_chain(plain, [("distil", {"teacher": "teacher", "items": 100, **parameters})])


@pytest.fixture(scope="module")
def task() -> Task:
    return images(240, side=16)


@pytest.mark.parametrize("labels", ["soft", "hard"])
def test_it_learns_from_its_teacher_on_more_items_than_are_labelled(
    labels: str, task: Task, products: Products
) -> None:
    wrong = replace(task, labels=np.where(np.isin(np.arange(240), task.splits["fit"][LABELLED:]), 0, task.labels))
    recipe = student(labels=labels)
    folder = cnn.make(recipe, wrong, products)
    assert [each["items"] for each in products.used] == [LABELLED, 100, 100]  # the teacher, its answers, the student
    test = task.splits["test"]
    assert (cnn.predict(recipe, folder, task, test, products).argmax(axis=1) == task.labels[test]).mean() > 0.9


def test_another_teacher_temperature_or_kind_of_label_is_another_product(task: Task, products: Products) -> None:
    other = replace(TEACHER, settings={**TEACHER.settings, "epochs": 5})
    recipes = [student(), student(other), student(temperature=4.0), student(labels="hard")]
    folders = {cnn.make(recipe, task, products) for recipe in recipes}
    assert len(folders) == len(recipes)
    assert len({(folder / cnn.WEIGHTS).read_bytes() for folder in folders}) == len(recipes)


def test_without_a_teacher_it_is_refused(task: Task, products: Products) -> None:
    with pytest.raises(SpecError, match="its recipe names none"):
        cnn.make(student(None), task, products)
