"""Resampling of paired differences, and the score bound that stands in where few items disagree."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from effkit.analysis.interval import Floats

_DRAWS_AT_ONCE = 2_000_000


def paired_bootstrap(
    difference_per_item: ArrayLike,
    clusters: ArrayLike | None = None,
    resamples: int = 10_000,
    *,
    seed: int,
    weights: ArrayLike | None = None,
) -> Floats:
    """Bootstrap means of paired per-item differences (Efron & Tibshirani 1993).

    Args:
        difference_per_item: Candidate less reference, item by item, in the score's unit.
        clusters: A label for each item where items come in groups (reviews of one garment, turns of one
            conversation): whole clusters are then resampled, and the mean is total over items drawn.
        resamples: Bootstrap draws.
        seed: Drives the draws.
        weights: What each item counts, of mean 1, where scores are weighed: the mean is then the total over the
            weights drawn, so that no resample beats a score that is right everywhere.

    Returns:
        Shape (resamples,), in the score's unit.

    Raises:
        ValueError: No items, a difference that is not finite, or labels of another length.
    """
    totals, sizes = cluster_sums(finite_scores(difference_per_item, "difference_per_item"), clusters)
    if weights is not None:
        sizes = cluster_sums(finite_scores(weights, "weights"), clusters)[0]
    units = totals.size
    kinds, counts = np.unique(np.column_stack([totals, sizes]), axis=0, return_counts=True)
    rng = np.random.default_rng(seed)
    # Right or wrong leaves three kinds of difference: drawing their counts is the same and far faster.
    by_kind = kinds.shape[0] <= units // 4 or kinds.shape[0] == 1
    width = kinds.shape[0] if by_kind else units
    means = np.empty(resamples)
    step = max(1, _DRAWS_AT_ONCE // width)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        if by_kind:
            drawn = rng.multinomial(units, counts / units, size=rows)
            sums, items = drawn @ kinds[:, 0], drawn @ kinds[:, 1]
        else:
            index = rng.integers(0, units, size=(rows, units))
            sums = totals[index].sum(axis=1)
            items = np.asarray(units if clusters is None and weights is None else sizes[index].sum(axis=1))
        means[start : start + rows] = sums / items
    return means


def cluster_sums(values: Floats, clusters: ArrayLike | None) -> tuple[Floats, Floats]:
    """Each cluster's sum and its number of items; without labels each item is its own cluster."""
    if clusters is None:
        return values, np.ones(values.size)
    labels: NDArray[Any] = np.asarray(clusters)
    if labels.shape != values.shape:
        raise ValueError(f"clusters has shape {labels.shape}, the items {values.shape}; give one label an item")
    index = np.unique(labels, return_inverse=True)[1]
    sums = np.bincount(index, weights=values).astype(np.float64)
    return sums, np.bincount(index).astype(np.float64)


def finite_scores(values: ArrayLike, name: str) -> Floats:
    """The values as a vector of finite floats.

    Raises:
        ValueError: Not one-dimensional, empty, or with a value missing.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; give one score per item, at least one")
    if not np.isfinite(array).all():
        item = int(np.flatnonzero(~np.isfinite(array))[0])
        raise ValueError(
            f"{name}[{item}] is {array[item]}; every item needs a finite score: a failed prediction "
            "counts as wrong, it is not left out"
        )
    return array


def score_p_value(wins: float, losses: float, n: float, gap: float) -> float:
    """One-sided p of the hypothesis that P(win) - P(loss) <= `gap`, by Tango's score test (1998).

    Unlike the bootstrap it holds where hardly any item disagrees: no disagreement among 100 items does not
    show that there is none. Fractional counts are allowed (divided by a design effect).

    Args:
        wins: Items only the candidate has right.
        losses: Items only the reference has right.
        n: All items.
        gap: The difference assumed under the hypothesis, as a fraction.
    """
    root = 2 * n
    slope = -wins - losses + (2 * n - wins + losses) * gap
    constant = -losses * gap * (1 - gap)
    loss_rate = (np.sqrt(max(slope**2 - 4 * root * constant, 0.0)) - slope) / (2 * root)
    variance = n * (2 * loss_rate + gap * (1 - gap))
    if variance <= 0:
        return 1.0 if wins - losses <= n * gap else 0.0
    return float(special.ndtr(-(wins - losses - n * gap) / np.sqrt(variance)))


def score_bounds(wins: float, losses: float, n: float, alpha: float) -> tuple[float, float]:
    """Lower and upper one-sided 1 - `alpha` bounds of P(win) - P(loss), inverting Tango's score test."""

    def lower(won: float, lost: float) -> float:
        middle = (won - lost) / n
        if middle <= -1:
            return -1.0
        return float(optimize.brentq(lambda gap: score_p_value(won, lost, n, gap) - alpha, -1 + 1e-12, middle - 1e-12))

    return lower(wins, losses), -lower(losses, wins)
