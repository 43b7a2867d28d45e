"""Fewer columns: the ones that a trained model would miss most."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effkit.models.base import Predictor, Recipe
from effkit.models.products import Products
from effkit.spec import SpecError
from effkit.tasks.base import Task
from effkit.tasks.metrics import log_loss

SHUFFLES = 5
RANKING = "ranking.json"


def kept(
    recipe: Recipe,
    task: Task,
    products: Products,
    make: Callable[[Recipe, Task, Products], Path],
    load: Callable[[Recipe, Path], Predictor],
) -> list[str] | None:
    """Return the columns that the setting `features` leaves, most important first; None where it is not set.

    Importance is the loss that shuffling a column adds on `select`, over the model trained on all columns (Breiman,
    2001, Random forests, section 10; Fisher, Rudin & Dominici, 2019, All models are wrong, but many are useful).

    Args:
        recipe: of the model.
        task: its data.
        products: where the model on all columns and the ranking are kept.
        make: makes the model on all columns.
        load: opens it.

    Raises:
        SpecError: when there are no more columns than that, or `select` is empty.
    """
    most = recipe.settings.get("features")
    if most is None:
        return None
    whole = replace(recipe, settings={key: value for key, value in recipe.settings.items() if key != "features"})
    select = task.splits["select"]
    if len(select) == 0:
        raise SpecError(f"{task.name} has no `select` items, by which `features` chooses; leave `features` out.")
    folder = make(whole, task, products)

    def rank(place: Path) -> None:
        ranking = _ranked(load(whole, folder), task, recipe.seed)
        (place / RANKING).write_text(json.dumps(ranking), encoding="utf-8")

    made = products.make(whole.key(task.sha256, "ranking"), "rank the columns", len(select), rank)
    ranking: dict[str, float] = json.loads((made / RANKING).read_text(encoding="utf-8"))
    if most >= len(ranking):
        raise SpecError(f"`features.most` got {most}, and {task.name} has {len(ranking)} columns: keep fewer.")
    return list(ranking)[:most]


def _ranked(predictor: Predictor, task: Task, seed: int) -> dict[str, float]:
    """Return the loss that shuffling each column adds, the largest first."""
    rows, labels = task.items.take(task.splits["select"]), task.labels[task.splits["select"]]
    rng = np.random.default_rng(seed)
    before = _loss(predictor, rows, labels)
    added = {
        column: float(np.mean([_loss(predictor, _shuffled(rows, column, rng), labels) for _ in range(SHUFFLES)]))
        - before
        for column in rows[0]
    }
    return dict(sorted(added.items(), key=lambda each: -each[1]))


def _loss(predictor: Predictor, rows: Sequence[Mapping[str, Any]], labels: NDArray[Any]) -> float:
    """Return the mean log loss or squared error. Accuracy would not tell columns apart that move no answer across."""
    answers = predictor.infer(predictor.prepare(list(rows)))
    if answers.ndim == 1:
        return float(np.mean((answers - labels) ** 2))
    return log_loss(answers, labels)


def _shuffled(rows: Sequence[Mapping[str, Any]], column: str, rng: np.random.Generator) -> list[dict[str, Any]]:
    order = rng.permutation(len(rows))
    return [{**row, column: rows[other].get(column)} for row, other in zip(rows, order, strict=True)]
