"""What is done, what is run, how limits end a run, and what the commands say of it."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
from collections.abc import Generator, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import pytest

from effkit import attempts, index, provenance, store
from effkit.analysis.circumstances import Difference
from effkit.batch import Local, Outcome, Point, State, other_hosts, other_versions, points, states, wanted
from effkit.batch.local import Watch, request
from effkit.batch.state import Standing
from effkit.commands import running
from tests.batch.sweeps import ROOT, ask, project, run, start, sweep, wait_for

GOLDEN = ROOT / "tests" / "golden" / "record-v3.json"


@pytest.mark.parametrize(
    ("rerun", "run"),
    [("never", ["cut off", "to do", "running"]), ("failed", ["failed", "cut off", "to do", "running"]),
     ("changed", ["failed", "cut off", "to do", "running"]),
     ("all", ["done", "failed", "cut off", "to do", "running"])],
)  # fmt: skip
def test_what_is_run_again(
    tmp_path: Path, rerun: Literal["never", "failed", "changed", "all"], run: list[Standing]
) -> None:
    (point,) = points(project(tmp_path) / "t.yaml")
    standings: list[Standing] = ["done", "failed", "cut off", "to do", "running"]
    for each in standings:
        assert bool(wanted([State(point, each, "", None, 1)], rerun)) == (each in run)
    newer = State(point, "done", "", None, 1, changed=(Difference("version", "numpy", "1.0", "2.0"),))
    assert bool(wanted([newer], rerun)) == (rerun in ("changed", "all"))


def record_of(point: Point, host: str, **versions: str) -> str:
    """A complete record of a point: made on a host, with the versions of here but for some."""
    raw, here = json.loads(GOLDEN.read_text()), provenance.code("").model_dump(mode="json")
    raw |= {
        "run": "one",
        "identity": point.identity,
        "interactive": False,
        "candidates": [each | {"status": "ok", "error": None} for each in raw["candidates"]],
        "host": raw["host"] | {"name": host},
        "code": here | {"versions": here["versions"] | versions},
    }
    return json.dumps(raw)


def keep(results: Path, point: Point, host: str, **versions: str) -> None:
    """Put such a run into its place."""
    folder = results / point.spec.name / "one"
    folder.mkdir(parents=True)
    (folder / store.RECORD).write_text(record_of(point, host, **versions))


@pytest.fixture
def grown(tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[Point]]:
    """A sweep of three points: one done here, one done elsewhere with an older NumPy, one to do."""
    monkeypatch.setenv("EFFKIT_HOST", "a")
    path = sweep(project(tmp_path), "s", matrix={"seed": [1, 2, 3]})
    asked = points(path)
    keep(results, asked[0], "a")
    keep(results, asked[1], "b", numpy="1.0")
    return path, asked


def test_what_was_done_with_other_versions_or_elsewhere_is_told(grown: tuple[Path, list[Point]], results: Path) -> None:
    path, asked = grown
    found = states(asked, results)
    assert [(each.standing, bool(each.changed)) for each in found] == [
        ("done", False), ("done", True), ("to do", False),
    ]  # fmt: skip
    versions = f"1 done with numpy 1.0 (here {version('numpy')}): --rerun changed runs it again."
    hosts = "1 done on b (here a): --rerun all runs everything again."
    assert (other_versions(found), other_hosts(found)) == ([versions], [hosts])
    assert other_versions(found[:1]) == other_hosts(found[:1]) == []
    code, said = ask("status", path, "--results", results)
    assert code == 0 and f"2 of 3 done.\n{versions}\n{hosts}\n" in said


def test_what_changed_is_run_again_though_it_is_done_and_the_rest_where_it_is_not(
    grown: tuple[Path, list[Point]], results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, (_, older, new) = grown
    given: list[tuple[str, bool]] = []

    def noted(self: Local, asked: Sequence[Point], *, again: bool, watch: Watch) -> Generator[Outcome]:
        given.extend((each.identity, again) for each in asked)
        yield from ()

    monkeypatch.setattr(Local, "run", noted)
    monkeypatch.setattr(running, "write_report", lambda place: None)
    _, said = ask("run", path, "--results", results, "--rerun", "changed")
    assert given == [(new.identity, False), (older.identity, True)] and "done with" not in said
    given.clear()
    _, said = ask("run", path, "--results", results)
    assert given == [(new.identity, False)]
    assert "1 done with numpy 1.0 (here" in said and "1 done on b (here a)" in said
    given.clear()
    ask("run", path, "--results", results, "--rerun", "all")
    assert [again for _, again in given] == [True] * 3


@pytest.mark.parametrize(("status", "standing"), [("failed", "failed"), ("timeout", "failed"), ("memory", "failed"),
                                                  ("stopped", "cut off"), ("cut off", "cut off")])  # fmt: skip
def test_an_attempt_is_kept_and_tells_how_far_its_point_is(
    tmp_path: Path, results: Path, status: str, standing: str
) -> None:
    (point,) = points(project(tmp_path) / "t.yaml")
    request = attempts.Request(
        identity=point.identity, study="t", params=dict(point.params), notebook=str(point.notebook), again=False
    )
    (before,) = states([point], results)
    assert (before.standing, before.attempts) == ("to do", 0)
    folder, descriptor = attempts.begin(results, request)
    (during,) = states([point], results)
    assert (during.standing, during.attempts) == ("running", 1)
    attempts.recover(results)
    assert folder.exists(), "what is alive was taken away"
    os.close(descriptor)
    (killed,) = states([point], results)
    assert (killed.standing, killed.sentence, killed.left) == ("cut off", "its process was killed", folder)
    if status == "cut off":
        attempts.recover(results)
    else:
        attempts.give_up(folder, status, "a test")
    (after,) = states([point], results)
    assert (after.standing, after.attempts) == (standing, 1)
    assert after.sentence == ("its process was killed before it had a record" if status == "cut off" else "a test")
    assert after.left is not None and (after.left / attempts.FAILURE).exists()
    attempts.recover(results)
    assert len(attempts.unfinished(results)) == 1


def test_runs_that_begin_in_one_second_have_names_of_their_own(tmp_path: Path, results: Path) -> None:
    (point,) = points(project(tmp_path) / "t.yaml")
    request = attempts.Request(
        identity=point.identity, study="t", params=dict(point.params), notebook=str(point.notebook), again=False
    )
    folders = {attempts.begin(results, request)[0] for _ in range(5)}
    assert len(folders) == 5


def test_a_disk_that_is_full_when_a_run_begins_leaves_nothing_of_it(tmp_path: Path, results: Path) -> None:
    (point,) = points(project(tmp_path) / "t.yaml")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(store.StoreError, match="cannot be written"):
            attempts.begin(results, request(point, again=False))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(results.glob("*/.*"))


def fills_up_after(asked: int, results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the disk of a results folder be full once its room was asked for so often."""
    results.mkdir(exist_ok=True)
    usage, room = shutil.disk_usage("/"), iter([2**40] * asked)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: usage._replace(free=next(room, 0) if path == results else 2**40)
    )


