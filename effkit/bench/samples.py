"""Everything measured as one tidy table: a row a value, as `samples.parquet` keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from effkit.bench.energy import Window
from effkit.bench.measurements import Measurements, Start, Visit

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("candidate", "twin", "generation", "block", "position", "attempt", "item", "metric", "value")
NONE = -1


def table(measured: Measurements) -> pd.DataFrame:
    """Return the samples as a table with the columns `COLUMNS`.

    `metric` names the value and its unit: `prepare_s` and `infer_s` are single calls, `visit_…` are
    means or sums over one visit, and the rest belongs to a worker's start or to the whole machine
    (`idle_w`). `stretch_…` are whole passes between two readings of the yardstick, and `batch_…` whole
    batches, each with its reading, in order. `attempt` counts from 0 where a disturbed visit was made
    again. `position` is a visit's in its block, or a start's in its generation. A column that does not apply holds -1.
    """
    import pandas as pd

    rows = [*_starts(measured.starts), *_visits(measured.visits)]
    for batches in measured.throughput:
        place = (batches.entry.candidate, batches.entry.twin, batches.generation, NONE, NONE, NONE, NONE)
        items_per_s = batches.items * len(batches.batch_s) / sum(batches.batch_s)
        rows.append((*place, "items_per_s", items_per_s))
        for batch_s, yard_s in zip(batches.batch_s, batches.yard_s, strict=True):
            rows += [(*place, "batch_s", batch_s), (*place, "batch_yard_s", yard_s)]
    for number, power_w in _idle_w(measured):
        rows.append(("", "", number // 2, NONE, NONE, NONE, NONE, "idle_w", power_w))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    narrow = {
        "generation": "int16",
        "block": "int16",
        "position": "int16",
        "attempt": "int16",
        "item": "int32",
        "value": "float64",
    }
    names = dict.fromkeys(("candidate", "twin", "metric"), "category")
    return frame.astype({**narrow, **names})


def _idle_w(measured: Measurements) -> Iterator[tuple[int, float]]:
    """Power of each idle window by its number, but of those of which a counter told nothing: it is 0 J there alone."""
    visited = [visit.energy for visit in measured.visits if visit.energy is not None]
    known = [any(joules) for joules in zip(*map(_joules, [*measured.idle, *visited]), strict=True)]
    for number, window in enumerate(measured.idle):
        joules = _joules(window)
        if all(told or not seen for told, seen in zip(joules, known, strict=True)):
            yield number, sum(joules) / window.duration_s


def _joules(window: Window) -> tuple[float, float, float]:
    return window.cpu_j, window.memory_j, window.gpu_j or 0.0


def _starts(starts: list[Start]) -> Iterator[tuple[Any, ...]]:
    for start in starts:
        values: dict[str, float | None] = {
            "import_s": start.import_s,
            "load_s": start.load_s,
            "first_call_s": start.first_call_s,
            "steady": float(start.steady),
            "warm_up_calls": start.warm_up_calls,
        }
        if start.memory:  # above which floor a peak is
            values |= {"floor_bytes": start.floor_bytes, **start.memory}
        for metric, value in values.items():
            if value is None:
                continue
            place = (start.entry.candidate, start.entry.twin, start.generation, NONE, start.place, NONE, NONE)
            yield (*place, metric, float(value))


def _visits(visits: list[Visit]) -> Iterator[tuple[Any, ...]]:
    for visit in visits:
        place = (visit.entry.candidate, visit.entry.twin, visit.generation, visit.block, visit.position, visit.attempt)
        for item, prepare_s, infer_s in zip(visit.items, visit.prepare_s, visit.infer_s, strict=True):
            yield (*place, item, "prepare_s", prepare_s)
            yield (*place, item, "infer_s", infer_s)
        for metric in ("stretch_calls", "stretch_call_s", "stretch_cpu_s", "stretch_wait_s", "stretch_yard_s"):
            for value in getattr(visit, metric):
                yield (*place, NONE, metric, float(value))
        values = {
            "visit_prepare_s": visit.mean_prepare_s,
            "visit_infer_s": visit.mean_infer_s,
            "visit_calls": visit.calls,
            "visit_cpu_s": visit.cpu_s,
            "visit_wall_s": visit.wall_s,
            "visit_others_share": visit.others_share,
            "visit_steal_share": visit.steal_share,
        }
        if visit.strangers is not None:
            values["visit_strangers"] = visit.strangers
        if visit.energy is not None:
            values |= {
                "visit_window_s": visit.energy.duration_s,
                "visit_cpu_j": visit.energy.cpu_j,
                "visit_memory_j": visit.energy.memory_j,
            }
            if visit.energy.gpu_j is not None:
                values["visit_gpu_j"] = visit.energy.gpu_j
        for metric, value in values.items():
            yield (*place, NONE, metric, float(value))
