"""A confidence interval, and the tails that a bootstrap of few units needs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]


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

    @property
    def half_width(self) -> float:
        """Half the interval's length, in the estimate's unit."""
        return (self.high - self.low) / 2


def expanded_tails(units: int, confidence: float) -> tuple[float, float]:
    """The two quantiles of a bootstrap over `units` resampled units that give `confidence` (Hesterberg 2015).

    A bootstrap's spread is short by sqrt((n - 1) / n), and its tails are normal where Student's t is due.
    """
    if units < 2:
        return 0.0, 1.0
    t = special.stdtrit(units - 1, (1 + confidence) / 2)
    tail = float(special.ndtr(-t * np.sqrt(units / (units - 1))))
    return tail, 1 - tail


def vector(values: ArrayLike, name: str) -> Floats:
    """The values as a one-dimensional array of floats; ValueError otherwise."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; give one dimension")
    return array
