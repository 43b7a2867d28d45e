"""Which visits something else disturbed (a leaf: the bench uses it while it measures)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from effkit.analysis.interval import vector

if TYPE_CHECKING:
    import pandas as pd

VISIT = ["candidate", "twin", "generation", "block"]
OTHERS_FLOOR = 0.10
"""Other processes' CPU time during a visit, as a share of one core, that never disturbs."""
STEAL_FLOOR = 0.01
"""The same for what a hypervisor takes from the workers' cores."""
STEAL_TICK_S = 0.01
"""The system counts stolen time so coarsely: one tick may be next to nothing, and is 2 % of half a second."""
UNUSUAL = 2.0
"""A visit is disturbed by what is beyond this many times the run's own median.

On a virtual machine a few per cent are stolen all the time. Every candidate meets that alike, blocks and the
A/A threshold carry it, and no repetition would get rid of it: what harms a comparison is the exception.
"""


def limit(shares: ArrayLike, floor: float) -> float:
    """Largest share that leaves a visit undisturbed: `floor`, or twice the run's median where that is more.

    Args:
        shares: One share a visit, of one core; NaN where it is not known.
        floor: `OTHERS_FLOOR` or `STEAL_FLOOR`.
    """
    known = vector(shares, "shares")
    known = known[~np.isnan(known)]
    return max(floor, UNUSUAL * median(known.tolist())) if known.size else floor


def disturbed(others: ArrayLike, steal: ArrayLike, wall_s: ArrayLike) -> NDArray[np.bool_]:
    """Which visits others or the hypervisor disturbed.

    Args:
        others: (visits,) CPU time of other processes, as a share of one core; NaN where not known.
        steal: (visits,) time taken from the workers' cores, as a share of one core. The last tick of it is forgiven.
        wall_s: (visits,) how long each took, seconds; NaN where not known.
    """
    tick = np.nan_to_num(STEAL_TICK_S / vector(wall_s, "wall_s"), nan=0.0)
    by_others = np.nan_to_num(vector(others, "others"), nan=0.0) > limit(others, OTHERS_FLOOR)
    by_hypervisor = np.nan_to_num(vector(steal, "steal"), nan=0.0) > limit(steal, STEAL_FLOOR) + tick
    return np.asarray(by_others | by_hypervisor)


FEW_VISITS = 8
"""So many visits tell a host's usual state while it is measured; before, the floors alone do."""


def is_disturbed(
    others: float, steal: float, wall_s: float, earlier_others: Sequence[float], earlier_steal: Sequence[float]
) -> bool:
    """Whether something disturbed a visit, judged while the run goes on.

    Args:
        others: CPU time of other processes during it, as a share of one core.
        steal: time taken from the workers' cores, as a share of one core. The last tick of it is forgiven.
        wall_s: how long it took, seconds.
        earlier_others: shares of earlier visits, first attempts only.
        earlier_steal: the same.
    """
    enough = len(earlier_others) >= FEW_VISITS
    by_others = others > limit(earlier_others if enough else [], OTHERS_FLOOR)
    return by_others or steal - STEAL_TICK_S / wall_s > limit(earlier_steal if enough else [], STEAL_FLOOR)


def has_company(strangers: float | None) -> bool:
    """Whether other processes worked on the GPU during a visit; what cannot be told is no disturbance of one visit.

    Args:
        strangers: how many did; NaN where that is not known, None where that need not be known.
    """
    return (strangers or 0.0) > 0


def disturbed_visits(values: pd.DataFrame) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """(generation, block) of the disturbed visits of each worker line, from the table of samples."""
    others, steal, wall_s, strangers = (
        values[values["metric"] == f"visit_{name}"].set_index(VISIT)["value"]
        for name in ("others_share", "steal_share", "wall_s", "strangers")
    )
    found: dict[tuple[str, str], list[tuple[int, int]]] = {}
    if not len(others):
        return found
    visits = others.index
    flags = disturbed(others.to_numpy(), *(each.reindex(visits).to_numpy() for each in (steal, wall_s)))
    flags |= strangers.reindex(visits).to_numpy() > 0
    for (candidate, twin, generation, block), flag in zip(visits, flags, strict=True):
        if flag:
            found.setdefault((candidate, twin), []).append((int(generation), int(block)))
    return found


def last_attempts(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the samples without the attempts that were repeated."""
    if "attempt" not in samples or not (samples["attempt"] > 0).any():
        return samples
    last = samples.groupby(VISIT, observed=True)["attempt"].transform("max")
    return samples[samples["attempt"] == last]
