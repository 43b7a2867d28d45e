"""Right answers that score differently: Tango's score bound for all items that score alike, and all of them together.

Where an item of a rare class weighs as much as many of a common one, a few items decide. A bootstrap that sees no
disagreement among them takes it that there is none; the score bound does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

from effkit.analysis.bootstrap import score_bounds, score_p_value

Floats = NDArray[np.float64]

REACH = 4.5
"""Standard errors up to which p-values are told: beyond lie three in a million."""
STEPS = 18


@dataclass(frozen=True, eq=False)
class Strata:
    """Wins and losses of a candidate by what a right answer scores; a single stratum where all score 1.

    Attributes:
        wins: (strata,) items that only the candidate has right, as independent ones.
        losses: (strata,) items that only the reference has right.
        sizes: (strata,) all items.
        scores: (strata,) what a right answer scores.
        effects: (strata,) how many items are worth an independent one.
    """

    wins: Floats
    losses: Floats
    sizes: Floats
    scores: Floats
    effects: Floats

    @classmethod
    def of(cls, gain: Floats, weights: Floats, effects: Floats) -> Strata:
        """Count items.

        Args:
            gain: (n,) candidate less reference.
            weights: (n,) what a right answer scores.
            effects: (strata,) how many items are worth an independent one, from the lowest score of a right answer up.
        """
        scores, place = np.unique(weights, return_inverse=True)
        wins, losses, sizes = (
            np.asarray(np.bincount(place[which], minlength=scores.size) / effects, dtype=np.float64)
            for which in (gain > 0, gain < 0, weights > 0)
        )
        return cls(wins, losses, sizes, scores, effects)

    @cached_property
    def gap(self) -> float:
        """The whole gap: the mean of `gain`."""
        return float(self._shares @ ((self.wins - self.losses) / self.sizes))

    def bounds(self, alpha: float) -> tuple[float, float]:
        """Lower and upper one-sided 1 - `alpha` bounds of the whole gap.

        The distances of the strata's gaps from their bounds add up as standard errors do. *Zou & Donner (2008),
        Construction of confidence limits about effect measures: a general approach.*
        """
        ends = np.array([score_bounds(*each, alpha) for each in zip(self.wins, self.losses, self.sizes, strict=True)])
        away = self._shares[:, None] * (ends - ((self.wins - self.losses) / self.sizes)[:, None])
        below, above = np.sqrt(np.sum(away**2, axis=0))
        return self.gap - float(below), self.gap + float(above)

    def p_value(self, gap: float) -> float:
        """One-sided p of the hypothesis that the whole gap is at most `gap`."""
        if self.scores.size == 1:
            score = float(self.scores[0])
            return score_p_value(float(self.wins[0]), float(self.losses[0]), float(self.sizes[0]), gap / score)
        bounds, errors = self._by_errors
        return float(special.ndtr(-np.interp(gap, bounds, errors)))

    def two_sided_p(self) -> float:
        """Two-sided p of "no gap"."""
        better = self.p_value(0.0)
        return 2 * min(better, 1 - better)

    def fewest(self, margin: float, level: float) -> float:
        """Items of which not one disagreement would show a gap above -`margin`, one-sided at `level`.

        Exactly of a single stratum; of several it is enough.
        """
        widest = float(np.sqrt(np.sum(self.scores**2)))
        return float(self.effects.max()) * float(special.ndtri(level)) ** 2 * (widest / margin - 1)

    @property
    def _shares(self) -> Floats:
        """(strata,) what each stratum's gap counts in the whole."""
        items = self.sizes * self.effects
        return np.asarray(items * self.scores / items.sum())

    @cached_property
    def _by_errors(self) -> tuple[Floats, Floats]:
        """Rising bounds of the whole gap, and how many standard errors each lies below it: a p-value turned round."""
        errors = np.linspace(0, REACH, STEPS + 1)[1:]
        ends = np.array([self.bounds(float(special.ndtr(-each))) for each in errors])
        bounds = np.concatenate([ends[::-1, 0], [self.gap], ends[:, 1]])
        return bounds, np.concatenate([errors[::-1], [0.0], -errors])
