"""The depth of a study: the tables that stand folded below the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from effkit.analysis.carbon import grid
from effkit.production import CarbonSpec
from effkit.record import CandidateRecord, Estimate, NoiseCheck, origin_of
from effkit.report.comparison import (
    UNMEASURED,
    ColumnSpec,
    build,
    carbon,
    energy,
    energy_origin,
    estimate_cell,
    origins_above,
    percentile_cell,
    pue,
)
from effkit.report.cost import payback_table, year_table
from effkit.report.groups import groups
from effkit.report.links import links_table
from effkit.report.load import under_load
from effkit.report.units import DASH, interval, percent, show, whole
from effkit.report.values import Cell, Column, Row, Table, Tone
from effkit.report.view import View
from effkit.report.words import RANK_WORDS, rank_origin

MakesCell = Callable[[View, CandidateRecord], Cell]


def details(view: View) -> tuple[Table, ...]:
    """Every folded table that this record fills."""
    tables = (
        links_table(view),
        size(view),
        latency(view),
        under_load(view),
        energy_and_carbon(view),
        cold_start(view),
        making(view),
        payback_table(view),
        year_table(view),
        groups(view),
        identity(view),
    )
    return tuple(table for table in tables if table and table.rows)


def size(view: View) -> Table:
    """What each candidate is made of."""
    columns = [
        ColumnSpec("Parameters", "", lambda v, c: _counted(show(c.parameters, "count"), c.parameters)),
        ColumnSpec("Weights on disk", "", lambda v, c: _bytes(c, "weight_bytes", "counted")),
        ColumnSpec("Weights in memory", "", lambda v, c: _bytes(c, "tensor_bytes", "counted")),
        ColumnSpec("Model's peak", "above its libraries", lambda v, c: _bytes(c, "added_bytes", "measured")),
        ColumnSpec("Libraries", "no model loaded", lambda v, c: _bytes(c, "floor_bytes", "measured")),
        ColumnSpec("Operations", "per request", _operations),
        ColumnSpec("Training items", "", lambda v, c: _counted(_whole(c.fit_items), c.fit_items)),
        ColumnSpec("Item / answer", "as sent", _traffic),
    ]
    return build(view, columns, key="size", title="Size")


def latency(view: View) -> Table:
    """Where the time of a call goes."""
    told = any(c.latency and c.latency.outlier_share is not None for c in view.measured)  # not by older records
    outliers = [ColumnSpec("Outliers", "share of calls, kept", _outliers)] if told else []
    columns = [
        ColumnSpec("Preparing", "mean", lambda v, c: estimate_cell(c.latency.prepare_s if c.latency else None, "s")),
        ColumnSpec("Inferring", "mean", lambda v, c: estimate_cell(c.latency.infer_s if c.latency else None, "s")),
        ColumnSpec(
            "CPU time", "of the worker", lambda v, c: estimate_cell(c.latency.cpu_s if c.latency else None, "s")
        ),
        ColumnSpec("p50", "", lambda v, c: percentile_cell(c, 50)),
        ColumnSpec("p90", "", lambda v, c: percentile_cell(c, 90)),
        ColumnSpec("p95", "", lambda v, c: percentile_cell(c, 95)),
        ColumnSpec(
            "Calls",
            "kept for percentiles",
            lambda v, c: Cell(whole(c.latency.calls), origin="counted") if c.latency else UNMEASURED,
        ),
        *outliers,
        ColumnSpec("Ratio", "as seen, without the yardstick", _ratio_as_seen),
        ColumnSpec("Warm-up", "", _steady),
    ]
    return build(view, columns, key="latency", title="Latency in depth")


def energy_and_carbon(view: View) -> Table:
    """Energy by component and rank, and carbon in every scenario."""
    asked = view.record.spec.carbon
    regions = list(dict.fromkeys((*asked.scenarios, asked.place)))
    columns = [
        ColumnSpec("Energy", "per request, gross", energy),
        ColumnSpec("Above idle", "per request", _net),
        ColumnSpec("Idle power", "", _idle),
        ColumnSpec("Windows", "summed", _windows),
        *(
            ColumnSpec(part.upper() if part != "memory" else "Memory", "share and method", _part(part))
            for part in _parts(view)
        ),
        *(
            ColumnSpec(f"CO₂e {region}", f"per 1,000; {_grid(asked, region)}{pue(view)}", _in_region(region))
            for region in regions
        ),
    ]
    return build(view, columns, key="energy", title="Energy and carbon")


def cold_start(view: View) -> Table:
    """From a fresh process to the first answer."""
    columns = [
        ColumnSpec("Importing", "", lambda v, c: estimate_cell(c.cold_start.import_s if c.cold_start else None, "s")),
        ColumnSpec("Loading", "", lambda v, c: estimate_cell(c.cold_start.load_s if c.cold_start else None, "s")),
        ColumnSpec(
            "First call", "", lambda v, c: estimate_cell(c.cold_start.first_call_s if c.cold_start else None, "s")
        ),
    ]
    return build(view, columns, key="cold-start", title="Cold start")


def making(view: View) -> Table:
    """What it took to make each candidate, step by step."""
    rows = [
        Row(
            view.label(c),
            c.name,
            (
                Cell(each.step),
                Cell(show(each.time_s, "s")),
                Cell(
                    show(each.energy_j, "j"),
                    origin=rank_origin(each.rank),
                    tone=_muted(each.energy_j),
                ),
                Cell(whole(each.items)),
                Cell("an earlier run" if each.reused else "this run"),
            ),
        )
        for c in view.record.candidates
        for each in c.making
    ]
    columns = (
        Column("Step"),
        Column("Time", "", "measured"),
        Column("Energy"),
        Column("Items", "", "counted"),
        Column("Made by"),
    )
    return origins_above(Table("making", "Making", "Candidate", columns, tuple(rows)))


def identity(view: View) -> Table:
    """What exactly was measured."""
    columns = [
        ColumnSpec("Model", "", lambda v, c: Cell(c.model)),
        ColumnSpec("Techniques", "in order", lambda v, c: Cell(_chain(c))),
        ColumnSpec("Licence", "", lambda v, c: Cell(c.licence or "not stated")),
        ColumnSpec("Threads", "read back", lambda v, c: Cell(_pairs(c.threads_read_back))),
        ColumnSpec("Weights", "SHA-256", lambda v, c: Cell(_hashes(c))),
    ]
    return build(view, columns, key="identity", title="What was measured")


def noise_table(view: View) -> Table:
    """The reference against itself."""
    rows = tuple(Row(check.metric, check.metric, _noise_cells(check)) for check in view.record.noise)
    columns = (
        Column("Ratio", "should be 1", "measured"),
        Column("As seen", "no yardstick", "measured"),
        Column("Threshold", "no claim inside"),
        Column("Verdict"),
    )
    return Table("noise", "The reference against itself", "Metric", columns, rows)


def curve_table(view: View) -> Table | None:
    """Quality against the number of labels."""
    rows = tuple(
        Row(
            point.model,
            point.model,
            (
                Cell(whole(point.fit_items)),
                Cell(view.quality(point.value.value), detail=view.quality_interval(point.value)),
                Cell(show(point.making_s, "s")),
            ),
        )
        for point in sorted(view.record.curve, key=lambda p: (p.model, p.fit_items))
    )
    columns = (
        Column("Labels", "", "counted"),
        Column("Quality", view.metric, "measured"),
        Column("Making", "", "measured"),
    )
    return Table("curve", "More labels", "Model", columns, rows) if rows else None


def _noise_cells(check: NoiseCheck) -> tuple[Cell, ...]:
    ends = "" if check.low is None or check.high is None else f"[{check.low:.3f}, {check.high:.3f}]"
    verdict, tone = _noise_verdict(check)
    return (
        Cell(f"{check.ratio:.3f}", detail=ends),
        _as_seen(check.as_seen),
        Cell(f"±{100 * check.threshold:.1f} %"),
        Cell(verdict, tone=tone),
    )


def _as_seen(seen: Estimate | None) -> Cell:
    if seen is None:
        return Cell(DASH, detail="no yardstick", tone="muted")
    ends = "" if seen.low is None or seen.high is None else f"[{seen.low:.3f}, {seen.high:.3f}]"
    return Cell(f"{seen.value:.3f}", detail=ends)


def _noise_verdict(check: NoiseCheck) -> tuple[str, Tone]:
    if not check.assessed:
        return "not assessed: fewer than five generations", "muted"
    return ("unstable", "bad") if check.unstable else ("no bias seen", "good")


def _parts(view: View) -> Iterator[str]:
    found = {part.component for c in view.measured if c.energy for part in c.energy.components}
    return (part for part in ("cpu", "memory", "gpu") if part in found)


def _part(name: str) -> MakesCell:
    def cell(view: View, candidate: CandidateRecord) -> Cell:
        parts = candidate.energy.components if candidate.energy else ()
        found = next((part for part in parts if part.component == name), None)
        if found is None:
            return UNMEASURED
        how = f"{RANK_WORDS[found.rank]}: {found.method}"
        return Cell(show(found.energy_j, "j"), detail=how, origin=origin_of(found.rank))

    return cell


def _in_region(region: str) -> MakesCell:
    return lambda view, candidate: carbon(view, candidate, region)


def _grid(asked: CarbonSpec, region: str) -> str:
    power = grid(asked, region)
    if power is None:
        return "no grid factor"
    return f"{power.g_per_kwh:.0f} g/kWh, {power.kind}{f' {power.year}' if power.year else ''}"


def _net(view: View, candidate: CandidateRecord) -> Cell:
    net = candidate.energy.net_j if candidate.energy else None
    return _of_energy(candidate, show(net, "j"))


def _idle(view: View, candidate: CandidateRecord) -> Cell:
    return _of_energy(candidate, show(candidate.energy.idle_w if candidate.energy else None, "w"))


def _windows(view: View, candidate: CandidateRecord) -> Cell:
    return UNMEASURED if candidate.energy is None else Cell(show(candidate.energy.window_s, "s"), origin="measured")


def _of_energy(candidate: CandidateRecord, text: str) -> Cell:
    return Cell(text, tone="muted") if text == DASH else Cell(text, origin=energy_origin(candidate))


def _operations(view: View, candidate: CandidateRecord) -> Cell:
    flops = candidate.operations.flops if candidate.operations else None
    return _counted(show(flops, "flop"), flops)


def _bytes(candidate: CandidateRecord, field: str, origin: str) -> Cell:
    value = getattr(candidate.memory, field) if candidate.memory else None
    return Cell(show(value, "bytes"), tone=_muted(value), origin=origin)


def _traffic(view: View, candidate: CandidateRecord) -> Cell:
    sent, answered = show(candidate.request_bytes, "bytes"), show(candidate.response_bytes, "bytes")
    return Cell(f"{sent} / {answered}", tone=_muted(candidate.request_bytes), origin="counted")


def _steady(view: View, candidate: CandidateRecord) -> Cell:
    if candidate.latency is None:
        return UNMEASURED
    return Cell("steady", tone="good") if candidate.latency.steady else Cell("not steady", tone="warn")


def _outliers(view: View, candidate: CandidateRecord) -> Cell:
    share = candidate.latency.outlier_share if candidate.latency else None
    return UNMEASURED if share is None else Cell(percent(share), origin="counted")


def _ratio_as_seen(view: View, candidate: CandidateRecord) -> Cell:
    ratio = candidate.latency.ratio if candidate.latency else None
    if candidate.reference:
        return Cell("reference", tone="muted")
    seen = ratio.as_seen if ratio else None
    if seen is None:
        return _as_seen(None)
    return Cell(show(seen.value, "count"), detail=interval(seen.low, seen.high, "count", seen.value), origin="measured")


def _counted(text: str, value: float | None) -> Cell:
    return Cell(text, tone=_muted(value), origin="counted")


def _whole(value: int | None) -> str:
    return DASH if value is None else whole(value)


def _muted(value: float | None) -> Tone:
    return "muted" if value is None else ""


def _chain(candidate: CandidateRecord) -> str:
    steps = [
        name + (f" ({', '.join(f'{k}={v}' for k, v in parameters.items())})" if parameters else "")
        for technique in candidate.techniques
        for name, parameters in technique.items()
    ]
    return " → ".join(steps) or "none"


def _hashes(candidate: CandidateRecord) -> str:
    """Of its weights, and of a function of one's own."""
    functions = {f"{model}: its function": sha256 for model, sha256 in candidate.functions_sha256.items()}
    return _pairs({name: sha256[:12] for name, sha256 in (candidate.weights_sha256 | functions).items()})


def _pairs(pairs: dict[str, str] | dict[str, int]) -> str:
    return ", ".join(f"{key} {value}" for key, value in pairs.items()) or DASH
