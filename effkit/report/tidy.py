"""Every number of a record as one row: what the CSV files and data frames are made of."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from effkit.analysis.carbon import thousand_requests_g
from effkit.analysis.payback import energy_break_even, time_break_even, year_grams
from effkit.analysis.verdict import worth
from effkit.record import CandidateRecord, Estimate, Link, Payback, Rank, Ratio, origin_of
from effkit.report.claim_values import TidyClaim
from effkit.report.cost import BASIS_WORDS, provided
from effkit.report.links import distinct
from effkit.report.values import Tidy, TidyLink
from effkit.report.view import View, percentile, taken_bytes

Row = Tidy | TidyLink | TidyClaim
"""A row of a CSV file."""


def tidy(view: View, chosen: str | None) -> tuple[Tidy, ...]:
    """One row per candidate and number; a failed candidate has one row that says why."""
    rows = []
    for candidate in view.record.candidates:
        about: dict[str, Any] = {
            "study": view.record.spec.name,
            "run": view.record.run,
            "candidate": candidate.name,
            "reference": candidate.reference,
            "chosen": candidate.name == chosen,
            "status": candidate.status,
        }
        rows += [Tidy(**about, **number) for number in _numbers(view, candidate)]
    return tuple(rows)


def wide(view: View, chosen: str | None) -> list[dict[str, Any]]:
    """One row per candidate with the numbers one compares by."""
    return [_wide_row(view, candidate, chosen) for candidate in view.record.candidates]


def tidy_links(view: View) -> tuple[TidyLink, ...]:
    """One row per technique of a chain, those that chains share once."""
    return tuple(_link(view, link) for _, link in distinct(view))


def as_rows(numbers: Sequence[Row]) -> list[dict[str, Any]]:
    """Tidy rows as mappings from column to value."""
    return [asdict(number) for number in numbers]


def as_csv(numbers: Sequence[Row], kind: type[Row]) -> str:
    """Tidy rows as CSV; see `csv_text`."""
    return csv_text(as_rows(numbers), [field.name for field in fields(kind)])


def csv_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Rows as CSV with a heading, lines ending in a line feed; no text in it is a formula to a spreadsheet."""
    stream = io.StringIO()
    # The csv module quotes no carriage return of a text where lines end without one, and readers would break there.
    odd = any("\r" in value for row in rows for value in row.values() if isinstance(value, str))
    writer = csv.DictWriter(stream, columns, lineterminator="\n", quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL)
    writer.writeheader()
    writer.writerows({name: _inert(value) for name, value in row.items()} for row in rows)
    return stream.getvalue()


