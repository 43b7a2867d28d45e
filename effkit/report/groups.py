"""Quality inside groups of items: a small model may hold on average and fail some."""

from __future__ import annotations

from collections.abc import Iterator

from effkit.analysis.groups import FEWEST_FOR_VERDICT, judged
from effkit.analysis.quality import FEWEST_UNITS
from effkit.record import CandidateRecord, GroupQuality
from effkit.report.units import DASH, whole
from effkit.report.values import Cell, Column, Row, Table
from effkit.report.view import View
from effkit.report.words import GROUP_TONES, GROUP_WORDS, some


def groups(view: View) -> Table:
    """Quality inside each group of items."""
    rows = [
        Row(view.label(c), c.name, (Cell(group.group), Cell(whole(group.n)), *_group_cells(view, group)))
        for c in view.measured
        for group in (c.quality.groups if c.quality else ())
    ]
    columns = (
        Column("Group"),
        Column("Items", "", "counted"),
        Column("Quality", view.metric, "measured"),
        Column("Gap to reference", "% of the reference's error" if view.lower_is_better else "points", "measured"),
    )
    return Table("groups", "Groups", "Candidate", columns, tuple(rows))


def worst_groups(view: View) -> tuple[str, ...]:
    """For each candidate, the group in which it loses most to the reference, in a sentence."""
    return tuple(_worst(view, c) for c in view.measured if _with_gap(c) and not c.reference)


def unjudged(view: View, margin_points: float | None) -> Iterator[str]:
    """Which groups are not held against a margin for every group: what a rare class loses is not seen by it.

    Args:
        view: of the record.
        margin_points: of that margin; None where there is none.
    """
    of_others = [c.quality.groups for c in view.measured if c.quality and not c.reference]
    small = {g.group for groups in of_others for g in groups if not judged(g.n, g.units)}
    if margin_points is None or not small:
        return
    clusters = f" in {FEWEST_UNITS} clusters" if view.record.task.clusters is not None else ""
    yield (
        f"The margin in any group is not held against {some(sorted(small))}: a group is judged from "
        f"{FEWEST_FOR_VERDICT} test items{clusters} on, so a loss there is not seen."
    )


def _group_cells(view: View, group: GroupQuality) -> tuple[Cell, Cell]:
    quality = Cell(DASH, tone="muted") if group.value is None else Cell(view.quality(group.value))
    if group.difference is None:
        return quality, Cell(DASH, claim=_said(group), tone="muted")
    return quality, Cell(
        view.gap_value(group.difference),
        detail=view.gap_interval(group.low, group.high),
        claim=_said(group),
        tone=GROUP_TONES.get(group.verdict, ""),
    )


def _with_gap(candidate: CandidateRecord) -> list[GroupQuality]:
    return [g for g in (candidate.quality.groups if candidate.quality else ()) if g.difference is not None]


def _worst(view: View, candidate: CandidateRecord) -> str:
    worst = min(_with_gap(candidate), key=lambda g: g.difference or 0.0)
    gap = f"{view.gap_value(worst.difference or 0.0)} {view.gap_interval(worst.low, worst.high)}".rstrip()
    return f"{view.label(candidate)}: worst in {worst.group} ({gap}, {whole(worst.n)} items), {_said(worst)}."


def _said(group: GroupQuality) -> str:
    return GROUP_WORDS.get(group.verdict, group.verdict)
