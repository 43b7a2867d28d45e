"""Quality of every candidate and its paired gap to the reference, from per-item scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from effkit.analysis.bootstrap import paired_bootstrap
from effkit.analysis.groups import group_gaps
from effkit.analysis.interval import Floats
from effkit.analysis.margins import enough_from, worse_below
from effkit.analysis.quality import (
    NonInferiority,
    exact_mcnemar,
    holm,
    holm_verdicts,
    non_inferiority,
    relative_margin,
    seed_verdict,
)
from effkit.balance import class_weights, scores_within
from effkit.record import Estimate, Gap, GroupQuality, Quality, QualityVerdict

RESAMPLES = 2000
"""Of a candidate's own quality; of gaps, on which verdicts rest, the protocol says how many."""


@dataclass(frozen=True)
class Scored:
    """One candidate's scores on the test items.

    Attributes:
        by_seed: one (n,) array a training seed; the first is the one that is measured.
        secondary: values of further metrics.
    """

    by_seed: tuple[Floats, ...]
    secondary: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class QualityTest:
    """How quality is tested: fixed before anything is measured.

    Attributes:
        metric: its name.
        higher_is_better: its direction.
        binary: whether an item is right or wrong.
        margin_points: largest loss accepted, in points.
        margin_percent: the same in per cent of the reference's mean error.
        seed: of the bootstrap.
        resamples: of the bootstrap.
        groups: (n,) names by group column.
        clusters: (n,) ids of dependent items.
        classes: (n,) labels by which right answers are weighed; None where all items count the same.
    """

    metric: str
    higher_is_better: bool
    binary: bool
    margin_points: float | None
    margin_percent: float | None
    seed: int
    resamples: int
    groups: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    clusters: NDArray[np.int64] | None = None
    classes: NDArray[Any] | None = None

    @property
    def weights(self) -> Floats | None:
        """(n,) what a right answer scores; None where all items count the same."""
        return None if self.classes is None else class_weights(self.classes)

    def margin(self, reference: Floats) -> float:
        """The margin in the metric's own unit."""
        if self.margin_points is not None:
            return self.margin_points / 100
        assert self.margin_percent is not None
        return relative_margin(reference, self.margin_percent / 100)


def compare(scores: Mapping[str, Scored], reference: str, test: QualityTest) -> dict[str, tuple[Quality, Gap | None]]:
    """Return each candidate's quality and, but for the reference, its gap.

    Any of the candidates may be chosen, so Holm's correction runs over all of them, once for each
    training seed; a verdict that changes with the seed is inconclusive.
    """
    base = scores[reference].by_seed
    margin = test.margin(base[0])
    others = [name for name in scores if name != reference]
    rounds = max(len(scores[name].by_seed) for name in scores)
    tests: list[dict[str, NonInferiority]] = []
    for number in range(rounds):
        against = base[min(number, len(base) - 1)]
        tests.append(
            {
                name: non_inferiority(
                    scores[name].by_seed[min(number, len(scores[name].by_seed) - 1)],
                    against,
                    margin=margin,
                    seed=test.seed,
                    higher_is_better=test.higher_is_better,
                    clusters=test.clusters,
                    weights=test.weights,
                    resamples=test.resamples,
                    among=len(others),
                )
                for name in others
            }
        )
    verdicts = [holm_verdicts(each) for each in tests]
    p_holm = dict(zip(others, holm([tests[0][name].p_value for name in others]), strict=True)) if others else {}
    result: dict[str, tuple[Quality, Gap | None]] = {}
    for name, scored in scores.items():
        gap = None
        if name != reference:
            verdict = seed_verdict([each[name] for each in verdicts])
            gap = as_gap(tests[0][name], verdict, float(p_holm[name]), scored.by_seed[0], base[0], test).model_copy(
                update={
                    "items_needed": items_over_seeds([each[name] for each in tests]),
                    "enough_from": enough_from(tests, name),
                    "worse_below": worse_below(tests, name),
                }
            )
        result[name] = (_quality(scored, None if name == reference else base[0], test), gap)
    return result


