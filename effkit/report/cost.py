"""What serving takes at the study's traffic, and when making pays back: the analysis of cost in words and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from effkit.analysis.cost import BEST_FIRST, HEAD_ROOM, Basis, Provision, provision
from effkit.analysis.joules import answers_together
from effkit.analysis.payback import BreakEven, energy_break_even, made_by, making_j, time_break_even, year_grams
from effkit.analysis.rates import serves_more, usable
from effkit.record import CandidateRecord, Estimate
from effkit.report.comparison import ColumnSpec, build, energy_origin
from effkit.report.units import DASH, NBSP, Unit, interval, many, rate, rate_number, show, whole
from effkit.report.values import Cell, Table
from effkit.report.view import View
from effkit.report.words import listing, side_by_side

BASIS_WORDS: dict[Basis, str] = {
    "load test": "from a load test",
    "saturation": "from a load test's saturation",
    "latency": "from latency",
}
FindsBreakEven = Callable[[CandidateRecord, CandidateRecord], BreakEven]
NEARLY_ALL = 0.9
"""Share of idling from which on the report says that it is nearly all there is."""


def provided(view: View, candidate: CandidateRecord) -> Iterator[Provision]:
    """What serving a candidate takes, one for each traffic of the study; nothing where its rate is not known."""
    spec = view.record.spec
    for requests_per_s in spec.traffic:
        found = provision(candidate, requests_per_s, carbon=spec.carbon, cost=spec.cost)
        if found is not None:
            yield found


def traffic_table(view: View, chosen: str | None) -> Table | None:
    """Machines, money, energy and carbon of every candidate at every traffic; None where no rate is known."""
    found = {view.label(c): each for c in view.measured if (each := list(provided(view, c)))}
    if not found:
        return None
    columns = [
        ColumnSpec(rate(each), "machines; per 1,000 requests", _at(place))
        for place, each in enumerate(view.record.spec.traffic)
    ]
    made = build(view, columns, key="traffic", title="At your traffic", chosen=chosen)
    return replace(made, note=" ".join((*_choice(view, found), *_idling(found), *_assumed(view, found))))


def year_table(view: View) -> Table | None:
    """Carbon of making a candidate and of serving it for a year; None where none is known."""
    columns = [
        ColumnSpec(rate(each), "CO₂e of a year", _year(place)) for place, each in enumerate(view.record.spec.traffic)
    ]
    columns.append(ColumnSpec("Making", "once, all steps", _making))
    made = build(view, columns, key="year", title="Carbon of a year")
    if all(cell.text == DASH for row in made.rows for cell in row.cells[:-1]):
        return None
    asked = view.record.spec.carbon
    lasting = "1 year" if asked.lifetime_years == 1 else f"{asked.lifetime_years:g} years"
    making_machines = f", and {asked.embodied_kg or 0:g} kg for making each machine, shared over {lasting}"
    embodied = "" if asked.embodied_kg is None else making_machines
    return replace(
        made,
        note=f"Making once and serving for a year, with the grid of {asked.place}, a PUE of {asked.pue:g}{embodied}.",
    )


def payback_table(view: View) -> Table | None:
    """After how many requests a candidate has saved what making it took; None where nothing was made."""
    if not any(c.making for c in view.measured if not c.reference):
        return None
    columns = [
        ColumnSpec("Energy", "requests until it pays back", lambda v, c: _pays(v, c, energy_break_even)),
        ColumnSpec("Time", "requests until it pays back", lambda v, c: _pays(v, c, time_break_even)),
    ]
    made = build(view, columns, key="payback", title="When making pays back")
    return replace(
        made,
        note=(
            f"{view.label(view.reference)} is taken to be there already, so everything that making a candidate took "
            "counts against it. What a request saves is gross: it is saved where the machine has other work to do "
            "meanwhile."
        ),
    )


def _at(place: int) -> Callable[[View, CandidateRecord], Cell]:
    def cell(view: View, candidate: CandidateRecord) -> Cell:
        each = _nth(view, candidate, place)
        if each is None:
            return Cell(DASH, detail=_why_unknown(candidate), tone="muted")
        number = each.machines
        machines = many(int(number.value), "machine")
        return Cell(
            f"{_at_most(each)}{machines}",
            claim=_ends(each),
            detail=", ".join(_per_thousand(view, each)),
            origin=f"modelled · {BASIS_WORDS[each.capacity.basis]}",
        )

    return cell


def _at_most(each: Provision) -> str:
    return "at most " if each.at_most else ""


def _nth(view: View, candidate: CandidateRecord, place: int) -> Provision | None:
    found = list(provided(view, candidate))
    return found[place] if found else None


def _why_unknown(candidate: CandidateRecord) -> str:
    return "no rate of the load test is shown to meet the p99 budget" if candidate.load else "not measured"


def _ends(each: Provision) -> str:
    number = each.machines
    if each.capacity.basis == "load test" and each.capacity.per_s.low is None:
        return "not shown to be enough"  # the interval of the rate reaches below the lowest that was tried
    if number.low is None or number.high is None or number.low == number.high:
        return ""
    return f"[{whole(int(number.low))},{NBSP}{whole(int(number.high))}]"


def _per_thousand(view: View, each: Provision) -> Iterator[str]:
    cost = view.record.spec.cost
    if each.money_per_thousand is not None and cost is not None:
        yield _told(each.money_per_thousand, "count", cost.currency)
    if each.energy_j_per_thousand is not None:
        yield _told(each.energy_j_per_thousand, "j")
    if each.carbon_g_per_thousand is not None:
        yield _told(each.carbon_g_per_thousand, "g", "CO₂e")


def _told(number: Estimate, unit: Unit, of: str = "") -> str:
    """A number, and its interval where that is wider than the digits shown."""
    text = show(number.value, unit)
    wider = {show(end, unit) for end in (number.low, number.high) if end is not None} - {text}
    ends = interval(number.low, number.high, unit, number.value) if wider else ""
    return " ".join(filter(None, (f"{text}{NBSP}{of}".rstrip(), ends)))


def _choice(view: View, found: dict[str, list[Provision]]) -> Iterator[str]:
    """Where the traffic leaves nothing to choose by, and from where on it does."""
    if len(found) < 2:
        return
    bases = {each[0].capacity.basis for each in found.values()}
    if len(found) == len(view.measured) and len(bases) == 1:  # else some may need more
        yield from _alike(found)
    yield from _turning_point(found, view.asked.noise)


def _alike(found: dict[str, list[Provision]]) -> Iterator[str]:
    """The traffics at which all are known to need as many machines."""
    same: dict[int, list[str]] = {}
    for each in zip(*found.values(), strict=True):
        needed = each[0].machines.value
        if all((one.machines.low, one.machines.high) == (needed, needed) for one in each):
            same.setdefault(int(needed), []).append(rate(each[0].requests_per_s))
    for number, rates in same.items():
        machines = "one machine" if number == 1 else many(number, "machine")
        yield f"At {listing(rates)} every candidate needs {machines}: cost decides nothing there."


def _turning_point(found: dict[str, list[Provision]], noise: float) -> Iterator[str]:
    """From where on candidates differ in machines by more than noise, among those whose rates are of the best kind."""
    for basis in BEST_FIRST:
        served = {label: each[0] for label, each in found.items() if each[0].capacity.basis == basis}
        if len(served) < 2:
            continue
        given = {label: each.usable_per_s for label, each in served.items()}
        first, last = min(given, key=lambda label: given[label]), max(given, key=lambda label: given[label])
        least, most = (usable(served[label].capacity) for label in (first, last))
        if least is not None and most is not None and serves_more(most, least, noise):
            needs = "may need" if served[first].capacity.at_least else "needs"
            yield (
                f"Above {rate(given[first])} {first} {needs} a second machine, {last} only above "
                f"{rate_number(given[last])}."
            )
        return


def _idling(found: dict[str, list[Provision]]) -> Iterator[str]:
    """Where machines mostly wait."""
    rates = []
    for each in zip(*found.values(), strict=True):
        shares = [one.idle_share for one in each if one.idle_share is not None]
        if shares and min(shares) >= NEARLY_ALL:
            rates.append(each[0].requests_per_s)
    if rates:
        *before, last = rates
        yield f"At {listing([*map(rate_number, before), rate(last)])} nearly all the energy is that of idle machines."


def _assumed(view: View, found: dict[str, list[Provision]]) -> Iterator[str]:
    """What the numbers take for granted."""
    bases = {each[0].capacity.basis for each in found.values()}
    share = f"{100 * HEAD_ROOM:.0f}{NBSP}%"
    words = {
        "load test": "the highest rate at which a load test met the p99 budget",
        "saturation": f"{share} of a load test's saturation",
        "latency": f"{share} of what it answers one by one (waiting was not measured)",
    }
    rates = " or ".join(text for basis, text in words.items() if basis in bases)
    several = side_by_side(view.asked.workers_per_machine)
    alone = f"one worker at {rates}; how several workers share a machine was not measured"
    yield f"A machine is one like this, with {f'each worker at {rates}' if several else alone}."
    yield from several
    if any(one.at_most for each in found.values() for one in each):
        yield "At most: the highest rate within the budget may be higher than is known, and fewer machines do then."
    if len(bases) > 1:
        yield "Rows with different badges rest on different tests and are not comparable."
    if any(one.energy_j_per_thousand for each in found.values() for one in each):
        asked = view.record.spec.carbon
        ranks = sorted({origin for c in view.measured if (origin := energy_origin(c))})
        pue = "" if asked.pue == 1 else f", a PUE of {asked.pue:g}"
        embodied = "" if asked.embodied_kg is None else " and the making of the machines"
        yield (
            f"Energy is that of all machines around the clock ({' and '.join(ranks)}); "
            f"CO₂e is for the grid of {asked.place}{pue}{embodied}."
        )
    if any(answers_together(c) and c.energy and c.energy.request_j for c in view.measured):
        yield "Energy was measured one item at a time, so none is told where a load test answers several together."
    cost = view.record.spec.cost
    if cost is not None:
        yield f"A machine is {cost.machine_per_hour:g}{NBSP}{cost.currency} an hour ({cost.source})."


def _year(place: int) -> Callable[[View, CandidateRecord], Cell]:
    def cell(view: View, candidate: CandidateRecord) -> Cell:
        each = _nth(view, candidate, place)
        total = year_grams(candidate, each, view.record.spec.carbon) if each else None
        if each is None or total is None:
            return Cell(DASH, detail="energy of making or serving is not known", tone="muted")
        found = _shown(total, "g")
        return replace(found, text=f"{_at_most(each)}{found.text}")

    return cell


def _making(view: View, candidate: CandidateRecord) -> Cell:
    if not candidate.making:
        return Cell("nothing made", tone="muted")
    made_j = making_j(candidate)
    if made_j is None:
        return Cell(DASH, detail="not known for every step", tone="muted")
    return Cell(show(made_j, "j"), origin=made_by(candidate))


def _pays(view: View, candidate: CandidateRecord, find: FindsBreakEven) -> Cell:
    if candidate.reference:
        return Cell("reference", tone="muted")
    found = find(candidate, view.reference)
    if found.requests is None:
        return Cell(DASH, detail=found.reason, tone="muted")
    return _shown(found.requests, "count")


def _shown(estimate: Estimate, unit: Unit) -> Cell:
    ends = interval(estimate.low, estimate.high, unit, estimate.value)
    return Cell(show(estimate.value, unit), detail=ends, origin=estimate.origin)
