"""The load test of a study: who is put under load, and where its figures go."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from effkit.analysis.asked import asked
from effkit.analysis.contenders import contenders, unwaited
from effkit.analysis.cost import moved_bytes
from effkit.analysis.decide import decide
from effkit.analysis.load import load_of
from effkit.analysis.pareto import Direction, front
from effkit.bench import load as bench
from effkit.bench.measure import on_cores
from effkit.bench.schedule import LOAD, block_items
from effkit.bench.slot import measuring_slot
from effkit.findings import Findings
from effkit.production import MOST_UNDER_LOAD
from effkit.progress import Progress
from effkit.record import CandidateRecord, Load, Record
from effkit.spec import LoadSpec

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)
ITEMS = 1000
"""Test items that requests choose from, drawn by size like those of a block: of few, one long item is the p99."""


def under_load(found: Findings, record: Record, samples: pd.DataFrame, show: Progress) -> tuple[Record, pd.DataFrame]:
    """Put the reference, the chosen candidate and some of the front under load, in turn.

    Args:
        found: what the run found out.
        record: made from it, without load tests.
        samples: the table it was made from.
        show: told what is done now.

    Returns:
        The record and the table with the load tests in them. A candidate that fails stays without one, and the
        record says why.
    """
    assert found.spec.load is not None
    with measuring_slot(lambda text: show(1.0, text)) as slot, on_cores(found.measured.cores):
        runs: dict[str, bench.LoadRun] = {}
        failures: dict[str, str] = {}
        for names in _together(tested(record), found):
            made, failed = _measured(found, found.spec.load, names, show)
            runs |= made
            failures |= failed
        found.windows.append(slot.window())
    for name, failure in failures.items():
        log.warning("%s failed under load: %s", name, failure)
    if not runs:
        return _with(record, {}, failures, found), samples
    rows = bench.table(runs, found.spec.load.shares)
    tests = {
        name: load_of(
            rows[rows["candidate"] == name],
            found.spec.load,
            budget_s=found.spec.budget.on_machine_s(moved_bytes(record.candidate(name))),
            seed=found.spec.seed,
        )
        for name in runs
    }
    return _with(record, tests, failures, found), _appended(samples, rows)


def tested(record: Record) -> list[str]:
    """The reference, the chosen candidate, and the fastest others that none beats in both quality and latency."""
    able = [each for each in record.candidates if each.status == "ok" and each.quality and each.latency]
    directions: list[Direction] = ["min" if record.task.kind == "regression" else "max", "min"]
    on_front = front([_point(each) for each in able], directions) if able else np.zeros(0, dtype=bool)
    others = sorted((each for each, on in zip(able, on_front, strict=True) if on), key=lambda each: _point(each)[1])
    worked = record.reference.status == "ok"
    first = [record.reference.name, decide(unwaited(contenders(record)), asked(record)).chosen if worked else None]
    names = list(dict.fromkeys(name for name in first if name is not None))
    return names + [each.name for each in others if each.name not in names][: MOST_UNDER_LOAD - 2]


def _point(candidate: CandidateRecord) -> tuple[float, float]:
    """Quality, and time over the reference's: the paired ratio, which allows for the core's speed."""
    assert candidate.quality is not None and candidate.latency is not None
    ratio = candidate.latency.ratio
    return candidate.quality.value.value, 1.0 if ratio is None else ratio.value


def _together(names: list[str], found: Findings) -> list[list[str]]:
    """Who takes turns with whom: all with all, unless the memory is too small for all of them at once."""
    return [names] if found.measured.resident_together else [[name] for name in names]


def _measured(
    found: Findings, asked: LoadSpec, names: list[str], show: Progress
) -> tuple[dict[str, bench.LoadRun], dict[str, str]]:
    return bench.measure(
        {name: found.prepared[name].built for name in names},
        asked,
        found.spec.protocol,
        task=found.task_folder,
        products=found.products,
        items=block_items(found.test, found.sizes, ITEMS, seed=found.spec.seed, number=LOAD).tolist(),
        cores=found.measured.cores.workers if found.measured.cores else (),
        seed=found.spec.seed,
        tell=lambda share, text: show(1.0, f"load test, {share:.0%}: {text}"),
    )


def _with(record: Record, tests: dict[str, Load], failures: dict[str, str], found: Findings) -> Record:
    """The record with load tests; whatever else it tells stays as it was estimated without them."""
    finished_at = datetime.now(UTC)
    footprint = record.footprint.model_copy(update={"wall_s": found.wall_s, "measuring_s": found.measuring_s})
    candidates = tuple(
        each.model_copy(update={"load": tests.get(each.name), "load_failure": failures.get(each.name)})
        for each in record.candidates
    )
    changed = {"candidates": candidates, "finished_at": finished_at, "footprint": footprint}
    return record.model_copy(update={**changed, "windows": tuple(found.windows)})


def _appended(samples: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    whole = pd.concat([samples.astype({"candidate": "str", "twin": "str", "metric": "str"}), rows], ignore_index=True)
    return whole.astype(samples.dtypes.to_dict() | dict.fromkeys(("candidate", "twin", "metric"), "category"))
