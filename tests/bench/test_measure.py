"""The coordinator: what is visited again, and how often."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effkit.bench.cores import Cores
from effkit.bench.energy import NoMeter
from effkit.bench.host import Activity
from effkit.bench.measure import Bench, on_cores
from effkit.bench.measurements import Built, Measurements
from effkit.bench.memory import Room
from effkit.bench.process import WorkerFailed, WorkerProcess
from effkit.bench.samples import table
from effkit.bench.schedule import STARTS, VISITS, block_items, order, order_number
from effkit.models import Recipe
from effkit.models.own import Packed
from effkit.spec import Protocol
from effkit.tasks import Task
from tests.bench.gpus import nvml


def bench(folder: Path, **protocol: Any) -> Bench:
    """Two candidates that answer at once, so three lines with the reference's second worker."""
    task = Task.from_arrays("letters", [str(number) for number in range(40)], [0, 1] * 20)
    settings = Packed.of(lambda items: [0] * len(items)).settings(task, folder)
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
        built=built, reference="large", protocol=Protocol(**{**short, **protocol}), task=task.saved_below(folder),
        products=folder, test=test, sizes=np.ones(len(test)), seed=1, meter=NoMeter(),
    )  # fmt: skip


def apart(asked: Bench) -> str | None:
    """Why its workers may not live at the same time; told before the first is started, of which there is none here."""
    asked.protocol = asked.protocol.model_copy(update={"generations": 0})
    return asked.run().apart


