"""A confidence interval, and the tails that a bootstrap of few units needs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]

FEWEST_CLUSTERS = 5
"""Of which there is an interval: fewer hardly get beyond the outermost of them, two hold the true gap half the time."""


@dataclass(frozen=True)
class Interval:
    """An estimate, its two-sided confidence interval, and how many independent units it rests on."""

    estimate: float
    low: float
    high: float
    level: float
    n: int

    def excludes(self, value: float) -> bool:
        """Whether `value` (in the estimate's unit) lies outside the interval."""
        return not self.low <= value <= self.high


def expanded_tails(units: int, confidence: float) -> tuple[float, float]:
    """The two quantiles of a bootstrap over `units` resampled units that give `confidence` (Hesterberg 2015).

    A bootstrap's spread is short by sqrt((n - 1) / n), and its tails are normal where Student's t is due.
    """
    if units < 2:
        return 0.0, 1.0
    t = special.stdtrit(units - 1, (1 + confidence) / 2)
    tail = float(special.ndtr(-t * np.sqrt(units / (units - 1))))
    return tail, 1 - tail


def wilson(share: float, n: float, quantile: float) -> tuple[float, float]:
    """The ends of a share's score interval (Wilson 1927).

    Args:
        share: From 0 to 1.
        n: Independent items; of clustered ones how many they are worth, which need not be whole.
        quantile: How many standard errors either end lies away.
    """
    square = quantile**2
    middle = share + square / (2 * n)
    reach = np.sqrt(square * (share * (1 - share) / n + square / (4 * n**2)))
    low, high = ((middle + each) / (1 + square / n) for each in (-reach, reach))
    return min(share, max(0.0, float(low))), max(share, min(1.0, float(high)))


def vector(values: ArrayLike, name: str) -> Floats:
    """The values as a one-dimensional array of floats; ValueError otherwise."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; give one dimension")
    return array
