"""What a reader may move over a saved run: five sliders, each a row of values in words, the study's own among them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from effkit.analysis.asked import Asked, in_metric
from effkit.analysis.carbon import factor
from effkit.analysis.contenders import Known
from effkit.analysis.flips import LEAST_PER_S, MOST_PER_S
from effkit.production import CostSpec
from effkit.report.units import NBSP, rate, show
from effkit.report.view import View

Knob = Literal["margin", "latency", "traffic", "price", "grid"]

_ROUND = (1, 1.1, 1.2, 1.3, 1.5, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.3, 3.6, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 9)
"""Steps of about 10 % that a person would name."""
_NEAR = 0.04
"""A step this near to the study's own value would only be mistaken for it."""
_MARGIN_STEPS = 150
_CLEANEST_G, _DIRTIEST_G = 10.0, 1000.0
"""CO2e of a kWh: less than any country's grid, and more."""
_USUAL_PER_S = 100.0
_FARTHEST_PRICE = 100.0


@dataclass(frozen=True)
class Slider:
    """One slider.

    Attributes:
        knob: what it moves.
        title: its label.
        hint: what helps to set it.
        values: it can take, in SI units; of the margin in the metric's.
        words: each of them as people say it.
        start: place of the study's own value, or of where it begins once it is switched on.
        on: whether the study asks for it.
        can_be_off: whether the decision can do without.
        off: what is said where it is off.
    """

    knob: Knob
    title: str
    hint: str
    values: tuple[float, ...]
    words: tuple[str, ...]
    start: int
    on: bool
    can_be_off: bool
    off: str


@dataclass(frozen=True)
class Knobs:
    """Where the sliders stand; None is off."""

    margin: float
    latency_p99_s: float | None
    requests_per_s: float | None
    price: float | None
    grid_g_per_kwh: float | None


def start(asked: Asked) -> Knobs:
    """Where a study itself puts them."""
    return Knobs(
        asked.margin,
        asked.budget.latency_p99_s,
        asked.budget.requests_per_s,
        asked.cost.machine_per_hour if asked.cost else None,
        asked.grid_g_per_kwh,
    )


def at(asked: Asked, knobs: Knobs) -> Asked:
    """What is asked with the sliders where they stand; all else stays as the study has it."""
    cost = None
    if knobs.price is not None:
        own = asked.cost or CostSpec(machine_per_hour=knobs.price, currency="money", source="a slider")
        cost = own.model_copy(update={"machine_per_hour": knobs.price})
    limits = {"latency_p99_s": knobs.latency_p99_s, "requests_per_s": knobs.requests_per_s}
    return replace(
        asked,
        margin=knobs.margin,
        budget=asked.budget.model_copy(update=limits),
        cost=cost,
        grid_g_per_kwh=knobs.grid_g_per_kwh,
    )


def sliders(view: View, p99: Iterable[Known]) -> tuple[Slider, ...]:
    """The sliders that this record has the numbers for.

    Args:
        view: of the record.
        p99: latency of each candidate, the network's part included.
    """
    return (_margin(view), *_latency(view, list(p99)), *_serving(view))


def _margin(view: View) -> Slider:
    """Linear, in points or per cent, as far as the worst candidate is enough, but not beyond ten times the study's."""

    def sized(points: float) -> float:
        return in_metric(view.record, view.record.spec, points)

    one = sized(1.0)
    now = view.asked.margin
    known = [each.enough_from for each in view.contenders if each.enough_from is not None]
    most = min(max(2 * now, 1.1 * max(known, default=0.0)), 10 * now) / one
    step = next(size for size in _powers(-4, 3) if most / size <= _MARGIN_STEPS)
    values = _with((sized(round(place * step, 6)) for place in range(math.ceil(most / step) + 1)), now)
    return Slider(
        "margin", f"How much worse than {view.label(view.reference)} is good enough", "",
        values, tuple(view.margin_value(each) for each in values), values.index(now), True, False, "",
    )  # fmt: skip


def _latency(view: View, p99: list[Known]) -> Iterator[Slider]:
    ends = [end for each in p99 for end in (each.low, each.value, each.high) if end is not None]
    if not ends:
        return
    budget = view.asked.budget
    now = budget.latency_p99_s
    values = _with(_log(min([*ends, now or math.inf]) / 2, max([*ends, now or 0.0]) * 2), now)
    begin = values.index(now) if now is not None else len(values) - 1
    network = budget.network_s or budget.network_bytes_per_s
    yield Slider(
        "latency", "p99 latency, at most", "with the network's part" if network else "",
        values, tuple(show(each, "s") for each in values), begin, now is not None, True, "no limit",
    )  # fmt: skip


def _serving(view: View) -> Iterator[Slider]:
    """Traffic, and what only counts with one."""
    if not any(each.serves for each in view.contenders):
        return
    budget, asked = view.asked.budget, view.asked
    at_traffic = budget.money_per_thousand is not None or budget.carbon_g_per_thousand is not None
    named = sorted(view.record.spec.traffic)
    usual = named[len(named) // 2] if named else _USUAL_PER_S
    now = budget.requests_per_s or usual
    values = _with(_log(min(LEAST_PER_S, now), max(MOST_PER_S, now)), now)
    yield Slider(
        "traffic", "Traffic", "machines, money and carbon depend on it",
        values, tuple(rate(each) for each in values), values.index(now), budget.requests_per_s is not None,
        not at_traffic, "none named",
    )  # fmt: skip
    yield _price(asked)
    if any(each.idle_w is not None and each.above_idle_j is not None for each in view.contenders):
        yield _grid(view)


def _price(asked: Asked) -> Slider:
    now = asked.cost.machine_per_hour if asked.cost else 1.0
    currency = f"{NBSP}{asked.cost.currency}" if asked.cost else ""
    values = _with(_log(now / _FARTHEST_PRICE, now * _FARTHEST_PRICE), now)
    return Slider(
        "price", "Price of a machine for an hour", "",
        values, tuple(f"{show(each, 'count')}{currency}" for each in values), values.index(now),
        asked.cost is not None, asked.budget.money_per_thousand is None, "none named",
    )  # fmt: skip


def _grid(view: View) -> Slider:
    known = view.asked.grid_g_per_kwh
    now = known or factor("WORLD").g_per_kwh
    values = _with(_log(min(_CLEANEST_G, now), max(_DIRTIEST_G, now)), now)
    places = " · ".join(f"{place} {factor(place).g_per_kwh:.0f}" for place in view.record.spec.carbon.scenarios)
    return Slider(
        "grid", "CO₂e of electricity", places,
        values, tuple(f"{show(each, 'count')}{NBSP}g/kWh" for each in values), values.index(now),
        known is not None, known is None, "not known",
    )  # fmt: skip


def _log(least: float, most: float) -> Iterator[float]:
    for decade in range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1):
        for step in _ROUND:
            value = float(f"{step * 10.0**decade:.3g}")
            if least * (1 - 1e-9) <= value <= most * (1 + 1e-9):
                yield value


def _with(values: Iterable[float], own: float | None) -> tuple[float, ...]:
    """The values with the study's own in place of what lies near it."""
    if own is None:
        return tuple(values)
    return tuple(sorted([own, *(each for each in values if abs(each - own) > _NEAR * own)]))


def _powers(first: int, last: int) -> Iterator[float]:
    return (float(f"{step}e{power}") for power in range(first, last + 1) for step in (1, 2, 5))
