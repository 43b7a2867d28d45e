"""The comparison table: one function per column, and the origin in the heading where all cells share it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from effkit.analysis.carbon import thousand_requests_g
from effkit.analysis.energy import UNRESOLVED
from effkit.analysis.verdict import LEAST_GAIN
from effkit.record import CandidateRecord, Estimate
from effkit.report import savings
from effkit.report.units import DASH, Unit, interval, share, show
from effkit.report.values import Cell, Column, Row, Table, Tone
from effkit.report.view import View, percentile, taken_bytes
from effkit.report.words import GAP_TONES, RATIO_TONES, VERDICT_WORDS, rank_origin

UNMEASURED = Cell(DASH, detail="not measured", tone="muted")

APART = 0.03
"""By so much a ratio and the quotient of the latencies beside it differ where that is told."""
ONE_SPEED = (
    "A ratio is put to one speed of the core; the latencies beside it are as the clock saw them, so their quotient may "
    "be another."
)


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
    table = build(view, columns, key="comparison", title="Candidates", chosen=chosen)
    return replace(table, note=ONE_SPEED if any(_speeds_differ(view, each) for each in view.measured) else "")


def build(view: View, columns: Sequence[ColumnSpec], *, key: str, title: str, chosen: str | None = None) -> Table:
    """A table over candidates: the reference first, then by latency, the failed ones last."""
    ordered = sorted(view.record.candidates, key=lambda c: (c.status == "failed", not c.reference, _mean_s(c)))
    rows = tuple(
        Row(
            title=view.label(c),
            name=c.name,
            cells=tuple(column.cell(view, c) for column in columns) if c.status == "ok" else (),
            tags=_tags(c, chosen),
            failure="" if c.status == "ok" else f"Failed: {c.error or 'no reason was given'}",
        )
        for c in ordered
    )
    return origins_above(Table(key, title, "Candidate", tuple(Column(each.title, each.hint) for each in columns), rows))


def _speeds_differ(view: View, candidate: CandidateRecord) -> bool:
    """Whether a ratio is another than the quotient of the latencies that stand beside it."""
    mine, theirs = candidate.latency, view.reference.latency
    if mine is None or theirs is None or mine.ratio is None:
        return False
    quotient = mine.mean_s.value / theirs.mean_s.value
    return not 1 / (1 + APART) < quotient / mine.ratio.value < 1 + APART


def origins_above(table: Table) -> Table:
    """The table with the origin in the heading of each column whose cells share it."""
    shared = []
    for place in range(len(table.columns)):
        origins = {row.cells[place].origin for row in table.rows if row.cells} - {""}
        shared.append(origins.pop() if len(origins) == 1 else "")
    columns = tuple(replace(c, origin=above or c.origin) for c, above in zip(table.columns, shared, strict=True))
    rows = tuple(replace(row, cells=_without(row.cells, shared)) for row in table.rows)
    return replace(table, columns=columns, rows=rows)


def _without(cells: Sequence[Cell], shared: Sequence[str]) -> tuple[Cell, ...]:
    """Cells without the origins that stand in their headings; a failed candidate has none."""
    return tuple(replace(c, origin="") if above else c for c, above in zip(cells, shared, strict=False))


def estimate_cell(estimate: Estimate | None, unit: Unit, like: float | None = None) -> Cell:
    """An estimate with its interval and origin, in the unit of `like`, or in what fits."""
    if estimate is None:
        return UNMEASURED
    return Cell(
        show(estimate.value, unit, like),
        detail=interval(estimate.low, estimate.high, unit, estimate.value, like),
        origin=estimate.origin,
    )


def quality(view: View, candidate: CandidateRecord) -> Cell:
    """The metric with its interval, and the spread over training seeds."""
    if candidate.quality is None:
        return UNMEASURED
    value = candidate.quality.value
    seeds = candidate.quality.seed_values
    spread = f"{len(seeds)} seeds: ±{view.seed_spread(seeds)}" if len(seeds) > 1 else ""
    return Cell(view.quality(value.value), detail=view.quality_interval(value), claim=spread, origin=value.origin)


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
        estimate_cell(candidate.latency.mean_s, "s", _reference_s(view)),
        claim=str(savings.speed(ratio)),
        tone=RATIO_TONES.get(ratio.verdict, "") if ratio else "",
    )


def percentile_cell(candidate: CandidateRecord, level: float, like: float | None = None) -> Cell:
    """One percentile, or why there is none."""
    found = percentile(candidate, level)
    if found is None:
        return UNMEASURED
    if found.value_s is None:
        return Cell("n too small", detail=f"worth {found.n_effective:,.0f} calls", tone="muted")
    ends = interval(found.low_s, found.high_s, "s", found.value_s, like)
    return Cell(show(found.value_s, "s", like), detail=ends, origin="measured")


def tail(view: View, candidate: CandidateRecord) -> Cell:
    """The 99th percentile, with the median beside it."""
    median, like = percentile(candidate, 50), _reference_s(view)
    beside = f"p50 {show(median.value_s, 's', like)}" if median and median.value_s is not None else ""
    return replace(percentile_cell(candidate, 99, like), claim=beside)


def throughput(view: View, candidate: CandidateRecord) -> Cell:
    """Items a second at the protocol's batch size, or at the one that there were test items for."""
    wanted = view.record.spec.protocol.batch
    found, reference = candidate.throughput_at(wanted), view.reference.throughput_at(wanted)
    if found is None:
        return UNMEASURED
    tone: dict[str, Tone] = {"higher": "good", "lower": "bad", "unstable": "warn", "not resolvable": "warn"}
    other = "" if found.batch == wanted else f"in batches of {found.batch}"
    return replace(
        estimate_cell(found.items_per_s, "items/s", reference.items_per_s.value if reference else None),
        claim=", ".join(each for each in (str(savings.throughput(found.ratio)), other) if each),
        tone=tone.get(found.ratio.verdict, "") if found.ratio else "",
    )


