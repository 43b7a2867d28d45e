"""Preparing may overlap, measuring never: what a run does beside one that is measured, seen by real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from effkit import index
from effkit.analysis.windows import audited
from effkit.batch import Local, points
from effkit.bench.cores import choose_cores
from effkit.bench.slot import WAITING
from effkit.record import Window
from tests.batch.sweeps import project, sweep
from tests.conftest import REHEARSAL

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process choose its cores")

SEEN = """
import os, time

def seen(what, began, run=os.environ["EFFKIT_RUN"], log=os.environ["WITNESS"]):
    import json, os, time
    told = {"what": what, "began": began, "ended": time.clock_gettime(time.CLOCK_BOOTTIME),
            "run": os.path.basename(run)[1:].removesuffix(".partial"), "cores": sorted(os.sched_getaffinity(0))}
    with open(log, "a") as file:
        file.write(json.dumps(told) + "\\\\n")

def witness(rows, seen=seen):
    import os, time
    began = time.clock_gettime(time.CLOCK_BOOTTIME)
    time.sleep(0.002)
    seen("measured" if "EFFKIT_THREADS" in os.environ else "prepared", began)
    return [0] * len(rows)

study.add("witness", witness)
seen("notebook", time.clock_gettime(time.CLOCK_BOOTTIME))
""".replace("\\\\", "\\")
LONG = {**REHEARSAL, "visit_s": 2.5, "blocks": 2}


@dataclass(frozen=True)
class Seen:
    """What one process did, and on which cores it might have."""

    what: str
    began: float
    ended: float
    run: str
    cores: tuple[int, ...]

    def within(self, window: Window) -> bool:
        return window.start_s < self.began and self.ended < window.end_s


@pytest.mark.slow
def test_a_run_prepares_beside_one_that_is_measured_and_keeps_off_its_cores(
    tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "witness.log"
    monkeypatch.setenv("WITNESS", str(log))
    monkeypatch.setenv("EFFKIT_HOST", f"test-{os.getpid()}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    # The first two begin together; the third while one of them is measured.
    drawn = 'seen("notebook", time.clock_gettime(time.CLOCK_BOOTTIME))'
    params = project(tmp_path, SEEN, "study.run()", "study.save()", drawn, protocol=LONG)
    asked = points(sweep(params, "s", matrix={"seed": [1, 2, 3]}))
    said: list[str] = []
    outcomes = list(Local(results, at_once=2).run(asked, again=False, watch=lambda _, line: said.append(line)))
    assert [each.status for each in outcomes] == ["done"] * 3, [each.sentence for each in outcomes]
    runs = index.read(results).runs
    proof = audited({run.folder: run.windows for run in runs})
    assert (proof.runs, proof.overlaps, proof.silent) == (3, (), ())
    assert any(WAITING in line for line in said)
    seen = [Seen(**{**each, "cores": tuple(each["cores"])}) for each in map(_read, log.read_text().splitlines())]
    cores = choose_cores(1)
    windows = {run.run: run.windows[0] for run in runs}
    beside = [
        each for each in seen for run, window in windows.items() if each.run != run and each.within(window)
    ]  # fmt: skip
    assert {"prepared"} <= {each.what for each in beside} <= {"prepared", "notebook"}
    for each in seen:
        assert each.cores == (cores.workers if each.what == "measured" else cores.coordinator), each
        assert each.what != "measured" or each.within(windows[each.run])
    # Who prepares beside shows in the record as any other process does.
    print({run.run: json.loads((results / run.folder / "record.json").read_bytes())["contention"] for run in runs})


def _read(line: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line)
    return found


@pytest.mark.skipif(len(getattr(os, "sched_getaffinity", lambda _: ())(0)) < 2, reason="one core leaves none free")
def test_what_leaves_cores_free_still_measures_on_them() -> None:
    code = (
        "import os; from effkit.bench.cores import choose_cores, leave_free; before = choose_cores(1); leave_free(1); "
        "assert tuple(sorted(os.sched_getaffinity(0))) == before.coordinator; assert choose_cores(1) == before; "
        "import subprocess, sys; asked = 'from effkit.bench.cores import choose_cores; print(choose_cores(1))'; "
        "assert subprocess.run([sys.executable, '-c', asked], capture_output=True, text=True).stdout.strip() "
        "== str(before)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
