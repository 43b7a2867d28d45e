"""Percentiles of latency, each with an interval, and only where enough independent calls carry it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from effkit.analysis.interval import Floats, Interval, expanded_tails, vector

FEW_BEYOND = 20
"""Calls beyond a percentile below which resampling them tells too little of where it may lie."""
WIDER = 0.5
"""A percentile's few calls beyond it tell little of how they cluster: the tail whose share is theirs to this power is
asked too, p90 for p99. Five times the share, p95, let clustered calls through in one run of ten."""


@dataclass(frozen=True)
class Percentile:
    """A percentile of latency in seconds; `value` is None, with a `reason`, where too few calls bear it.

    `at_most` bounds it from above there, if there are enough calls for that: it is the longest of them.
    """

    level: float
    value: float | None
    interval: Interval | None
    n: int
    n_effective: float
    reason: str | None
    at_most: float | None = None


def calls_needed(level: float, *, confidence: float = 0.99, beyond: Literal[0, 1] = 1) -> int:
    """Independent calls that percentile `level` (0-100) needs: 64 for p90, 130 for p95, 662 for p99.

    MLPerf LoadGen's early-stopping rule: the fewest calls for which seeing at most `beyond` calls beyond the
    percentile has a probability of at most 1 - `confidence`. With none beyond, 459 for p99.
    """
    if not 0 < level < 100:
        raise ValueError(f"level is {level}; a percentile lies between 0 and 100: p99 is 99")
    above = 1 - level / 100
    enough = 2
    while special.bdtr(beyond, enough, above) > 1 - confidence:
        enough *= 2
    low, high = enough // 2, enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if special.bdtr(beyond, middle, above) <= 1 - confidence else (middle, high)
    return high


def effective_sample_size(values: ArrayLike, series: ArrayLike | None = None) -> float:
    """How many independent calls these are worth, by Geyer's initial monotone positive sequence (1992).

    Autocovariances are taken within each series about its own mean, on ranks (one outlier hides nothing),
    and pooled. Autocorrelation that white noise would show as well (first two lags within two standard
    errors) is not counted: independent calls are worth their number.

    Args:
        values: In order of time within each series.
        series: A label for each value (calls of one worker are one series); None takes all as one.

    Returns:
        Between 1 and the number of values.
    """
    x = vector(values, "values")
    if x.size < 4:
        return float(x.size)
    _, ranks = np.unique(x, return_inverse=True)
    labels = np.zeros(x.size, dtype=np.intp) if series is None else np.unique(series, return_inverse=True)[1]
    longest = int(np.bincount(labels).max())
    covariance = np.zeros(longest)
    for label in range(int(labels.max()) + 1):
        one = ranks[labels == label].astype(np.float64)
        spectrum = np.fft.rfft(one - one.mean(), 2 * longest)
        covariance += np.fft.irfft(np.abs(spectrum) ** 2, 2 * longest)[:longest]
    if longest < 4 or covariance[0] <= 0:
        return float(x.size)
    rho = covariance / covariance[0]
    if rho[1] + rho[2] < 2 * np.sqrt(2 / x.size):
        return float(x.size)
    pairs = rho[: 2 * (longest // 2)].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs <= 0)
    kept = pairs[: negative[0] if negative.size else pairs.size]
    time = 2 * np.minimum.accumulate(kept).sum() - 1
    return float(np.clip(x.size / max(time, 1.0), 1.0, x.size))


def item_sample_size(values: ArrayLike, series: ArrayLike, item: ArrayLike) -> float:
    """How many independent requests these calls are worth, seeing that each item was called several times.

    Calls of one item resemble each other: with m calls an item and a correlation r of ranks within items (one-way
    analysis of variance, Kish's design effect), n calls are worth n / (1 + (m - 1) r). Where items hardly differ it
    is their number; where an item's time is its own, it is the number of items.

    Args:
        values: One latency a call.
        series: A label for each call: what all calls of a series share (a slow block) is not the items'.
        item: The item of each call, the same one in every series.
    """
    x = vector(values, "values")
    _, ranks = np.unique(x, return_inverse=True)
    _, series_code = np.unique(series, return_inverse=True)
    _, own = np.unique(item, return_inverse=True)
    y = ranks.astype(np.float64)
    y = y - (np.bincount(series_code, weights=y) / np.bincount(series_code))[series_code]
    calls = np.bincount(own)
    means = np.bincount(own, weights=y) / calls
    within = float(np.sum((y - means[own]) ** 2)) / max(1, x.size - calls.size)
    between = float(np.sum(calls * means**2)) / max(1, calls.size - 1)
    repeats = float(np.sum(calls**2) / x.size)
    spread = between + (repeats - 1) * within
    freedom = calls.size - 1, x.size - calls.size
    if repeats <= 1 or spread <= 0 or min(freedom) < 1:
        return float(x.size)
    # What calls that are all alike would show as well, one time in a hundred, is not counted.
    if between < within * special.fdtri(*freedom, 0.99):
        return float(x.size)
    correlation = max(0.0, (between - within) / spread)
    return float(x.size / (1 + (repeats - 1) * correlation))


def percentiles(
    latencies_s: ArrayLike,
    generation: ArrayLike,
    block: ArrayLike,
    *,
    worker: ArrayLike | None = None,
    item: ArrayLike | None = None,
    rng: np.random.Generator,
    levels: Sequence[float] = (50, 90, 95, 99),
    confidence: float = 0.95,
    resamples: int = 2000,
) -> list[Percentile]:
    """Percentiles of latency with intervals, each only where the effective number of calls carries it.

    Generations are resampled, each with all its calls: resampling blocks within them too counts what blocks differ
    by twice (Davison & Hinkley 1997, "Bootstrap methods and their application", 3.8). Few generations make a plain
    percentile bootstrap too narrow, so its tails are Hesterberg's expanded ones (2015, "What teachers should know
    about the bootstrap"); below five generations even those stop at the extreme generations and cover less. With
    few calls beyond the percentile the order statistics' interval is taken where it is wider.

    Args:
        latencies_s: One latency a call, seconds, in order of time within a worker.
        generation: Each call's generation.
        block: Each call's block within its generation.
        worker: Each call's worker within its generation; None where a generation has one.
        item: Each call's item; None takes every call as an item of its own.
        rng: Drives the resampling.
        levels: Percentiles, 0-100.
        confidence: Two-sided.
        resamples: Bootstrap draws.

    Returns:
        One `Percentile` per level, with the effective number of calls at that level. `value` is None below
        `calls_needed(level)`; `interval` is None too where there was one generation.

    Raises:
        ValueError: The arrays differ in length, or are empty.
    """
    x = vector(latencies_s, "latencies_s")
    generations, of_generation = np.unique(vector(generation, "generation"), return_inverse=True)
    of_block = vector(block, "block")
    of_worker = np.zeros_like(of_block) if worker is None else vector(worker, "worker")
    if not x.size == of_generation.size == of_block.size == of_worker.size or x.size == 0:
        raise ValueError(
            f"latencies_s, generation, block and worker have {x.size}, {of_generation.size}, {of_block.size} and "
            f"{of_worker.size} values; give one of each for each of at least one call"
        )
    series = _codes(of_generation, of_worker)
    cell = _codes(of_generation, of_worker, of_block)
    order = np.argsort(x, kind="stable")
    ordered = x[order]
    fractions = np.asarray(levels, dtype=np.float64) / 100
    resampled = None
    if generations.size >= 2:
        weights = rng.multinomial(generations.size, np.full(generations.size, 1 / generations.size), size=resamples)
        resampled = ordered[weighted_ranks(of_generation[order], weights, fractions)]
    low, high = expanded_tails(generations.size, confidence)
    table = []
    for i, level in enumerate(levels):
        needed = calls_needed(level)
        beyond = _worth(x > np.quantile(x, fractions[i], method="inverted_cdf"), series, cell, item)
        wider = np.quantile(x, 1 - (1 - fractions[i]) ** WIDER, method="inverted_cdf")
        n_effective = beyond if level <= 50 else min(beyond, _worth(x > wider, series, cell, item))
        if n_effective < needed:
            worth = math.floor(n_effective)  # 661.8 is not worth 662
            reason = f"n too small: p{level:g} needs {needed} independent calls, these are worth {worth}"
            longest = float(ordered[-1]) if beyond >= calls_needed(level, beyond=0) else None
            table.append(Percentile(level, None, None, x.size, n_effective, reason, longest))
            continue
        value = float(np.quantile(ordered, fractions[i], method="inverted_cdf"))
        interval, reason_none = None, "one generation: no interval"
        if resampled is not None:
            ends = np.quantile(resampled[:, i], [low, high])
            if n_effective * (1 - fractions[i]) < FEW_BEYOND:
                ranked = np.quantile(x, order_statistics(n_effective, fractions[i], confidence), method="inverted_cdf")
                ends = np.array([min(ends[0], ranked[0]), max(ends[1], ranked[1])])
            interval = Interval(
                value, min(value, float(ends[0])), max(value, float(ends[1])), confidence, generations.size
            )
        table.append(Percentile(level, value, interval, x.size, n_effective, None if interval else reason_none))
    return table


def order_statistics(n: float, fraction: float, confidence: float = 0.95) -> tuple[float, float]:
    """Shares of the sample, counted from the shortest call, between which a percentile lies whatever the distribution.

    How many of n independent calls lie below the percentile is binomial (David & Nagaraja 2003, "Order statistics").
    """
    from scipy import stats  # most of a second to import

    tail = (1 - confidence) / 2
    low, high = stats.binom.ppf((tail, 1 - tail), int(n), fraction)
    return low / int(n), min(1.0, (high + 1) / int(n))


def _codes(*labels: NDArray[Any]) -> NDArray[np.intp]:
    """Number the combinations of labels that occur, and return each place's."""
    code = np.unique(np.column_stack(labels), axis=0, return_inverse=True)[1]
    return np.asarray(code.reshape(-1), dtype=np.intp)


def _worth(
    beyond: NDArray[np.bool_], series: NDArray[np.intp], cell: NDArray[np.intp], item: ArrayLike | None
) -> float:
    """How many independent calls these are worth at one percentile: by which calls lie beyond it, and nothing else.

    A percentile only asks whether a call is beyond it, so that a slow drift of the middle says little of p99
    (Vehtari et al. 2021, "Rank-normalization, folding, and localization", on quantiles). A worker's visits are one
    series: what made a whole visit slow would not show in series that each are about their own mean.
    """
    indicator = beyond.astype(np.float64)
    worth = effective_sample_size(indicator, series)
    return worth if item is None else min(worth, item_sample_size(indicator, cell, item))


def weighted_ranks(unit: NDArray[np.intp], weights: NDArray[np.int64], fractions: Floats) -> NDArray[np.intp]:
    """For each resample and fraction, the first place in the sorted calls at which that share is reached.

    All bisections run at once over the units' cumulative counts: no resample is ever written out.

    Args:
        unit: (calls,) what is resampled, of each call, shortest first: its generation, its batch.
        weights: (resamples, units) how often each is in a resample.
        fractions: (levels,) the shares.
    """
    cumulative = np.cumsum(unit[:, None] == np.arange(weights.shape[1]), axis=0, dtype=np.int32)
    wanted = (weights @ cumulative[-1])[:, None] * fractions - 1e-9
    low = np.zeros(wanted.shape, dtype=np.intp)
    high = np.full(wanted.shape, unit.size - 1, dtype=np.intp)
    while np.any(low < high):
        middle = (low + high) // 2
        reached = np.einsum("rlc,rc->rl", cumulative[middle], weights) >= wanted
        high = np.where(reached, middle, high)
        low = np.where(reached, low, middle + 1)
    return low
