"""Tabular models: logistic and ridge regression, trees, forests and LightGBM, on rows of named columns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effkit.models import selection, tabular_export, tabular_kinds, teaching
from effkit.models.base import Facts, Predictor, Recipe, predict_in_batches, weight_bytes
from effkit.models.columns import Columns, Lesson, training_data
from effkit.models.products import Products
from effkit.tasks.base import Task

Array = NDArray[np.float64]

LIBRARIES: dict[str, tuple[str, ...]] = {
    "tabular.logreg": (),
    "tabular.tree": ("skops.io", "sklearn.tree"),
    "tabular.forest": ("skops.io", "sklearn.ensemble"),
    "tabular.lightgbm": ("lightgbm",),
}


def libraries(recipe: Recipe) -> tuple[str, ...]:
    """Name what a fresh worker must import before it can load this model."""
    return tabular_export.LIBRARIES if tabular_export.served(recipe) else LIBRARIES[recipe.builder]


class TabularPredictor:
    """Encodes rows, then asks the model.

    Args:
        columns: as the training data had them.
        model: encoded rows to probabilities or values.
    """

    def __init__(self, columns: Columns, model: tabular_kinds.Model) -> None:
        self.columns = columns
        self.model = model

    def prepare(self, items: list[Any]) -> Array:
        """Encode rows as numbers."""
        return self.columns.encode(items)

    def infer(self, prepared: Array) -> Array:
        """Return probabilities or values."""
        return self.model(prepared)


def make(recipe: Recipe, task: Task, products: Products) -> Path:
    """Train on the first `fit` items, or on a teacher's answers; export it where that is asked."""
    trained = tabular_export.trained(recipe)
    kept = selection.kept(trained, task, products, make, load)
    lesson = _lesson(trained, task, products)
    items = recipe.fit_items if lesson is None else len(lesson.indices)
    write = partial(_train, trained, task, kept, lesson)
    folder = products.make(trained.key(task.sha256), f"train {recipe.model}", items, write)
    if not tabular_export.served(recipe):
        return folder
    return tabular_export.make(recipe, task, products, partial(_original, trained, folder))


def load(recipe: Recipe, folder: Path) -> Predictor:
    """Open what `make` wrote."""
    opened = tabular_export.Graph if tabular_export.served(recipe) else tabular_kinds.MODELS[recipe.builder]
    return TabularPredictor(tabular_export.columns(folder), opened(folder))


def facts(predictor: TabularPredictor, item: Any, folder: Path) -> Facts:
    """Count coefficients, or splits and leaves. Following a tree is no floating-point arithmetic."""
    model = predictor.model
    return Facts(model.parameters, model.tensor_bytes, weight_bytes(folder), model.flops)


def predict(recipe: Recipe, folder: Path, task: Task, indices: NDArray[np.int64], products: Products) -> NDArray[Any]:
    """Return the predictions for items of a task."""
    return predict_in_batches(load(recipe, folder), task.items, indices)


def _lesson(recipe: Recipe, task: Task, products: Products) -> Lesson | None:
    asked = recipe.settings.get("distil")
    if asked is None:
        return None
    indices, said = teaching.lesson(recipe, asked, task, products)
    if said.ndim == 2 and asked["labels"] == "soft":
        return Lesson(indices, said, float(asked["temperature"]))
    return Lesson(indices, said.argmax(axis=1) if said.ndim == 2 else said, 1.0)


def _train(recipe: Recipe, task: Task, kept: Sequence[str] | None, lesson: Lesson | None, folder: Path) -> None:
    data = training_data(recipe, task, kept, lesson)
    tabular_export.write_columns(data.columns, folder)
    tabular_kinds.TRAIN[recipe.builder](recipe, data, folder)


def _original(recipe: Recipe, folder: Path) -> tabular_export.Original:
    model = tabular_kinds.MODELS[recipe.builder](folder)
    predictor = TabularPredictor(tabular_export.columns(folder), model)

    def write(path: Path) -> None:
        path.write_bytes(model.graph().SerializeToString())

    return tabular_export.Original(predictor, predictor.columns, facts(predictor, None, folder), write)
