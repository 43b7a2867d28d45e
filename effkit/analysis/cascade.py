"""Cascades from arrays: the curve of quality against cost, what of the gap it recovers, and what a shift would do.

Nothing here chooses anything: the gates came with the cascade, and the test items only show what they do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effkit.analysis.groups import GroupGap, group_gaps, judge_together
from effkit.analysis.interval import Floats, expanded_tails
from effkit.analysis.quality import exact_mcnemar, paired_gap
from effkit.analysis.shares import mean, share
from effkit.balance import class_weights, scores_within
from effkit.record import AlarmBand, CascadePoint, Estimate, Mix, Recovered

Indices = NDArray[np.int64]

POINTS = 21
RESAMPLES = 1000
WINDOW = 500
LEVEL = 0.99


@dataclass(frozen=True)
class Stages:
    """What every stage would do with every test item.

    Attributes:
        scores: (stages, n) what its answer scores: 1 where it is right, or its weight.
        confidences: (stages - 1, n) how sure each but the last is.
        thresholds: (stages - 1,) below which an item goes on.
        costs: (stages,) of an item that a stage is asked about; None where that is not known.
        clusters: (n,) ids of dependent items, if any.
        seed: of resampling.
        classes: (n,) labels by which right answers are weighed; None where all items count the same.
    """

    scores: Floats
    confidences: Floats
    thresholds: tuple[float, ...]
    costs: tuple[float, ...] | None
    clusters: Indices | None
    seed: int
    classes: Indices | None = None

    @cached_property
    def right(self) -> Floats:
        """(n,) what a right answer scores."""
        return np.ones(self.scores.shape[1]) if self.classes is None else class_weights(self.classes)

    @property
    def units(self) -> int:
        """How many are independent: clusters where there are any, else items."""
        return self.scores.shape[1] if self.clusters is None else len(np.unique(self.clusters))

    @cached_property
    def weights(self) -> Floats:
        """(resamples, n) weights of the items in each resample of them, or of whole clusters; all right make one."""
        n = self.scores.shape[1]
        labels = np.arange(n) if self.clusters is None else np.unique(self.clusters, return_inverse=True)[1]
        units = self.units
        drawn = np.random.default_rng(self.seed).multinomial(units, np.full(units, 1 / units), size=RESAMPLES)
        weights = drawn[:, labels].astype(np.float32)
        return np.asarray(weights / (weights @ self.right.astype(np.float32))[:, None])

    @property
    def answered_by(self) -> Indices:
        """(n,) the stage that answers each item."""
        goes_on = [c < t for c, t in zip(self.confidences, self.thresholds, strict=True)]
        return _answered_by(goes_on, self.scores.shape[1])


def cost_of(stages: Stages, by: Indices) -> float | None:
    """Return the mean cost of an item: of all stages that are asked about it, whichever answers."""
    if stages.costs is None:
        return None
    return float(np.cumsum(stages.costs)[by].mean())


def curve(stages: Stages) -> tuple[CascadePoint, ...]:
    """Return what the cascade would do at other gates, every stage passing on the same share of what reaches it."""
    return tuple(
        CascadePoint(
            passed_on=passed_on,
            escalated=float(np.mean(by > 0)),
            quality=mean(
                scores, stages.weights @ scores, right=stages.right, clusters=stages.clusters, origin="modelled"
            ),
            cost=cost_of(stages, by),
        )
        for passed_on, by, scores in _points(stages)
    )


def recovered(stages: Stages) -> Recovered:
    """Return the average performance gap recovered, over the share of items that the last stage answers.

    The gap from the first stage to the last that is recovered at each share, averaged over all shares by trapezoids.
    *Ong et al. (2024), RouteLLM: learning to route LLMs with preference data.* It has no meaning where the last stage
    is not shown to be better.
    """
    weak, strong = stages.scores[0], stages.scores[-1]
    if strong.mean() <= weak.mean() or not _differ(stages, strong, weak):
        return Recovered(value=None, reason="the last stage is not shown to be better than the first on these items")
    points = [(float(np.mean(by == len(stages.scores) - 1)), scores) for _, by, scores in _points(stages)]
    shares = np.array([share for share, _ in points])
    matrix = np.stack([scores for _, scores in points])

    def average(means: Floats) -> Floats:
        """(points, resamples) means to (resamples,) areas."""
        gap = np.where(means[-1] > means[0], means[-1] - means[0], np.nan)
        return np.asarray(np.trapezoid((means - means[0]) / gap, shares, axis=0))

    value = float(average(matrix.mean(axis=1)[:, None])[0])
    drawn = average(matrix @ stages.weights.T)
    if np.isnan(drawn).mean() > 0.025:
        return Recovered(value=None, reason="in some resamples the last stage is not better than the first")
    low, high = np.nanquantile(drawn, expanded_tails(stages.units, 0.95))
    return Recovered(
        value=Estimate(value=value, low=float(low), high=float(high), n=matrix.shape[1], origin="modelled")
    )


def mixes(stages: Stages, kinds: Mapping[str, NDArray[Any]]) -> tuple[Mix, ...]:
    """Return what the cascade does where all traffic is of one kind, the worst gap to the last stage first.

    Args:
        stages: of the cascade.
        kinds: (n,) names by column.
    """
    by = stages.answered_by
    scores = np.take_along_axis(stages.scores, by[None], axis=0)[0]
    gaps = {
        column: group_gaps(
            scores, stages.scores[-1], names, seed=stages.seed, clusters=stages.clusters, classes=stages.classes
        )
        for column, names in kinds.items()
    }
    found = [
        _mix(f"{column}={gap.group}", gap, stages, (by, scores), np.asarray(kinds[column]).astype(str) == gap.group)
        for column, judged in judge_together(gaps).items()
        for gap in judged
    ]
    return tuple(sorted(found, key=lambda mix: (mix.gap is None, mix.gap.value if mix.gap else 0.0, -mix.n)))


def _mix(kind: str, gap: GroupGap, stages: Stages, answers: tuple[Indices, Floats], members: NDArray[np.bool_]) -> Mix:
    by, scores = answers
    ends, quality = None, None
    if gap.difference is not None:
        low, high = (gap.interval.low, gap.interval.high) if gap.interval else (None, None)
        ends = Estimate(value=gap.difference, low=low, high=high, n=gap.n)
        quality = float(scores_within(scores, members, stages.classes).mean())
    clusters = None if stages.clusters is None else stages.clusters[members]
    return Mix(
        kind=kind,
        n=gap.n,
        escalated=share(by[members] > 0, clusters),
        quality=quality,
        gap=ends,
        verdict=gap.verdict,
    )


def alarm_band(goes_on: NDArray[np.bool_], clusters: Indices | None = None) -> AlarmBand | None:
    """Return between how many of the next requests go on, while traffic is as the test items were.

    A prediction interval: the share is itself known from n items only (beta-binomial, Jeffreys' prior).

    Args:
        goes_on: (n,) which test items did.
        clusters: (n,) ids of dependent items, if any.

    Returns:
        None of items in clusters: how the next requests cluster nobody knows.
    """
    if clusters is not None:
        return None
    from scipy import stats  # for cascades alone: most of a second to import

    hits, n = int(goes_on.sum()), len(goes_on)
    next_ones = stats.betabinom(WINDOW, hits + 0.5, n - hits + 0.5)
    fewest, most = next_ones.ppf(((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return AlarmBand(requests=WINDOW, fewest=int(fewest), most=int(most), level=LEVEL)


def _differ(stages: Stages, one: Floats, other: Floats) -> bool:
    """Whether two answers to all items are shown to differ, at 5 %; McNemar takes the items to be independent."""
    if stages.classes is None and stages.clusters is None:
        return exact_mcnemar(one, other) < 0.05
    found = paired_gap(one, other, seed=stages.seed, clusters=stages.clusters, weights=stages.right)
    return found.interval.excludes(0.0)


def _points(stages: Stages) -> Iterator[tuple[float, Indices, Floats]]:
    """The share that each stage passes on, the stage that answers each item, and the scores of these answers."""
    for passed_on in np.linspace(0, 1, POINTS):
        by = np.zeros(stages.scores.shape[1], dtype=np.int64)
        rows = np.arange(len(by))
        for number, confidence in enumerate(stages.confidences, 1):
            # Of equals the first ones: a share is met exactly, whatever ties there are.
            order = np.argsort(confidence[rows], kind="stable")
            rows = rows[np.sort(order[: round(passed_on * len(rows))])]
            by[rows] = number
        yield float(passed_on), by, np.take_along_axis(stages.scores, by[None], axis=0)[0]


def _answered_by(goes_on: Sequence[NDArray[np.bool_]], n: int) -> Indices:
    by, still = np.zeros(n, dtype=np.int64), np.ones(n, dtype=bool)
    for number, passed in enumerate(goes_on, 1):
        still = still & passed
        by[still] = number
    return by
