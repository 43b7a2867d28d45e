"""Simulated timings with a known truth: do the intervals hold it, and is nothing claimed where nothing is?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.rows import Row, rng_for
from effkit.analysis.interval import Floats, Interval
from effkit.analysis.sequential import generations_needed, stein_interval
from effkit.analysis.statistics import (
    FEWEST_GENERATIONS,
    UNSTABLE_LEVEL,
    a_a_log_ratios,
    at_one_place,
    claim,
    noise_threshold,
    paired_log_ratios,
    ratio_over_generations,
    unstable,
)
from effkit.spec import Protocol

Rng = np.random.Generator
Luck = Callable[[Rng, "int | tuple[int, ...]"], Floats]

EFFECT = float(np.log(0.9))
"""The candidate is truly 10 % faster."""
BLOCK_NOISE, DRIFT = 0.005, 0.03
PLACE = 0.02
"""What a place in the order of starts may be worth."""
STANDARD = Protocol()
FIRST, MOST = STANDARD.generations, STANDARD.most_generations
"""Generations that the decision to go on rests on, and the most there may be."""
LEAST = -(-STANDARD.calls // FIRST)
"""Calls a generation that `standard` makes of the slowest model."""
FEWEST_STANDARD_RIGOROUS = (FEWEST_GENERATIONS, FIRST, Protocol(base="rigorous").generations)
"""Generations: the fewest that claim anything, those of `standard`, those of `rigorous`."""

LUCKS: dict[str, Luck] = {
    "normal luck of processes, sd 1 %": lambda rng, shape: rng.normal(0, 0.01, shape),
    "heavy-tailed luck (t, 3 df), sd 1 %": lambda rng, shape: rng.standard_t(3, shape) * 0.01 / np.sqrt(3),
    "one process in five is 5 % slower": lambda rng, shape: (
        0.05 * (rng.random(shape) < 0.2) - 0.01 + rng.normal(0, 0.003, shape)
    ),
}
"""What a process adds for life to the logarithm of its times; the mean is 0."""


def rows(scale: float = 1.0) -> Iterator[Row]:
    """All rows; `scale` shrinks or grows the number of trials."""
    many = max(2, round(4000 * scale))
    for worth in (0.0, PLACE):
        for luck in LUCKS:
            for generations in FEWEST_STANDARD_RIGOROUS:
                yield ratio(luck, generations, worth, many)
    yield from stopping(many)
    for generations in FEWEST_STANDARD_RIGOROUS:
        yield mean_latency(generations, many)
    yield from a_a(many)
    yield from power(many)


def simulated_blocks(rng: Rng, luck: Luck, generations: int, effect: float) -> tuple[Floats, Floats, Floats]:
    """Block times of a candidate and both reference workers, (generations, blocks), on a drifting machine."""
    drift = rng.normal(0, DRIFT, (generations, STANDARD.blocks))
    workers = []
    for shift in (effect, 0.0, 0.0):
        noise = rng.normal(0, BLOCK_NOISE, (generations, STANDARD.blocks))
        workers.append(np.exp(shift + drift + noise + luck(rng, generations)[:, None]))
    return workers[0], workers[1], workers[2]


def simulated_logs(
    rng: Rng, luck: Luck, generations: int, effect: float, worth: float = 0.0
) -> tuple[Floats, Floats, Floats]:
    """(generations,) log ratios as a run has them, at one place of the starts.

    Returns:
        The candidate's, those of the reference's two workers, and the same for the check that calls a run unstable.
    """
    drawn = [rng.permutation(3) for _ in range(-(-generations // 2))]
    places = np.array([order for each in drawn for order in (each, 2 - each)])[:generations]
    times = simulated_blocks(rng, luck, generations, effect)
    candidate, a, b = (each * np.exp(-worth * places[:, [row]]) for row, each in enumerate(times))
    own, later = a_a_log_ratios(a, b), places[:, 2] - places[:, 1]
    return (
        at_one_place(paired_log_ratios(candidate, a, b), places[:, 0] - (places[:, 1] + places[:, 2]) / 2),
        at_one_place(own, later),
        at_one_place(own, later, level=UNSTABLE_LEVEL),
    )


def ratio(luck: str, generations: int, worth: float, trials: int) -> Row:
    """Coverage of the ratio's interval with a fixed number of generations."""
    started = f"a place in the order of starts is worth {worth:.0%}, " if worth else ""
    what = f"{started or 'latency ratio, '}{generations} generations, {luck}"
    rng, hits = rng_for(what), 0
    for _ in range(trials):
        logs, _, _ = simulated_logs(rng, LUCKS[luck], generations, EFFECT, worth)
        hits += holds(ratio_over_generations(logs), np.exp(EFFECT))
    return Row("Latency ratios, fixed number of generations", what, "95 %", hits, trials)


