"""Cascades: what each saves and costs, the curve it stands on, and what other traffic would do to it."""

from __future__ import annotations

from dataclasses import replace

from effkit.record import AlarmBand, CandidateRecord, Cascade, CascadePoint, Estimate, Mix, Ratio, origin_of, weakest
from effkit.report import savings
from effkit.report.units import DASH, NBSP, brackets, fixed, show, whole
from effkit.report.values import (
    CascadeCard,
    CascadeChart,
    CascadePanel,
    Cell,
    Column,
    Dot,
    Row,
    Table,
)
from effkit.report.view import View, percentile
from effkit.report.words import (
    FEW_GENERATIONS,
    GAP_TONES,
    GAP_WORDS,
    GROUP_TONES,
    GROUP_WORDS,
    listing,
    rank_origin,
)

_SCORE_WORDS = {
    "margin": "the likeliest class before the second",
    "log_probability": "log-probability of the likeliest class",
    "entropy": "entropy",
}


def cascade_cards(view: View) -> tuple[CascadeCard, ...]:
    """A card for each candidate whose stages take turns."""
    return tuple(_card(view, candidate, found) for candidate, found in _all(view))


def cascade_chart(view: View) -> CascadeChart | None:
    """The curves of all cascades, a panel each; None without one."""
    panels = tuple(_panel(view, candidate, found) for candidate, found in _all(view))
    if not panels:
        return None
    few = f"{FEW_GENERATIONS} " if view.indicative else ""
    return CascadeChart(
        kind="cascade",
        title="Quality against the share of the last stage's cost",
        y_label=f"{view.metric}, %",
        alt="; ".join(f"{panel.title}: {panel.alt}" for panel in panels),
        panels=panels,
        note=f"{few}The line is modelled from what each stage says of the test items, the large dot is the system as "
        "measured in time; the dashed line sends items to the first or the last stage at random. Where the stages were "
        "not timed alone, the lines count operations.",
    )


def _all(view: View) -> list[tuple[CandidateRecord, Cascade]]:
    return [(candidate, candidate.cascade) for candidate in view.measured if candidate.cascade is not None]


def _card(view: View, candidate: CandidateRecord, found: Cascade) -> CascadeCard:
    last = found.stages[-1]
    verdict = found.gap.verdict if found.gap else ""
    return CascadeCard(
        title=view.label(candidate),
        name=candidate.name,
        verdict=Cell(GAP_WORDS.get(verdict, "not tested"), tone=GAP_TONES.get(verdict, "muted")),
        sentences=_sentences(candidate, found),
        facts=(
            (Column("Quality"), _quality(view, found)),
            (Column("Time"), _taken(found.latency, found.cost if found.cost_kind == "time" else None)),
            (Column("Energy"), _energy(view, candidate, found)),
            (Column("p99"), _p99(view, candidate, last.name)),
            (Column("Gap recovered"), _recovered(found)),
            (Column("Confidence"), _confidence(found)),
            (Column("Set up on"), _set_up(view, found)),
        ),
        stages=_stages(view, candidate, found),
        mixes=_mixes(view, candidate, found),
    )


def _sentences(candidate: CandidateRecord, found: Cascade) -> tuple[str, ...]:
    last = found.stages[-1]
    shares = [f"{_of_100(stage.answered.value)} by {stage.title}" for stage in found.stages[:-1]]
    parts = listing([*shares, f"{_of_100(last.answered.value)} by {_end(candidate, last.title)}"])
    verb = "is" if parts.startswith("1 ") else "are"
    said = [f"Of 100 items, {parts.replace(' by ', f' {verb} answered by ', 1)}."]
    if found.latency is not None:
        said.append(f"Against {last.title} alone: {savings.speed(found.latency)}.")
    said.append(_alarm(found.alarm))
    return tuple(said)


def _alarm(band: AlarmBand | None) -> str:
    """How many requests go on until something has changed."""
    if band is None:
        return (
            "How many of the next requests go on while the traffic stays as it was tested is not told: test items "
            "depend on each other, and how the next requests will is not known."
        )
    return (
        f"While the traffic stays as it was tested, {whole(band.fewest)} to {whole(band.most)} of {band.requests} "
        f"requests go on, {100 * band.level:.0f} times in 100: outside that band it has changed, so test again."
    )


def _end(candidate: CandidateRecord, last: str) -> str:
    """Who answers in the end: a model of its own, or the whole of the network that has exits."""
    return "the whole network" if candidate.techniques else last


