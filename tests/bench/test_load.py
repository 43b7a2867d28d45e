"""Real load on real workers: requests are answered, batches are kept, and whoever dies is not waited for."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from effkit.analysis.load import load_of
from effkit.analysis.paired import UNDER_LOAD
from effkit.bench import load
from effkit.bench import sequence as sequences
from effkit.bench.measurements import Built
from effkit.bench.process import WorkerFailed, WorkerProcess
from effkit.bench.sequence import GeneratorFailed
from effkit.bench.serving import ANSWER, LAST_REQUEST, REQUEST, answer_requests
from effkit.models import Recipe
from effkit.models.own import Packed
from effkit.spec import LoadSpec, Protocol, SpecError
from effkit.tasks import Task

needs_loadgen = pytest.mark.skipif(
    find_spec("mlperf_loadgen") is None, reason="MLPerf LoadGen is not installed: pip install '.[load]'"
)
ITEMS = 8
GENERATE = sequences._generate


@contextmanager
def loaded(function: Callable[[list[Any]], Any], folder: Path) -> Iterator[WorkerProcess]:
    """A worker that has loaded a function as its model."""
    task = Task.from_arrays("numbers", np.arange(400.0).reshape(200, 2), [0, 1] * 100)
    recipe = Recipe("own", "own", task.kind, fit_items=0, seed=1, settings=Packed.of(function).settings(task, folder))
    with WorkerProcess(threads=1) as worker:
        saved = task.saved_below(folder / "tasks")
        worker.ask("open", recipe=recipe.to_json(), task=str(saved), products=str(folder / "products"))
        worker.ask("load", folder=str(folder))
        yield worker


def takes(service_s: float) -> Callable[[list[Any]], list[int]]:
    def model(items: list[Any]) -> list[int]:
        import time

        time.sleep(service_s)
        return [0] * len(items)

    return model


def drive(worker: WorkerProcess, spec: LoadSpec, items: range, *, seed: int) -> load.LoadRun:
    """All sequences of one worker alone."""
    driven = load.Driven(worker, spec, items, seed=seed)
    for step, _ in load.steps(spec):
        step(driven)
    return driven.run


def measured(
    models: Mapping[str, Callable[[list[Any]], Any]], spec: LoadSpec, folder: Path, told: list[str]
) -> tuple[dict[str, load.LoadRun], dict[str, str]]:
    """All sequences of several functions as models, and why one has none."""
    task = Task.from_arrays("numbers", np.arange(400.0).reshape(200, 2), [0, 1] * 100)
    built = {}
    for name, function in models.items():
        settings = Packed.of(function).settings(task, folder)
        built[name] = Built(Recipe(name, "own", task.kind, fit_items=0, seed=1, settings=settings), folder, 0)
    return load.measure(
        built, spec, Protocol(warm_up_s=0.1, warm_up_fast_s=0.1), task=task.saved_below(folder / "tasks"),
        products=folder / "products", items=range(ITEMS), cores=(), seed=1,
        tell=lambda share, text: told.append(text),
    )  # fmt: skip


@needs_loadgen
def test_every_request_is_answered(tmp_path: Path) -> None:
    spec = LoadSpec(shares=(0.3, 0.6), seeds=2, queries=60)
    with loaded(takes(0.001), tmp_path) as worker:
        run = drive(worker, spec, range(100, 100 + ITEMS), seed=1)
        again = drive(worker, LoadSpec(shares=(0.3,), seeds=1, queries=60), range(100, 100 + ITEMS), seed=1)
        assert worker.ask("memory")["peak_bytes"] > 1e6
    assert len(run.saturation_per_s) == 2 and min(run.saturation_per_s) > 0
    assert [(each.share, each.seed) for each in run.sequences] == [(0.3, 0), (0.6, 0), (0.3, 1), (0.6, 1)]
    for one in run.sequences:
        assert len(one.item) == len(one.delay_s) == len(one.latency_s) == 60
        assert set(one.item) <= set(range(100, 100 + ITEMS)) and len(set(one.item)) > 1
        assert (one.latency_s > one.delay_s).all() and (one.delay_s >= 0).all()
        assert one.latency_s.min() > 0.001
    first, other = run.sequences[0], run.sequences[2]
    assert (first.item == again.sequences[0].item).all()
    assert (first.item != other.item).any()


@needs_loadgen
def test_there_may_be_more_items_than_requests(tmp_path: Path) -> None:
    spec = LoadSpec(shares=(0.5,), seeds=1, queries=40)
    with loaded(takes(0.001), tmp_path) as worker:
        run = drive(worker, spec, range(200), seed=1)
    (sent,) = run.sequences
    assert len(sent.item) == 40 and len(set(sent.item)) > 30
    assert run.saturation_per_s[0] > 20


@needs_loadgen
def test_candidates_take_turns_and_one_that_fails_leaves_the_others(tmp_path: Path) -> None:
    def faulty(items: list[Any]) -> list[int]:
        raise ValueError("this model has a fault")

    told: list[str] = []
    models = {"one": takes(0.001), "other": takes(0.002), "faulty": faulty}
    runs, failures = measured(models, LoadSpec(shares=(0.3, 0.6), seeds=2, queries=40), tmp_path, told)
    assert set(runs) == {"one", "other"}
    assert set(failures) == {"faulty"} and "this model has a fault" in failures["faulty"]
    turns = [text.partition(":")[0] for text in told if "saturation" in text]
    assert all({*pair} == {"one", "other"} for pair in zip(turns[::2], turns[1::2], strict=True))
    for run in runs.values():
        assert len(run.saturation_per_s) == len(run.saturation_company) == 2 and len(run.sequences) == 4
        assert all(
            0 <= each.company.others_share < 1 + (psutil.cpu_count() or 1) and each.company.steal_share >= 0
            for each in run.sequences
        )
    one, other = (run.sequences for run in runs.values())
    assert all((mine.item == theirs.item).all() for mine, theirs in zip(one, other, strict=True))


def killed(told: dict[str, Any]) -> tuple[int | None, str]:
    """A generator that is gone when it has sent 50 requests, whose answers nobody takes."""
    os.write(told["requests"], b"".join(REQUEST.pack(1000 + number, 0) for number in range(50)))
    return -9, "the load generator ended with exit code -9: it said nothing"


def not_started(told: dict[str, Any]) -> tuple[int | None, str]:
    def refuse(*given: Any, **options: Any) -> None:
        raise OSError("too many processes")

    with pytest.MonkeyPatch.context() as within:
        within.setattr(subprocess, "run", refuse)
        return GENERATE(told)


def cut_short(told: dict[str, Any]) -> tuple[int | None, str]:
    """A generator whose files tell half of what it did."""
    found = GENERATE(told)
    trace = Path(told["folder"]) / "mlperf_log_trace.json"
    trace.write_bytes(trace.read_bytes()[: trace.stat().st_size // 2])
    return found


@needs_loadgen
@pytest.mark.parametrize(
    ("trouble", "words"),
    [(killed, "exit code -9"), (not_started, "too many processes"), (cut_short, "trace tells of")],
)
def test_a_sequence_whose_generator_fails_is_sent_once_more_to_the_same_worker(
    trouble: Callable[[dict[str, Any]], tuple[int | None, str]],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    seeds: list[int] = []

    def generate(told: dict[str, Any]) -> tuple[int | None, str]:
        seeds.append(told["seed"])
        return trouble(told) if len(seeds) == 2 else GENERATE(told)

    monkeypatch.setattr(sequences, "_generate", generate)
    runs, failures = measured({"one": takes(0.001)}, LoadSpec(shares=(0.5,), seeds=1, queries=40), tmp_path, [])
    assert failures == {}
    assert len(seeds) == 3 and seeds[1] == seeds[2] != seeds[0]
    (sent,) = runs["one"].sequences
    assert len(sent.latency_s) == 40 and sent.latency_s.min() > 0.001
    assert words in caplog.text


@pytest.mark.parametrize(
    ("trouble", "attempts", "words"),
    [
        (GeneratorFailed("no space left"), 2, "no space left; tried twice"),
        (GeneratorFailed(f"no {Path.home()}/x.so"), 2, "no ~/x.so; tried twice"),
        (WorkerFailed("it ran out of memory"), 1, "it ran out of memory"),
    ],
)
def test_who_fails_again_or_fails_of_its_own_has_no_load_test(
    trouble: Exception, attempts: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []

    def fail(worker: WorkerProcess, told: dict[str, Any]) -> None:
        seeds.append(told["seed"])
        raise trouble

    monkeypatch.setattr(load, "sequence", fail)
    runs, failures = measured({"one": takes(0.0)}, LoadSpec(shares=(0.5,), seeds=2, queries=40), tmp_path, [])
    assert (runs, failures) == ({}, {"one": words})
    assert len(seeds) == attempts and len(set(seeds)) == 1


@needs_loadgen
def test_what_else_runs_during_a_load_test_is_told(tmp_path: Path) -> None:
    spec = LoadSpec(shares=(0.3,), seeds=1, queries=200)
    with loaded(takes(0.004), tmp_path) as worker:
        busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        try:
            run = drive(worker, spec, range(ITEMS), seed=1)
        finally:
            busy.kill()
            busy.wait()
    assert run.sequences[0].company.others_share > 0.2
    found = load_of(load.table({"one": run}, spec.shares), spec, budget_s=None, seed=1)
    assert found.others_share is not None and found.others_share >= run.sequences[0].company.others_share


def test_company_on_the_gpu_is_told_of_each_sequence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = iter([0, 2, None, 0])
    asked: list[tuple[set[int], int]] = []
    ask = WorkerProcess.ask

    def on_gpu(worker: WorkerProcess, command: str, **arguments: Any) -> dict[str, Any]:
        answer = ask(worker, command, **arguments)
        return {**answer, "on_gpu": True} if command == "take_load" else answer

    def strangers(ours: set[int], since_us: int, *, used: bool) -> int | None:
        asked.append((ours, since_us))
        return next(told)

    def answered(worker: WorkerProcess, asked_for: dict[str, Any]) -> sequences.Trace:
        n = asked_for["queries"]
        return sequences.Trace(np.zeros(n, dtype=np.int64), np.zeros(n), np.full(n, 0.01))

    monkeypatch.setattr(WorkerProcess, "ask", on_gpu)
    monkeypatch.setattr("effkit.bench.nvml.strangers", strangers)
    monkeypatch.setattr(load, "sequence", answered)
    before_us = time.time() * 1e6
    spec = LoadSpec(shares=(0.5,), seeds=1, queries=40)
    runs, failures = measured({"one": takes(0.0), "other": takes(0.0)}, spec, tmp_path, [])
    assert failures == {}
    # Both workers and the coordinator, whichever is asked: one that sleeps meanwhile is no stranger.
    assert all(len(ours) >= 3 and since_us > before_us for ours, since_us in asked)
    rows = load.table(runs, spec.shares)
    seen = rows.loc[rows["metric"] == load.STRANGERS, "value"]
    assert sorted(seen.dropna()) == [0.0, 0.0, 2.0] and seen.isna().sum() == 1


@needs_loadgen
def test_a_load_test_becomes_rows_and_rows_become_a_record(tmp_path: Path) -> None:
    spec = LoadSpec(shares=(0.5,), seeds=2, queries=40, max_batch=4)
    with loaded(takes(0.0005), tmp_path) as worker:
        run = drive(worker, spec, range(ITEMS), seed=3)
    table = load.table({"one": run, "other": run}, spec.shares)
    assert set(table["metric"]) == set(UNDER_LOAD) - {load.STRANGERS}, "of whom nothing is said without a GPU"
    rows = table[(table["candidate"] == "one") & (table["metric"] == "load_latency_s")]
    assert rows["position"].tolist() == [*range(40), *range(40)]
    assert rows["generation"].tolist() == [0] * 40 + [1] * 40
    found = load_of(table[table["candidate"] == "one"], spec, budget_s=1.0, seed=1)
    assert found.points[0].queries == 80
    assert found.saturation_per_s.value == pytest.approx(np.exp(np.mean(np.log(run.saturation_per_s))))


@needs_loadgen
def test_a_sequence_is_cut_where_it_would_last_too_long(tmp_path: Path) -> None:
    spec = LoadSpec(shares=(0.9,), seeds=1, queries=10_000, most_s=0.3)
    with loaded(takes(0.005), tmp_path) as worker:
        run = drive(worker, spec, range(ITEMS), seed=1)
    assert 20 <= len(run.sequences[0].item) < 100


@needs_loadgen
def test_a_worker_that_is_killed_is_not_waited_for(tmp_path: Path) -> None:
    spec = LoadSpec(shares=(0.1,), seeds=1, queries=200_000, most_s=3000)
    with loaded(takes(0.01), tmp_path) as worker:
        killer = threading.Timer(1.0, worker.psutil.kill)
        killer.start()
        with pytest.raises(WorkerFailed, match="SIGKILL"):
            drive(worker, spec, range(ITEMS), seed=1)
        killer.join()


@needs_loadgen
def test_a_model_that_fails_under_load_says_why(tmp_path: Path) -> None:
    calls: list[int] = []

    def weary(items: list[Any]) -> list[int]:
        calls.append(1)
        if len(calls) > ITEMS + 10:
            raise ValueError("this model has a fault")
        return [0] * len(items)

    spec = LoadSpec(shares=(0.1,), seeds=1, queries=200_000, most_s=3000)
    with loaded(weary, tmp_path) as worker, pytest.raises(WorkerFailed, match="this model has a fault"):
        drive(worker, spec, range(ITEMS), seed=1)


class Recorder:
    """A model that notes what it was asked together."""

    def __init__(self) -> None:
        self.asked: list[list[Any]] = []

    def prepare(self, items: list[Any]) -> list[Any]:
        return items

    def infer(self, prepared: list[Any]) -> Any:
        self.asked.append(prepared)
        return np.zeros(len(prepared))


@pytest.mark.parametrize(("max_batch", "sizes"), [(1, [1] * 10), (4, [4, 4, 2]), (32, [10])])
def test_waiting_requests_are_answered_together(max_batch: int, sizes: list[int]) -> None:
    model, answers = Recorder(), io.BytesIO()
    items = ["a", "b", "c"]
    read, write = os.pipe()
    os.write(write, b"".join(REQUEST.pack(1000 + number, number % 3) for number in range(10)) + LAST_REQUEST)
    with os.fdopen(read, "rb") as requests:
        answer_requests(model, items, max_batch, requests, answers)
    os.close(write)
    assert [len(each) for each in model.asked] == sizes
    assert [item for each in model.asked for item in each] == [items[number % 3] for number in range(10)]
    assert [number for (number,) in ANSWER.iter_unpack(answers.getvalue())] == list(range(1000, 1010))


def test_no_byte_is_lost_between_a_line_and_requests() -> None:
    """Requests that came along with the line before them wait in its reader's buffer, one of them in parts."""
    answers = io.BytesIO()
    read, write = os.pipe()
    os.write(write, b'{"command": "serve_load"}\n' + REQUEST.pack(6, 0) + REQUEST.pack(7, 0)[:5])
    with os.fdopen(read, "rb") as requests:
        assert requests.readline().startswith(b"{")
        os.write(write, REQUEST.pack(7, 0)[5:] + LAST_REQUEST)
        answer_requests(Recorder(), ["a"], 1, requests, answers)
    os.close(write)
    assert answers.getvalue() == ANSWER.pack(6) + ANSWER.pack(7)


def test_a_load_that_ends_without_its_last_request_is_an_error() -> None:
    read, write = os.pipe()
    os.close(write)
    with os.fdopen(read, "rb") as requests, pytest.raises(EOFError, match="last request"):
        answer_requests(Recorder(), ["a"], 1, requests, io.BytesIO())


def test_without_a_load_generator_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "find_spec", lambda name: None)
    with pytest.raises(SpecError, match=r"pip install .*\.\[load\]"):
        load.check_installed()
