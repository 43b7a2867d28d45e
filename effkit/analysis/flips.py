"""How far each input can move before the decision is another one, and what is chosen at every traffic."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from effkit.analysis.asked import Asked
from effkit.analysis.contenders import Contender, unwaited
from effkit.analysis.decide import Decision, Kind, decide
from effkit.production import Budget

Input = Literal[
    "margin", "latency_p99_s", "peak_bytes", "weight_bytes", "cold_start_s", "items_per_s", "energy_j",
    "requests_per_s", "price", "grid",
]  # fmt: skip
INPUTS: tuple[Input, ...] = get_args(Input)
TRIED: Mapping[Input, str] = {"latency_p99_s": "p99_s", "peak_bytes": "peak_bytes", "energy_j": "energy_j"}
"""Limits that are moved even where nobody asks for them, and the numbers of candidates that they are held against."""

LEAST_PER_S, MOST_PER_S = 0.1, 10_000.0
FARTHEST = 100.0
"""An input is moved to a hundredth and to a hundred times what it is, and no farther."""
STEPS = 120
PRECISION = 1e-3
"""A flip is told to this share of the input."""


@dataclass(frozen=True)
class Flip:
    """The nearest value of one input, on one side, at which the choice changes.

    Attributes:
        input: what moves; all else stays.
        at: value at which it changes, in the input's unit.
        now: its value now; None where no limit is asked for.
        kind: of the choice beyond it.
        chosen: what is chosen beyond it; None where nothing is.
    """

    input: Input
    at: float
    now: float | None
    kind: Kind
    chosen: str | None


@dataclass(frozen=True)
class Stretch:
    """A range of traffic over which the choice stays the same; requests a second."""

    from_per_s: float
    to_per_s: float
    decision: Decision


def flips(known: Sequence[Contender], asked: Asked) -> tuple[Flip, ...]:
    """Return for each input the nearest flip below and above, where there is one within `FARTHEST`.

    Args:
        known: the candidates.
        asked: under what the decision was made.
    """
    found: list[Flip] = []
    for name in INPUTS:
        now = _now(name, known, asked)
        if now is None:
            continue

        if name == "margin" and any(each.enough_from is None for each in known if not each.reference):
            continue  # such a record tells no other margin than its own

        def at(value: float, name: Input = name) -> Decision:
            return decide(known, _with(asked, name, value))

        ends: tuple[float, ...] = (now / FARTHEST, now * FARTHEST)
        if _stated(name, asked) is None:
            # A limit that nobody asks for can only be made tighter, and only where it changes nothing at first.
            ends = ends[:1] if _same(at(now), decide(known, asked)) else ()
        for end in ends:
            flip = _nearest(at, now, end)
            if flip is not None:
                value, beyond = flip
                found.append(Flip(name, value, _stated(name, asked), beyond.kind, beyond.chosen))
    return tuple(found)


def choices(known: Sequence[Contender], asked: Asked) -> tuple[Stretch, ...]:
    """Return what is chosen from 0.1 to 10,000 requests a second, a stretch each time that it changes.

    Where nobody was put under load it is what is chosen as long as no request waits for another; a study that itself
    names a traffic takes a load test.

    Args:
        known: the candidates.
        asked: limits and prices; its own traffic is replaced.
    """
    tried = unwaited(known) if asked.budget.requests_per_s is None else known

    def at(value: float) -> Decision:
        return decide(tried, _with(asked, "requests_per_s", value))

    points = np.geomspace(LEAST_PER_S, MOST_PER_S, STEPS + 1)
    found: list[Stretch] = []
    start, current = float(points[0]), at(float(points[0]))
    for before, after in itertools.pairwise(points):
        if not _same(current, following := at(float(after))):
            edge = _between(at, current, float(before), float(after))
            found.append(Stretch(start, edge, current))
            start, current = edge, following
    return (*found, Stretch(start, float(points[-1]), current))


def _nearest(at: Callable[[float], Decision], now: float, end: float) -> tuple[float, Decision] | None:
    """Walk from `now` to `end` and return where the choice first changes, and what it then is."""
    current, before = at(now), now
    for value in np.geomspace(now, end, STEPS)[1:]:
        if not _same(current, at(float(value))):
            edge = _between(at, current, before, float(value))
            return edge, at(edge)
        before = float(value)
    return None


def _between(at: Callable[[float], Decision], current: Decision, same: float, other: float) -> float:
    """The value at which the choice is no longer what it is at `same`, on the side of `other`."""
    while abs(other - same) > PRECISION * abs(same):
        middle = math.sqrt(same * other)
        same, other = (middle, other) if _same(current, at(middle)) else (same, middle)
    return other


def _same(one: Decision, other: Decision) -> bool:
    return (one.chosen, one.kind) == (other.chosen, other.kind)


def _stated(name: Input, asked: Asked) -> float | None:
    match name:
        case "margin":
            return asked.margin
        case "price":
            return asked.cost.machine_per_hour if asked.cost else None
        case "grid":
            return asked.grid_g_per_kwh
        case _:
            value: float | None = getattr(asked.budget, name)
            return value


def _now(name: Input, known: Sequence[Contender], asked: Asked) -> float | None:
    """Where an input stands; a limit that is not asked for starts where it excludes nobody."""
    stated = _stated(name, asked)
    if stated is not None or name not in TRIED:
        return stated
    numbers = [getattr(each, TRIED[name]) for each in known]
    tops = [each.high if each.high is not None else each.value for each in numbers]
    # A limit that some candidate's number cannot be held against would open the decision at once.
    return None if None in tops else 1.01 * max(tops)


def _with(asked: Asked, name: Input, value: float) -> Asked:
    match name:
        case "margin":
            return replace(asked, margin=value)
        case "grid":
            return replace(asked, grid_g_per_kwh=value)
        case "price":
            assert asked.cost is not None
            return replace(asked, cost=asked.cost.model_copy(update={"machine_per_hour": value}))
        case "peak_bytes" | "weight_bytes":
            return replace(asked, budget=_changed(asked.budget, name, round(value)))
        case _:
            return replace(asked, budget=_changed(asked.budget, name, value))


def _changed(budget: Budget, name: str, value: float) -> Budget:
    return budget.model_copy(update={name: value})