def _quality(view: View, found: Cascade) -> Cell:
    if found.gap is None:
        return Cell(DASH, detail="not known", tone="muted")
    gap = found.gap
    return Cell(
        f"{view.gap_value(gap.difference)} points",
        detail=f"{view.gap_interval(gap.low, gap.high)} to the last stage, margin {view.margin}",
        claim=GAP_WORDS.get(gap.verdict, gap.verdict),
        origin="measured",
    )


def _taken(ratio: Ratio | None, modelled: float | None) -> Cell:
    """What it takes of what the last stage would take alone."""
    if ratio is None:
        return Cell(DASH, detail="the last stage was not measured", tone="muted")
    digits = 0 if ratio.value >= 0.1 else 1
    ends = ""
    if ratio.low is not None and ratio.high is not None:
        ends = f"{brackets(100 * ratio.low, 100 * ratio.high, digits)} "
    from_stages = "" if modelled is None else f"; its stages' own times would make {100 * modelled:.0f}{NBSP}%"
    return Cell(
        f"{fixed(100 * ratio.value, digits)}{NBSP}%",
        detail=f"{ends}of the last stage's{from_stages}",
        claim=_claim(ratio),
        origin="measured",
    )


def _claim(ratio: Ratio) -> str:
    saved = 100 * (1 - ratio.value)
    match ratio.verdict:
        case "lower":
            return f"{saved:.0f}{NBSP}% saved"
        case "higher":
            return "more, not less"
        case "indicative":
            return "indicative"
        case verdict:
            return verdict


def _energy(view: View, candidate: CandidateRecord, found: Cascade) -> Cell:
    if found.energy is None:
        return Cell(DASH, detail="not measurable here", tone="muted")
    last = found.stages[-1].name
    ranks = [each.energy.rank for each in view.measured if each.energy and each.name in (candidate.name, last)]
    rank = weakest(ranks)
    return replace(_taken(found.energy, None), origin=rank_origin(rank) or origin_of(rank))


def _p99(view: View, candidate: CandidateRecord, last: str) -> Cell:
    mine = percentile(candidate, 99)
    other = next((c for c in view.measured if c.name == last), None)
    theirs = percentile(other, 99) if other else None
    if mine is None or mine.value_s is None:
        return Cell("n too small", tone="muted")
    against = "" if theirs is None or theirs.value_s is None else f"the last stage alone {show(theirs.value_s, 's')}"
    return Cell(show(mine.value_s, "s"), detail=against, origin="measured")


def _recovered(found: Cascade) -> Cell:
    if found.recovered.value is None:
        return Cell("not resolvable", detail=found.recovered.reason, tone="muted")
    return Cell(
        fixed(found.recovered.value.value, 2),
        detail=f"{_ends(found.recovered.value, 2)} on average (APGR); 0.50 is routing at random",
        origin="modelled",
    )


def _confidence(found: Cascade) -> Cell:
    first = found.stages[0]
    return Cell(
        found.score.replace("_", "-"),
        detail=f"{_SCORE_WORDS[found.score]}; {found.calibration}: calibration error of the first stage "
        f"{first.ece_before:.3f}, after calibrating {first.ece_after:.3f}",
    )


def _set_up(view: View, found: Cascade) -> Cell:
    items = f"{whole(found.calibrate_items)} items to calibrate, {whole(found.select_items)} to choose on"
    if not found.chosen:
        return Cell("shares given", detail=f"{items}; none of them is tested on")
    return Cell(
        f"at most {found.accept_points:g} {'point' if found.accept_points == 1 else 'points'} lost",
        detail=f"{items}, where it is {view.gap_value(found.select_gap)} points to the last stage; none is tested on",
    )


def _stages(view: View, candidate: CandidateRecord, found: Cascade) -> Table:
    rows = tuple(
        Row(
            stage.title,
            stage.name,
            (
                _share(stage.answered, " of 100"),
                Cell(view.quality(stage.quality.value), detail=view.quality_interval(stage.quality)),
                Cell(DASH, tone="muted") if stage.cost is None else Cell(f"{100 * stage.cost:.1f}{NBSP}%"),
                Cell(DASH if stage.threshold is None else _threshold(stage.threshold)),
                Cell(DASH if stage.temperature is None else f"{stage.temperature:.2f}"),
                Cell(f"{stage.ece_before:.3f} → {stage.ece_after:.3f}"),
            ),
        )
        for stage in found.stages
    )
    counted = found.cost_kind == "operations"
    cost = Column("Cost of an item", "of the last stage's", "counted" if counted else "measured")
    columns = (
        Column("Answers", "test items", "measured"),
        Column("Alone", view.metric, "measured"),
        cost,
        Column("Goes on below", found.score.replace("_", "-") if found.calibration == "temperature" else "share right"),
        Column("Temperature"),
        Column("Calibration error", "on select"),
    )
    return Table(f"stages-{candidate.name}", "Stages", "Stage", columns, rows)


