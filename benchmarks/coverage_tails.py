"""Simulated calls of a known law: do percentiles' intervals hold the truth, and do their gates keep their promise?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.coverage_time import FEWEST_STANDARD_RIGOROUS, FIRST, LEAST, STANDARD, Rng, holds
from benchmarks.rows import Row, rng_for
from effkit.analysis.interval import Floats
from effkit.analysis.tails import percentiles


@dataclass(frozen=True)
class Law:
    """How calls within a block are distributed: (generations, blocks, calls) times of 1 on average or so."""

    name: str
    draw: Callable[[Rng, int, int, int], Floats]


def _independent(rng: Rng, generations: int, blocks: int, calls: int) -> Floats:
    return np.exp(rng.normal(0, 0.2, (generations, blocks, calls)))


def _with_luck(rng: Rng, generations: int, blocks: int, calls: int) -> Floats:
    return _independent(rng, generations, blocks, calls) * np.exp(rng.normal(0, 0.02, (generations, 1, 1)))


def _correlated(rng: Rng, generations: int, blocks: int, calls: int) -> Floats:
    """AR(1) at 0.5 from call to call, with luck."""
    shocks = rng.normal(0, np.sqrt(1 - 0.5**2), (generations, blocks, calls))
    shocks[..., 0] /= np.sqrt(1 - 0.5**2)
    for call in range(1, calls):
        shocks[..., call] += 0.5 * shocks[..., call - 1]
    return np.exp(0.2 * shocks + rng.normal(0, 0.02, (generations, 1, 1)))


def _heavy(rng: Rng, generations: int, blocks: int, calls: int) -> Floats:
    """One call in fifty is held up, by a Pareto time that knows no variance, with luck."""
    shape = (generations, blocks, calls)
    held_up = (rng.random(shape) < 0.02) * rng.pareto(1.9, shape)
    return np.exp(rng.normal(0, 0.1, shape) + rng.normal(0, 0.02, (generations, 1, 1))) + held_up


def _items(rng: Rng, generations: int, blocks: int, calls: int) -> Floats:
    """Whole passes over 16 items a block, one from each sixteenth of the sizes: most spread is between items."""
    from scipy import special

    passes = -(-calls // 16)
    strata = (np.arange(16) + rng.random((generations, blocks, 16))) / 16
    sizes = rng.permuted(np.exp(0.4 * special.ndtri(strata)), axis=-1)
    repeated = np.tile(sizes, passes)[..., :calls]
    noise = rng.normal(0, 0.05, repeated.shape) + rng.normal(0, 0.02, (generations, 1, 1))
    return np.asarray(repeated * np.exp(noise))


LAWS = {
    law.name: law
    for law in (
        Law("independent calls", _independent),
        Law("independent calls, luck sd 2 %", _with_luck),
        Law("AR(1) at 0.5, luck sd 2 %", _correlated),
        Law("heavy tail (Pareto 1.9 in one call of fifty), luck sd 2 %", _heavy),
        Law("passes over 16 items a block, luck sd 2 %", _items),
    )
}
LEVELS = (50, 90, 99)
FEWEST_RUNS = 50
"""Runs below which a share of them says nothing."""
DESIGNS = tuple(
    (generations, STANDARD.blocks, times * LEAST // STANDARD.blocks)
    for generations, times in ((FIRST, 1), (FIRST, 4), (FEWEST_STANDARD_RIGOROUS[-1], 4))
)
"""Generations, blocks, calls a block: the least of `standard`, a faster model, the same in `rigorous`."""


def percentile_intervals(law: Law, trials: int) -> Iterator[Row]:
    """Coverage of percentiles, wherever their gate was open."""
    rng = rng_for(law.name)
    # One call in a fresh process each: what a user of the service would meet.
    population = law.draw(rng, 60_000, 1, 16).ravel()
    truths = np.quantile(population, np.array(LEVELS) / 100)
    for generations, blocks, calls in DESIGNS:
        opened, hits = dict.fromkeys(LEVELS, 0), dict.fromkeys(LEVELS, 0)
        for _ in range(trials):
            times = law.draw(rng, generations, blocks, calls)
            generation, block, call = (axis.ravel() for axis in np.indices(times.shape))
            item = _item(law.name, generation * blocks + block, call)
            found = percentiles(times.ravel(), generation, block, item=item, rng=rng, levels=LEVELS)
            for level, truth, each in zip(LEVELS, truths, found, strict=True):
                opened[level] += each.interval is not None
                hits[level] += holds(each.interval, truth)
        for level in LEVELS:
            what = f"p{level}, {generations} generations of {blocks} × {calls} calls, {law.name}"
            note = f"gate open in {opened[level] / trials:.0%} of runs"
            yield Row("Percentiles of latency", what, "95 %", hits[level], opened[level], note=note)


def _item(law: str, cell: NDArray[np.intp], call: NDArray[np.intp]) -> NDArray[np.intp]:
    """The item of each call: one of the block's 16 where blocks pass over them, else one of its own."""
    return cell * 16 + call % 16 if "16 items" in law else cell * int(call.max() + 1) + call


def gates(trials: int) -> Iterator[Row]:
    """The gate's promise: at most one call beyond the true percentile in at most 1 % of the runs it lets through.

    Where too few calls bear the percentile and enough bound it, the longest lies below it in at most 1 % of the runs.
    """
    section = "Percentile gates: at most one call beyond the true percentile, where the gate opened"
    bound = "Percentiles bounded by the longest call: it lies below the true one"
    for law, calls in (
        ("independent calls", 56),
        ("independent calls", LEAST),
        ("AR(1) at 0.5, luck sd 2 %", LEAST),
        ("AR(1) at 0.5, luck sd 2 %", 2 * LEAST),
        ("passes over 16 items a block, luck sd 2 %", LEAST),
    ):
        rng = rng_for(section, f"{law} {calls}")
        truth = np.quantile(LAWS[law].draw(rng, 60_000, 1, 16), 0.99)
        shape = FIRST, STANDARD.blocks, calls // STANDARD.blocks
        generation, block, call = (axis.ravel() for axis in np.indices(shape))
        item = _item(law, generation * STANDARD.blocks + block, call)
        opened = hits = bounded = below = 0
        for _ in range(trials):
            times = LAWS[law].draw(rng, *shape).ravel()
            (found,) = percentiles(times, generation, block, item=item, rng=rng, levels=(99,), resamples=20)
            opened += found.value is not None
            hits += found.value is not None and bool(np.count_nonzero(times > truth) <= 1)
            bounded += found.at_most is not None
            below += found.at_most is not None and bool(found.at_most < truth)
        what = f"p99, {FIRST} generations of {calls} calls, {law}"
        if opened >= FEWEST_RUNS:
            note = f"gate open in {opened / trials:.0%} of runs"
            yield Row(section, what, "≤ 1 %", hits, opened, (0.0, 0.01), note)
        if bounded >= FEWEST_RUNS:
            yield Row(bound, what, "≤ 1 %", below, bounded, (0.0, 0.01), f"bounded in {bounded / trials:.0%} of runs")


def _intervals(law: str, scale: float) -> Iterator[Row]:
    return percentile_intervals(LAWS[law], max(2, round(800 * scale)))


def _gates(scale: float) -> Iterator[Row]:
    return gates(max(2, round(2000 * scale)))


PARTS: tuple[Callable[[float], Iterator[Row]], ...] = (*(partial(_intervals, law) for law in LAWS), _gates)
"""All rows in parts, which may be made side by side; each is told by how much to scale the number of trials."""