def _inert(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _link(view: View, link: Link) -> TidyLink:
    word, reason = worth(link)
    paid: dict[str, Any] = {
        **_payback_columns("time_payback", link.time_payback),
        **_payback_columns("energy_payback", link.energy_payback),
    }
    return TidyLink(
        study=view.record.spec.name,
        run=view.record.run,
        chain=link.name,
        before=link.before,
        technique=link.words,
        gap=link.gap.difference if link.gap else None,
        gap_low=link.gap.low if link.gap else None,
        gap_high=link.gap.high if link.gap else None,
        gap_verdict=link.gap.verdict if link.gap else "",
        latency_ratio=link.latency.value if link.latency else None,
        latency_low=link.latency.low if link.latency else None,
        latency_high=link.latency.high if link.latency else None,
        latency_verdict=link.latency.verdict if link.latency else "",
        size_ratio=link.size,
        peak_ratio=link.peak,
        energy_ratio=link.energy.value if link.energy else None,
        energy_low=link.energy.low if link.energy else None,
        energy_high=link.energy.high if link.energy else None,
        energy_verdict=link.energy.verdict if link.energy else "",
        energy_rank=link.energy_rank or "",
        making_s=link.making_s,
        making_j=link.making_j,
        verdict=word,
        reason=reason,
        **paid,
    )


def _payback_columns(name: str, found: Payback | None) -> dict[str, Any]:
    requests = found.requests if found else None
    return {
        name: found.outcome if found else "",
        f"{name}_requests": requests.value if requests else None,
        f"{name}_low": requests.low if requests else None,
        f"{name}_high": requests.high if requests else None,
    }


def _numbers(view: View, c: CandidateRecord) -> Iterator[dict[str, Any]]:
    if c.status == "failed":
        yield {"metric": "status", "unit": "", "value": None, "reason": c.error or "no reason was given"}
        return
    yield from _quality(view, c)
    yield from _latency(c)
    for rate in c.throughput:
        yield _estimate(f"throughput_batch_{rate.batch}", "items/s", rate.items_per_s, ratio=rate.ratio)
    yield from _load(c)
    yield from _memory(c)
    yield _plain("parameters", "", c.parameters, "counted")
    yield _plain("operations", "FLOP", c.operations.flops if c.operations else None, "counted")
    yield from _energy(view, c)
    if c.cold_start:
        for step in ("import_s", "load_s", "first_call_s"):
            yield _estimate(f"cold_start_{step.removesuffix('_s')}", "s", getattr(c.cold_start, step))
    for made in c.making:
        yield _plain(f"making_{made.step}_time", "s", made.time_s, "measured")
        yield _plain(f"making_{made.step}_energy", "J", made.energy_j, _energy_origin(made.rank)) | {
            "rank": made.rank or ""
        }
    yield from _payback(view, c)
    yield from _traffic(view, c)


def _quality(view: View, c: CandidateRecord) -> Iterator[dict[str, Any]]:
    if c.quality is None:
        return
    yield _estimate(c.quality.metric, "", c.quality.value)
    for name, value in c.quality.secondary.items():
        yield _plain(name, "", value, "measured")
    if c.gap is not None:
        yield {
            "metric": "gap", "unit": "", "value": c.gap.difference, "low": c.gap.low, "high": c.gap.high,
            "n": c.gap.n, "origin": "measured", "verdict": c.gap.verdict,
        }  # fmt: skip
    for group in c.quality.groups:
        yield {
            "metric": f"gap in {group.group}", "unit": "", "value": group.difference, "low": group.low,
            "high": group.high, "n": group.n, "origin": "measured", "verdict": group.verdict,
        }  # fmt: skip


def _latency(c: CandidateRecord) -> Iterator[dict[str, Any]]:
    if c.latency is None:
        return
    yield _estimate("latency_mean", "s", c.latency.mean_s, ratio=c.latency.ratio)
    yield _estimate("latency_prepare", "s", c.latency.prepare_s)
    yield _estimate("latency_infer", "s", c.latency.infer_s)
    if c.latency.cpu_s is not None:
        yield _estimate("latency_cpu", "s", c.latency.cpu_s)
    if c.latency.outlier_share is not None:
        yield _plain("latency_outlier_share", "", c.latency.outlier_share, "counted")
    for found in c.latency.percentiles:
        yield {
            "metric": f"latency_p{found.level:g}", "unit": "s", "value": found.value_s, "low": found.low_s,
            "high": found.high_s, "n": found.n, "origin": "measured", "reason": found.reason or "",
        }  # fmt: skip


def _load(c: CandidateRecord) -> Iterator[dict[str, Any]]:
    if c.load is None:
        return
    yield _estimate("saturation", "requests/s", c.load.saturation_per_s)
    for point in c.load.points:
        limited = "generator-limited" if point.generator_limited else ""
        for found in point.percentiles:
            yield {
                "metric": f"load_{100 * point.share:g}_percent_p{found.level:g}", "unit": "s", "value": found.value_s,
                "low": found.low_s, "high": found.high_s, "n": found.n, "origin": "measured", "verdict": limited,
                "reason": found.reason or "",
            }  # fmt: skip
    if c.load.highest_per_s is not None:
        yield _estimate("highest_rate_within_budget", "requests/s", c.load.highest_per_s) | {
            "verdict": c.load.bound or ""
        }


def _memory(c: CandidateRecord) -> Iterator[dict[str, Any]]:
    if c.memory is None:
        return
    yield _plain("weight_bytes", "B", c.memory.weight_bytes, "counted")
    yield _plain("tensor_bytes", "B", c.memory.tensor_bytes, "counted")
    yield _plain("floor_bytes", "B", c.memory.floor_bytes, "measured")
    yield _plain("peak_bytes", "B", c.memory.peak_bytes, "measured")
    if c.memory.device_reserved_bytes is not None:
        yield _plain("device_reserved_bytes", "B", c.memory.device_reserved_bytes, "measured")


def _energy(view: View, c: CandidateRecord) -> Iterator[dict[str, Any]]:
    if c.energy is None:
        return
    rank, note = c.energy.rank or "", c.energy.note or ""
    request = c.energy.request_j
    if request is None:
        yield _plain("energy_request", "J", None, "") | {"rank": rank, "reason": note or "not resolvable"}
        return
    yield _estimate("energy_request", "J", request, ratio=c.energy.ratio) | {"rank": rank, "reason": note}
    yield _plain("energy_above_idle", "J", c.energy.net_j, request.origin) | {"rank": rank}
    for part in c.energy.components:
        row = _plain(f"energy_{part.component}", "J", part.energy_j, _energy_origin(part.rank))
        yield row | {"rank": part.rank, "reason": part.method}
    asked = view.record.spec.carbon
    for region in dict.fromkeys((asked.place, *asked.scenarios)):
        grams = thousand_requests_g(request.value, asked, region)
        yield _plain(f"co2e_per_thousand_{region}", "g", grams, "modelled") | {"rank": rank}


def _payback(view: View, c: CandidateRecord) -> Iterator[dict[str, Any]]:
    if c.reference or not c.making:
        return
    for what, find in (("energy", energy_break_even), ("time", time_break_even)):
        found = find(c, view.reference)
        if found.requests is None:
            yield _plain(f"payback_{what}", "requests", None, "") | {"reason": found.reason}
        else:
            yield _estimate(f"payback_{what}", "requests", found.requests)


def _traffic(view: View, c: CandidateRecord) -> Iterator[dict[str, Any]]:
    """What serving takes at each traffic, which stands in the metric's name; the most, where its verdict says so."""
    asked = view.record.spec
    for each in provided(view, c):
        several = f", {each.workers} workers on a machine" if each.workers > 1 else ""
        at, why = f"at_{each.requests_per_s:g}_per_s", {"reason": f"{BASIS_WORDS[each.capacity.basis]}{several}"}
        if each.at_most:
            why["verdict"] = "at most"
        yield _estimate(f"machines_{at}", "", each.machines) | why
        if each.money_per_thousand is not None and asked.cost is not None:
            yield _estimate(f"money_per_thousand_{at}", asked.cost.currency, each.money_per_thousand) | why
        served = {"rank": (c.energy.rank or "") if c.energy else ""} | why
        if each.energy_j_per_thousand is not None:
            yield _estimate(f"energy_per_thousand_{at}", "J", each.energy_j_per_thousand) | served
        if each.carbon_g_per_thousand is not None:
            metric = f"co2e_per_thousand_{asked.carbon.place}_{at}"
            yield _estimate(metric, "g", each.carbon_g_per_thousand) | served
        total = year_grams(c, each, asked.carbon)
        if total is not None:
            yield _estimate(f"co2e_year_{asked.carbon.place}_{at}", "g", total) | served


def _estimate(metric: str, unit: str, estimate: Estimate, ratio: Ratio | None = None) -> dict[str, Any]:
    row: dict[str, Any] = {"metric": metric, "unit": unit} | estimate.model_dump()
    if ratio is not None:
        row |= {"ratio": ratio.value, "ratio_low": ratio.low, "ratio_high": ratio.high, "verdict": ratio.verdict}
    return row


def _plain(metric: str, unit: str, value: float | None, origin: str) -> dict[str, Any]:
    return {"metric": metric, "unit": unit, "value": value, "origin": origin}


def _energy_origin(rank: Rank | None) -> str:
    return "" if rank is None else origin_of(rank)


def _wide_row(view: View, c: CandidateRecord, chosen: str | None) -> dict[str, Any]:
    p50, p99 = percentile(c, 50), percentile(c, 99)
    ratio = c.latency.ratio if c.latency else None
    request = c.energy.request_j if c.energy else None
    rate = c.throughput_at(view.record.spec.protocol.batch)
    return {
        "candidate": c.name,
        "reference": c.reference,
        "chosen": c.name == chosen,
        view.record.task.metric: c.quality.value.value if c.quality else None,
        "gap": c.gap.difference if c.gap else None,
        "gap_low": c.gap.low if c.gap else None,
        "gap_high": c.gap.high if c.gap else None,
        "verdict": "reference" if c.reference else c.gap.verdict if c.gap else None,
        "latency_mean_s": c.latency.mean_s.value if c.latency else None,
        "latency_p50_s": p50.value_s if p50 else None,
        "latency_p99_s": p99.value_s if p99 else None,
        "latency_ratio": ratio.value if ratio else None,
        "latency_claim": ratio.verdict if ratio else None,
        "items_per_s": rate.items_per_s.value if rate else None,
        "process_peak_bytes": taken_bytes(c),
        "weight_bytes": c.memory.weight_bytes if c.memory else None,
        "parameters": c.parameters,
        "energy_j": request.value if request else None,
        "energy_rank": c.energy.rank if c.energy else None,
        "co2e_g_per_thousand": thousand_requests_g(request.value, view.record.spec.carbon) if request else None,
        "status": c.status,
        "error": c.error,
    }
