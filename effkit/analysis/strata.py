"""Right answers that score differently: Tango's score bound for all items that score alike, and all of them together.

Where an item of a rare class weighs as much as many of a common one, a few items decide. A bootstrap that sees no
disagreement among them takes it that there is none; the score bound does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from effkit.analysis.bootstrap import cluster_sums, score_bounds, score_p_value
from effkit.analysis.interval import Floats, wilson

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
        together: (strata, strata) correlations of their gaps.
    """

    wins: Floats
    losses: Floats
    sizes: Floats
    scores: Floats
    effects: Floats
    together: Floats

    @classmethod
    def of(cls, gain: Floats, weights: Floats, effects: Floats, clusters: ArrayLike | None = None) -> Strata:
        """Count items.

        Args:
            gain: (n,) candidate less reference.
            weights: (n,) what a right answer scores.
            effects: (strata,) how many items are worth an independent one, from the lowest score of a right answer up.
            clusters: A label per item where items are not independent.
        """
        scores, place = np.unique(weights, return_inverse=True)
        wins, losses, sizes = (
            np.asarray(np.bincount(place[which], minlength=scores.size) / effects, dtype=np.float64)
            for which in (gain > 0, gain < 0, weights > 0)
        )
        together = np.eye(scores.size) if clusters is None else _correlations(np.sign(gain), place, effects, clusters)
        return cls(wins, losses, sizes, scores, effects, together)

    @cached_property
    def gap(self) -> float:
        """The whole gap: the mean of `gain`."""
        return float(self._shares @ ((self.wins - self.losses) / self.sizes))

    def bounds(self, alpha: float) -> tuple[float, float]:
        """Lower and upper one-sided 1 - `alpha` bounds of the whole gap.

        The distances of the strata's gaps from their bounds add up as standard errors do. *Zou & Donner (2008),
        Construction of confidence limits about effect measures: a general approach; Zou (2008), On the estimation of
        additive interaction by use of the four-by-two table and beyond, for gaps that go together.*
        """
        ends = [score_bounds(*each, alpha) for each in zip(self.wins, self.losses, self.sizes, strict=True)]
        return self._joined(np.array(ends))

    def share_bounds(self, quantile: float) -> tuple[float, float]:
        """Lower and upper bound of the mean score of one alone, whose right answers are wins: by Wilson's intervals.

        Args:
            quantile: How many standard errors either bound lies away.
        """
        ends = [wilson(won / n, n, quantile) for won, n in zip(self.wins, self.sizes, strict=True)]
        return self._joined(np.array(ends))

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
        widest = self._added_up(self.scores)
        return float(self.effects.max()) * float(special.ndtri(level)) ** 2 * (widest / margin - 1)

    def _joined(self, ends: Floats) -> tuple[float, float]:
        """Bounds of the whole from (strata, 2) ends of the strata."""
        away = self._shares[:, None] * (ends - ((self.wins - self.losses) / self.sizes)[:, None])
        return self.gap - self._added_up(away[:, 0]), self.gap + self._added_up(away[:, 1])

    @property
    def _shares(self) -> Floats:
        """(strata,) what each stratum's gap counts in the whole."""
        items = self.sizes * self.effects
        return np.asarray(items * self.scores / items.sum())

    def _added_up(self, parts: Floats) -> float:
        """One distance from those of the strata: no shorter than if their gaps were independent."""
        return float(np.sqrt(max(float(parts @ parts), float(parts @ self.together @ parts))))

    @cached_property
    def _by_errors(self) -> tuple[Floats, Floats]:
        """Rising bounds of the whole gap, and how many standard errors each lies below it: a p-value turned round."""
        errors = np.linspace(0, REACH, STEPS + 1)[1:]
        ends = np.array([self.bounds(float(special.ndtr(-each))) for each in errors])
        bounds = np.concatenate([ends[::-1, 0], [self.gap], ends[:, 1]])
        return bounds, np.concatenate([errors[::-1], [0.0], -errors])


