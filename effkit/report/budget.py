"""What production allows, checked candidate by candidate: meets, does not, or unknown and why."""

from __future__ import annotations

from effkit.analysis.decide import Check
from effkit.record import CandidateRecord
from effkit.report.checks import LIMITS, amount, bound, measured_words, origin, why_open
from effkit.report.comparison import origins_above
from effkit.report.values import Cell, Column, Row, Table
from effkit.report.view import View


def budget_table(view: View) -> Table | None:
    """Every candidate against every limit that the study names; None where it names none."""
    found = {each.contender.name: _limits(each.checks) for each in view.decision.order}
    checks = next(iter(found.values()))
    if not checks:
        return None
    columns = (Column(LIMITS[each.what], f"{bound(each)} {amount(each, each.limit)}") for each in checks)
    rows = (
        Row(
            view.label(c), c.name, tuple(_cell(view, c, check) for check in found[c.name]),
            ("reference",) if c.reference else (),
        )
        for c in view.measured
        if c.name in found
    )  # fmt: skip
    return origins_above(Table("budget", "Budget", "Candidate", tuple(columns), tuple(rows)))


def met_by_reference(view: View) -> list[str]:
    """The limits' names, when the reference meets every one of them; otherwise nothing."""
    reference = view.decision.weighed(view.reference.name)
    checks = _limits(reference.checks)
    return [LIMITS[check.what] for check in checks] if reference.affordable == "meets" else []


def _limits(checks: tuple[Check, ...]) -> list[Check]:
    return [check for check in checks if not check.of_quality]


def _cell(view: View, candidate: CandidateRecord, check: Check) -> Cell:
    shown, how = measured_words(view, check), origin(candidate, check, check.known) or ""
    match check.outcome:
        case "meets":
            return Cell("meets", detail=shown, tone="good", origin=how)
        case "fails":
            return Cell("does not meet", detail=shown, tone="bad", origin=how)
        case "open":
            return Cell("unknown", detail=f"{shown}{why_open(check)}", tone="warn", origin=how)
