"""The numbers behind the figures: quality against latency, against energy, against labels; and the bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from effkit.analysis.pareto import Direction, front
from effkit.record import CandidateRecord, Estimate, origin_of
from effkit.report.bars import SHOWN_MS, sensitivity, waterfall
from effkit.report.cascade import cascade_chart
from effkit.report.traffic import traffic_chart
from effkit.report.units import many
from effkit.report.values import AnyChart, Chart, ChartKind, Dot
from effkit.report.view import View
from effkit.report.words import FEW_GENERATIONS

_LINE = "The line joins candidates that no other beats on both; who lies off it may do so by chance."
_ARROWS = "An arrow leads to the same chain with one technique more; the line's dots are named."


def charts(view: View, chosen: str | None) -> tuple[AnyChart, ...]:
    """Every figure that this record has the numbers for."""
    kinds: tuple[ChartKind, ...] = (
        "latency", "energy", "curve", "waterfall", "sensitivity", "cascade", "traffic", "price",
    )  # fmt: skip
    return tuple(found for kind in kinds if (found := chart(view, kind, chosen)) is not None)


def chart(view: View, kind: ChartKind, chosen: str | None) -> AnyChart | None:
    """One figure, or None where fewer than two points have both numbers, or no chain has what its bars need."""
    if kind == "waterfall":
        return waterfall(view)
    if kind == "sensitivity":
        return sensitivity(view)
    if kind == "cascade":
        return cascade_chart(view)
    if kind in ("traffic", "price"):
        return traffic_chart(view, kind)
    found = {"latency": _latency, "energy": _energy, "curve": _curve}[kind](view, chosen)
    return found if len(found.dots) > 1 else None


def _latency(view: View, chosen: str | None) -> Chart:
    dots = _dots(view, chosen, lambda c: c.latency.mean_s if c.latency else None, SHOWN_MS)
    note = FEW_GENERATIONS if view.indicative else ""
    return _trade_off(view, "latency", "Quality and latency", "mean latency of one item, ms (log)", dots, note)


def _energy(view: View, chosen: str | None) -> Chart:
    ranks = {c.energy.rank for c in view.measured if c.energy and c.energy.request_j}
    dots = _dots(view, chosen, lambda c: c.energy.request_j if c.energy else None, 1.0)
    note = _how_modelled(view) if any(rank and origin_of(rank) == "modelled" for rank in ranks) else ""
    if len(ranks) > 1:
        note = "Energy comes in different ranks: these dots are not comparable from left to right."
    return _trade_off(view, "energy", "Quality and energy", "energy of one request, J (log)", dots, note)


def _how_modelled(view: View) -> str:
    if view.energy_is_time:
        return "Energy is modelled: on this host it is about a constant × time."
    return "Energy is a power that was read once a second." if view.energy_is_read else "Energy is modelled in part."


def _curve(view: View, chosen: str | None) -> Chart:
    dots = tuple(
        Dot(
            label=point.model,
            x=float(point.fit_items),
            y=view.scaled(point.value.value),
            y_low=None if point.value.low is None else view.scaled(point.value.low),
            y_high=None if point.value.high is None else view.scaled(point.value.high),
        )
        for point in sorted(view.record.curve, key=lambda p: (p.model, p.fit_items))
    )
    return Chart(
        kind="curve",
        title="Quality and labels",
        x_label="labels to learn from (log)",
        y_label=view.y_label,
        alt=f"{view.metric} of {many(len({dot.label for dot in dots}), 'model')} at growing numbers of labels",
        dots=dots,
        lower_is_better=view.lower_is_better,
    )


def _trade_off(view: View, kind: ChartKind, title: str, x_label: str, found: Mapping[str, Dot], note: str) -> Chart:
    better: Direction = "min" if view.lower_is_better else "max"
    dots = list(found.values())
    best = front([[dot.x, dot.y] for dot in dots], ("min", better)).tolist() if dots else []
    arrows = _arrows(view, list(found))
    notes = [_LINE if sum(best) > 1 else "", note, _ARROWS if arrows else ""]
    if arrows:
        dots = [
            replace(dot, named=on or dot.role != "other" or not view.record.candidate(name).techniques)
            for (name, dot), on in zip(found.items(), best, strict=True)
        ]
    return Chart(
        kind=kind,
        title=title,
        x_label=x_label,
        y_label=view.y_label,
        alt=f"{title} of {', '.join(dot.label for dot in dots)}; the same numbers stand in the table",
        dots=tuple(dots),
        front=tuple(place for place, on in enumerate(best) if on),
        arrows=arrows,
        lower_is_better=view.lower_is_better,
        note=" ".join(filter(None, notes)),
    )


def _arrows(view: View, names: list[str]) -> tuple[tuple[int, int], ...]:
    """From each chain to those with one technique more, by their places."""
    links = [link for name in names for link in view.record.candidate(name).links[-1:]]
    return tuple((names.index(link.before), names.index(link.name)) for link in links if link.before in names)


def _dots(
    view: View, chosen: str | None, of: Callable[[CandidateRecord], Estimate | None], scale: float
) -> dict[str, Dot]:
    dots = {}
    for candidate in view.measured:
        estimate = of(candidate)
        if estimate is None or candidate.quality is None or estimate.value <= 0:
            continue
        quality = candidate.quality.value
        dots[candidate.name] = Dot(
            label=view.short(candidate),
            x=estimate.value * scale,
            x_low=None if estimate.low is None else estimate.low * scale,
            x_high=None if estimate.high is None else estimate.high * scale,
            y=view.scaled(quality.value),
            y_low=None if quality.low is None else view.scaled(quality.low),
            y_high=None if quality.high is None else view.scaled(quality.high),
            role="reference" if candidate.reference else "chosen" if candidate.name == chosen else "other",
        )
    return dots
