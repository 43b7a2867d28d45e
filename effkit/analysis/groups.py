"""Does the candidate lose more in some group than overall? A paired gap per group, with Holm over groups."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from effkit.analysis.bootstrap import finite_scores
from effkit.analysis.interval import FEWEST_CLUSTERS, Interval
from effkit.analysis.quality import FEWEST_UNITS, PairedGap, exact_mcnemar, holm, paired_gap
from effkit.balance import class_weights, scores_within
from effkit.evidence import LEVEL

FEWEST_FOR_NUMBER = 30
FEWEST_FOR_VERDICT = 200
FEWEST_DISCORDANT = 20

GroupVerdict = Literal["worse", "better", "no difference shown", "number only", "too few items"]
Table = TypeVar("Table", bound=Hashable)


@dataclass(frozen=True)
class GroupGap:
    """One group's paired gap, positive where the candidate is better; None where there are too few items.

    `interval` is None below five clusters too; `units` are clusters where given, else items. `p_value` is two-sided,
    `p_adjusted` after Holm over the groups with enough items for a verdict, of all that are judged together.
    """

    group: str
    n: int
    discordant: int
    difference: float | None
    interval: Interval | None
    units: int | None
    p_value: float | None
    p_adjusted: float | None
    verdict: GroupVerdict


def group_gaps(
    candidate_scores: ArrayLike,
    reference_scores: ArrayLike,
    groups: ArrayLike,
    *,
    seed: int,
    higher_is_better: bool = True,
    clusters: ArrayLike | None = None,
    classes: ArrayLike | None = None,
    resamples: int = 2_000,
) -> list[GroupGap]:
    """Paired gap of every group, in the order of their labels.

    A verdict needs 200 items, 20 of them discordant, and 20 clusters where given; a number alone needs 30 items, and
    its interval, that of `paired_gap`, five clusters. The test is exact McNemar on right/wrong scores, and Student's t
    on the bootstrap's standard error on graded or clustered ones; where right answers are weighed by class, the score
    test's p where that is larger.
    "no difference shown" is no proof of equality: a group is smaller than the whole. Holm runs over these groups, at
    5 % two-sided; over those of further columns or candidates too with `judge_together`.

    Args:
        candidate_scores: One score per item.
        reference_scores: The reference's, on the same items in the same order.
        groups: Each item's group.
        seed: Drives the bootstrap.
        higher_is_better: False for errors.
        clusters: A label per item where items are not independent.
        classes: Each item's class where right answers are weighed by it: in a group, by the group's own classes.
        resamples: Bootstrap draws per group.

    Raises:
        ValueError: The arrays differ in length, or a score is not finite.
    """
    candidate = finite_scores(candidate_scores, "candidate_scores")
    reference = finite_scores(reference_scores, "reference_scores")
    labels: NDArray[Any] = np.asarray(groups).astype(str)
    if not candidate.shape == reference.shape == labels.shape:
        raise ValueError(
            f"candidate_scores, reference_scores and groups have shapes {candidate.shape}, "
            f"{reference.shape} and {labels.shape}; give one of each per item"
        )
    names = [str(name) for name in np.unique(labels)]
    cluster_of = None if clusters is None else np.asarray(clusters)
    class_of = None if classes is None else np.asarray(classes)
    rows: list[GroupGap] = []
    for offset, name in enumerate(names):
        members = labels == name
        if members.sum() < FEWEST_FOR_NUMBER:
            discordant = int(np.count_nonzero(candidate[members] != reference[members]))
            rows.append(GroupGap(name, int(members.sum()), discordant, None, None, None, None, None, "too few items"))
            continue
        ours, theirs = (scores_within(scores, members, class_of) for scores in (candidate, reference))
        gap = paired_gap(
            ours, theirs, seed=seed + offset, higher_is_better=higher_is_better,
            clusters=None if cluster_of is None else cluster_of[members],
            weights=None if class_of is None else class_weights(class_of[members]),
            resamples=resamples,
        )  # fmt: skip
        p_value = None
        if judged(gap.n, gap.interval.n) and gap.discordant >= FEWEST_DISCORDANT:
            if cluster_of is None and bool(np.isin([ours, theirs], (0.0, 1.0)).all()):
                p_value = exact_mcnemar(ours, theirs)
            else:
                p_value = _student_p(gap, weighed=class_of is not None)
        difference, units = gap.interval.estimate, gap.interval.n
        interval = gap.interval if units >= FEWEST_CLUSTERS else None
        rows.append(GroupGap(name, gap.n, gap.discordant, difference, interval, units, p_value, None, "number only"))
    return _adjusted(rows)


def judge_together(tables: Mapping[Table, Sequence[GroupGap]]) -> dict[Table, list[GroupGap]]:
    """Judge the groups of several tables, with Holm over all of them: chance has as many tries as there are groups.

    Args:
        tables: Of `group_gaps`, one for each column and candidate.
    """
    rows = iter(_adjusted([row for table in tables.values() for row in table]))
    return {name: [next(rows) for _ in table] for name, table in tables.items()}


def over_seeds(gaps: Sequence[GroupGap]) -> GroupGap:
    """One group over all training seeds: what it is with the first, with the outermost ends and what all agree on.

    Args:
        gaps: Of one candidate's group, one a training seed.
    """
    verdicts = {each.verdict for each in gaps}
    verdict: GroupVerdict = gaps[0].verdict if len(verdicts) == 1 else "no difference shown"
    return replace(gaps[0], interval=_outermost([each.interval for each in gaps]), verdict=verdict)


def judged(n: int, units: int | None) -> bool:
    """Whether a group is large enough to be judged.

    Args:
        n: Its items.
        units: What is independent among them: its clusters, where given; None where each item is.
    """
    return n >= FEWEST_FOR_VERDICT and (n if units is None else units) >= FEWEST_UNITS


def _student_p(gap: PairedGap, *, weighed: bool) -> float:
    """Two-sided p of "no difference" by Student's t on the bootstrap's error; weighed, the score's where larger."""
    units = gap.interval.n
    # The bootstrap's spread is short by sqrt((units - 1) / units).
    error = max(float(gap.means.std()) * np.sqrt(units / (units - 1)), 1e-300)
    by_student = 2 * float(special.stdtr(units - 1, -abs(gap.interval.estimate) / error))
    return max(by_student, gap.strata.two_sided_p()) if weighed and gap.strata is not None else by_student


def _adjusted(rows: Sequence[GroupGap]) -> list[GroupGap]:
    adjusted = iter(holm([row.p_value for row in rows if row.p_value is not None]))
    return [row if row.p_value is None else _judged(row, float(next(adjusted))) for row in rows]


def _judged(row: GroupGap, p: float) -> GroupGap:
    verdict: GroupVerdict = "no difference shown"
    if p < 2 * LEVEL:
        verdict = "worse" if (row.difference or 0.0) < 0 else "better"
    return replace(row, p_adjusted=p, verdict=verdict)


def _outermost(intervals: Sequence[Interval | None]) -> Interval | None:
    known = [each for each in intervals if each is not None]
    if len(known) < len(intervals):
        return None
    return replace(known[0], low=min(each.low for each in known), high=max(each.high for each in known))
