"""The coordinator: what is visited again, and how often."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effkit.bench.energy import NoMeter
from effkit.bench.measure import Bench
from effkit.bench.measurements import Built
from effkit.bench.memory import Room
from effkit.models import Recipe
from effkit.models.own import settings_of
from effkit.spec import Protocol
from effkit.tasks import Task


def bench(folder: Path, **protocol: Any) -> Bench:
    """Two candidates that answer at once, so three lines with the reference's second worker."""
    task = Task.from_arrays("letters", [str(number) for number in range(40)], [0, 1] * 20)
    settings = settings_of(lambda items: [0] * len(items), task, folder)
    built = {
        name: Built(Recipe(name, "own", task.kind, fit_items=0, seed=1, settings=settings), folder, 1)
        for name in ("large", "small")
    }
    short = {
        "calls": 4, "visit_s": 0.05, "warm_up_s": 0.05, "warm_up_fast_s": 0.05, "warm_up_most_s": 0.2,
        "throughput_s": 0.01, "batch": 1, "idle_s": 0.0,
    }  # fmt: skip
    test = np.sort(task.first("test", "all"))
    return Bench(
        built=built, reference="large", protocol=Protocol(**short, **protocol), task=task.saved_below(folder),
        products=folder, test=test, sizes=np.ones(len(test)), seed=1, meter=NoMeter(),
    )  # fmt: skip


@pytest.mark.parametrize(("free_bytes", "together"), [(10, True), (3, False)])
def test_workers_stay_only_where_the_memory_that_there_is_holds_them_all(
    free_bytes: int, together: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("effkit.bench.measure.room", lambda: Room(64, free_bytes))
    assert bench(tmp_path, generations=1, blocks=1).run().resident_together == together


@pytest.mark.parametrize(("retries", "repeated"), [(2, 3), (0, 0)])
def test_what_a_generation_does_not_repeat_the_next_one_may(
    retries: int, repeated: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("effkit.bench.measure.is_disturbed", lambda *seen: True)
    measured = bench(tmp_path, generations=2, blocks=1, retries=retries).run()
    assert not measured.failures
    attempts = Counter(visit.attempt > 0 for visit in measured.visits)
    assert attempts[False] == 2 * 3 and attempts[True] == repeated  # half of the six that were planned
    assert Counter(visit.generation for visit in measured.visits if visit.attempt) == (
        Counter({0: 1, 1: 2}) if repeated else Counter()
    )


def test_nothing_is_measured_any_more_once_the_reference_has_failed(tmp_path: Path) -> None:
    asked = bench(tmp_path, generations=3, blocks=1)
    broken = asked.built["large"].recipe
    fails = settings_of(_no_batch_of_one, Task.load(asked.task), tmp_path)
    asked.built["large"] = Built(replace(broken, settings=fails), tmp_path, 1)
    measured = asked.run()
    assert set(measured.failures) == {"large"}
    assert {visit.generation for visit in measured.visits} <= {0}


def _no_batch_of_one(items: list[Any]) -> list[int]:
    if len(items) == 1:
        raise RuntimeError("no batch of one, please")
    return [0] * len(items)
