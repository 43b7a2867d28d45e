"""What kills, full disks, jumping clocks and broken records do to a sweep. Real processes, really killed.

After each of them: no two measurements overlap, no record is lost or half written, and the same command finishes the
sweep with one complete record of every identity.
"""

from __future__ import annotations

import json
import os
import platform
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import psutil
import pytest

from effkit import attempts, index, store
from effkit.analysis.windows import audited
from tests.batch.sweeps import (
    WITNESS,
    assert_whole,
    family,
    project,
    run,
    start,
    sweep,
    wait_for,
    wait_for_measuring,
)  # fmt: skip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="effkit measures on Linux and macOS")


@pytest.fixture
def witness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log of everything that was measured."""
    path = tmp_path / "witness.log"
    monkeypatch.setenv("WITNESS", str(path))
    monkeypatch.setenv("EFFKIT_HOST", f"test-{os.getpid()}")
    return path


@pytest.fixture
def params(tmp_path: Path) -> Path:
    return project(tmp_path, WITNESS, "study.run()", "study.save()")


def kill(process: psutil.Process) -> None:
    with suppress(psutil.Error):
        process.send_signal(signal.SIGKILL)


@pytest.mark.slow
def test_a_killed_coordinator_loses_nothing_and_the_same_command_goes_on(
    params: Path, results: Path, witness: Path
) -> None:
    path = sweep(params, "s", matrix={"seed": [1, 2]})
    coordinator = start("run", path, "--results", results)
    wait_for_measuring(witness)
    coordinator.kill()
    coordinator.wait()
    assert family(results)["child"], "the run went with its coordinator"
    code, said = run("run", path, "--results", results)
    assert code == 0, said
    assert "2 runs: 2 done now" in said or "1 done before" in said
    assert len(index.read(results).runs) == 2
    assert_whole(results, [path], [witness])
    code, said = run("run", path, "--results", results)
    assert code == 0 and "2 done before" in said


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["child", "kernel", "worker"])
def test_a_killed_process_fails_its_run_alone_and_rerun_mends_it(
    victim: str, params: Path, results: Path, witness: Path
) -> None:
    path = sweep(params, "s", matrix={"seed": [1, 2]})
    coordinator = start("run", path, "--results", results)
    wait_for(results, victim)
    wait_for_measuring(witness)
    for process in family(results)[victim]:
        kill(process)
    said, _ = coordinator.communicate(timeout=300)
    assert coordinator.returncode == 1, said
    assert "2 runs: 1 done now, 1 failed" in said
    code, said = run("run", path, "--results", results, "--rerun", "never")
    assert code == 0, said
    code, said = run("run", path, "--results", results)
    assert code == 0, said
    assert_whole(results, [path], [witness])


def test_random_kills_for_a_while(params: Path, results: Path, witness: Path) -> None:
    kill_at_random(params, results, witness, rounds=2, seed=1, within_s=6)


@pytest.mark.slow
def test_fifty_random_kills(params: Path, results: Path, witness: Path) -> None:
    kill_at_random(params, results, witness, rounds=50, seed=2)


def kill_at_random(params: Path, results: Path, witness: Path, *, rounds: int, seed: int, within_s: float = 15) -> None:
    """Two coordinators run a sweep each; in every round one process of all of theirs is killed at a random moment."""
    chance = random.Random(seed)
    sweeps = [sweep(params, name, matrix={"seed": [number]}, replicates=1 + rounds // 8) for number, name in
              enumerate("ab")]  # fmt: skip
    coordinators = [start("run", path, "--results", results) for path in sweeps]
    published: set[str] = set()
    killed: Counter[str] = Counter()
    for _ in range(rounds):
        for number, path in enumerate(sweeps):
            if coordinators[number].poll() is not None:
                coordinators[number].communicate()
                coordinators[number] = start("run", path, "--results", results)
        time.sleep(chance.uniform(0.5, within_s))
        alive = family(results) | {
            "coordinator": [psutil.Process(each.pid) for each in coordinators if each.poll() is None]
        }
        kind = chance.choice([kind for kind, found in alive.items() if found] or ["coordinator"])
        for process in alive[kind][:1]:
            kill(process)
            killed[kind] += 1
        now = {each.folder for each in index.read(results).runs}
        assert published <= now, "a record was lost"
        published = now
    for coordinator in coordinators:
        coordinator.communicate(timeout=600)
    for path in sweeps:
        code, said = run("run", path, "--results", results)
        assert code == 0, said
    print(dict(killed), len(index.read(results).runs), "records,", len(attempts.unfinished(results)), "attempts")
    assert_whole(results, sweeps, [witness])


@pytest.mark.slow
def test_a_full_disk_fails_the_run_and_leaves_no_half_record(params: Path, results: Path, witness: Path) -> None:
    path = sweep(params, "s")
    code, said = run("run", path, "--results", results, "--set", "name=warm")
    assert code == 0, said
    record_bytes = max(each.stat().st_size for each in results.glob("warm/*/record.json"))

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (record_bytes // 2, record_bytes // 2))

    command = [sys.executable, "-m", "effkit.cli", "run", str(path), "--results", str(results), "--rerun", "all"]
    done = subprocess.run(
        command, capture_output=True, text=True, preexec_fn=full, timeout=300,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode == 2 and "The report could not be written" in done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert len(index.read(results).runs) == 1
    assert not list(results.glob("t/[!.]*"))
    (attempt,) = attempts.unfinished(results)
    assert not attempt.alive and not (attempt.folder / store.RECORD).exists()
    code, said = run("run", path, "--results", results, "--rerun", "all")
    assert code == 0, said
    assert all(each.complete for each in index.read(results).runs)


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut", "garbage", "emptied"])
def test_a_broken_record_is_named_and_its_run_made_again(
    damage: str, params: Path, results: Path, witness: Path
) -> None:
    path = sweep(params, "s", matrix={"seed": [1]})
    assert run("run", path, "--results", results)[0] == 0
    (record,) = results.glob("*/[!.]*/record.json")
    whole = record.read_bytes()
    record.write_bytes({"cut": whole[: len(whole) // 2], "garbage": b"{ no", "emptied": b""}[damage])
    code, said = run("status", path, "--results", results)
    assert code == 0 and "0 of 1 done" in said
    code, said = run("status", "--results", results)
    assert str(record) in said
    code, said = run("run", path, "--results", results)
    assert code == 0, said
    assert record.exists(), "a broken record is evidence"
    assert [each.complete for each in index.read(results).runs] == [True]


def test_a_clock_that_is_set_back_neither_loses_a_run_nor_confuses_the_audit(results: Path) -> None:
    from effkit.migrations import read_record
    from effkit.record import Window

    golden = Path(__file__).parents[1] / "golden" / "record-v3.json"
    raw = json.loads(golden.read_text())
    names = set()
    began = datetime(2026, 1, 1, 12, tzinfo=UTC)
    for number, jump in enumerate((0, 0, -3600, 0)):  # the second and the fourth begin in the second of the first
        staged = store.stage_anew(results, "t", store.run_name(began + timedelta(seconds=jump), "0" * 64))
        names.add(store.name_of(staged))
        window = Window(clock="one", start_s=100.0 * number, end_s=100.0 * number + 90)
        record = read_record(json.dumps(raw)).model_copy(
            update={"windows": (window,), "run": store.name_of(staged), "started_at": began + timedelta(seconds=jump)}
        )
        store.write(staged, record, pd.DataFrame({"value": [1.0]}), pd.DataFrame({"value": [1.0]}), {})
        store.publish(staged)
    runs = index.read(results).runs
    assert len(names) == len(runs) == 4
    assert audited({run.folder: run.windows for run in runs}).overlaps == ()


JUMPS = """
def jump(offset, file=os.environ.get("FAKETIME_TIMESTAMP_FILE")):
    with open(file, "w") as clock:
        clock.write(offset)

