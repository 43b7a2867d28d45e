"""The table of load tests: how many requests one worker takes, and how long they wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from effkit.record import CandidateRecord, Estimate, Load, LoadPoint, PercentileRecord, percentile_of
from effkit.report.comparison import UNMEASURED, ColumnSpec, build, estimate_cell
from effkit.report.units import interval, show
from effkit.report.values import Cell, Table
from effkit.report.view import View

BOUND_SIGNS = {"within": "", "at least": "≥ ", "below": "< ", "unknown": ""}


def under_load(view: View) -> Table | None:
    """Latency under load of the candidates that were tested; None where none was."""
    tested = {c.name for c in view.measured if c.load is not None}
    spec = view.record.spec.load
    if not tested or spec is None:
        return None
    columns = [ColumnSpec("Saturation", "requests a second", _saturation)]
    for share in spec.shares:
        at = f"at {100 * share:g} %"
        columns += [ColumnSpec(f"p{level} {at}", "of saturation", _at(share, level)) for level in (50, 99)]
    budget_s = view.record.spec.budget.latency_p99_s
    if budget_s is not None:
        budget = view.record.spec.budget
        network = ", the network's part included" if budget.network_s or budget.network_bytes_per_s else ""
        columns.append(ColumnSpec("Highest rate", f"p99 within {show(budget_s, 's')}{network}", _highest))
    table = build(view, columns, key="load", title="Under load")
    together = "one at a time" if spec.max_batch == 1 else f"up to {spec.max_batch} together"
    note = (
        f"One worker answers what waits, {together}. Requests arrive at random, by MLPerf LoadGen, whether or not "
        "the last one is answered; latency counts from the scheduled arrival, so waiting is in it."
    )
    return replace(table, rows=tuple(row for row in table.rows if row.name in tested), note=note)


def _saturation(view: View, candidate: CandidateRecord) -> Cell:
    return estimate_cell(candidate.load.saturation_per_s if candidate.load else None, "items/s")


def _at(share: float, level: float) -> Callable[[View, CandidateRecord], Cell]:
    return lambda view, candidate: _percentile(candidate, share, level)


def _percentile(candidate: CandidateRecord, share: float, level: float) -> Cell:
    points = candidate.load.points if candidate.load else ()
    point = next((each for each in points if each.share == share), None)
    found = percentile_of(point.percentiles, level) if point else None
    return UNMEASURED if point is None or found is None else _cell(point, found)


def _cell(point: LoadPoint, found: PercentileRecord) -> Cell:
    limited = "generator-limited" if point.generator_limited else ""
    if found.value_s is None:
        lower = max((each.low_s for each in point.percentiles if each.low_s is not None), default=None)
        least = "" if lower is None else f"at least {show(lower, 's')}; "
        most = "" if found.high_s is None else f"at most {show(found.high_s, 's')}; "
        worth = f"{least}{most}worth {found.n_effective:,.0f} independent requests"
        return Cell("n too small", detail=worth, claim=limited, tone="muted")
    ends = interval(found.low_s, found.high_s, "s", found.value_s)
    if found.high_s is None and found.low_s is not None:
        ends = f"at least {show(found.low_s, 's')}"
    return Cell(show(found.value_s, "s"), detail=ends, claim=limited, tone="warn" if limited else "", origin="measured")


def _highest(view: View, candidate: CandidateRecord) -> Cell:
    load = candidate.load
    if load is None:
        return UNMEASURED
    if load.highest_per_s is None and load.bound == "below":
        lowest = show(load.points[0].asked_per_s, "items/s")
        return Cell(f"{BOUND_SIGNS['below']}{lowest}", detail="the lowest rate that was tried")
    if load.highest_per_s is None:
        return Cell("n too small", detail="no p99 that could be held against it", tone="muted")
    cell = estimate_cell(load.highest_per_s, "items/s")
    if load.bound == "at least":
        cell = replace(cell, detail="; ".join(filter(None, (_at_least(load), _shown_up_to(load.highest_per_s)))))
    elif load.bound == "below":
        cell = replace(cell, detail=f"the lowest rate that was tried{_shown_too_much(load.highest_per_s)}")
    elif not cell.detail:
        cell = replace(cell, detail=_shown_up_to(load.highest_per_s))
    return replace(cell, text=f"{BOUND_SIGNS[load.bound or 'within']}{cell.text}")


def _at_least(load: Load) -> str:
    """What bounds a rate from above: the next one, where it is known to be too much, or nothing that is known."""
    beyond = load.highest_per_s.high if load.highest_per_s else None
    if beyond is None:
        return "the highest rate whose p99 is known"
    return f"below {show(beyond, 'items/s')}, where p99 is beyond it"


def _shown_up_to(highest: Estimate) -> str:
    """Up to where the interval bears a rate that the p99 as it was seen allows; nothing where it bears all of it."""
    if highest.low is None:
        return "shown at no rate"
    return "" if highest.low >= highest.value else f"shown up to {show(highest.low, 'items/s')}"


def _shown_too_much(lowest: Estimate) -> str:
    """Nothing where the interval, too, has the lowest rate as too much: it ends there then."""
    return "" if lowest.high == lowest.value else "; not shown to be too much"
