"""What if margin, limit, traffic, price or grid were others: a saved run's numbers, and what is said of them then.

Nothing is measured again: a decision only compares numbers, so the page's script can repeat it. `shown` is what
Python and the script both have to show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from effkit.analysis.contenders import Contender, Known, unwaited
from effkit.analysis.decide import Decision, Kind, Outcome, Weighed, What, decide, weigh
from effkit.analysis.rivals import MOVING, Numbers, numbers, p99_with_network
from effkit.analysis.serving import Serving
from effkit.report.checks import LIMITS, UNITS, bound, origin
from effkit.report.front import BOTTOM, LEFT, RIGHT, TOP, Front, front
from effkit.report.outcome import PASSED_OVER, PATTERNS, explores, outcome
from effkit.report.sliders import Knobs, Slider, at, sliders, start
from effkit.report.units import DASH, NBSP, SCALES, Unit, capital, show, whole
from effkit.report.view import View
from effkit.report.words import listing

SERVED = ("machines", "money", "served_energy", "carbon")
"""Columns of what serving takes at a traffic."""


@dataclass(frozen=True)
class Head:
    """A column of the table; `moves` where its cells depend on the sliders."""

    key: str
    title: str
    hint: str
    moves: bool
    origin: str


@dataclass(frozen=True)
class Cell:
    """One cell: a number, what belongs to it, and whether the limit on it is met."""

    text: str
    detail: str = ""
    outcome: Outcome | None = None


@dataclass(frozen=True)
class Line:
    """One candidate as it stands: chosen, or what comes of its limits."""

    state: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Shown:
    """What there is to see with the sliders where they stand.

    Attributes:
        chosen: place of what is chosen; None where nothing is.
        notes: what is to be said with the sentence.
        hidden: for each column whether it has nothing to say.
        margin_px: height of the margin's line in the figure, `limit_px` the place of the limit's; None draws none.
    """

    kind: Kind
    chosen: int | None
    sentence: str
    notes: tuple[str, ...]
    hidden: tuple[bool, ...]
    lines: tuple[Line, ...]
    margin_px: float | None
    limit_px: float | None


@dataclass(frozen=True)
class WhatIf:
    """A run to be moved about in: what stays the same wherever the sliders stand, and where they begin."""

    sliders: tuple[Slider, ...]
    numbers: Numbers
    heads: tuple[Head, ...]
    labels: tuple[str, ...]
    still: tuple[tuple[Cell, ...], ...]
    patterns: Mapping[Kind, str]
    currency: str
    explores: str
    as_asked: str
    waiting: str
    left_out: str
    scales: Mapping[str, tuple[tuple[float, str], ...]]
    front: Front | None
    begin: Knobs
    shown: Shown


def what_if(view: View) -> WhatIf | None:
    """Freeze a run for sliders.

    Args:
        view: of the record.

    Returns:
        None where there is nothing to compare, or no margin to move.
    """
    if view.reference.status == "failed" or len(view.contenders) < 2 or not view.asked.margin > 0:
        return None
    order = tuple(each.contender for each in decide(_tried(view), view.asked).order)
    heads = tuple(_heads(view, order))
    still = tuple(tuple(_still(view, each, head.key) for head in heads) for each in order)
    cost = view.asked.cost
    sentence = outcome(view, view.decision)
    begin = start(view.asked)
    made = WhatIf(
        sliders=sliders(view, [p99_with_network(each, view.asked) for each in order]),
        numbers=numbers(order, view.asked),
        heads=heads,
        labels=tuple(view.of(each.name) for each in order),
        still=still,
        patterns=PATTERNS,
        currency=f"{NBSP}{cost.currency}" if cost else "",
        explores=explores(view),
        as_asked=f"As the study asks it: {sentence}",
        waiting=view.waiting,
        left_out=_left_out(view),
        scales={unit: SCALES[unit] for unit in ("count", "j", "g")},
        front=front(view, order),
        begin=begin,
        shown=Shown(view.decision.kind, None, sentence, (), (), (), None, None),
    )
    return replace(made, shown=shown(view, made, begin))


def shown(view: View, still: WhatIf, knobs: Knobs) -> Shown:
    """What there is to see with the sliders somewhere else.

    Args:
        view: of the record.
        still: what stays the same.
        knobs: where the sliders stand.
    """
    made = decide(_tried(view), at(view.asked, knobs))
    names = [each.contender.name for each in made.order]
    chosen = None if made.chosen is None else names.index(made.chosen)
    drawn = still.front
    return Shown(
        kind=made.kind,
        chosen=chosen,
        sentence=outcome(view, made),
        notes=tuple(_notes(view, still, made)),
        hidden=tuple(_hidden(head.key, knobs) for head in still.heads),
        lines=tuple(
            Line("chosen" if place == chosen else each.outcome, tuple(_cells(still, place, each)))
            for place, each in enumerate(made.order)
        ),
        margin_px=drawn.margin_px(knobs.margin) if drawn else None,
        limit_px=drawn.limit_px(knobs.latency_p99_s) if drawn else None,
    )


def _tried(view: View) -> tuple[Contender, ...]:
    """The candidates as sliders hold them against a traffic: one that the study itself names takes a load test."""
    return unwaited(view.contenders) if view.asked.budget.requests_per_s is None else view.contenders


def _heads(view: View, order: Sequence[Contender]) -> Iterator[Head]:
    yield Head("quality", "Good enough", "from a margin of", moves=True, origin="measured")
    network = view.asked.budget.network_s or view.asked.budget.network_bytes_per_s
    yield Head("latency", "p99 latency", "with the network" if network else "", moves=True, origin="measured")
    rival = next((each for each in order if not each.reference), order[0])  # of whom all is asked, groups too
    for check in weigh(rival, view.asked).checks:
        if check.what in MOVING:
            continue
        limit = view.margin_value(check.limit) if check.what == "groups" else show(check.limit, UNITS[check.what])
        hint = f"{bound(check)} {limit}"
        yield Head(check.what, capital(LIMITS[check.what]), hint, moves=False, origin=_origin(view, order, check.what))
    if not any(each.serves for each in order):
        return
    workers = view.asked.workers_per_machine
    several = f", {whole(workers)} workers on each, as given" if workers > 1 else ""
    currency = f" {view.asked.cost.currency}" if view.asked.cost else ""
    served = [
        ("machines", "Machines", f"at that traffic{several}"),
        ("money", "Money", _at_most(view.asked.budget.money_per_thousand, currency)),
    ]
    if any(each.idle_w is not None and each.above_idle_j is not None for each in order):
        served.append(("served_energy", "Energy", "of 1,000 requests"))
        served.append(("carbon", "CO₂e", _at_most(view.asked.budget.carbon_g_per_thousand, " g")))
    for key, title, hint in served:
        yield Head(key, title, hint, moves=True, origin="modelled")


def _origin(view: View, order: Sequence[Contender], what: What) -> str:
    """How the numbers of a column that stands still came to be."""
    checks = [(each, check) for each in order for check in weigh(each, view.asked).checks if check.what == what]
    known = [origin(view.record.candidate(each.name), check, check.known) for each, check in checks]
    return " or ".join(sorted({each for each in known if each}))


def _at_most(limit: float | None, unit: str) -> str:
    return "of 1,000 requests" + ("" if limit is None else f", at most {limit:g}{unit}")


def _still(view: View, each: Contender, key: str) -> Cell:
    """A cell without what moves."""
    if key == "quality":
        if each.reference:
            return Cell("the reference")
        return Cell(DASH, "tells its own margin only") if each.enough_from is None else _margin(view, each.enough_from)
    if key == "latency":
        return _known(p99_with_network(each, view.asked), "s")
    check = next((check for check in weigh(each, view.asked).checks if check.what == key), None)
    if check is None:
        return Cell("")
    if key == "groups":
        return Cell(check.known.why, "worst group" if check.known.value is not None else "", check.outcome)
    return replace(_known(check.known, UNITS[check.what]), outcome=check.outcome)


def _margin(view: View, enough_from: float) -> Cell:
    return Cell(view.margin_value(enough_from) if enough_from > 0 else "any margin")


def _known(known: Known, unit: Unit) -> Cell:
    if known.value is not None:
        inexact = known.low is not None and known.high is not None and known.low < known.high
        ends = f"{show(known.low, unit)} to {show(known.high, unit)}" if inexact else ""
        return Cell(show(known.value, unit), ", ".join(each for each in (ends, known.why) if each))
    bounds = {"over": known.low, "under": known.high}
    told = [f"{word} {show(end, unit)}" for word, end in bounds.items() if end is not None]
    return Cell(" and ".join(told) or DASH, known.why.partition(":")[0])


def _cells(still: WhatIf, place: int, each: Weighed) -> Iterator[Cell]:
    outcomes = {check.what: check.outcome for check in each.checks}
    for head, cell in zip(still.heads, still.still[place], strict=True):
        if not head.moves:
            yield cell
        elif head.key in ("quality", "latency"):
            yield replace(cell, outcome=outcomes.get(head.key))  # type: ignore[call-overload]
        else:
            text = _served(still, each.serving, head.key)
            yield Cell(text, "", outcomes.get(head.key))  # type: ignore[call-overload]


def _served(still: WhatIf, serving: Serving | None, key: str) -> str:
    if serving is None:
        return DASH
    money = serving.money_per_thousand
    text = {
        "machines": whole(serving.machines),
        "money": DASH if money is None else f"{show(money, 'count')}{still.currency}",
        "served_energy": show(serving.energy_j_per_thousand, "j"),
        "carbon": show(serving.carbon_g_per_thousand, "g"),
    }[key]
    return f"at most {text}" if serving.at_most and text != DASH else text


def _hidden(key: str, knobs: Knobs) -> bool:
    """Whether a column has nothing to say: without a traffic there are no machines, without a price no money."""
    if key not in SERVED:
        return False
    missing = {"money": knobs.price is None, "carbon": knobs.grid_g_per_kwh is None}
    return knobs.requests_per_s is None or missing.get(key, False)


def _notes(view: View, still: WhatIf, made: Decision) -> Iterator[str]:
    if made.asked.margin != view.asked.margin:
        yield still.explores
    if (made.kind, made.chosen) != (view.decision.kind, view.decision.chosen):
        yield still.as_asked
    budget = made.asked.budget
    if still.waiting and budget.latency_p99_s is not None and budget.requests_per_s is not None:
        yield still.waiting


def _left_out(view: View) -> str:
    twins = view.decision.twins
    if not twins:
        return ""
    pairs = [f"{view.of(name)} for {view.of(better)}" for name, better in twins.items()]
    return f"Left out, as the same does better with other labels: {listing(pairs)}."


def for_script(found: WhatIf) -> dict[str, Any]:
    """What the page's script works with, as plain values."""
    drawn = found.front
    return {
        "numbers": asdict(found.numbers),
        "sliders": [
            {"knob": each.knob, "values": each.values, "words": each.words, "start": each.start, "on": each.on,
             "off": each.off}
            for each in found.sliders
        ],
        "heads": [{"key": head.key, "moves": head.moves} for head in found.heads],
        "labels": found.labels,
        "still": [[asdict(cell) for cell in cells] for cells in found.still],
        "patterns": dict(found.patterns),
        "passed_over": dict(PASSED_OVER),
        "currency": found.currency,
        "explores": found.explores,
        "as_asked": found.as_asked,
        "waiting": found.waiting,
        "scales": found.scales,
        "begin": {
            "margin": found.begin.margin, "latency": found.begin.latency_p99_s, "traffic": found.begin.requests_per_s,
            "price": found.begin.price, "grid": found.begin.grid_g_per_kwh, "kind": found.shown.kind,
            "chosen": found.shown.chosen,
        },
        "front": drawn
        and {
            "margin_at": drawn.margin_at, "margin_per": drawn.margin_per, "height": (TOP, BOTTOM),
            "limit_at": drawn.limit_at, "limit_per": drawn.limit_per, "limit_drawn": drawn.limit_drawn,
            "width": (LEFT, RIGHT),
        },
    }  # fmt: skip