def _mixes(view: View, candidate: CandidateRecord, found: Cascade) -> Table:
    rows = tuple(Row(mix.kind, mix.kind, _mix_cells(view, mix)) for mix in found.mixes)
    columns = (
        Column("Items", "", "counted"),
        Column("Goes on", "of 100", "measured"),
        Column("Quality", view.metric, "measured"),
        Column("Gap to the last stage", "points", "measured"),
    )
    note = "What it would do if all traffic were of this kind: the worst first, those with too few items last."
    return Table(f"mixes-{candidate.name}", "If the traffic shifts", "All of it", columns, rows, note)


def _mix_cells(view: View, mix: Mix) -> tuple[Cell, ...]:
    goes_on = _share(mix.escalated)
    if mix.gap is None or mix.quality is None:
        unknown = Cell(DASH, claim="too few items", tone="muted")
        return Cell(whole(mix.n)), goes_on, Cell(DASH, tone="muted"), unknown
    ends = view.gap_interval(mix.gap.low, mix.gap.high)
    said = GROUP_WORDS.get(mix.verdict, mix.verdict)
    gap = Cell(view.gap_value(mix.gap.value), detail=ends, claim=said, tone=GROUP_TONES.get(mix.verdict, ""))
    return Cell(whole(mix.n)), goes_on, Cell(view.quality(mix.quality)), gap


def _panel(view: View, candidate: CandidateRecord, found: Cascade) -> CascadePanel:
    known = found.cost_kind is not None
    first, last = found.stages[0], found.stages[-1]
    ends = (100 * (first.cost or 0.0), 100.0) if known else (0.0, 100.0)
    measured = None
    if candidate.quality is not None and (found.latency is not None or not known):
        x, low, high = _place(found) if known else (100 * found.escalated.value, None, None)
        measured = _dot(candidate.quality.value, x, "as measured", low, high)
    return CascadePanel(
        title=view.label(candidate),
        x_label=_x_label(found, last.title),
        line=tuple(_dot(point.quality, _x(point)) for point in found.curve),
        ends=(_dot(first.quality, ends[0], first.title), _dot(last.quality, ends[1], last.title)),
        measured=measured,
        alt=f"from {100 * first.quality.value:.1f} % to {100 * last.quality.value:.1f} %",
    )


def _place(found: Cascade) -> tuple[float, float | None, float | None]:
    """Where the measured system stands: its share of the last stage's latency, with its interval."""
    assert found.latency is not None
    low, high = (None if end is None else 100 * end for end in (found.latency.low, found.latency.high))
    return 100 * found.latency.value, low, high


def _x(point: CascadePoint) -> float:
    return 100 * (point.escalated if point.cost is None else point.cost)


def _x_label(found: Cascade, last: str) -> str:
    if found.cost_kind is None:
        return "items that go on from the first stage, %"
    if found.cost_kind == "time":
        return f"mean time of an item, % of {last} alone"
    return f"mean cost of an item, % of {last} alone"


def _dot(quality: Estimate, x: float, label: str = "", low: float | None = None, high: float | None = None) -> Dot:
    y_low, y_high = (None if end is None else 100 * end for end in (quality.low, quality.high))
    return Dot(label, x, 100 * quality.value, low, high, y_low, y_high)


def _threshold(value: float) -> str:
    if value > 1:
        return "always"
    return "never" if value < -100 else fixed(value, 3)


def _of_100(share: float) -> str:
    return fixed(100 * share, _decimals_of_100(share))


def _decimals_of_100(share: float) -> int:
    """None but near either end, where whole numbers would read as nothing or as all."""
    rest = round(min(share, 1 - share), 9)
    return 0 if rest == 0 or rest >= 0.01 else 1 if rest >= 0.001 else 2


def _share(found: Estimate, after: str = "") -> Cell:
    """Of 100 items, with the interval."""
    return Cell(f"{_of_100(found.value)}{after}", detail=_ends(found, _decimals_of_100(found.value), scale=100))


def _ends(found: Estimate, decimals: int, scale: float = 1.0) -> str:
    if found.low is None or found.high is None:
        return ""
    return brackets(scale * found.low, scale * found.high, decimals)
