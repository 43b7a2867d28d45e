"""The comparison table: one function per column, and the origin in the heading where all cells share it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from effkit.analysis.carbon import grams_per_thousand, grid
from effkit.record import CandidateRecord, Estimate, origin_of
from effkit.report import savings
from effkit.report.units import DASH, Unit, interval, share, show
from effkit.report.values import Cell, Column, Row, Table, Tone
from effkit.report.view import View, percentile, taken_bytes
from effkit.report.words import GAP_TONES, RANK_WORDS, RATIO_TONES, VERDICT_WORDS

UNMEASURED = Cell(DASH, detail="not measured", tone="muted")


@dataclass(frozen=True)
class ColumnSpec:
    """A column: its heading, and the cell of one candidate."""

    title: str
    hint: str
    cell: Callable[[View, CandidateRecord], Cell]


def comparison_table(view: View, chosen: str | None) -> Table:
    """All candidates against the reference, the failed ones with their reason."""
    region = view.record.spec.carbon.place
    columns = [
        ColumnSpec("Quality", view.metric + (", lower is better" if view.lower_is_better else ""), quality),
        ColumnSpec("Gap", "% of the reference's error" if view.lower_is_better else "points", gap),
        ColumnSpec("Mean latency", "one item", latency),
        ColumnSpec("p99 latency", "and p50", tail),
        ColumnSpec("Throughput", f"batch {view.record.spec.protocol.batch}", throughput),
        ColumnSpec("Peak memory", "whole process", memory),
        ColumnSpec("Energy", "per request", energy),
        ColumnSpec("CO₂e", f"per 1,000, {region}{pue(view)}", lambda v, c: carbon(v, c, region)),
    ]
    return build(view, columns, key="comparison", title="Candidates", chosen=chosen)


def build(view: View, columns: Sequence[ColumnSpec], *, key: str, title: str, chosen: str | None = None) -> Table:
    """A table over candidates: the reference first, then by latency, the failed ones last."""
    ordered = sorted(view.record.candidates, key=lambda c: (c.status == "failed", not c.reference, _mean_s(c)))
    cells = {c.name: [column.cell(view, c) for column in columns] for c in ordered if c.status == "ok"}
    headings = []
    for place, column in enumerate(columns):
        origins = {row[place].origin for row in cells.values() if row[place].origin}
        shared = origins.pop() if len(origins) == 1 else ""
        if shared:
            for row in cells.values():
                row[place] = replace(row[place], origin="")
        headings.append(Column(column.title, column.hint, shared))
    rows = tuple(
        Row(
            title=view.label(c),
            name=c.name,
            cells=tuple(cells.get(c.name, ())),
            tags=_tags(c, chosen),
            failure="" if c.status == "ok" else f"Failed: {c.error or 'no reason was given'}",
        )
        for c in ordered
    )
    return Table(key, title, "Candidate", tuple(headings), rows)


def estimate_cell(estimate: Estimate | None, unit: Unit) -> Cell:
    """An estimate with its interval and origin."""
    if estimate is None:
        return UNMEASURED
    return Cell(
        show(estimate.value, unit),
        detail=interval(estimate.low, estimate.high, unit, estimate.value),
        origin=estimate.origin,
    )


def quality(view: View, candidate: CandidateRecord) -> Cell:
    """The metric with its interval, and the spread over training seeds."""
    if candidate.quality is None:
        return UNMEASURED
    value = candidate.quality.value
    seeds = candidate.quality.seed_values
    spread = f"{len(seeds)} seeds: ±{view.seed_spread(seeds)}" if len(seeds) > 1 else ""
    return Cell(
        view.quality(value.value),
        detail=view.quality_interval(value.low, value.high),
        claim=spread,
        origin=value.origin,
    )


def gap(view: View, candidate: CandidateRecord) -> Cell:
    """The paired gap to the reference, and its verdict in words."""
    if candidate.reference:
        return Cell("reference", tone="muted")
    if candidate.gap is None:
        return UNMEASURED
    found = candidate.gap
    return Cell(
        view.gap_value(found.difference),
        detail=view.gap_interval(found.low, found.high),
        claim=VERDICT_WORDS[found.verdict],
        tone=GAP_TONES.get(found.verdict, ""),
        origin="measured",
    )


def latency(view: View, candidate: CandidateRecord) -> Cell:
    """Mean latency and what may be said of its ratio to the reference."""
    if candidate.latency is None:
        return UNMEASURED
    ratio = candidate.latency.ratio
    return replace(
        estimate_cell(candidate.latency.mean_s, "s"),
        claim=savings.speed(ratio),
        tone=RATIO_TONES.get(ratio.verdict, "") if ratio else "",
    )


def percentile_cell(candidate: CandidateRecord, level: float) -> Cell:
    """One percentile, or why there is none."""
    found = percentile(candidate, level)
    if found is None:
        return UNMEASURED
    if found.value_s is None:
        return Cell("n too small", detail=f"worth {found.n_effective:,.0f} calls", tone="muted")
    ends = interval(found.low_s, found.high_s, "s", found.value_s)
    return Cell(show(found.value_s, "s"), detail=ends, origin="measured")


def tail(view: View, candidate: CandidateRecord) -> Cell:
    """The 99th percentile, with the median beside it."""
    median = percentile(candidate, 50)
    beside = f"p50 {show(median.value_s, 's')}" if median and median.value_s is not None else ""
    return replace(percentile_cell(candidate, 99), claim=beside)


def throughput(view: View, candidate: CandidateRecord) -> Cell:
    """Items a second at the protocol's batch size, or at the one that there were test items for."""
    wanted = view.record.spec.protocol.batch
    found = candidate.throughput_at(wanted)
    if found is None:
        return UNMEASURED
    tone: dict[str, Tone] = {"higher": "good", "lower": "bad", "unstable": "warn", "not resolvable": "warn"}
    return replace(
        estimate_cell(found.items_per_s, "items/s"),
        claim=savings.throughput(found.ratio),
        detail="" if found.batch == wanted else f"in batches of {found.batch}",
        tone=tone.get(found.ratio.verdict, "") if found.ratio else "",
    )


