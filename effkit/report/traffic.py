"""The figures of serving: energy and price against the traffic, over the reference's at the same traffic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from effkit.analysis.asked import Asked
from effkit.analysis.contenders import Contender
from effkit.analysis.flips import LEAST_PER_S, MOST_PER_S, choices
from effkit.analysis.serving import Serving, serving
from effkit.report.units import rate, rate_number, times
from effkit.report.values import Chart, ChartKind, Dot
from effkit.report.view import View
from effkit.report.words import side_by_side

POINTS = 101
MOST_LINES = 5
"""More lines than this cannot be told apart: the reference, what is chosen somewhere, then those in order."""


def traffic_chart(view: View, kind: ChartKind) -> Chart | None:
    """Energy (`traffic`) or price (`price`) from 0.1 to 10,000 requests a second, a line each candidate.

    Each is shown over the reference's at the same traffic: 1 is where a smaller model saves nothing, since what is
    paid for there is a machine that waits.

    Args:
        view: of the record.
        kind: which of the two.

    Returns:
        None where the numbers are not known, or nobody has given a price.
    """
    if view.reference.status == "failed" or len(view.contenders) < 2:
        return None
    lines = [dots for each in _shown(view) if len(dots := tuple(_line(view, each, kind))) > 1]
    if len(lines) < 2:
        return None
    what = "Price" if kind == "price" else "Energy"
    return Chart(
        kind=kind,
        title=f"{what} and traffic",
        x_label="requests a second (log)",
        y_label=f"{what.lower()} over {view.label(view.reference)}'s (log)",
        alt=f"{what} over that of {view.label(view.reference)}: {'; '.join(map(_ends, lines))}",
        dots=tuple(dot for line in lines for dot in line),
        note=_note(view, kind),
    )


def _ends(line: tuple[Dot, ...]) -> str:
    """A line in words: "MiniLM-L6 1.00× at 0.1 requests a second, 0.15× at 10,000 requests a second"."""
    first, last = line[0], line[-1]
    return f"{first.label} {times(first.y)} at {rate(first.x)}, {times(last.y)} at {rate(last.x)}"


def _shown(view: View) -> list[Contender]:
    somewhere = {each.decision.chosen for each in choices(view.contenders, view.asked)}
    known = [each.contender for each in view.decision.order]
    return sorted(known, key=lambda one: not (one.reference or one.name in somewhere))[:MOST_LINES]


def _line(view: View, contender: Contender, kind: ChartKind) -> Iterator[Dot]:
    label = view.short(view.record.candidate(contender.name))
    reference = next(each for each in view.contenders if each.reference)
    for at in np.geomspace(LEAST_PER_S, MOST_PER_S, POINTS):
        budget = view.asked.budget.model_copy(update={"requests_per_s": float(at)})
        asked = replace(view.asked, budget=budget)
        mine, base = (_value(serving(each, asked), kind) for each in (contender, reference))
        if mine and base:
            yield Dot(label, float(at), mine / base)


def _value(served: Serving | None, kind: ChartKind) -> float | None:
    if served is None:
        return None
    return served.money_per_thousand if kind == "price" else served.energy_j_per_thousand


def _is_bounded(each: Contender, asked: Asked) -> bool:
    rate = each.usable_within(asked.budget.on_machine_s(each.moved_bytes))
    return rate is not None and rate.known < rate.most


def _note(view: View, kind: ChartKind) -> str:
    ranks = {each.rank for each in view.contenders if each.rank}
    parts = ["Modelled, idle machines included: where a line lies at 1, they are nearly all of it."]
    parts.extend(side_by_side(view.asked.workers_per_machine))
    if kind == "traffic" and len(ranks) > 1:
        parts.append("Energy comes in different ranks: these lines are not comparable.")
    if any(_is_bounded(each, view.asked) for each in view.contenders):
        parts.append("A rate that is only known to be no less counts as that: with more, fewer machines would do.")
    edges = [rate_number(each.from_per_s) for each in choices(view.contenders, view.asked)[1:]]
    if edges:
        budget = view.asked.budget
        unwaited = budget.latency_p99_s is not None and budget.requests_per_s is None and view.waiting
        start = "While no request waits for another the" if unwaited else "The"
        parts.append(f"{start} choice changes at {', '.join(edges)} a second.")
    return " ".join(parts)
