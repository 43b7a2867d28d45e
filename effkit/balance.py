"""What a right answer weighs where every class counts the same, however few items it has."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def class_weights(labels: NDArray[Any]) -> Floats:
    """Return the (n,) weights n / (k · n_c) of mean 1: the mean of right answers so weighed is the balanced accuracy.

    *k* counts the classes that occur, *n_c* the items of an item's own class. *Brodersen et al. (2010), The balanced
    accuracy and its posterior distribution.*

    Args:
        labels: (n,) classes.
    """
    _, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    of_class = np.asarray(len(labels) / (len(counts) * counts), dtype=np.float64)
    return np.asarray(of_class[place])


def scores_within(scores: Floats, members: NDArray[np.bool_], labels: NDArray[Any] | None) -> Floats:
    """Return the scores of some items, right answers weighed by the classes of these items alone.

    Args:
        scores: (n,) of all items.
        members: (n,) which items.
        labels: (n,) classes by which right answers are weighed; None takes the scores as they are.
    """
    if labels is None:
        return scores[members]
    return np.where(scores[members] != 0, class_weights(labels[members]), 0.0)
