"""What tests of sweeps share: a project of its own, whose model notes when it is measured."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import psutil
import yaml

from effkit import index, store
from effkit.analysis.windows import audited
from effkit.batch import points
from tests.batch.test_runner import STUDY, notebook
from tests.command_line import effkit
from tests.conftest import parameters

ROOT = Path(__file__).parents[2]

WITNESS = """
import os

def witness(rows, run=os.environ["EFFKIT_RUN"], log=os.environ["WITNESS"]):
    import os, time
    began = time.monotonic()
    time.sleep(0.002)
    if "EFFKIT_THREADS" in os.environ:  # a worker that is measured; one that prepares has all cores
        with open(log, "a") as file:
            file.write(f"{began} {time.monotonic()} {run}\\n")
    return [0] * len(rows)

study.add("witness", witness)
"""


def project(folder: Path, *cells: str, **changes: Any) -> Path:
    """Write a project of one study, whose notebook goes on with the given cells; return its `params/`."""
    (folder / "notebooks").mkdir()
    (folder / "params" / "sweeps").mkdir(parents=True)
    notebook(folder / "notebooks" / "tabular.ipynb", STUDY, *(cells or ("study.run()", "study.save()")))
    keys = parameters(**{"reference": "logreg", "candidates": ["logreg"], **changes})
    (folder / "params" / "t.yaml").write_text(yaml.safe_dump(keys))
    return folder / "params"


def sweep(params: Path, name: str, **keys: Any) -> Path:
    """Write a sweep of the project's study."""
    path = params / "sweeps" / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"base": "../t.yaml", **keys}, sort_keys=False))
    return path


def start(*arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    """Start the command line in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "effkit.cli", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True, env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


def run(*arguments: str | Path, **environment: str) -> tuple[int, str]:
    """Run the command line; return its exit code and what it said."""
    process = start(*arguments, **environment)
    said, _ = process.communicate(timeout=600)
    return process.returncode, said


def ask(*arguments: str | Path) -> tuple[int, str]:
    """The same in this process, of what starts none."""
    done = effkit(*arguments)
    return done.returncode, done.stdout + done.stderr


def family(results: Path) -> dict[str, list[psutil.Process]]:
    """The processes that work on a results folder, by what they are."""
    found: dict[str, list[psutil.Process]] = {"child": [], "kernel": [], "worker": []}
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or ())
        if "effkit.batch.child" in words and str(results) in words:
            found["child"].append(process)
            for kernel in _children(process):
                if "ipykernel_launcher" in " ".join(_words(kernel)):
                    found["kernel"].append(kernel)
                    found["worker"] += [each for each in _children(kernel) if "effkit.bench.worker" in _words(each)]
    return found


def wait_for(results: Path, what: str) -> psutil.Process:
    """Wait until there is a process of a kind, and return it."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if found := family(results)[what]:
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"no {what} within two minutes")


def wait_for_measuring(log: Path) -> None:
    """Wait until the witness has been measured."""
    deadline = time.monotonic() + 120
    while not (log.exists() and log.stat().st_size):
        assert time.monotonic() < deadline, "nothing was measured within two minutes"
        time.sleep(0.02)


def measured_in_turn(log: Path) -> list[str]:
    """The runs that measured, one after the other; a run that comes twice was measured while another was."""
    calls = sorted(line.split(" ", 2) for line in log.read_text().splitlines() if line.count(" ") == 2)
    spans = sorted((float(began), float(ended), run) for began, ended, run in calls)
    return [run for run, _ in groupby(run for _, _, run in spans)]


def assert_whole(results: Path, sweeps: Sequence[Path], witnesses: Sequence[Path]) -> None:
    """Every identity has one complete record, none is broken, and nothing was measured while something else was.

    Args:
        results: of the sweeps.
        sweeps: that have been run to their ends.
        witnesses: a log of what was measured for each host.
    """
    found = index.read(results)
    assert found.unreadable == ()
    complete = Counter(run.identity for run in found.runs if run.complete)
    assert complete == Counter(point.identity for path in sweeps for point in points(path))
    for each in found.runs:
        store.load(results / each.folder)
        assert {store.SAMPLES, store.PREDICTIONS} <= {path.name for path in (results / each.folder).iterdir()}
    proof = audited({run.folder: run.windows for run in found.runs})
    assert proof.overlaps == () and proof.silent == ()
    turns = [measured_in_turn(log) for log in witnesses if log.exists()]
    assert any(turns), "nothing was measured"
    for turn in turns:
        assert len(turn) == len(set(turn)), turn


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children()
    except psutil.Error:
        return []


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
