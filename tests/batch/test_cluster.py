"""Sweeps on the workers of a Dask scheduler: real processes on the loopback, several hosts by name."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import combinations
from pathlib import Path

import psutil
import pytest

from effkit import attempts, index
from effkit.analysis.windows import audited
from effkit.batch import Cluster, ClusterError, Local, Outcome, orders, points
from tests.batch.clusters import ROOT, Site, site
from tests.batch.sweeps import ask, family, project, run, start, sweep, wait_for
from tests.conftest import REHEARSAL

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="effkit measures on Linux and macOS")
ON_GPU = {**REHEARSAL, "device": "cuda"}


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for all tests of this file, none of which harms it."""
    with site(tmp_path_factory.mktemp("dask")) as here:
        yield here


@pytest.fixture
def dask(scheduler: Site) -> Iterator[Site]:
    """The scheduler without workers; those that a test hires end with it."""
    yield scheduler
    scheduler.send_home()


@pytest.fixture
def params(tmp_path: Path) -> Path:
    return project(tmp_path)


def outcomes(path: Path, results: Path, dask: Site) -> Generator[Outcome]:
    return Cluster(results, dask.address).run(points(path), again=False, watch=lambda point, line: None)


def test_a_sweep_runs_on_a_worker_and_is_done_here(params: Path, results: Path, dask: Site) -> None:
    dask.hire("one", "a")
    dask.wait(1)
    path = sweep(params, "s", matrix={"seed": [1, 2]})
    words = ["run", path, "--results", results, "--executor", "dask", "--scheduler", dask.address]
    code, said = run(*words)
    assert code == 0, said
    assert "2 runs: 2 done now" in said and str(results / "t-seed-1") in said
    runs = index.read(results).runs
    assert Counter(each.identity for each in runs) == Counter(point.identity for point in points(path))
    assert {window.clock.partition("/")[0] for each in runs for window in each.windows} == {"a"}
    assert not list((results / attempts.LOCKS).glob("shared-*"))
    code, said = run(*words)
    assert code == 0 and "2 done before" in said


def on_two_hosts(params: Path, results: Path, dask: Site, *, runs: int) -> int:
    """Two hosts with two workers each, all of which may measure; how often the hosts measured side by side."""
    for name, host in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b")):
        dask.hire(name, host)
    dask.wait(4)
    path = sweep(params, "s", matrix={"seed": list(range(1, runs + 1))})
    assert [each.status for each in outcomes(path, results, dask)] == ["done"] * runs
    found = index.read(results).runs
    assert all(each.complete for each in found)
    assert Counter(each.identity for each in found) == Counter(point.identity for point in points(path))
    proof = audited({each.folder: each.windows for each in found})
    assert proof.clocks == 2 and proof.overlaps == () and proof.silent == ()
    windows = [window for each in found for window in each.windows]  # both clocks are this machine's
    beside = [(a, b) for a, b in combinations(windows, 2) if a.start_s < b.end_s and b.start_s < a.end_s]
    assert all(a.clock != b.clock for a, b in beside)
    return len(beside)


def test_each_host_measures_one_at_a_time_however_many_workers_it_has(params: Path, results: Path, dask: Site) -> None:
    on_two_hosts(params, results, dask, runs=4)


@pytest.mark.slow
def test_twelve_runs_on_two_hosts_of_two_workers(params: Path, results: Path, dask: Site) -> None:
    assert on_two_hosts(params, results, dask, runs=12) > 0


