"""How many test items a verdict needs, before anything runs (normal approximation, paired items)."""

import math

import numpy as np
from scipy import special

from effkit.evidence import LEVEL


def power(n: int, margin: float, discordance: float = 0.10, true_gap: float = 0.0, alpha: float = LEVEL) -> float:
    """Probability that `n` paired items show non-inferiority.

    The difference of two paired right/wrong answers has variance discordance - gap^2 (Liu et al. 2002,
    "Tests for equivalence or non-inferiority for paired binary data").

    Args:
        n: Test items.
        margin: Largest loss accepted, as a fraction (0.01 = one point).
        discordance: Share of items on which only one of the two is right.
        true_gap: Candidate less reference, as a fraction; negative when the candidate is worse.
        alpha: One-sided; divided by *k* it is what Holm's first step asks of the best of *k* candidates.

    Raises:
        ValueError: A margin that is not positive, or a gap larger than the discordance.
    """
    spread = _spread(margin, discordance, true_gap)
    if spread == 0:
        return float(true_gap > -margin)
    return float(special.ndtr((true_gap + margin) * np.sqrt(n) / spread + special.ndtri(alpha)))


def items_for_power(
    margin: float,
    power: float = 0.80,
    discordance: float = 0.10,
    true_gap: float = 0.0,
    alpha: float = LEVEL,
) -> int:
    """The fewest items whose `power` to show non-inferiority is at least this; arguments as for `power`.

    A discordance of 10 % and no true gap need 7,849 items at one point (a power of 75 % needs 6,941).

    Raises:
        ValueError: As `power`, or a true gap at or beyond the margin, which no number of items can pass.
    """
    spread = _spread(margin, discordance, true_gap)
    if true_gap <= -margin:
        raise ValueError(
            f"true_gap {true_gap:g} is not above -margin ({-margin:g}): no number of items shows non-inferiority"
        )
    quantiles = special.ndtri(power) - special.ndtri(alpha)
    return max(1, math.ceil(float(quantiles * spread / (true_gap + margin)) ** 2))


def _spread(margin: float, discordance: float, true_gap: float) -> float:
    if not margin > 0:
        raise ValueError(f"margin is {margin}; it is a positive fraction: one point is 0.01")
    if not abs(true_gap) <= discordance <= 1:
        raise ValueError(
            f"discordance is {discordance:g} with a true gap of {true_gap:g}; it lies between |true_gap| and 1"
        )
    return math.sqrt(discordance - true_gap**2)
