"""The numbers behind the bars: a chain's latency link by link, and what each layer costs in few bits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from effkit.analysis.verdict import Worth, worth
from effkit.record import LayerCost, Link
from effkit.report import savings
from effkit.report.links import before, distinct, unit
from effkit.report.units import show
from effkit.report.values import Bar, BarChart, BarColour, BarGroup
from effkit.report.view import View
from effkit.report.words import FEW_GENERATIONS

SHOWN_MS = 1e3
MOST_LAYERS = 40
"""More bars than this fit no page; the costliest are shown."""
_COLOURS: dict[Worth, BarColour] = {"worth it": "blue", "not worth it": "orange", "not resolvable": "grey"}


def waterfall(view: View) -> BarChart | None:
    """Every chain of two or more links that were all timed, its latency multiplied down; None without one."""
    groups = sorted((_chain(view, links) for links in _timed_chains(view)), key=lambda group: group.bars[-1].end)
    if not groups:
        return None
    few = f"{FEW_GENERATIONS} " if view.indicative else ""
    return BarChart(
        kind="waterfall",
        title="Link by link",
        x_label="mean latency of one item, ms (log)",
        alt="; ".join(f"{each.title}: {_steps(each)}" for each in groups),
        groups=tuple(groups),
        note=f"{few}Blue is worth it, orange is not, grey is not resolvable; the thin line is a link's own interval.",
    )


def sensitivity(view: View) -> BarChart | None:
    """What each layer of a network in mixed precision loses; None without one."""
    groups = tuple(
        BarGroup(
            f"{before(view, candidate, link)} {link.words}{_left_out(link.sensitivity)}", _layers(link.sensitivity)
        )
        for candidate, link in distinct(view)
        if link.sensitivity
    )
    if not groups:
        return None
    return BarChart(
        kind="sensitivity",
        title="What each layer costs in few bits",
        x_label="rise of mean log-loss, this layer alone in 4 bits",
        alt="; ".join(f"{each.title}: {each.bars[0].label} costs most" for each in groups),
        groups=groups,
        note="Measured on the select split; the bits are what each layer was given in the end.",
    )


def _timed_chains(view: View) -> Iterator[tuple[Link, ...]]:
    """Chains of two or more timed links that are not the beginning of another such chain."""
    chains = [c.links for c in view.measured if len(c.links) > 1 and all(link.latency is not None for link in c.links)]
    inner = {link.name for links in chains for link in links[:-1]}
    return (links for links in chains if links[-1].name not in inner)


def _chain(view: View, links: Sequence[Link]) -> BarGroup:
    base = view.record.candidate(links[0].before)
    assert base.latency is not None
    now = base.latency.mean_s.value * SHOWN_MS
    bars = []
    for link in links:
        assert link.latency is not None
        ratio = link.latency
        bars.append(
            Bar(
                label=link.words,
                detail=_detail(view, link),
                start=now,
                end=now * ratio.value,
                low=None if ratio.low is None else now * ratio.low,
                high=None if ratio.high is None else now * ratio.high,
                colour=_COLOURS[worth(link)[0]],
            )
        )
        now *= ratio.value
    return BarGroup(f"{view.label(base)}, {show(base.latency.mean_s.value, 's')}", tuple(bars))


def _detail(view: View, link: Link) -> str:
    gap = "" if link.gap is None else f"{view.gap(link.gap)} {unit(view)}"
    return " · ".join(part for part in (str(savings.speed(link.latency)), gap, worth(link)[0]) if part)


def _steps(group: BarGroup) -> str:
    return ", ".join(f"{bar.label} ({bar.detail})" for bar in group.bars)


def _layers(costs: Sequence[LayerCost]) -> tuple[Bar, ...]:
    shortened = dict(zip((each.layer for each in costs), _short([each.layer for each in costs]), strict=True))
    costliest = sorted(costs, key=lambda each: -each.cost)[:MOST_LAYERS]
    return tuple(
        Bar(shortened[each.layer], f"{each.bits} bits", 0.0, each.cost, colour=_by_bits(each.bits))
        for each in costliest
    )


def _left_out(costs: Sequence[LayerCost]) -> str:
    return f": the {MOST_LAYERS} costliest of {len(costs)} layers" if len(costs) > MOST_LAYERS else ""


def _by_bits(bits: int) -> BarColour:
    return "blue" if bits <= 4 else "orange" if bits <= 8 else "grey"


def _short(names: Sequence[str]) -> list[str]:
    """Names without the parts that all share at either end."""
    if len(names) < 2:
        return list(names)
    parts = [re.split(r"[./]", name) for name in names]
    first = _shared(parts)
    last = _shared([part[first:][::-1] for part in parts])
    return [".".join(part[first : len(part) - last]) or name for part, name in zip(parts, names, strict=True)]


def _shared(parts: Sequence[Sequence[str]]) -> int:
    """How many parts all begin with."""
    return sum(1 for _ in takewhile(lambda place: len(set(place)) == 1, zip(*parts, strict=False)))