def test_a_disk_that_fills_up_lets_what_runs_end_and_begins_nothing_more(
    tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sweep(project(tmp_path, "1 / 0"), "s", matrix={"seed": [1, 2, 3]})
    fills_up_after(1, results, monkeypatch)
    ended = Local(results, at_once=2).run(points(path), again=False, watch=lambda *_: None)
    assert "ZeroDivisionError" in next(ended).sentence
    with pytest.raises(store.StoreError, match="0 MiB free"):
        next(ended)
    assert len(attempts.unfinished(results)) == 1
    fills_up_after(1, results, monkeypatch)  # it has room when the command begins
    code, said = ask("run", path, "--results", results)
    assert code == 2 and "3 runs: 3 not started." in said
    assert "free some space" in said and "The same command goes on from here." in said
    assert len(attempts.unfinished(results)) == 1


def test_what_a_killed_process_has_measured_is_not_measured_again_by_whoever_waited(
    tmp_path: Path, results: Path
) -> None:
    (point,) = points(sweep(project(tmp_path, "raise OSError('it was measured again')"), "s"))
    staged, descriptor = attempts.begin(results, request(point, again=False))
    (staged / store.RECORD).write_text(record_of(point, "a"))
    os.close(descriptor)
    (ended,) = Local(results).run([point], again=False, watch=lambda *_: None)
    assert (ended.status, ended.folder) == ("done", staged.with_name(store.name_of(staged))), ended.sentence
    assert not attempts.unfinished(results)


def test_an_attempt_that_the_disk_refuses_to_put_aside_ends_no_other(
    tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*attempt: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    dies = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
    path = sweep(project(tmp_path, dies), "s", matrix={"seed": [1, 2]})
    monkeypatch.setattr(attempts, "give_up", refuse)
    ended = list(Local(results).run(points(path), again=False, watch=lambda *_: None))
    assert [(each.status, each.sentence) for each in ended] == [("cut off", attempts.UNTOLD)] * 2
    assert all(each.folder is not None and each.folder.name.endswith(store.STAGED) for each in ended)


def test_a_stop_says_what_may_still_go_on(tmp_path: Path, results: Path) -> None:
    path = sweep(project(tmp_path, "import time; time.sleep(600)"), "s", matrix={"seed": [1, 2]})
    _, descriptor = attempts.begin(results, request(points(path)[0], again=False))  # as one that a lost worker left
    command = start("run", path, "--results", results)
    wait_for(results, "kernel")
    command.send_signal(signal.SIGTERM)
    said, _ = command.communicate(timeout=60)
    os.close(descriptor)
    assert command.returncode == 130 and "2 runs: " in said, said
    assert "Stopped; 1 may still go on, as `effkit status` tells. The same command goes on from here." in said


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """The folder for temporary files, in which nothing may be left at the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    yield folder
    assert not list(folder.iterdir())


def test_a_run_that_takes_too_long_is_ended_and_says_so(tmp_path: Path, results: Path, temporary: Path) -> None:
    params = project(tmp_path, "import tempfile, time; tempfile.mkdtemp(); time.sleep(600)")
    code, said = run("run", sweep(params, "s", timeout_s=1), "--results", results, TMPDIR=str(temporary))
    assert code == 1
    assert "timeout: it took longer than its timeout_s of 1" in said
    assert "no runs yet" not in said, "somebody has just tried to make one"
    (attempt,) = attempts.unfinished(results)
    assert attempt.failure is not None and attempt.failure.status == "timeout"


def test_a_run_that_takes_too_much_memory_is_ended_and_says_so(tmp_path: Path, results: Path, temporary: Path) -> None:
    held = "import tempfile; tempfile.mkdtemp(); held = b'1' * 900_000_000"
    params = project(tmp_path, held, "import time; time.sleep(600)")
    path = sweep(params, "s", memory_bytes=700_000_000)
    code, said = run("run", path, "--results", results, TMPDIR=str(temporary))
    assert code == 1
    assert "more than its memory_bytes of 668 MiB" in said


def test_what_the_killed_process_of_a_run_leaves_is_removed(tmp_path: Path, results: Path, temporary: Path) -> None:
    dies = "import os, signal, tempfile; tempfile.mkdtemp(); os.kill(os.getppid(), signal.SIGKILL)"
    code, said = run("run", sweep(project(tmp_path, dies), "s"), "--results", results, TMPDIR=str(temporary))
    assert code == 1 and "cut off" in said


def test_a_failure_does_not_stop_the_others_unless_asked(tmp_path: Path, results: Path) -> None:
    params = project(tmp_path, "1 / 0")
    path = sweep(params, "s", matrix={"seed": [1, 2]})
    code, said = run("run", path, "--results", results)
    assert code == 1
    assert said.count("ZeroDivisionError") == 4 and "2 runs: 2 failed." in said
    code, said = run("run", path, "--results", results, "--fail-fast")
    # Where there are cores enough, the other was under way already.
    assert code == 1 and ("2 runs: 1 failed, 1 not started." in said or "2 runs: 1 failed, 1 stopped." in said)
    assert len(attempts.unfinished(results)) == (3 if "not started" in said else 4)
    code, said = ask("run", path, "--results", results, "--rerun", "never")
    assert "2 runs: 2 failed before." in said
    assert "ZeroDivisionError" in said and "--rerun failed" in said
    code, said = ask("status", path, "--results", results)
    assert code == 0 and "0 of 2 done." in said and said.count("ZeroDivisionError") == 2
    assert said.count(f"What it left: {results}") == 2


def test_a_sweep_runs_and_is_done_then(tmp_path: Path, results: Path) -> None:
    run_and_look(sweep(project(tmp_path), "s", matrix={"seed": [1, 2]}), results, runs=2, candidates=1)


@pytest.mark.slow
def test_the_rehearsal_of_sweeps_runs_and_is_done_then(results: Path) -> None:
    run_and_look(ROOT / "params" / "sweeps" / "smoke.yaml", results, runs=3, candidates=2)


def run_and_look(path: Path, results: Path, *, runs: int, candidates: int) -> None:
    """Run a sweep; then everything that is asked says that it is done."""
    code, said = run("run", path, "--results", results)
    assert code == 0, said
    assert f"{runs} runs: {runs} done now." in said
    assert {each.sweep for each in index.read(results).runs} == {path.stem}
    assert len((results / "report" / "tables" / "_runs.csv").read_text().splitlines()) == 1 + runs * candidates
    code, said = ask("plan", path, "--results", results)
    assert code == 0 and f"0 of {runs} to run" in said and "nothing to download" in said
    code, said = ask("status", path, "--results", results)
    assert f"{runs} of {runs} done." in said
    code, said = ask("audit", "--results", results)
    assert code == 0 and f"{runs} measured windows of {runs} runs" in said and "no two overlap" in said
    assert not [each for each in results.glob("*/.*") if each.name.endswith(store.STAGED)]