def design_effects(gain: Floats, right: Floats, clusters: ArrayLike | None, variance_of_mean: float) -> Floats:
    """How many clustered items are worth one independent one, for each score of a right answer from the lowest up.

    A common class whose items are independent says nothing of a rare one whose items are not.

    Args:
        gain: (n,) candidate less reference, or scores of one alone.
        right: (n,) what a right answer scores.
        clusters: (n,) a label per item; None where items are independent.
        variance_of_mean: of the mean of `gain`, by resampling whole clusters.
    """
    scores, place = np.unique(right, return_inverse=True)
    if clusters is None:
        return np.ones(scores.size)
    if scores.size == 1:
        return np.array([_design_effect(gain - gain.mean() * right, clusters, variance_of_mean)])
    labels = np.asarray(clusters)
    return np.array(
        [_design_effect_within(np.sign(gain[place == each]), labels[place == each]) for each in range(scores.size)]
    )


def _design_effect_within(signs: Floats, clusters: ArrayLike) -> float:
    """Of items that score alike, among others: wins are 1, losses -1."""
    residuals = signs - signs.mean()
    sums = cluster_sums(residuals, clusters)[0]
    return _design_effect(residuals, clusters, float(np.sum(sums**2)) / signs.size**2)


def _design_effect(residuals: Floats, clusters: ArrayLike, variance_of_mean: float) -> float:
    """The variance of a mean over that of independent items; at worst, a whole cluster is worth one."""
    worst = most_per_item(clusters)
    naive = float(residuals.var()) / residuals.size
    if naive == 0 or worst == residuals.size:  # what varies between clusters is not seen in one
        return worst
    return float(np.clip(variance_of_mean / naive, 1.0, worst))


def most_per_item(clusters: ArrayLike) -> float:
    """How many clustered items are at worst worth one independent one.

    That is what a cluster holds on average if it is drawn in proportion to its size.

    Args:
        clusters: (n,) a label per item.
    """
    sizes = np.unique(np.asarray(clusters), return_counts=True)[1]
    return float(np.sum(sizes**2) / np.sum(sizes))


def _correlations(signs: Floats, place: NDArray[np.intp], effects: Floats, clusters: ArrayLike) -> Floats:
    """(strata, strata) correlations of the strata's gaps: clusters that hold items of several may lose them together.

    A stratum without a disagreement, or in one cluster, does not show how it goes with the others. Then it is as if
    each cluster were won or lost as a whole, which is what its design effect takes for granted too.

    Args:
        signs: (n,) 1 of an item that only the candidate has right, -1 of one that only the reference has right, else 0.
        place: (n,) the stratum of each item.
        effects: (strata,) how many items are worth an independent one.
        clusters: (n,) a label per item.
    """
    index = np.unique(np.asarray(clusters), return_inverse=True)[1]
    shape = int(index.max()) + 1, effects.size
    cell = index * effects.size + place
    sums = np.bincount(cell, weights=signs, minlength=shape[0] * shape[1]).reshape(shape)
    sizes = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    items = sizes.sum(axis=0)
    gaps = sums.sum(axis=0) / items
    residuals = sums - gaps * sizes
    alone = np.bincount(place, weights=signs**2) - items * gaps**2  # squares of single items' residuals, added up
    seen = (alone > 0) & (np.count_nonzero(sizes, axis=0) > 1)
    found = _over_lengths(sizes.T @ sizes, np.sqrt(np.sum(sizes**2, axis=0)))
    of_gaps = _over_lengths(residuals.T @ residuals, np.sqrt(effects * np.where(seen, alone, 1.0)))
    both = np.outer(seen, seen)
    found[both] = np.clip(of_gaps[both], -1.0, 1.0)
    np.fill_diagonal(found, 1.0)
    return found


def _over_lengths(products: Floats, lengths: Floats) -> Floats:
    return np.asarray(products / np.outer(lengths, lengths), dtype=np.float64)
