"""Calls that took far longer than others of the same item: they are told, and stay in every number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from effkit.analysis.interval import Floats

FEWEST_OF_ITEM = 2
"""Calls of an item in one visit below which none of them can be told from what the item itself takes."""
FENCE = 3.0
"""Interquartile ranges beyond the upper quartile: Tukey's outer fence."""
LONGER = 1.5
"""At least so many times as long as usual (pyperf's 50 %): a model that is steady to a hair has a fence as near."""


def outlier_share(call_s: Floats, visit: NDArray[np.integer], item: NDArray[np.integer]) -> float | None:
    """Return which share of the calls took half as long again and is far out by Tukey's outer fence.

    Each call is divided by the median of its item's calls in the same visit, so that neither a long item nor a visit
    that was slow as a whole makes an outlier: what is left is what befell single calls.

    Args:
        call_s: (n,) latencies, seconds.
        visit: (n,) in which visit each was.
        item: (n,) of which item.

    Returns:
        A share of the calls whose item was called more than once in its visit; None where there are none.

    Source:
        Tukey (1977), Exploratory data analysis; pyperf, on results that may not be stable.
    """
    group = np.unique(np.column_stack([visit, item]), axis=0, return_inverse=True)[1].reshape(-1)
    size = np.bincount(group)
    ordered = call_s[np.lexsort((call_s, group))]
    median_s = ordered[np.cumsum(size) - size + (size - 1) // 2]  # the lower one of an even number
    told = size[group] >= FEWEST_OF_ITEM
    if not told.any():
        return None
    relative = call_s[told] / median_s[group[told]]
    low, high = np.quantile(relative, (0.25, 0.75))
    return float(np.mean(relative > max(LONGER, high + FENCE * (high - low))))
