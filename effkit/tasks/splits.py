"""Four disjoint splits, in seeded random order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]

SPLITS = ("fit", "calibrate", "select", "test")
CALIBRATE_SHARE, SELECT_SHARE, MOST_HELD_OUT = 0.1, 0.1, 1000


def split(
    count: int,
    *,
    test_mask: NDArray[Any] | None = None,
    test_share: float = 0.3,
    clusters: Indices | None = None,
    seed: int = 1,
) -> dict[str, Indices]:
    """Divide items into `SPLITS`.

    Args:
        count: how many items there are.
        test_mask: (count,) True where an item is test data by the data set's own split.
        test_share: the share drawn for testing where there is no such split.
        clusters: (count,) ids; items of one cluster are kept in one split, but for the data set's own. The
            clusters are shuffled as such: a large one is no likelier to come first than a small one.
        seed: of the order.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(count).astype(np.int64)
    if clusters is not None:
        ids, cluster_of = np.unique(clusters, return_inverse=True)
        order = order[np.argsort(random.permutation(len(ids))[cluster_of[order]], kind="stable")]
    if test_mask is None:
        test, rest = _cut(order, [round(test_share * count)], clusters)
    else:
        mask = np.asarray(test_mask, dtype=bool)
        test, rest = order[mask[order]], order[~mask[order]]
    sizes = [min(round(share * len(rest)), MOST_HELD_OUT) for share in (CALIBRATE_SHARE, SELECT_SHARE)]
    calibrate, select, fit = _cut(rest, np.cumsum(sizes).tolist(), clusters)
    return {"fit": fit, "calibrate": calibrate, "select": select, "test": test}


def _cut(order: Indices, places: list[int], clusters: Indices | None) -> list[Indices]:
    """Cut at these places, each moved on to where a cluster ends."""
    if clusters is not None:
        ends = np.append(np.flatnonzero(np.diff(clusters[order])) + 1, len(order))
        places = [int(ends[int(np.searchsorted(ends, place))]) if place else 0 for place in places]
    return np.split(order, places)
