"""What one candidate scores, held against nothing: means and shares of items, with 95 % intervals.

Of what was never seen a bootstrap says nothing, be it a mistake or a disagreement between clusters. Where items are
right or wrong Wilson's interval stands in; where neither tells anything there is no interval.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from effkit.analysis.bootstrap import cluster_sums
from effkit.analysis.interval import FEWEST_CLUSTERS, Floats, expanded_tails, wilson
from effkit.analysis.strata import Strata, design_effects
from effkit.record import Estimate, Origin

CONFIDENCE = 0.95


def mean(
    scores: Floats,
    means: Floats,
    *,
    right: Floats | None,
    clusters: ArrayLike | None = None,
    origin: Origin = "measured",
) -> Estimate:
    """A mean of scores with its interval: the bootstrap's, and of right or wrong items no narrower than Wilson's.

    Wilson's takes clustered items for as many as they are worth, and Student's t for so few clusters. Where right
    answers score differently it is put together from those of items that score alike.

    Args:
        scores: (n,) of one candidate.
        means: (resamples,) of its bootstrap, over whole clusters where there are any.
        right: (n,) what a right answer scores; None where scores are graded.
        clusters: (n,) a label per item; None where items are independent.
        origin: How the scores came to be.
    """
    value, n = float(scores.mean()), len(scores)
    units = cluster_sums(scores, clusters)[0].size
    nothing = Estimate(value=value, n=n, origin=origin)
    if clusters is not None and units < FEWEST_CLUSTERS:
        return nothing
    low, high = (float(each) for each in np.quantile(means, expanded_tails(units, CONFIDENCE)))
    if right is not None:
        effects = design_effects(scores, right, clusters, _unbiased(float(means.var()), units))
        ends = Strata.of(scores, right, effects, clusters).share_bounds(_quantile(None if clusters is None else units))
        low, high = min(low, ends[0]), max(high, ends[1])
    elif np.ptp(scores) == 0:
        return nothing
    return Estimate(value=value, low=min(low, value), high=max(high, value), n=n, origin=origin)


def share(hits: NDArray[np.bool_], clusters: ArrayLike | None = None) -> Estimate:
    """A share of items with Wilson's interval (1927); clustered items count for as many as they are worth.

    Args:
        hits: (n,) which of the items.
        clusters: (n,) a label per item; None where items are independent.
    """
    found = hits.astype(np.float64)
    value, n = float(found.mean()), found.size
    sums, sizes = cluster_sums(found, clusters)
    if clusters is not None and sums.size < FEWEST_CLUSTERS:
        return Estimate(value=value, n=n)
    variance = _unbiased(float(np.sum((sums - value * sizes) ** 2)) / n**2, sums.size)
    (effect,) = design_effects(found, np.ones(n), clusters, variance)
    low, high = wilson(value, n / effect, _quantile(None if clusters is None else sums.size))
    return Estimate(value=value, low=low, high=high, n=n)


def _unbiased(variance: float, units: int) -> float:
    """Of a mean, from the spread of its units about it, which is short by (units - 1) / units."""
    return variance * units / max(1, units - 1)


def _quantile(clusters: int | None) -> float:
    """Of Student's t where clusters tell how they differ, else the normal's."""
    tail = (1 + CONFIDENCE) / 2
    return float(special.ndtri(tail) if clusters is None else special.stdtrit(clusters - 1, tail))