@pytest.mark.parametrize(("free_bytes", "why"), [(10, None), (3, "memory")])
def test_workers_stay_only_where_the_memory_that_there_is_holds_them_all(
    free_bytes: int, why: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("effkit.bench.measure.room", lambda: Room(64, free_bytes))
    assert apart(bench(tmp_path)) == why


@pytest.mark.parametrize(
    ("card", "device_bytes", "why"),
    [
        ({}, 10**9, None),
        ({"free_bytes": 10**9}, 0, None),  # models that hold nothing there need no room there
        ({"free_bytes": 10**9}, 1000, "GPU memory"),  # three contexts take more
        ({"free_bytes": 10**10}, 3 * 10**9, "GPU memory"),
        ({"exclusive": True}, 0, "GPU exclusive"),
    ],
)
def test_workers_stay_only_where_the_gpu_holds_them_all(
    card: dict[str, Any], device_bytes: int, why: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml(monkeypatch, **card)
    asked = bench(tmp_path, device="cuda")
    asked.built = {name: replace(each, device_bytes=device_bytes) for name, each in asked.built.items()}
    assert apart(asked) == why


@pytest.mark.parametrize(("card", "together"), [({}, True), ({"exclusive": True}, False)])
def test_all_are_visited_whether_they_live_at_the_same_time_or_not(
    card: dict[str, Any], together: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml(monkeypatch, **card)
    measured = bench(tmp_path, generations=1, blocks=1, retries=0, device="cuda").run()
    assert measured.resident_together == together
    assert not measured.failures
    assert sorted(visit.entry.name for visit in measured.visits) == ["large#a", "large#b", "small"]
    assert all(visit.strangers is None for visit in measured.visits)  # whose models use no GPU


def test_the_card_is_named_once_a_model_may_have_reached_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = WorkerProcess.ask

    def reached_at_the_first_call(worker: WorkerProcess, command: str, **arguments: Any) -> dict[str, Any]:
        answer = ask(worker, command, **arguments)
        if command == "warm_up":
            assert answer["gpu"] is None  # of models without PyTorch
            return {**answer, "gpu": "Some GPU (1234), CUDA 12.8, cuDNN 91002"}
        return answer

    monkeypatch.setattr(WorkerProcess, "ask", reached_at_the_first_call)
    measured = bench(tmp_path, generations=1, blocks=1, retries=0).run()
    assert not measured.failures
    assert {start.gpu for start in measured.starts} == {"Some GPU (1234), CUDA 12.8, cuDNN 91002"}


def test_company_on_the_gpu_is_told_apart_from_what_others_take_of_a_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[set[int], int]] = []
    told = iter([0, 2, None, 0])
    ask = WorkerProcess.ask

    def on_gpu(worker: WorkerProcess, command: str, **arguments: Any) -> dict[str, Any]:
        answer = ask(worker, command, **arguments)
        return {**answer, "on_gpu": True} if command == "visit" else answer

    def strangers(ours: set[int], since_us: int, *, used: bool) -> int | None:
        assert used
        seen.append((ours, since_us))
        return next(told)

    monkeypatch.setattr(WorkerProcess, "ask", on_gpu)
    monkeypatch.setattr("effkit.bench.nvml.strangers", strangers)
    monkeypatch.setattr("effkit.bench.measure.is_disturbed", lambda *given: False)
    before_us = time.time() * 1e6
    measured = bench(tmp_path, generations=1, blocks=1, retries=1).run()
    visits = measured.visits
    assert [visit.attempt for visit in visits] == [0, 0, 1, 0]  # the one in company was made again
    assert [visit.strangers for visit in visits][:2] == [0.0, 2.0]
    assert np.isnan(visits[2].strangers or 0.0) and visits[3].strangers == 0.0
    assert all(len(ours) >= 4 and since_us > before_us for ours, since_us in seen)  # three workers and the coordinator
    values = table(measured).set_index("metric")["value"]
    assert values.loc["visit_strangers"].isna().tolist() == [False, False, True, False]


def test_the_gpu_rests_before_each_visit_for_as_long_as_patience_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("effkit.bench.measure.GPU_POLL_S", 0.01)
    monkeypatch.setattr("effkit.bench.measure.GPU_PATIENCE_S", 0.05)
    asked: list[float] = []

    def busy() -> bool:
        asked.append(time.perf_counter())
        return True

    monkeypatch.setattr("effkit.bench.nvml.is_busy", busy)
    monkeypatch.setattr("effkit.bench.nvml.is_exclusive", lambda: False)
    bench(tmp_path, generations=1, blocks=1, retries=0).run()
    assert not asked  # on the CPU nobody asks
    bench(tmp_path, generations=1, blocks=1, retries=0, device="cuda").run()
    assert len(asked) >= 2 * 3


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


def test_the_schedule_is_carried_out_as_it_is_drawn(tmp_path: Path) -> None:
    asked = bench(tmp_path, generations=2, blocks=2, block_items=8, retries=0)
    measured = asked.run()
    lines = ["large#a", "large#b", "small"]
    drawn = []
    for generation in range(2):
        for block in range(2):
            visits = [each for each in measured.visits if (each.generation, each.block) == (generation, block)]
            drawn.append([each.entry.name for each in sorted(visits, key=lambda each: each.position)])
            assert drawn[-1] == order(lines, seed=1, what=VISITS, number=order_number(generation, block, 2))
            wanted = block_items(asked.test, asked.sizes, 8, seed=1, number=2 * generation + block)
            assert all(sorted(set(each.items)) == sorted(wanted) for each in visits)
    assert len({tuple(each) for each in drawn}) > 1
    for generation in range(2):
        starts = [each for each in measured.starts if each.generation == generation]
        names = [each.entry.name for each in sorted(starts, key=lambda each: each.place)]
        assert names == order(lines, seed=1, what=STARTS, number=generation)
    told = table(measured)
    first = told[(told["metric"] == "load_s") & (told["generation"] == 0)].sort_values("position")
    assert [f"{c}#{t}" if t else c for c, t in zip(first["candidate"], first["twin"], strict=True)] == order(
        lines, seed=1, what=STARTS, number=0
    )


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux lets a process choose its cores")
def test_every_thread_of_a_kernel_keeps_off_the_workers_cores_and_may_go_back() -> None:
    mine = os.sched_getaffinity(0)
    if len(mine) < 2:
        pytest.skip("one core")
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    assert thread.native_id
    try:
        with on_cores(Cores(workers=(max(mine),), coordinator=(min(mine),), pinned=True, shared=False)):
            meanwhile = [os.sched_getaffinity(each) for each in (0, thread.native_id)]
        afterwards = [os.sched_getaffinity(each) for each in (0, thread.native_id)]
    finally:
        ended.set()
        thread.join()
    assert meanwhile == [{min(mine)}] * 2 and afterwards == [mine] * 2


@pytest.mark.parametrize("threads", [1, 2])
def test_workers_have_the_threads_cores_and_batches_that_the_protocol_names(threads: int, tmp_path: Path) -> None:
    noted = tmp_path / "noted"

    def model(items: list[Any]) -> list[int]:
        import os

        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
        with noted.open("a") as file:
            file.write(f"{os.environ['OMP_NUM_THREADS']} {cores} {len(items)}\n")
        return [0] * len(items)

    asked = bench(tmp_path, generations=1, blocks=1, threads=threads)
    settings = Packed.of(model).settings(Task.load(asked.task), tmp_path)
    asked.built = {
        name: replace(each, recipe=replace(each.recipe, settings=settings)) for name, each in asked.built.items()
    }
    asked.protocol = asked.protocol.model_copy(update={"batch": 5})
    measured = asked.run()
    assert not measured.failures and measured.cores is not None
    pinned = list(measured.cores.workers) if measured.cores.pinned else None
    lines = set(noted.read_text().splitlines())
    for batch in (1, 5):
        assert any(line.endswith(f"] {batch}" if pinned else f"None {batch}") for line in lines)
    for line in lines:
        assert line.startswith(f"{threads} ")
        assert pinned is None or f" {pinned} " in line
    assert all(each.items == 5 for each in measured.throughput)
    assert all(set(start.threads.values()) == {threads} for start in measured.starts)  # as read back from NumPy's


def test_what_else_runs_during_a_visit_is_seen(tmp_path: Path) -> None:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        measured = bench(tmp_path, generations=1, blocks=1, retries=0).run()
    finally:
        busy.kill()
        busy.wait()
    assert max(visit.others_share for visit in measured.visits) > 0.2


def test_what_a_hypervisor_takes_is_told_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = itertools.count()
    monkeypatch.setattr("effkit.bench.measure.host.activity", lambda *given: Activity(0.0, next(counts) * 0.01, 0.0))
    measured = bench(tmp_path, generations=1, blocks=1, retries=0).run()
    assert all(0.01 / (visit.wall_s + 0.1) < visit.steal_share <= 0.01 / visit.wall_s for visit in measured.visits)


def test_a_visit_is_judged_by_its_own_shares_and_those_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Any, ...]] = []
    monkeypatch.setattr("effkit.bench.measure.is_disturbed", lambda *given: bool(seen.append(given)))
    visits = bench(tmp_path, generations=1, blocks=1).run().visits
    assert [given[:3] for given in seen] == [(each.others_share, each.steal_share, each.wall_s) for each in visits]
    assert [len(given[3]) for given in seen] == [len(given[4]) for given in seen] == [0, 1, 2]
    assert list(seen[2][3]) == [each.others_share for each in visits[:2]]


