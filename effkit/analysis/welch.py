"""Two independent estimates of one positive quantity: is their difference more than chance?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from effkit.record import Estimate

ALPHA = 0.05


@dataclass(frozen=True)
class LogTest:
    """The ratio of two estimates, second over first, its 95 % interval, and the chance of one so far from 1."""

    ratio: float
    low: float
    high: float
    p_value: float


def log_test(first: Estimate, first_freedom: int, second: Estimate, second_freedom: int) -> LogTest | None:
    """Test whether two independent estimates of a positive quantity differ: Welch's t on their logarithms.

        d = log(second) − log(first),   s² = s₁² + s₂²,   s_i = half the log interval / t(0.975, ν_i)
        t = d / s  with  ν = s⁴ / (s₁⁴ / ν₁ + s₂⁴ / ν₂)  degrees of freedom

    Welch (1947), The generalization of Student's problem when several different population variances are involved.

    Args:
        first: an estimate with its 95 % interval.
        first_freedom: degrees of freedom that the interval rests on.
        second: the other.
        second_freedom: its own.

    Returns:
        None where one of them has no interval above 0.
    """
    one, other = _log_error(first, first_freedom), _log_error(second, second_freedom)
    if one is None or other is None:
        return None
    difference = float(np.log(second.value) - np.log(first.value))
    ratio, error = float(np.exp(difference)), float(np.hypot(one, other))
    if error == 0:
        return LogTest(ratio, ratio, ratio, 1.0 if difference == 0 else 0.0)
    shares = np.array([one, other]) / error
    freedom = 1 / float(np.sum(shares**4 / np.array([first_freedom, second_freedom])))
    half = float(special.stdtrit(freedom, 1 - ALPHA / 2)) * error
    return LogTest(
        ratio=ratio,
        low=float(np.exp(difference - half)),
        high=float(np.exp(difference + half)),
        p_value=2 * float(special.stdtr(freedom, -abs(difference) / error)),
    )


def _log_error(estimate: Estimate, freedom: int) -> float | None:
    """Standard error of the estimate's logarithm."""
    if freedom < 1 or estimate.low is None or estimate.high is None or estimate.low <= 0:
        return None
    half = float(np.log(estimate.high) - np.log(estimate.low)) / 2
    return half / float(special.stdtrit(freedom, 1 - ALPHA / 2))
