"""Everything measured as one tidy table: a row a value, as `samples.parquet` keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from effkit.bench.measure import Measurements, Start, Visit

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("candidate", "twin", "generation", "block", "position", "item", "metric", "value")
NONE = -1


def table(measured: Measurements) -> pd.DataFrame:
    """Return the samples as a table with the columns `COLUMNS`.

    `metric` names the value and its unit: `prepare_s` and `infer_s` are single calls, `visit_…` are
    means or sums over one visit, and the rest belongs to a worker's start or to the whole machine
    (`idle_w`). A column that does not apply holds -1.
    """
    import pandas as pd

    rows = [*_starts(measured.starts), *_visits(measured.visits)]
    for entry, generation, items_per_s in measured.throughput:
        rows.append((entry.candidate, entry.twin, generation, NONE, NONE, NONE, "items_per_s", items_per_s))
    for number, window in enumerate(measured.idle):
        power_w = (window.cpu_j + window.memory_j + (window.gpu_j or 0.0)) / window.duration_s
        rows.append(("", "", number // 2, NONE, NONE, NONE, "idle_w", power_w))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    narrow = {"generation": "int16", "block": "int16", "position": "int16", "item": "int32", "value": "float64"}
    names = dict.fromkeys(("candidate", "twin", "metric"), "category")
    return frame.astype({**narrow, **names})


def _starts(starts: list[Start]) -> Iterator[tuple[Any, ...]]:
    for start in starts:
        values = {
            "import_s": start.import_s,
            "load_s": start.load_s,
            "first_call_s": start.first_call_s,
            "steady": float(start.steady),
            "warm_up_calls": start.warm_up_calls,
            "floor_bytes": start.floor_bytes,
            "peak_bytes": start.peak_bytes,
        }
        for metric, value in values.items():
            yield (start.entry.candidate, start.entry.twin, start.generation, NONE, NONE, NONE, metric, float(value))


def _visits(visits: list[Visit]) -> Iterator[tuple[Any, ...]]:
    for visit in visits:
        place = (visit.entry.candidate, visit.entry.twin, visit.generation, visit.block, visit.position)
        for item, prepare_s, infer_s in zip(visit.items, visit.prepare_s, visit.infer_s, strict=True):
            yield (*place, item, "prepare_s", prepare_s)
            yield (*place, item, "infer_s", infer_s)
        values = {
            "visit_prepare_s": visit.mean_prepare_s,
            "visit_infer_s": visit.mean_infer_s,
            "visit_calls": visit.calls,
            "visit_cpu_s": visit.cpu_s,
            "visit_wall_s": visit.wall_s,
            "visit_others_share": visit.others_share,
            "visit_steal_share": visit.steal_share,
        }
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
