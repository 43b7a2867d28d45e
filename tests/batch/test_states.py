"""What is done, what is run, how limits end a run, and what the commands say of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest

from effkit import attempts, index, store
from effkit.batch import State, points, states, wanted
from effkit.batch.state import Standing
from tests.batch.sweeps import ROOT, ask, project, run, sweep


@pytest.mark.parametrize(
    ("rerun", "run"),
    [("never", ["cut off", "to do", "running"]), ("failed", ["failed", "cut off", "to do", "running"]),
     ("all", ["done", "failed", "cut off", "to do", "running"])],
)  # fmt: skip
def test_what_is_run_again(tmp_path: Path, rerun: Literal["never", "failed", "all"], run: list[Standing]) -> None:
    (point,) = points(project(tmp_path) / "t.yaml")
    standings: list[Standing] = ["done", "failed", "cut off", "to do", "running"]
    for each in standings:
        assert bool(wanted([State(point, each, "", None, 1)], rerun)) == (each in run)


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
    if status == "cut off":
        attempts.recover(results)
    else:
        attempts.give_up(folder, status, "a test")
    (after,) = states([point], results)
    assert (after.standing, after.attempts) == (standing, 1)
    attempts.recover(results)
    assert len(attempts.unfinished(results)) == 1


def test_runs_that_begin_in_one_second_have_names_of_their_own(tmp_path: Path, results: Path) -> None:
    (point,) = points(project(tmp_path) / "t.yaml")
    request = attempts.Request(
        identity=point.identity, study="t", params=dict(point.params), notebook=str(point.notebook), again=False
    )
    folders = {attempts.begin(results, request)[0] for _ in range(5)}
    assert len(folders) == 5


def test_a_run_that_takes_too_long_is_ended_and_says_so(tmp_path: Path, results: Path) -> None:
    params = project(tmp_path, "import time; time.sleep(600)")
    code, said = run("run", sweep(params, "s", timeout_s=1), "--results", results)
    assert code == 1
    assert "timeout: it took longer than its timeout_s of 1" in said
    (attempt,) = attempts.unfinished(results)
    assert attempt.failure is not None and attempt.failure.status == "timeout"


def test_a_run_that_takes_too_much_memory_is_ended_and_says_so(tmp_path: Path, results: Path) -> None:
    params = project(tmp_path, "held = b'1' * 900_000_000", "import time; time.sleep(600)")
    code, said = run("run", sweep(params, "s", memory_bytes=700_000_000), "--results", results)
    assert code == 1
    assert "more than its memory_bytes of 668 MiB" in said


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


def test_a_sweep_runs_and_is_done_then(tmp_path: Path, results: Path) -> None:
    run_and_look(sweep(project(tmp_path), "s", matrix={"seed": [1, 2, 3]}), results, candidates=1)


@pytest.mark.slow
def test_the_rehearsal_of_sweeps_runs_and_is_done_then(results: Path) -> None:
    run_and_look(ROOT / "params" / "sweeps" / "smoke.yaml", results, candidates=2)


def run_and_look(path: Path, results: Path, *, candidates: int) -> None:
    """Run a sweep of three runs; then everything that is asked says that it is done."""
    code, said = run("run", path, "--results", results)
    assert code == 0, said
    assert "3 runs: 3 done now." in said
    assert {each.sweep for each in index.read(results).runs} == {path.stem}
    assert len((results / "report" / "tables" / "runs.csv").read_text().splitlines()) == 1 + 3 * candidates
    code, said = ask("plan", path, "--results", results)
    assert code == 0 and "0 of 3 to run" in said and "nothing to download" in said
    code, said = ask("status", path, "--results", results)
    assert "3 of 3 done." in said
    code, said = ask("audit", "--results", results)
    assert code == 0 and "3 measured windows of 3 runs" in said and "no two overlap" in said
    assert not [each for each in results.glob("*/.*") if each.name.endswith(store.STAGED)]
