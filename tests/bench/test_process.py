"""Real worker processes: they answer, they fail in words, and they leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from effkit import catalogue
from effkit.bench.energy import Method, NoMeter, Window
from effkit.bench.process import WorkerFailed, WorkerProcess
from effkit.models import Recipe
from effkit.models.own import Packed
from effkit.tasks import Task, load


def test_a_worker_is_gone_when_its_block_is_left() -> None:
    with WorkerProcess(threads=1) as worker:
        process = worker.psutil
        assert process.is_running()
        assert worker.ask("memory")["peak_bytes"] > 1e6
    assert not process.is_running()


def test_a_worker_is_pinned_where_that_is_possible() -> None:
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system does not let a process choose its cores")
    core = sorted(os.sched_getaffinity(0))[-1]
    with WorkerProcess(threads=1, cores=[core]) as worker:
        assert worker.psutil.cpu_affinity() == [core]


def test_a_worker_that_is_killed_says_how_it_ended() -> None:
    with WorkerProcess(threads=1) as worker:
        worker.psutil.send_signal(signal.SIGKILL)
        with pytest.raises(WorkerFailed, match="SIGKILL: most likely it ran out of memory"):
            worker.ask("memory")


def forks_and_dies(items: list[Any]) -> list[int]:
    """Leaves a child that holds the pipe of answers, and is killed as by the system for want of memory."""
    if os.fork() == 0:
        time.sleep(600)
    os.kill(os.getpid(), signal.SIGKILL)
    return []


def reads_its_input(items: list[Any]) -> list[int]:
    """Starts what reads its standard input to the end."""
    subprocess.run(["cat"], check=True, capture_output=True)
    return [0] * len(items)


def of_one(function: Any, folder: Path) -> tuple[WorkerProcess, Task]:
    task = Task.from_arrays("numbers", np.arange(80.0).reshape(40, 2), [0, 1] * 20)
    recipe = Recipe("own", "own", task.kind, fit_items=0, seed=1, settings=Packed.of(function).settings(task, folder))
    worker = WorkerProcess(threads=1)
    saved = task.saved_below(folder / "tasks")
    worker.ask("open", recipe=recipe.to_json(), task=str(saved), products=str(folder / "products"))
    worker.ask("load", folder=str(folder))
    return worker, task


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_worker_that_dies_is_not_waited_for_because_a_child_of_its_lives(tmp_path: Path) -> None:
    worker, _ = of_one(forks_and_dies, tmp_path)
    with worker:
        group = os.getpgid(worker.psutil.pid)
        with pytest.raises(WorkerFailed, match="SIGKILL"):
            worker.ask("visit", items=[0, 1], least_calls=1, least_s=0.0, most_kept=1000)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and any(_in_group(each, group) for each in psutil.pids()):
            time.sleep(0.05)
        assert not any(_in_group(each, group) for each in psutil.pids())


def _in_group(pid: int, group: int) -> bool:
    try:
        return os.getpgid(pid) == group and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.Error):
        return False


def test_what_a_model_starts_does_not_read_the_workers_requests(tmp_path: Path) -> None:
    worker, _ = of_one(reads_its_input, tmp_path)
    with worker:
        assert worker.ask("visit", items=[0, 1], least_calls=2, least_s=0.0, most_kept=1000)["calls"] >= 2


def test_what_a_worker_says_holds_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "abcdef123456")

    def remote(items: list[Any]) -> list[int]:
        raise OSError("429 for https://me:word@host.example/v1?key=abcdef123456&x=1, key abcdef123456")

    worker, _ = of_one(remote, tmp_path)
    with worker, pytest.raises(WorkerFailed) as failed:
        worker.ask("visit", items=[0], least_calls=1, least_s=0.0, most_kept=1000)
    assert "429 for https://…@host.example/v1?…" in str(failed.value)
    assert "abcdef" not in str(failed.value) and "word@" not in str(failed.value)


def test_half_an_answer_is_a_failure_of_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    with WorkerProcess(threads=1) as worker:
        assert worker._process.stdout is not None
        worker.psutil.send_signal(signal.SIGKILL)
        read, write = os.pipe()
        os.write(write, b'{"peak_by')
        os.close(write)
        monkeypatch.setattr(worker._process, "stdout", os.fdopen(read, "rb"))
        monkeypatch.setattr(worker, "_write", lambda message: None)
        with pytest.raises(WorkerFailed, match="SIGKILL"):
            worker.ask("memory")


def test_a_worker_that_does_not_answer_is_not_said_to_be_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    with WorkerProcess(threads=1) as worker:
        monkeypatch.setattr("effkit.bench.process.ANSWER_WITHIN_S", 0.3)
        worker.psutil.suspend()
        with pytest.raises(WorkerFailed, match=r"gave no answer within .* s \(in `memory`\)"):
            worker.ask("memory")


def test_a_sleeping_worker_burns_nothing() -> None:
    with WorkerProcess(threads=1) as worker:
        worker.ask("memory")
        before = sum(worker.psutil.cpu_times()[:2])
        time.sleep(1.0)
        assert sum(worker.psutil.cpu_times()[:2]) - before <= 0.02


class AsksAnother:
    """A model that starts a process of its own where it is loaded; that one ends with its input."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

    def __call__(self, items: list[Any]) -> list[int]:
        return [0] * len(items)


