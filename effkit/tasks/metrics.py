"""Metrics: one frozen entry each, scored item by item so that candidates can be paired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effkit.balance import class_weights

Score = Callable[[NDArray[Any], NDArray[Any]], NDArray[np.float64]]


@dataclass(frozen=True)
class MetricSpec:
    """A metric that is a mean of per-item scores.

    Attributes:
        name: as records call it.
        kind: of the tasks that it scores.
        higher_is_better: the direction.
        binary: whether an item is right or wrong (McNemar applies).
        score: (predictions, labels) to (n,) per-item scores.
        balanced: whether right answers are weighed, so that every class counts the same.
    """

    name: str
    kind: str
    higher_is_better: bool
    binary: bool
    score: Score
    balanced: bool = False


def _correct(predictions: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float64]:
    chosen = predictions.argmax(axis=1) if predictions.ndim == 2 else predictions
    return np.asarray(chosen == labels, dtype=np.float64)


def _balanced(predictions: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float64]:
    return _correct(predictions, labels) * class_weights(labels)


def _absolute_error(predictions: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(np.abs(predictions.astype(np.float64) - labels), dtype=np.float64)


def _first_is_right(ranked: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(ranked[:, 0] == labels, dtype=np.float64)


def _reciprocal_rank(ranked: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float64]:
    hits = ranked == labels[:, None]
    return np.asarray(np.where(hits.any(axis=1), 1.0 / (hits.argmax(axis=1) + 1), 0.0), dtype=np.float64)


LEAST = 1e-7
"""A probability below this counts as this: its logarithm is finite."""


def log_loss(shares: NDArray[Any], labels: NDArray[Any]) -> float:
    """Return the mean negative logarithm of what (n, classes) probabilities give the true classes, in nats."""
    return float(-np.log(np.maximum(shares[np.arange(len(labels)), labels], LEAST)).mean())


METRICS: dict[str, MetricSpec] = {
    spec.name: spec
    for spec in (
        MetricSpec("accuracy", "classification", True, True, _correct),
        MetricSpec("balanced_accuracy", "classification", True, False, _balanced, balanced=True),
        MetricSpec("absolute_error", "regression", False, False, _absolute_error),
        MetricSpec("recall_at_1", "retrieval", True, True, _first_is_right),
        MetricSpec("reciprocal_rank", "retrieval", True, False, _reciprocal_rank),
    )
}
"""Every metric, by name."""

SECONDARY: dict[str, tuple[str, ...]] = {"balanced_accuracy": ("accuracy",), "recall_at_1": ("reciprocal_rank",)}
"""Further metrics that are shown beside the one that decides."""


def default_metric(kind: str) -> str:
    """Return the metric that decides for a kind of task."""
    return {"classification": "accuracy", "regression": "absolute_error", "retrieval": "recall_at_1"}[kind]