def memory(view: View, candidate: CandidateRecord) -> Cell:
    """Peak of the whole process, and how much of it the model adds."""
    taken, reference = taken_bytes(candidate), taken_bytes(view.reference)
    if taken is None or candidate.memory is None:
        return UNMEASURED
    added = f"model adds {show(candidate.memory.added_bytes, 'bytes')}"
    smaller = bool(reference) and not candidate.reference and taken < 0.95 * (reference or 0)
    return Cell(
        show(taken, "bytes"),
        detail=added,
        claim=_memory_share(taken, reference) if reference and not candidate.reference else "",
        tone="good" if smaller else "",
        origin="measured",
    )


def _memory_share(taken: float, reference: float) -> str:
    return f"{share(taken / reference)}{' of the reference' if taken < reference else ''}"


def energy(view: View, candidate: CandidateRecord) -> Cell:
    """Energy of one request, with the way it was come by."""
    found = candidate.energy
    if found is None:
        return UNMEASURED
    if found.request_j is None:
        return Cell("not resolvable", detail=found.note or "", tone="muted", origin=energy_origin(candidate))
    said = savings.energy(found.ratio)
    return replace(
        estimate_cell(found.request_j, "j"),
        claim="; ".join(each for each in (said, "" if "indicative" in said else found.note or "") if each),
        tone=RATIO_TONES.get(found.ratio.verdict, "") if found.ratio else "",
        origin=energy_origin(candidate),
    )


def energy_origin(candidate: CandidateRecord) -> str:
    """Origin and rank: "modelled · generic power"."""
    found = candidate.energy
    if found is None or found.rank is None:
        return ""
    origin = found.request_j.origin if found.request_j else origin_of(found.rank)
    return f"{origin} · {RANK_WORDS[found.rank]}"


def pue(view: View) -> str:
    """The data centre's overhead as a heading has it; nothing where there is none."""
    asked = view.record.spec.carbon.pue
    return "" if asked == 1 else f", PUE {asked:g}"


def carbon(view: View, candidate: CandidateRecord, region: str) -> Cell:
    """Grams of CO2e per thousand requests in one region: always modelled, from energy, a grid factor and the PUE."""
    found = candidate.energy
    if found is None or found.request_j is None:
        return Cell(DASH, detail="no energy figure", tone="muted")
    try:
        power = grid(view.record.spec.carbon, region)
    except KeyError:
        return Cell(DASH, detail=f"no grid factor for {region}", tone="muted")
    request, overhead = found.request_j, view.record.spec.carbon.pue
    value = grams_per_thousand(request.value, power, pue=overhead)
    low, high = (
        None if end is None else grams_per_thousand(max(end, 0.0), power, pue=overhead)
        for end in (request.low, request.high)
    )
    return Cell(show(value, "g"), detail=interval(low, high, "g", value), origin="modelled")


def _tags(candidate: CandidateRecord, chosen: str | None) -> tuple[str, ...]:
    tags = ["reference"] if candidate.reference else []
    if candidate.name == chosen:
        tags.append("chosen")
    if candidate.status == "failed":
        tags.append("failed")
    return tuple(tags)


def _mean_s(candidate: CandidateRecord) -> float:
    return candidate.latency.mean_s.value if candidate.latency else float("inf")
