"""What a teacher says of items whose labels nobody looks at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effkit.models import builder
from effkit.models.base import Recipe, product_key
from effkit.models.networks import device_key
from effkit.models.products import Products
from effkit.spec import SpecError
from effkit.tasks.base import Task

LEAST = 1e-7
"""A probability below this is taken as this: no temperature makes a share of nothing."""


def lesson(
    recipe: Recipe, asked: Mapping[str, Any], task: Task, products: Products
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return items to learn from, and what the teacher says of each.

    The teacher learns from as many labels as the student would; the items beyond those are unlabelled for both.

    Args:
        recipe: of the student, with its teacher.
        asked: `items`, how many of the first `fit` items; `labels`, soft or hard; `temperature`, by which soft
            labels are flattened (Hinton, Vinyals & Dean, 2015, Distilling the knowledge in a neural network).
        task: theirs.
        products: where the teacher and its answers are kept.

    Returns:
        (n,) item indices; (n, classes) probabilities that sum to one, of 0 and 1 where labels are hard, or for
        regression (n,) values.

    Raises:
        SpecError: when there is no teacher, or the task is retrieval.
    """
    if recipe.teacher is None:
        raise SpecError(f"{recipe.model} is to learn from a teacher, and its recipe names none.")
    indices = task.first("fit", int(asked["items"]))
    said = _answers(recipe.teacher, indices, task, products)
    if task.kind != "classification":
        return indices, said
    if asked["labels"] == "hard":
        return indices, np.eye(said.shape[1], dtype=said.dtype)[said.argmax(axis=1)]
    return indices, softened(said, float(asked["temperature"]))


def softened(shares: NDArray[Any], temperature: float) -> NDArray[Any]:
    """Flatten (n, classes) probabilities: each to the power of 1/temperature, then to the sum of one."""
    powers = np.maximum(shares, LEAST) ** (1 / temperature)
    flat: NDArray[Any] = powers / powers.sum(axis=1, keepdims=True)
    return flat


def _answers(teacher: Recipe, indices: NDArray[np.int64], task: Task, products: Products) -> NDArray[Any]:
    module = builder(teacher.builder)
    folder = module.make(teacher, task, products)
    key = product_key("answers", teacher.key(), task.sha256, len(indices), *device_key())
    embedded: list[NDArray[Any]] = []
    if getattr(module, "PREDICTS_BY_STEPS", False):
        # Those steps are not to be metered twice, and are part of the making where the answers are kept as well.
        embedded.append(module.predict(teacher, folder, task, indices, products))

    def write(place: Path) -> None:
        said = embedded[0] if embedded else module.predict(teacher, folder, task, indices, products)
        np.save(place / "answers.npy", said)

    made = products.make(key, f"ask the teacher, {teacher.model}", len(indices), write)
    answers: NDArray[Any] = np.load(made / "answers.npy")
    return answers
