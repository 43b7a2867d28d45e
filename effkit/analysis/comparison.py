"""Quality of every candidate and its paired gap to the reference, from per-item scores."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from effkit.analysis import shares
from effkit.analysis.bootstrap import paired_bootstrap
from effkit.analysis.groups import GroupGap, group_gaps, judge_together, over_seeds
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
from effkit.record import Estimate, Gap, GroupQuality, Quality

RESAMPLES = 2000
"""Of a candidate's own quality; of gaps, on which verdicts rest, the protocol says how many."""

Pair = tuple[Sequence[Floats], Sequence[Floats]]
"""Two (n,) arrays of scores for each training seed: of the one, and of what it is held against."""
InColumn = tuple[str, str]
"""A candidate, and a column of groups."""
Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


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
    training seed; a verdict that changes with the seed is inconclusive. So with the groups of all of them.
    """
    base = scores[reference].by_seed
    pairs = {name: (scored.by_seed, base) for name, scored in scores.items() if name != reference}
    gaps = gaps_over_seeds(pairs, test.margin(base[0]), test)
    groups = _groups(scores, reference, test)
    return {
        name: (_quality(scored, [*_of_columns(name, scored, groups, test)], test), gaps.get(name))
        for name, scored in scores.items()
    }


def gaps_over_seeds(pairs: Mapping[str, Pair], margin: float, test: QualityTest) -> dict[str, Gap]:
    """Return the gap of each pair: as it is with the first training seed, with a verdict over all seeds.

    Holm's correction runs over all pairs, once for each seed.

    Args:
        pairs: by name, the scores of the one and of what it is held against.
        margin: in the metric's own unit.
        test: the study's.
    """
    found = {
        name: [
            non_inferiority(
                ours,
                theirs,
                margin=margin,
                seed=test.seed,
                higher_is_better=test.higher_is_better,
                clusters=test.clusters,
                weights=test.weights,
                resamples=test.resamples,
                among=len(pairs),
            )
            for ours, theirs in _seed_by_seed(pair)
        ]
        for name, pair in pairs.items()
    }
    rounds = _rounds(found)
    verdicts = [holm_verdicts(each) for each in rounds]
    p_holm = holm([tests[0].p_value for tests in found.values()])
    return {
        name: _as_gap(tests[0], pairs[name], test).model_copy(
            update={
                "verdict": seed_verdict([each[name] for each in verdicts]),
                "p_holm": float(adjusted),
                "items_needed": items_over_seeds(tests),
                "enough_from": enough_from(rounds, name),
                "worse_below": worse_below(rounds, name),
            }
        )
        for (name, tests), adjusted in zip(found.items(), p_holm, strict=True)
    }


def items_over_seeds(tests: Sequence[NonInferiority]) -> int | None:
    """The most test items that a training seed needs; None where all pass, or one is beyond the help of more items.

    Args:
        tests: of one candidate, one a training seed.
    """
    needed = [each.items_needed for each in tests if each.verdict in ("inconclusive", "inferior")]
    return None if None in needed else max((each for each in needed if each is not None), default=None)


def mean_with_interval(scores: Floats, test: QualityTest) -> Estimate:
    """Mean of per-item scores with its 95 % interval, of items that depend and count as the test has it."""
    means = paired_bootstrap(scores, test.clusters, RESAMPLES, seed=test.seed, weights=test.weights)
    right = np.ones(len(scores)) if test.binary else test.weights
    return shares.mean(scores, means, right=right, clusters=test.clusters)


def _seed_by_seed(pair: Pair) -> Iterator[tuple[Floats, Floats]]:
    """Scores to be held against each other; what was trained once stands for every seed of the other."""
    for number in range(max(len(each) for each in pair)):
        ours, theirs = (each[min(number, len(each) - 1)] for each in pair)
        yield ours, theirs


def _rounds(found: Mapping[Key, Sequence[Result]]) -> list[dict[Key, Result]]:
    """What was found of everything with each training seed; what has fewer seeds stands with its last."""
    count = max((len(each) for each in found.values()), default=0)
    return [{key: each[min(number, len(each) - 1)] for key, each in found.items()} for number in range(count)]


def _as_gap(test: NonInferiority, pair: Pair, how: QualityTest) -> Gap:
    """One test of the first training seed, as a record keeps it."""
    independent = how.binary and how.clusters is None
    return Gap(
        difference=test.difference,
        low=test.interval.low,
        high=test.interval.high,
        margin=test.margin,
        verdict=test.verdict,
        verdict_alone=test.verdict,
        p_value=test.p_value,
        p_holm=test.p_value,
        mcnemar_p=exact_mcnemar(pair[0][0], pair[1][0]) if independent else None,
        discordant=test.discordant if how.binary else None,
        n=test.n,
        items_needed=test.items_needed,
    )


def _quality(scored: Scored, groups: Sequence[GroupQuality], test: QualityTest) -> Quality:
    return Quality(
        metric=test.metric,
        value=mean_with_interval(scored.by_seed[0], test),
        seed_values=tuple(float(each.mean()) for each in scored.by_seed),
        secondary=dict(scored.secondary),
        groups=tuple(groups),
    )


def _groups(scores: Mapping[str, Scored], reference: str, test: QualityTest) -> dict[InColumn, list[GroupGap]]:
    """The groups' gaps by candidate and column, with Holm over all of them, once for each training seed."""
    found = {
        (name, column): [
            group_gaps(
                ours,
                theirs,
                names,
                seed=test.seed,
                higher_is_better=test.higher_is_better,
                clusters=test.clusters,
                classes=test.classes,
            )
            for ours, theirs in _seed_by_seed((scored.by_seed, scores[reference].by_seed))
        ]
        for name, scored in scores.items()
        if name != reference
        for column, names in test.groups.items()
    }
    judged = [judge_together(each) for each in _rounds(found)]
    return {key: [over_seeds(gaps) for gaps in zip(*(each[key] for each in judged), strict=True)] for key in found}


def _of_columns(
    name: str, scored: Scored, gaps: Mapping[InColumn, Sequence[GroupGap]], test: QualityTest
) -> Iterator[GroupQuality]:
    """One candidate's quality in every group; the reference has no gap."""
    for column, names in test.groups.items():
        known = {gap.group: gap for gap in gaps.get((name, column), ())}
        for group in np.unique(names.astype(str)):
            members, gap = names.astype(str) == group, known.get(str(group))
            interval = None if gap is None else gap.interval
            yield GroupQuality(
                group=f"{column}={group}",
                n=int(members.sum()),
                value=float(scores_within(scored.by_seed[0], members, test.classes).mean()),
                difference=gap.difference if gap else None,
                low=interval.low if interval else None,
                high=interval.high if interval else None,
                verdict=gap.verdict if gap else "reference",
                units=gap.units if gap else None,
            )
