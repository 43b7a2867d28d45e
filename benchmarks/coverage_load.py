"""Simulated queues of fixed service times, whose tails are known by formula: do intervals under load hold the truth?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

import numpy as np

from benchmarks.coverage_time import Rng
from benchmarks.loadgen import sojourn_s
from benchmarks.rows import Row, rng_for
from effkit.analysis.interval import Floats
from effkit.analysis.load import LEVELS, SETTLING, highest_rate, percentile
from effkit.production import LoadSpec
from effkit.record import PercentileRecord
from effkit.spec import LOAD_OF_TIER

STANDARD, RIGOROUS = LoadSpec(), LoadSpec(**LOAD_OF_TIER["rigorous"])
PERCENTILES, RATES = "Percentiles under load (M/D/1)", "The highest rate within a limit on p99 (M/D/1)"


def rows(scale: float = 1.0) -> Iterator[Row]:
    """All rows; `scale` shrinks or grows the number of trials."""
    many, some = (max(2, round(n * scale)) for n in (1000, 500))
    for spec in (STANDARD, RIGOROUS):
        for share in spec.shares:
            yield from percentile_intervals(share, spec, many)
        for truth in (0.4, 0.5, 0.57, 0.7):
            yield rate_interval(truth, spec, some)


def m_d_1(rng: Rng, load: float, spec: LoadSpec) -> list[Floats]:
    """Latencies of each sequence in service times, from an empty queue on, less what a load test leaves out.

    Lindley (1952): who comes waits for what the one before waited and was served, less what lies between them.
    """
    steps = 1.0 - rng.exponential(1 / load, (spec.seeds, spec.queries))
    steps[:, 0] = 0.0
    walk = np.cumsum(steps, axis=1)
    return list((1.0 + walk - np.minimum.accumulate(walk, axis=1))[:, SETTLING:])


def percentile_intervals(load: float, spec: LoadSpec, trials: int) -> Iterator[Row]:
    """Coverage of every percentile at one rate, where its gate opens."""
    what = f"at {load:.0%} of saturation, {spec.seeds} sequences of {spec.queries:,}"
    rng = rng_for(PERCENTILES, what)
    hits, told = dict.fromkeys(LEVELS, 0), dict.fromkeys(LEVELS, 0)
    truth = {level: sojourn_s(level, load, 1.0) for level in LEVELS}
    for _ in range(trials):
        series = m_d_1(rng, load, spec)
        for level in LEVELS:
            found = percentile(series, level)
            told[level] += found.value_s is not None
            hits[level] += found.value_s is not None and _between(found.low_s, truth[level], found.high_s)
    for level in LEVELS:
        note = f"told in {told[level] / trials:.0%} of runs"
        yield Row(PERCENTILES, f"p{level:g} {what}", "95 %", hits[level], told[level], note=note)


def rate_interval(truth: float, spec: LoadSpec, trials: int) -> Row:
    """Coverage of the highest rate whose p99 keeps within a limit, which is truly at a share of saturation."""
    limit = sojourn_s(99, truth, 1.0)
    tried = ", ".join(f"{share:.0%}" for share in spec.shares)
    what = f"truly at {truth:.0%} of saturation, {spec.seeds} sequences of {spec.queries:,} at {tried}"
    rng, hits, told, within = rng_for(RATES, what), 0, 0, 0
    for number in range(trials):
        sent = [m_d_1(rng, share, spec) for share in spec.shares]
        borne = sum(1 for _ in takewhile(_is_told, (percentile(series, 99) for series in sent)))
        if not borne:
            continue
        found, side = highest_rate(
            spec.shares[:borne], sent[:borne], limit, saturation_per_s=1.0, seed=number, resamples=400
        )
        told += 1
        within += side == "within"
        hits += _between(found.low, truth, found.high)
    note = f"told in {told / trials:.0%} of runs, enclosed by the rates tried in {within / max(1, told):.0%} of these"
    return Row(RATES, what, "95 %", hits, told, note=note)


def _is_told(found: PercentileRecord) -> bool:
    return found.value_s is not None


def _between(low: float | None, truth: float, high: float | None) -> bool:
    """Whether an interval holds the truth; an end that is not known holds everything."""
    return (low is None or low <= truth) and (high is None or truth <= high)