def items_over_seeds(tests: Sequence[NonInferiority]) -> int | None:
    """The most test items that a training seed needs; None where all pass, or one is beyond the help of more items.

    Args:
        tests: of one candidate, one a training seed.
    """
    needed = [each.items_needed for each in tests if each.verdict in ("inconclusive", "inferior")]
    return None if None in needed else max((each for each in needed if each is not None), default=None)


def mean_with_interval(scores: Floats, test: QualityTest) -> Estimate:
    """Mean of per-item scores with its 95 % bootstrap interval, of items that depend and count as the test has it.

    Where independent items are right or wrong, each end is the more cautious of the bootstrap's and Wilson's (1927): a
    bootstrap of a hundred right answers sees no wrong one that there could be.
    """
    means = paired_bootstrap(scores, test.clusters, RESAMPLES, seed=test.seed, weights=test.weights)
    value, low, high = (float(each) for each in (scores.mean(), *np.quantile(means, (0.025, 0.975))))
    if test.binary and test.clusters is None:
        ends = _wilson(value, len(scores))
        low, high = min(low, ends[0]), max(high, ends[1])
    return Estimate(value=value, low=low, high=high, n=len(scores))


def as_gap(
    test: NonInferiority, verdict: QualityVerdict, p_holm: float, scores: Floats, base: Floats, how: QualityTest
) -> Gap:
    """Return a test of two candidates as a record keeps it.

    Args:
        test: of `scores` against `base`.
        verdict: after Holm and over seeds.
        p_holm: its adjusted p-value.
        scores: (n,) of the one.
        base: (n,) of the other.
        how: the study's test.
    """
    return Gap(
        difference=test.difference,
        low=test.interval.low,
        high=test.interval.high,
        margin=test.margin,
        verdict=verdict,
        verdict_alone=test.verdict,
        p_value=test.p_value,
        p_holm=p_holm,
        mcnemar_p=exact_mcnemar(scores, base) if how.binary and how.clusters is None else None,
        discordant=test.discordant if how.binary else None,
        n=test.n,
        items_needed=test.items_needed,
    )


def _quality(scored: Scored, base: Floats | None, test: QualityTest) -> Quality:
    first = scored.by_seed[0]
    groups: list[GroupQuality] = []
    for column, names in test.groups.items():
        if base is None:
            groups += [
                GroupQuality(
                    group=f"{column}={name}", n=int((names == name).sum()), value=_in_group(first, names == name, test),
                    difference=None, low=None, high=None, verdict="reference",
                )
                for name in sorted(set(names))
            ]  # fmt: skip
            continue
        for gap in group_gaps(
            first, base, names, seed=test.seed, higher_is_better=test.higher_is_better, clusters=test.clusters,
            classes=test.classes,
        ):  # fmt: skip
            groups.append(
                GroupQuality(
                    group=f"{column}={gap.group}",
                    n=gap.n,
                    value=_in_group(first, names.astype(str) == gap.group, test),
                    difference=gap.difference,
                    low=gap.interval.low if gap.interval else None,
                    high=gap.interval.high if gap.interval else None,
                    verdict=gap.verdict,
                    units=gap.units,
                )
            )
    return Quality(
        metric=test.metric,
        value=mean_with_interval(first, test),
        seed_values=tuple(float(each.mean()) for each in scored.by_seed),
        secondary=dict(scored.secondary),
        groups=tuple(groups),
    )


def _wilson(share: float, n: int) -> tuple[float, float]:
    """The ends of a share's 95 % score interval."""
    square = float(special.ndtri(0.975)) ** 2
    middle = share + square / (2 * n)
    reach = np.sqrt(square * (share * (1 - share) / n + square / (4 * n**2)))
    low, high = ((middle + each) / (1 + square / n) for each in (-reach, reach))
    return max(0.0, float(low)), min(1.0, float(high))


def _in_group(scores: Floats, members: NDArray[np.bool_], test: QualityTest) -> float:
    return float(scores_within(scores, members, test.classes).mean())