def stopping(trials: int) -> Iterator[Row]:
    """Coverage where the number of generations follows from the first ones, and of what is not done: peeking."""
    section = f"Latency ratios, stopping at ±1 % (Stein's two stages, first {FIRST} generations)"
    for luck in LUCKS:
        for candidates, most in ((1, MOST), (4, MOST), (4, 1000)):
            cap = f"at most {most}" if most < 1000 else "no cap"
            what = f"{candidates} candidate{'s' * (candidates > 1)}, {cap}, {luck}"
            rng = rng_for(section, what)
            hits, kept, counts = 0, 0, []
            for _ in range(trials):
                total, interval = _two_stages(rng, LUCKS[luck], candidates, most)
                hits += holds(interval, np.exp(EFFECT))
                kept += np.log(interval.high / interval.low) / 2 <= np.log1p(0.01) * (1 + 1e-9)
                counts.append(total)
            note = f"{np.median(counts):.0f} generations (median); as narrow as asked in {kept / trials:.1%}"
            yield Row(section, what, "95 %", hits, trials, note=note)
    luck = next(iter(LUCKS))
    rng, hits = rng_for(section, "peeking"), 0
    for _ in range(trials):
        hits += holds(_peeking(_log_ratios(rng, LUCKS[luck], 1, MOST)[0]), np.exp(EFFECT))
    what = f"not done here: look after every generation from the fifth on, at most {MOST}, {luck}"
    yield Row(section, what, "95 %", hits, trials, None, "below 95 %: why the rule looks once")


def _log_ratios(rng: Rng, luck: Luck, candidates: int, generations: int) -> Floats:
    """(candidates, generations) log ratios that share their reference, whose two workers are averaged."""
    reference = luck(rng, (2, generations)).mean(axis=0)
    own = luck(rng, (candidates, generations)) + rng.normal(0, BLOCK_NOISE, (candidates, generations))
    return np.asarray(EFFECT + own - reference)


def _two_stages(rng: Rng, luck: Luck, candidates: int, most: int) -> tuple[int, Interval]:
    first = _log_ratios(rng, luck, candidates, FIRST)
    total = generations_needed({str(row): values for row, values in enumerate(first)}, 0.01, most=most)
    logs = np.concatenate([first, _log_ratios(rng, luck, candidates, total - FIRST)], axis=1)
    interval = stein_interval(logs[0], FIRST)
    assert interval is not None
    return total, interval


def _peeking(logs: Floats) -> Interval | None:
    interval = None
    for total in range(FEWEST_GENERATIONS, logs.size + 1):
        interval = ratio_over_generations(logs[:total])
        if interval is not None and np.log(interval.high / interval.low) / 2 <= np.log1p(0.01):
            break
    return interval


def mean_latency(generations: int, trials: int) -> Row:
    """Coverage of the mean latency: the fewest calls of `standard`, skewed, processes with 2 % of luck."""
    what = f"mean latency, {generations} generations of {LEAST} lognormal calls, luck sd 2 %"
    rng = rng_for(what)
    truth, hits = np.exp(0.5**2 / 2), 0
    for _ in range(trials):
        calls = np.exp(rng.normal(0, 0.5, (generations, LEAST)))
        values = calls.mean(axis=1) * np.exp(rng.normal(0, 0.02, generations))
        hits += holds(ratio_over_generations(np.log(values)), truth)
    return Row("Mean latency", what, "95 %", hits, trials)


def a_a(trials: int) -> Iterator[Row]:
    """How often two copies of one model are told apart, and how often the run's own check cries wolf.

    A claim must lie beyond the run's own noise, and beyond 1 %: what that costs, `power` tells.
    """
    section = "Nothing to find: a copy of the reference"
    for luck in LUCKS:
        for generations in FEWEST_STANDARD_RIGOROUS:
            what = f"{generations} generations, {luck}"
            rng = rng_for(section, what)
            claimed = wolf = 0
            for _ in range(trials):
                logs, own, to_check = simulated_logs(rng, LUCKS[luck], generations, 0.0)
                threshold = noise_threshold(ratio_over_generations(own), pinned=True)
                claimed += claim(ratio_over_generations(logs), threshold, generations) in ("lower", "higher")
                wolf += bool(unstable(to_check))
            yield Row(section, f"claimed faster or slower, {what}", "≤ 0.1 %", claimed, trials, (0.0, 0.001))
            yield Row(section, f"called unstable, {what}", "≤ 1 %", wolf, trials, (0.0, 0.01))


def power(trials: int) -> Iterator[Row]:
    """How often a true slow-down is claimed by the generations of `standard`; of an unstable run nothing is."""
    section = f"Something to find: how often a true difference is claimed, {FIRST} generations"
    for luck in LUCKS:
        for share in (0.02, 0.05, 0.10):
            what = f"{share:.0%} slower, {luck}"
            rng, found = rng_for(section, what), 0
            for _ in range(trials):
                logs, own, to_check = simulated_logs(rng, LUCKS[luck], FIRST, float(np.log1p(share)))
                threshold = noise_threshold(ratio_over_generations(own), pinned=True)
                claimed = claim(ratio_over_generations(logs), threshold, FIRST)
                found += claimed == "higher" and not unstable(to_check)
            yield Row(section, what, "–", found, trials, None)


def holds(interval: Interval | None, truth: float) -> bool:
    """Whether there is an interval and the truth lies within."""
    return interval is not None and bool(interval.low <= truth <= interval.high)