def jumping(rows, witness=witness, jump=jump):
    import os
    if "EFFKIT_THREADS" in os.environ:  # set back by three hours while it is measured
        jump("-3h")
    return witness(rows)

study.add("jumping", jumping)
jump("+5h")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="the false clock is built for it")
def test_a_clock_that_jumps_while_runs_go_on_changes_nothing_but_its_own_times(
    tmp_path: Path, results: Path, witness: Path
) -> None:
    import libfaketime

    clock = tmp_path / "clock"
    clock.write_text("+0")
    library = Path(libfaketime.__file__).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
    # As when someone sets the time of day: what counts since the start of the machine goes on as it was.
    jumping = {
        "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1",
    }  # fmt: skip
    path = sweep(project(tmp_path, WITNESS + JUMPS, "study.run()", "study.save()"), "s", matrix={"seed": [1, 2]})
    code, said = run("run", path, "--results", results, **jumping)
    assert code == 0, said
    assert_whole(results, [path], [witness])
    records = [store.load(results / each.folder).record for each in index.read(results).runs]
    for record in records:
        assert record.finished_at < record.started_at - timedelta(hours=7), "the clock did not jump"
        assert 0 < record.footprint.measuring_s < record.footprint.wall_s < 600
        assert all(each.latency is not None and each.latency.mean_s.value > 0 for each in record.candidates)
    assert [each.started_at for each in records] == sorted(each.started_at for each in records)
    code, said = run("run", path, "--results", results, **jumping)
    assert code == 0 and "2 done before" in said
    code, said = run("status", path, "--results", results)
    assert "2 of 2 done." in said
