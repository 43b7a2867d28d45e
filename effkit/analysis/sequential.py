"""When to stop measuring, so that the interval is as narrow as asked and still holds what it promises.

Looking after every generation whether the interval is narrow enough, and stopping when it is, stops where the
spread happens to look small: such intervals cover less than they say. Stein's two-stage rule looks once. The
first generations' variance fixes how many generations there are in all, and the final interval keeps that
variance and its degrees of freedom; the mean of normal data is independent of it, so coverage is exact whatever
the number turns out to be, for every candidate of a run too. See Stein 1945, "A two-sample test for a linear
hypothesis whose power is independent of the variance", Annals of Mathematical Statistics 16.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from effkit.analysis.interval import Floats, Interval, vector


def generations_needed(
    log_ratios_by_candidate: Mapping[str, ArrayLike], half_width: float, *, most: int, level: float = 0.95
) -> int:
    """How many generations give every candidate's ratio the half-width that is asked.

    Args:
        log_ratios_by_candidate: For each candidate the natural-log ratios of the first generations, one each,
            as `paired_log_ratios` returns them; NaN marks a generation without one. A candidate with fewer
            than two says nothing of its spread and is left out.
        half_width: Half of the interval that is wanted, as a share: 0.02 is ±2 % (a log ratio of log 1.02).
        most: Never more generations than these, nor fewer than were measured.
        level: Two-sided confidence.

    Returns:
        The number of generations in all, those already measured included.

    Raises:
        ValueError: A half-width that is not positive, or candidates of unlike numbers of generations.
    """
    if not half_width > 0:
        raise ValueError(f"half_width is {half_width}; it is a positive share: 0.02 asks for ±2 %")
    tables = {name: vector(values, name) for name, values in log_ratios_by_candidate.items()}
    sizes = {name: table.size for name, table in tables.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"candidates have {sizes} generations; give all of them one log ratio a generation")
    first = max(sizes.values(), default=0)
    wanted = max((_wanted(table, np.log1p(half_width), level) for table in tables.values()), default=0.0)
    return max(first, int(min(wanted, most)))


def stein_interval(log_ratios: ArrayLike, first: int, level: float = 0.95) -> Interval | None:
    """Ratio (1 = no effect) with its interval after two stages: mean of all, spread of the first alone.

    Args:
        log_ratios: One natural-log ratio per generation, in the order measured; NaN marks one without.
        first: How many generations were measured before `generations_needed` was asked. Where all were,
            the interval is that of `ratio_over_generations`.
        level: Two-sided confidence.

    Returns:
        The ratio's interval, or None where fewer than two of the first generations have a value.

    Raises:
        ValueError: More first generations than generations.
    """
    logs = vector(log_ratios, "log_ratios")
    if not 0 <= first <= logs.size:
        raise ValueError(f"first is {first} with {logs.size} generations; it lies between 0 and their number")
    opening, kept = _kept(logs[:first]), _kept(logs)
    if opening.size < 2:
        return None
    mean = float(kept.mean())
    half = float(_quantile(opening, level) * opening.std(ddof=1) / np.sqrt(kept.size))
    low, estimate, high = (float(x) for x in np.exp([mean - half, mean, mean + half]))
    return Interval(estimate, low, high, level, kept.size)


def _wanted(log_ratios: Floats, half_width: float, level: float) -> float:
    """Generations in all that one candidate wants, its missing ones made up for; 0 where it cannot say."""
    kept = _kept(log_ratios)
    if kept.size < 2:
        return 0.0
    needed = np.ceil((_quantile(kept, level) * kept.std(ddof=1) / half_width) ** 2)
    return float(log_ratios.size + max(0.0, needed - kept.size))


def _kept(log_ratios: Floats) -> Floats:
    kept: Floats = log_ratios[~np.isnan(log_ratios)]
    return kept


def _quantile(values: Floats, level: float) -> float:
    return float(special.stdtrit(values.size - 1, (1 + level) / 2))