def test_a_run_goes_on_for_as_many_generations_as_are_wanted(tmp_path: Path) -> None:
    asked = bench(tmp_path, generations=1, blocks=1, retries=0)
    given: list[int] = []

    def more(measured: Measurements) -> int:
        given.append(len(measured.visits))
        return 3

    asked.more = more
    measured = asked.run()
    assert {visit.generation for visit in measured.visits} == {0, 1, 2}
    assert given == [3]


def test_nothing_is_measured_any_more_once_the_reference_has_failed(tmp_path: Path) -> None:
    asked = bench(tmp_path, generations=3, blocks=1)
    broken = asked.built["large"].recipe
    fails = Packed.of(_no_batch_of_one).settings(Task.load(asked.task), tmp_path)
    asked.built["large"] = Built(replace(broken, settings=fails), tmp_path, 1)
    measured = asked.run()
    assert set(measured.failures) == {"large"}
    assert {visit.generation for visit in measured.visits} <= {0}


@pytest.mark.parametrize("command", ["warm_up", "visit"])
def test_a_worker_that_failed_does_not_stay_beside_the_others_and_is_not_started_again(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun = tmp_path / "begun"

    def fails(items: list[Any]) -> list[int]:
        if begun.exists():
            raise RuntimeError("no more room")
        return [0] * len(items)

    asked = bench(tmp_path, generations=2, blocks=2, retries=0)
    small, settings = asked.built["small"], Packed.of(fails).settings(Task.load(asked.task), tmp_path)
    asked.built["small"] = replace(small, recipe=replace(small.recipe, settings=settings))
    failed: list[WorkerProcess] = []
    stayed: list[bool] = []
    ask = WorkerProcess.ask

    def noted(worker: WorkerProcess, what: str, **arguments: Any) -> dict[str, Any]:
        if what == command:
            begun.touch()
        if what == "visit":
            stayed.extend(each.psutil.is_running() for each in failed)
        try:
            return ask(worker, what, **arguments)
        except WorkerFailed:
            failed.append(worker)
            raise

    monkeypatch.setattr(WorkerProcess, "ask", noted)
    measured = asked.run()
    assert set(measured.failures) == {"small"} and len(failed) == 1
    assert stayed and not any(stayed)
    started = [start for start in measured.starts if start.entry.candidate == "small"]
    assert [start.place >= 0 for start in started] == [True] * (command == "visit"), "and its place is known"
    rows = table(measured)
    told = set(rows.loc[(rows["candidate"] == "small") & (rows["block"] < 0), "metric"])
    assert ("load_s" in told) == (command == "visit") and not told & {"floor_bytes", "peak_bytes"}
    assert caplog.text.count("small failed while it was measured: RuntimeError: no more room") == 1


class AsksAnother:
    """A model whose work a process of its own does, started where it is loaded; that one ends with its input."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        work = "import sys\nfor line in sys.stdin:\n    sum(range(300_000))\n    print(flush=True)"
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.other: Any = subprocess.Popen([sys.executable, "-c", work], **pipes)

    def __call__(self, items: list[Any]) -> list[int]:
        self.other.stdin.write(b"\n")
        self.other.stdin.flush()
        self.other.stdout.readline()
        return [0] * len(items)


def test_the_cpu_time_of_what_a_model_has_started_is_its_own(tmp_path: Path) -> None:
    asked = bench(tmp_path, generations=1, blocks=1, retries=0, visit_s=0.3)  # the system counts in hundredths
    model: Any = AsksAnother()
    model.here = True  # an object without state is not given any where it arrives
    settings = Packed.of(model).settings(Task.load(asked.task), tmp_path)
    asked.built = {
        name: replace(each, recipe=replace(each.recipe, settings=settings)) for name, each in asked.built.items()
    }
    measured = asked.run()
    assert not measured.failures
    # By itself it waits: a hundredth of the time, where nobody else has the core.
    assert all(visit.cpu_s > 0.1 * visit.wall_s for visit in measured.visits)


def _no_batch_of_one(items: list[Any]) -> list[int]:
    if len(items) == 1:
        raise RuntimeError("no batch of one, please")
    return [0] * len(items)