def memory(view: View, candidate: CandidateRecord) -> Cell:
    """Peak of the whole process, and how much of it the model adds."""
    taken, reference = taken_bytes(candidate), taken_bytes(view.reference)
    if taken is None or candidate.memory is None:
        return UNMEASURED
    smaller = bool(reference) and not candidate.reference and taken < (1 - LEAST_GAIN) * (reference or 0)
    return Cell(
        show(taken, "bytes", reference),
        detail=f"model adds {show(candidate.memory.added_bytes, 'bytes', reference)}",
        claim=_memory_share(taken, reference) if reference and not candidate.reference else "",
        tone="good" if smaller else "",
        origin="measured",
    )


def _memory_share(taken: float, reference: float) -> str:
    shared = share(taken / reference)
    return f"{shared} of the reference" if taken < reference else f"{shared} the reference's"


def energy(view: View, candidate: CandidateRecord) -> Cell:
    """Energy of one request, with the way it was come by."""
    found = candidate.energy
    if found is None:
        return UNMEASURED
    if found.request_j is None:
        why = (found.note or "").removeprefix(UNRESOLVED)
        return Cell("not resolvable", detail=why, tone="muted", origin=energy_origin(candidate))
    said = str(savings.energy(found.ratio))
    indicative = found.ratio is not None and found.ratio.verdict == "indicative"
    return replace(
        estimate_cell(found.request_j, "j", _reference_j(view)),
        claim="; ".join(each for each in (said, "" if indicative else found.note or "") if each),
        tone=RATIO_TONES.get(found.ratio.verdict, "") if found.ratio else "",
        origin=energy_origin(candidate),
    )


def energy_origin(candidate: CandidateRecord) -> str:
    """Origin and rank: "modelled · generic power"."""
    found = candidate.energy
    return rank_origin(found.rank if found else None)


def pue(view: View) -> str:
    """The data centre's overhead as a heading has it; nothing where there is none."""
    asked = view.record.spec.carbon.pue
    return "" if asked == 1 else f", PUE {asked:g}"


def carbon(view: View, candidate: CandidateRecord, region: str) -> Cell:
    """Grams of CO2e per thousand requests in one region: always modelled, from energy, a grid factor and the PUE."""
    found = candidate.energy
    if found is None or found.request_j is None:
        return Cell(DASH, detail="no energy figure", tone="muted")
    request, asked = found.request_j, view.record.spec.carbon
    value, low, high, like = (
        None if energy_j is None else thousand_requests_g(energy_j, asked, region)
        for energy_j in (request.value, request.low, request.high, _reference_j(view))
    )
    if value is None:
        return Cell(DASH, detail=f"no grid factor for {region}", tone="muted")
    return Cell(show(value, "g", like), detail=interval(low, high, "g", value, like), origin="modelled")


def _reference_s(view: View) -> float | None:
    """The reference's mean latency: all latencies stand in its unit, for 450 µs above 187 ms reads as more."""
    return view.reference.latency.mean_s.value if view.reference.latency else None


def _reference_j(view: View) -> float | None:
    """The reference's energy, for the same reason."""
    found = view.reference.energy
    return found.request_j.value if found and found.request_j else None


def _tags(candidate: CandidateRecord, chosen: str | None) -> tuple[str, ...]:
    tags = ["reference"] if candidate.reference else []
    if candidate.name == chosen:
        tags.append("chosen")
    if candidate.status == "failed":
        tags.append("failed")
    return tuple(tags)


def _mean_s(candidate: CandidateRecord) -> float:
    return candidate.latency.mean_s.value if candidate.latency else float("inf")