def test_a_host_whose_disk_is_full_gives_its_run_back_and_gets_no_other(
    params: Path, results: Path, dask: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    full = tmp_path / "full"
    full.mkdir()
    said = "import shutil, types\nshutil.disk_usage = lambda path: types.SimpleNamespace(total=1, used=1, free=0)\n"
    (full / "sitecustomize.py").write_text(said)
    dask.hire("one", "a")
    dask.hire("full", "b", PYTHONPATH=f"{full}{os.pathsep}{ROOT}")
    dask.wait(2)
    path = sweep(params, "s", matrix={"seed": [1, 2]})
    assert [each.status for each in outcomes(path, results, dask)] == ["done", "done"]
    assert {window.clock.partition("/")[0] for each in index.read(results).runs for window in each.windows} == {"a"}
    assert caplog.text.count("on b is refused") == 1 and "0 MiB free" in caplog.text


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_an_interrupt_stops_what_runs_on_the_workers(
    number: signal.Signals, params: Path, results: Path, dask: Site
) -> None:
    dask.hire("one", "a")
    dask.wait(1)
    path = sweep(params, "s", matrix={"seed": [1, 2]})
    command = start("run", path, "--results", results, "--executor", "dask", "--scheduler", dask.address)
    child = wait_for(results, "kernel").parent()
    assert child is not None
    command.send_signal(number)
    said, _ = command.communicate(timeout=60)
    assert command.returncode == 130 and "no process was left behind" in said, said
    assert not child.is_running() and not family(results)["kernel"]
    (attempt,) = attempts.unfinished(results)
    assert attempt.failure is not None and attempt.failure.status == "stopped"
    assert [each.status for each in outcomes(sweep(params, "one"), results, dask)] == ["done"], "the worker was lost"


def test_a_run_on_a_gpu_sees_the_gpu_of_its_worker_and_else_what_it_sees_here(
    tmp_path: Path, results: Path, dask: Site
) -> None:
    noted = tmp_path / "noted"
    note = f"import json, os; print(json.dumps(dict(os.environ)), file=open({str(noted)!r}, 'a'))"
    path = sweep(project(tmp_path, note, "raise OSError('seen')", protocol=ON_GPU), "s")
    dask.hire("plain", "a")
    dask.hire("gpu", "a", resources="measure=1 GPU=1", CUDA_VISIBLE_DEVICES="7")
    dask.wait(2)
    (there,) = outcomes(path, results, dask)
    (here,) = Local(results).run(points(path), again=False, watch=lambda *_: None)
    assert "OSError: seen" in there.sentence and "OSError: seen" in here.sentence
    far, near = (json.loads(line) for line in noted.read_text().splitlines())
    # Of each process.
    apart = {"EFFKIT_RUN", "JPY_PARENT_PID", "__DASK_PARENT_PID", "PYTHONPATH", "LINES", "COLUMNS", "TMPDIR"}
    added = dict(far.items() - near.items())
    assert {name: added[name] for name in added.keys() - apart} == {"CUDA_VISIBLE_DEVICES": "7", "EFFKIT_HOST": "a"}
    assert near.keys() - far.keys() <= apart


class TestRefused:
    """What cannot work is refused at once, and the sentence holds the fix."""

    @pytest.fixture
    def path(self, params: Path) -> Path:
        return sweep(params, "s")

    def refusal(self, path: Path, results: Path, dask: Site, workers: int) -> str:
        dask.wait(workers)
        began = time.monotonic()
        with pytest.raises(ClusterError) as refused:
            list(outcomes(path, results, dask))
        assert time.monotonic() - began < 60
        assert not index.read(results).runs and not attempts.unfinished(results)
        return str(refused.value)

    def test_no_scheduler(self, path: Path, results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("effkit.batch.cluster.ANSWER_WITHIN_S", 1.0)
        with pytest.raises(ClusterError, match=r"No Dask scheduler answers at tcp://127.0.0.1:9.*`dask scheduler`"):
            list(Cluster(results, "tcp://127.0.0.1:9").run(points(path), again=False, watch=lambda *_: None))
        with pytest.raises(ClusterError, match=r"--scheduler got here: give the address .* as in tcp://"):
            list(Cluster(results, "here").run(points(path), again=False, watch=lambda *_: None))

    def test_no_worker_with_the_token(self, path: Path, results: Path, dask: Site) -> None:
        dask.hire("one", "a", resources="")
        assert '--resources "measure=1"`' in self.refusal(path, results, dask, 1)

    def test_no_worker_with_a_gpu(self, params: Path, results: Path, dask: Site) -> None:
        dask.hire("one", "a")
        path = sweep(params, "s", include=[{"protocol": ON_GPU}])
        said = self.refusal(path, results, dask, 1)
        assert "CUDA_VISIBLE_DEVICES=0 dask worker" in said and '"measure=1 GPU=1"' in said

    def test_a_nanny(self, path: Path, results: Path, dask: Site) -> None:
        dask.hire("one", "a", "--nanny")
        assert "on a is refused" in (said := self.refusal(path, results, dask, 1)) and "--no-nanny" in said

    def test_another_effkit(self, path: Path, results: Path, dask: Site, tmp_path: Path) -> None:
        shutil.copytree(ROOT / "effkit", tmp_path / "other" / "effkit", ignore=shutil.ignore_patterns("__pycache__"))
        with (tmp_path / "other" / "effkit" / "identity.py").open("a") as file:
            file.write("# changed\n")
        dask.hire("one", "a", PYTHONPATH=str(tmp_path / "other"))
        assert "install the same on both" in self.refusal(path, results, dask, 1)

    def test_another_notebook(self, path: Path, results: Path, dask: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        (point,) = points(path)
        monkeypatch.setattr(orders, "sha256_of", lambda path: "0" * 64)  # of the coordinator alone
        dask.hire("one", "a")
        assert f"its {point.notebook} is another" in self.refusal(path, results, dask, 1)

    def test_options_that_do_not_fit(self, path: Path) -> None:
        code, said = ask("run", path, "--scheduler", "tcp://127.0.0.1:9")
        assert code == 2 and "--executor dask" in said
        code, said = ask("run", path, "--executor", "dask")
        assert code == 2 and "dask scheduler" in said

    def test_dask_is_not_installed(self, path: Path, results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "distributed", None)
        with pytest.raises(ClusterError, match=r"pip install .*\.\[cluster\]"):
            list(Cluster(results, "tcp://127.0.0.1:9").run(points(path), again=False, watch=lambda *_: None))


@pytest.mark.slow
def test_a_late_worker_that_differs_is_left_out_and_the_others_go_on(
    params: Path, results: Path, dask: Site, caplog: pytest.LogCaptureFixture
) -> None:
    dask.hire("one", "a")
    dask.wait(1)
    path = sweep(params, "s", matrix={"seed": [1, 2]})
    ended = outcomes(path, results, dask)
    with closing(ended):
        first = next(ended)
        dask.hire("late", "b", "--nanny")
        dask.wait(2)
        assert [first.status, next(ended).status] == ["done", "done"]
    assert "on b is refused" in caplog.text and "The others go on." in caplog.text


@pytest.mark.slow
def test_without_workers_a_sweep_gives_up_and_says_so(
    params: Path, results: Path, dask: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    dask.hire("one", "a")
    dask.wait(1)
    monkeypatch.setattr("effkit.batch.cluster.WITHOUT_WORKERS_S", 2.0)
    ended = outcomes(sweep(params, "s", matrix={"seed": [1, 2]}), results, dask)
    assert next(ended).status == "done"
    psutil.Process(dask.workers["one"].pid).terminate()
    dask.wait(0)
    with pytest.raises(ClusterError, match="start one again, then the same command goes on"):
        list(ended)