def test_what_a_model_starts_is_no_stranger(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    task = Task.from_arrays("numbers", rng.random((40, 4)), rng.integers(0, 2, 40))
    model = AsksAnother()
    model.here = True  # type: ignore[attr-defined]  # an object without state is not given any where it arrives
    recipe = Recipe("asks", "own", task.kind, fit_items=0, seed=1, settings=Packed.of(model).settings(task, tmp_path))
    with WorkerProcess(threads=1) as worker:
        folder = task.saved_below(tmp_path / "task")
        worker.ask("open", recipe=recipe.to_json(), task=str(folder), products=str(tmp_path))
        worker.ask("load", folder=str(tmp_path))
        family = worker.family
        assert len(family) == 2 and family[1].ppid() == worker.psutil.pid
    assert not psutil.wait_procs(family, timeout=5)[1]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_worker_ends_with_a_coordinator_that_was_killed() -> None:
    code = (
        "import time; from effkit.bench.process import WorkerProcess\n"
        "w = WorkerProcess(threads=1); print(w.psutil.pid, flush=True); time.sleep(60)"
    )
    coordinator = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert coordinator.stdout is not None
    worker = psutil.Process(int(coordinator.stdout.readline()))
    coordinator.kill()
    coordinator.wait()
    assert not psutil.wait_procs([worker], timeout=5)[1]


def test_making_of_which_a_counter_told_nothing_took_what_nobody_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [(3.0, 20.0, 25.0), (3.0, 0.0, None), (0.01, 0.0, 5.0)]
    counted: list[Window] = []

    @contextmanager
    def window() -> Iterator[list[Window]]:
        yield counted[-1:]

    meter = NoMeter()
    meter.methods = (Method("cpu", "counter", "RAPL"), Method("memory", "modelled-generic", "a fixed power"))
    monkeypatch.setattr(meter, "window", window)
    task = load("breast-cancer", seed=1)
    entry = catalogue.models()["logreg"]
    recipe = Recipe("logreg", entry.builder, task.kind, 100, 1, dict(entry.settings))
    with WorkerProcess(threads=1, meter=meter) as worker:
        saved = task.saved_below(tmp_path)
        worker.ask("open", recipe=recipe.to_json(), task=str(saved), products=str(tmp_path / "products"))
        for seed, (duration_s, cpu_j, told_j) in enumerate(cases):
            counted.append(Window(duration_s, cpu_j, memory_j=5.0, gpu_j=None))
            making = worker.ask("make", seed=seed)["making"]
            assert not any(step["reused"] for step in making)
            assert {step["energy_j"] for step in making} == {told_j}
