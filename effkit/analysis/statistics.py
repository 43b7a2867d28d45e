"""Intervals and claims for paired, interleaved measurements (NumPy and SciPy only).

A worker process keeps its own luck for life, so the unit that repeats is the *generation* (a set of fresh
workers), never the call: every interval here has as many degrees of freedom as there were generations, less
one. See Kalibera & Jones 2013, "Rigorous benchmarking in reasonable time".
"""

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from effkit.analysis.interval import Floats, Interval, vector

Verdict = Literal["lower", "higher", "within noise", "indicative"]

FEWEST_GENERATIONS = 5
"""Below this no speed is claimed."""
NOISE_FLOOR = 0.01
NOISE_FLOOR_UNPINNED = 0.03
UNSTABLE_LEVEL = 0.99
"""Of the interval by which a run is called unstable."""


def mean_interval_over_generations(values: ArrayLike, *, level: float = 0.95) -> Interval | None:
    """Student's t interval of the mean over generations.

    Args:
        values: One value per generation, in any unit; NaN marks a generation that was not measured.
        level: Two-sided confidence.

    Returns:
        The interval in the values' unit, or None from fewer than two generations.
    """
    kept = vector(values, "values")
    kept = kept[~np.isnan(kept)]
    n = kept.size
    if n < 2:
        return None
    mean = float(kept.mean())
    half = float(special.stdtrit(n - 1, (1 + level) / 2) * kept.std(ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half, level, n)


def ratio_over_generations(log_ratios: ArrayLike, *, level: float = 0.95) -> Interval | None:
    """Ratio (1 = no effect) with its interval: Student's t on G - 1 of the log ratios, exponentiated.

    Args:
        log_ratios: One natural-log ratio per generation, as `paired_log_ratios` returns them.
        level: Two-sided confidence.

    Returns:
        The ratio's interval, or None from fewer than two generations (`exp(mean)` is then indicative only).
    """
    logs = mean_interval_over_generations(log_ratios, level=level)
    if logs is None:
        return None
    low, estimate, high = (float(x) for x in np.exp([logs.low, logs.estimate, logs.high]))
    return Interval(estimate, low, high, level, logs.n)


def paired_log_ratios(candidate: ArrayLike, reference_a: ArrayLike, reference_b: ArrayLike) -> Floats:
    """Per generation, the mean over blocks of log(candidate / mean of both reference workers).

    Args:
        candidate: Block values, shape (generations, blocks), positive and all in one unit; NaN marks a
            block left out (contended, failed).
        reference_a: The reference's first worker in the same blocks.
        reference_b: The reference's second worker in the same blocks.

    Returns:
        One log ratio per generation; NaN where no block of it is complete.

    Raises:
        ValueError: The tables differ in shape, or hold a value that is not positive.
    """
    c, a, b = _block_tables(candidate=candidate, reference_a=reference_a, reference_b=reference_b)
    return _mean_over_blocks(np.log(c) - np.log((a + b) / 2))


def a_a_log_ratios(reference_a: ArrayLike, reference_b: ArrayLike) -> Floats:
    """Per generation, the mean over blocks of log(second reference worker / first): the run's own noise.

    Arguments, result and errors as for `paired_log_ratios`.
    """
    a, b = _block_tables(reference_a=reference_a, reference_b=reference_b)
    return _mean_over_blocks(np.log(b) - np.log(a))


def at_one_place(log_ratios: ArrayLike, later: ArrayLike, *, level: float = 0.95) -> Floats:
    """Put log ratios to what they would be had both started in the same place (analysis of covariance, one slope).

    Every second order of starts is the one before backwards, so that an even number of generations has the right
    mean as it is. But by that design generations differ, and an interval from their plain spread is too wide: as
    designed, so analysed. What is left is stretched so that Student's t of n - 1 degrees of freedom, which all that
    follows takes, gives the interval of the line's value at 0, which has n - 2.

    Args:
        log_ratios: (generations,) NaN where there is none.
        later: (generations,) by how many places what is compared started after what it is compared with; NaN where
            that is not known. Below five generations, or with nothing known, nothing is taken off.
        level: of the interval that will be made of them.
    """
    logs, places = vector(log_ratios, "log_ratios"), vector(later, "later")
    known = np.isfinite(logs) & np.isfinite(places)
    n = int(known.sum())
    if n < max(FEWEST_GENERATIONS, np.isfinite(logs).sum()):
        return logs
    mean = float(logs[known].mean())
    place = float(places[known].mean())
    centred, deviation = places[known] - place, logs[known] - mean
    spread = float(centred @ centred)
    if not spread:
        return logs
    slope = float(centred @ deviation) / spread
    tail = (1 + level) / 2
    freedom = math.sqrt((n - 1) / (n - 2)) * special.stdtrit(n - 2, tail) / special.stdtrit(n - 1, tail)
    stretch = freedom * math.sqrt(1 + n * place**2 / spread)
    found = np.full(logs.size, np.nan)
    found[known] = mean - slope * place + stretch * (deviation - slope * centred)
    return found


def noise_threshold(a_a: Interval | None, pinned: bool) -> float:
    """Below this |log ratio| nothing is claimed: the larger of 1 % and the A/A interval's farther endpoint.

    Args:
        a_a: `ratio_over_generations(a_a_log_ratios(...))`; None where A/A was not assessed.
        pinned: Whether workers kept to fixed cores; where they did not, at least 3 %.

    Returns:
        A log ratio, near enough a fraction (0.01 = 1 %).
    """
    floor = NOISE_FLOOR if pinned else NOISE_FLOOR_UNPINNED
    if a_a is None:
        return floor
    return max(floor, abs(float(np.log(a_a.low))), abs(float(np.log(a_a.high))))


def unstable(log_ratios: ArrayLike) -> bool | None:
    """Whether A/A differs from itself: its 99 % interval excludes 1 and it is off by more than 1 %.

    Args:
        log_ratios: One a generation, put to one place at `UNSTABLE_LEVEL`.

    Returns:
        None ("not assessed") from fewer than two generations.
    """
    a_a = ratio_over_generations(log_ratios, level=UNSTABLE_LEVEL)
    if a_a is None:
        return None
    return a_a.excludes(1.0) and abs(float(np.log(a_a.estimate))) > NOISE_FLOOR


def claim(effect: Interval | None, threshold: float, generations: int) -> Verdict:
    """What may be said of a ratio: a direction only from five generations on and wholly beyond the noise.

    Args:
        effect: Ratio to the reference with its interval.
        threshold: From `noise_threshold`, a log ratio.
        generations: How many generations were measured.

    Returns:
        "lower" (faster, for a latency), "higher", "within noise", or "indicative" from too few generations.
    """
    if effect is None or min(generations, effect.n) < FEWEST_GENERATIONS:
        return "indicative"
    if np.log(effect.high) < -threshold:
        return "lower"
    return "higher" if np.log(effect.low) > threshold else "within noise"


def stands_without(
    log_ratios: ArrayLike, threshold: float, verdict: Verdict, interval: Callable[[Floats], Interval | None]
) -> Verdict:
    """The verdict that the undisturbed generations give.

    With five of them or more it is `claim`'s. With fewer they cannot claim anything by themselves: the verdict
    stands if their mean lies on its side of the noise, and with none at all it does not.

    Args:
        log_ratios: One log ratio per generation from undisturbed blocks; NaN where a generation has none.
        threshold: From `noise_threshold`, a log ratio.
        verdict: From all generations.
        interval: The run's own rule from log ratios, NaNs in place, to an interval.
    """
    logs = vector(log_ratios, "log_ratios")
    kept = logs[~np.isnan(logs)]
    if kept.size >= FEWEST_GENERATIONS:
        return claim(interval(logs), threshold, kept.size)
    if not kept.size:
        return "indicative"
    mean = float(kept.mean())
    if abs(mean) <= threshold:
        return "within noise"
    same_side = verdict == ("lower" if mean < 0 else "higher")
    return verdict if same_side else "indicative"


def settle(all_blocks: Verdict, undisturbed: Verdict) -> Verdict | Literal["not resolvable"]:
    """The verdict if it stands with and without the disturbed blocks, else "not resolvable"."""
    return all_blocks if all_blocks == undisturbed else "not resolvable"


def _block_tables(**tables: ArrayLike) -> list[Floats]:
    arrays = {name: np.asarray(table, dtype=np.float64) for name, table in tables.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    if len(set(shapes.values())) > 1 or any(len(shape) != 2 for shape in shapes.values()):
        raise ValueError(f"block tables have shapes {shapes}; all must be one (generations, blocks)")
    for name, array in arrays.items():
        if np.any(array <= 0) or np.any(np.isinf(array)):
            raise ValueError(
                f"{name} holds {array[(array <= 0) | np.isinf(array)][0]}; block values are positive "
                "and finite, NaN for a block left out"
            )
    return list(arrays.values())


def _mean_over_blocks(logs: Floats) -> Floats:
    counts = np.sum(~np.isnan(logs), axis=1)
    return np.where(counts > 0, np.nansum(logs, axis=1) / np.maximum(counts, 1), np.nan)
