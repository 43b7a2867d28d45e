"""Allowing for the core's own speed, which a yardstick told between the calls (analysis of covariance).

Neighbours on the same physical core change its speed by half, for seconds at a time and out of sight. Each
candidate's times are therefore put to one speed, the run's mean, before they are compared. How strongly a
candidate follows the yardstick is estimated from the run, candidate by candidate, never assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from effkit.analysis.interval import Floats

Codes = NDArray[np.intp]

UNDISTURBED = 0.1
"""Quantile of what a candidate waits beside waiting for a core that is its own, as of a model that asks a GPU."""
ASKS_ANOTHER = 0.1
"""Log of wall time over CPU time from which on a candidate waits of its own: for a wire, a disk, a GPU, a process."""
LEAST_CPU = 1e-3
PRIOR_SPREAD = 1.0
"""Standard deviation of the slopes about 0 before anything is seen: without evidence nothing is adjusted."""


@dataclass(frozen=True)
class Stretches:
    """Whole passes of some milliseconds, one a row, each with what the yardstick read meanwhile.

    Attributes:
        candidate: (n,) code of the candidate; the reference's two workers share one.
        visit: (n,) code of the visit.
        block: (n,) code of the block, in which all candidates saw the same items.
        generation: (n,) code of the generation.
        calls: (n,) calls in the stretch.
        call_s: (n,) mean time of a call, seconds.
        cpu_s: (n,) mean CPU time of a call, seconds: where others take the core, the clock runs on without it.
        wait_s: (n,) mean time that a call waited for the core while others had it, seconds; 0 where no system tells.
        yard_s: (n,) mean reading of the yardstick, seconds.
        asking: codes of the candidates that ask another, by `asking` of the whole run.
    """

    candidate: Codes
    visit: Codes
    block: Codes
    generation: Codes
    calls: Floats
    call_s: Floats
    cpu_s: Floats
    wait_s: Floats
    yard_s: Floats
    asking: Codes = field(default_factory=lambda: np.empty(0, dtype=np.intp))

    @property
    def waited(self) -> Floats:
        """(n,) log of the wall time over the CPU time of a call, less what is usual for the candidate undisturbed.

        A crowd may never leave the core alone: what is a candidate's own is looked for where its waiting for the
        core is already taken off. One that computes in several threads takes more CPU time than wall time: that it
        waits less than nothing is its own as well. One that asks another may wait now longer and now less: all that
        the system does not count as waiting for the core is its own then, and stays in its times.
        """
        waited, rest = np.log(self.call_s / self._least_cpu_s), self._rest
        for code in np.unique(self.candidate):
            own = self.candidate == code
            waited[own] -= rest[own] if code in self.asking else _usual(rest[own])
        return waited

    @property
    def _least_cpu_s(self) -> Floats:
        return np.maximum(self.cpu_s, LEAST_CPU * self.call_s)

    @property
    def _rest(self) -> Floats:
        """(n,) log of the wall time over the CPU time without what the kernel counts as waiting for the core."""
        return np.log(np.maximum(self.call_s - self.wait_s, LEAST_CPU * self.call_s) / self._least_cpu_s)


def asking(seen: Stretches) -> Codes:
    """Codes of the candidates that ask another, such as a GPU or a wire, where the kernel tells that from a crowd.

    Decided once for a run: one that is near the limit must not be read in two ways in its parts.
    """
    if not seen.wait_s.any():
        return np.empty(0, dtype=np.intp)
    rest, codes = seen._rest, np.unique(seen.candidate)
    return codes[[_usual(rest[seen.candidate == code]) > ASKS_ANOTHER for code in codes]]


def _usual(rest: Floats) -> float:
    """What a candidate usually waits of its own."""
    # The kernel also counts waits between the calls, of few stretches: most are not left with less than nothing but
    # where a model computes in several threads.
    floor = min(0.0, float(np.median(rest)))
    return max(floor, float(np.quantile(rest, UNDISTURBED)))


def slopes(seen: Stretches, mean_s: float) -> Floats:
    """How each candidate's time follows the core: (2, candidates) slopes on the yardstick and on the wait for the core.

    Least squares on logs with an effect for each candidate and each block, a visit counting as much as another,
    and a weak pull towards 0 by which few data adjust little.

    Args:
        seen: stretches of the run, or of a part of it.
        mean_s: the yardstick's mean reading, from which deviations are taken.
    """
    candidates, blocks = int(seen.candidate.max()) + 1, int(seen.block.max()) + 1
    rows = np.arange(seen.candidate.size)
    deviation = np.log(seen.yard_s / mean_s)
    design = np.zeros((rows.size, 3 * candidates + blocks))
    design[rows, seen.candidate] = deviation
    design[rows, candidates + seen.candidate] = seen.waited
    design[rows, 2 * candidates + seen.candidate] = 1.0
    design[rows, 3 * candidates + seen.block] = 1.0
    weight = 1.0 / np.bincount(seen.visit)[seen.visit]
    root = np.sqrt(weight)[:, None]
    target = np.log(seen.call_s)
    # The noise of a visit, not of a stretch: a first fit without the pull tells it.
    free, _, rank, _ = np.linalg.lstsq(root * design, root[:, 0] * target, rcond=None)
    if rows.size <= rank:
        return np.zeros((2, candidates))  # a fit through every row tells of no noise, and of no slope
    noise = float(np.average((target - design @ free) ** 2, weights=weight)) * rows.size / (rows.size - rank)
    pull = np.zeros((2 * candidates, design.shape[1]))
    pull[:, : 2 * candidates] = np.eye(2 * candidates) * np.sqrt(noise) / PRIOR_SPREAD
    fit = np.linalg.lstsq(
        np.vstack([root * design, pull]), np.concatenate([root[:, 0] * target, np.zeros(2 * candidates)]), rcond=None
    )[0]
    return np.asarray(fit[: 2 * candidates].reshape(2, candidates))


def factors(seen: Stretches, slope: ArrayLike, mean_s: float) -> Floats:
    """(visits,) by which a visit's mean time is multiplied to be that of the mean speed.

    Args:
        seen: all stretches of the run.
        slope: (2, candidates), as `slopes` gives them.
        mean_s: the yardstick's mean reading.
    """
    on_yard, on_wait = np.asarray(slope, dtype=np.float64)[:, seen.candidate]
    waited = seen.waited
    weight = 1.0 / np.bincount(seen.visit)[seen.visit]
    usual = float(np.average(waited, weights=weight))
    adjusted = seen.call_s * np.exp(-on_yard * np.log(seen.yard_s / mean_s) - on_wait * (waited - usual))
    time, even = (np.bincount(seen.visit, weights=seen.calls * each) for each in (seen.call_s, adjusted))
    return np.asarray(even / time)


def merged(seen: Stretches, length_s: float) -> Stretches:
    """Put neighbouring stretches of a visit together, up to about this length each.

    Args:
        seen: stretches, those of a visit one after the other.
        length_s: of what becomes one row, seconds.
    """
    time_s = seen.calls * seen.call_s
    before = np.cumsum(time_s) - time_s
    start = np.full(int(seen.visit.max()) + 1, np.inf)
    np.minimum.at(start, seen.visit, before)
    part = np.floor((before - start[seen.visit]) / length_s).astype(np.intp)
    _, first, row = np.unique(np.column_stack([seen.visit, part]), axis=0, return_index=True, return_inverse=True)
    row = row.reshape(-1)
    calls = np.bincount(row, weights=seen.calls).astype(np.float64)
    total_s = np.bincount(row, weights=time_s)
    yard = np.bincount(row, weights=time_s * np.log(seen.yard_s)) / total_s
    return Stretches(
        candidate=seen.candidate[first],
        visit=seen.visit[first],
        block=seen.block[first],
        generation=seen.generation[first],
        calls=calls,
        call_s=total_s / calls,
        cpu_s=np.bincount(row, weights=seen.calls * seen.cpu_s) / calls,
        wait_s=np.bincount(row, weights=seen.calls * seen.wait_s) / calls,
        yard_s=np.exp(yard),
        asking=seen.asking,
    )


def without(seen: Stretches, generation: int) -> Stretches:
    """The stretches of all other generations, for the jackknife."""
    kept = seen.generation != generation
    return Stretches(
        candidate=seen.candidate[kept],
        visit=np.unique(seen.visit[kept], return_inverse=True)[1],
        block=np.unique(seen.block[kept], return_inverse=True)[1],
        generation=seen.generation[kept],
        calls=seen.calls[kept],
        call_s=seen.call_s[kept],
        cpu_s=seen.cpu_s[kept],
        wait_s=seen.wait_s[kept],
        yard_s=seen.yard_s[kept],
        asking=seen.asking,
    )


def pseudo_values(per_generation: Floats, left_out: Floats) -> Floats:
    """The jackknife's pseudo-values, one a generation, whose mean and spread carry the slopes' uncertainty too.

    Args:
        per_generation: (generations,) log ratios with the slopes of the whole run; NaN where there is none.
        left_out: (generations, generations) log ratios with the slopes of all generations but that of the row.

    Source:
        Tukey (1958), Bias and confidence in not quite large samples; Miller (1974), The jackknife: a review.
    """
    there = np.flatnonzero(np.isfinite(per_generation))
    result = np.full(per_generation.size, np.nan)
    if there.size < 2:
        result[there] = per_generation[there]
        return result
    whole = float(per_generation[there].mean())
    for generation in there:
        others = there[there != generation]
        result[generation] = there.size * whole - (there.size - 1) * float(left_out[generation, others].mean())
    return result
