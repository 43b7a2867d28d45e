"""What would change a decision: how far each input can move, and what is chosen at every traffic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from effkit.analysis.decide import Decision
from effkit.analysis.flips import Flip, Input, Stretch, choices, flips
from effkit.report.units import NBSP, Unit, rate, rate_number, show
from effkit.report.view import View


def changes(view: View, decision: Decision) -> Iterator[str]:
    """How far each input can move before something else is chosen, a sentence each."""
    found = flips(view.contenders, decision.asked)
    for flip in found:
        yield f"{_moved(view, decision, flip)}, {_becomes(view, flip)}."
    for name in ("price", "grid"):
        asked = {"price": decision.asked.cost, "grid": decision.asked.grid_g_per_kwh}[name]
        if asked is not None and all(flip.input != name for flip in found):
            yield f"No {name} within a hundredth and a hundred times of today's changes it: it weighs on all alike."


_INPUTS: Mapping[Input, tuple[str, Unit]] = {
    "margin": ("a margin", "count"),
    "latency_p99_s": ("a p99 limit", "s"),
    "peak_bytes": ("a memory limit", "bytes"),
    "weight_bytes": ("a limit on size", "bytes"),
    "cold_start_s": ("a limit on cold start", "s"),
    "items_per_s": ("a throughput asked for", "items/s"),
    "energy_j": ("an energy limit", "j"),
    "requests_per_s": ("a traffic", "count"),
    "price": ("a price per machine and hour", "count"),
    "grid": ("a grid", "count"),
}


def _moved(view: View, decision: Decision, flip: Flip) -> str:
    what, unit = _INPUTS[flip.input]
    now, cost = flip.now, decision.asked.cost
    side = "below" if now is None or flip.at < now else "above"

    def tell(value: float) -> str:
        match flip.input:
            case "margin":
                return view.margin_value(value)
            case "requests_per_s":
                return rate(value)
            case "price":
                return f"{show(value, unit)}{NBSP}{cost.currency if cost else ''}".rstrip()
            case "grid":
                return f"{show(value, unit)}{NBSP}g/kWh"
            case _:
                return show(value, unit)

    return f"With {what} {side} {tell(flip.at)}{'' if now is None else f' (now {tell(now)})'}"


def _becomes(view: View, flip: Flip) -> str:
    match flip.kind:
        case "open":
            return "nothing could be said for sure"
        case "none":
            return "nothing here would do"
        case _:
            assert flip.chosen is not None
            return f"{view.of(flip.chosen)} would be chosen"


def at_each_traffic(view: View, decision: Decision) -> Iterator[str]:
    """What is chosen from 0.1 to 10,000 requests a second."""
    if not any(each.serves for each in view.contenders):
        return
    yield from _stretches(view, choices(view.contenders, decision.asked))
    if decision.asked.budget.latency_p99_s is not None and view.waiting:
        yield view.waiting


def _stretches(view: View, found: Sequence[Stretch]) -> Iterator[str]:
    if len(found) == 1:
        yield f"From 0.1 to 10,000 requests a second: {_choice(view, found[0])}."
        return
    for place, stretch in enumerate(found):
        if place == 0:
            yield f"Up to {rate(stretch.to_per_s)}: {_choice(view, stretch)}."
        elif place == len(found) - 1:
            yield f"Above {rate(stretch.from_per_s)}: {_choice(view, stretch)}."
        else:
            yield f"From {rate_number(stretch.from_per_s)} to {rate(stretch.to_per_s)}: {_choice(view, stretch)}."


def _choice(view: View, stretch: Stretch) -> str:
    decision = stretch.decision
    if decision.chosen is None:
        return "nothing can be chosen" if decision.kind == "open" else "nothing here does"
    if decision.kind == "indifferent":
        return f"{view.of(decision.chosen)}, the best, since less saves next to nothing"
    return view.of(decision.chosen)
