"""What production allows, checked candidate by candidate: meets, does not, or unknown and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from effkit.record import CandidateRecord
from effkit.report.units import show
from effkit.report.values import Cell, Column, Row, Table
from effkit.report.view import View, percentile, process_bytes

Check = Callable[[CandidateRecord], Cell]


def budget_table(view: View) -> Table | None:
    """Every candidate against every limit that the study names; None where it names none."""
    limits = list(_limits(view))
    if not limits:
        return None
    return Table(
        key="budget",
        title="Budget",
        head="Candidate",
        columns=tuple(Column(title, hint) for title, hint, _ in limits),
        rows=tuple(
            Row(view.label(c), c.name, tuple(check(c) for _, _, check in limits), ("reference",) if c.reference else ())
            for c in view.measured
        ),
    )


def met_by_reference(view: View) -> list[str]:
    """The limits' names, when the reference meets every one of them; otherwise nothing."""
    limits = list(_limits(view))
    if all(check(view.reference).text == "meets" for _, _, check in limits):
        return [title for title, _, _ in limits]
    return []


def _limits(view: View) -> Iterator[tuple[str, str, Check]]:
    budget = view.record.spec.budget
    if budget.latency_p99_s is not None:
        limit_s = budget.latency_p99_s
        yield "p99 latency", f"at most {show(limit_s, 's')}", lambda c: _latency(c, limit_s)
    if budget.peak_bytes is not None:
        limit_bytes = budget.peak_bytes
        yield "peak memory", f"at most {show(limit_bytes, 'bytes')}", lambda c: _memory(c, limit_bytes)
    if budget.energy_j is not None:
        limit_j = budget.energy_j
        yield "energy per request", f"at most {show(limit_j, 'j')}", lambda c: _energy(c, limit_j)


def _latency(candidate: CandidateRecord, limit: float) -> Cell:
    p99 = percentile(candidate, 99)
    if p99 is None or p99.value_s is None:
        return _unknown("n too small" if p99 else "not measured")
    return _judge(p99.value_s, p99.low_s, p99.high_s, limit, show(p99.value_s, "s"))


def _memory(candidate: CandidateRecord, limit: float) -> Cell:
    taken = process_bytes(candidate)
    return _unknown("not measured") if taken is None else _judge(taken, None, None, limit, show(taken, "bytes"))


def _energy(candidate: CandidateRecord, limit: float) -> Cell:
    energy = candidate.energy
    if energy is None or energy.request_j is None:
        return _unknown((energy.note if energy else None) or "not measured")
    request = energy.request_j
    return _judge(request.value, request.low, request.high, limit, f"{show(request.value, 'j')}, {energy.rank or ''}")


def _judge(value: float, low: float | None, high: float | None, limit: float, shown: str) -> Cell:
    if (value if high is None else high) <= limit:
        return Cell("meets", detail=shown, tone="good")
    if (value if low is None else low) > limit:
        return Cell("does not meet", detail=shown, tone="bad")
    return _unknown(f"{shown}: the interval spans the limit")


def _unknown(reason: str) -> Cell:
    return Cell("unknown", detail=reason, tone="warn")
