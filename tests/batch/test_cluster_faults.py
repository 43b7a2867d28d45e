"""What kills do to a sweep on a cluster. Real processes, really killed.

After each of them: no two measurements overlap on a host, nothing is half written, and the same command, once scheduler
and workers are back, finishes the sweep with one complete record of every identity.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from effkit import attempts, index
from tests.batch.clusters import Site
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

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="effkit measures on Linux and macOS")
HOSTS = ("a", "b")


@pytest.fixture
def params(tmp_path: Path) -> Path:
    return project(tmp_path, WITNESS, "study.run()", "study.save()")


def hire(dask: Site, name: str) -> None:
    """Start a worker on the host that its name begins with; each host has a witness of its own."""
    host = name[0]
    dask.hire(name, f"{host}-{os.getpid()}", WITNESS=str(witness(dask, host)))


def witness(dask: Site, host: str) -> Path:
    return dask.folder / f"witness-{host}.log"


def command(path: Path, results: Path, dask: Site) -> list[str | Path]:
    return ["run", path, "--results", results, "--executor", "dask", "--scheduler", dask.address]


def measuring(params: Path, results: Path, dask: Site) -> tuple[Path, subprocess.Popen[str]]:
    """A sweep of one run, and its coordinator, once a worker measures."""
    hire(dask, "a")
    dask.wait(1)
    path = sweep(params, "s", matrix={"seed": [1]})
    coordinator = start(*command(path, results, dask))
    wait_for_measuring(witness(dask, "a"))
    return path, coordinator


def goes_on(path: Path, results: Path, dask: Site) -> None:
    """With another worker the same command finds the run that went on by itself, and runs nothing twice."""
    hire(dask, "a")
    dask.wait(1)
    code, said = run(*command(path, results, dask))
    assert code == 0, said
    assert len(index.read(results).runs) == 1 and not attempts.unfinished(results), "it was run twice"
    assert_whole(results, [path], [witness(dask, host) for host in HOSTS])


def test_a_killed_worker_is_told_and_its_run_goes_on_by_itself(params: Path, results: Path, dask: Site) -> None:
    path, coordinator = measuring(params, results, dask)
    dask.workers["a"].kill()
    said, _ = coordinator.communicate(timeout=60)
    assert coordinator.returncode == 1, said
    assert "cut off: Dask lost its worker on a-" in said and "The same command goes on from here" in said
    assert family(results)["child"] or index.read(results).runs, "the run went with its worker"
    goes_on(path, results, dask)


@pytest.mark.slow
def test_a_killed_scheduler_is_told_within_seconds_and_its_run_goes_on_by_itself(
    params: Path, results: Path, dask: Site
) -> None:
    path, coordinator = measuring(params, results, dask)
    assert dask.scheduler is not None
    dask.scheduler.kill()
    killed = time.monotonic()
    said, _ = coordinator.communicate(timeout=120)
    assert time.monotonic() - killed < 30
    assert coordinator.returncode == 2, said
    assert "The Dask scheduler was lost. What ran may go on" in said and "Traceback" not in said
    assert family(results)["child"] or index.read(results).runs, "the run went with the scheduler"
    dask.schedule()
    goes_on(path, results, dask)


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["child", "kernel", "worker"])
def test_a_killed_process_fails_its_run_alone(victim: str, params: Path, results: Path, dask: Site) -> None:
    hire(dask, "a")
    dask.wait(1)
    path = sweep(params, "s", matrix={"seed": [1, 2]})
    coordinator = start(*command(path, results, dask))
    wait_for(results, victim)
    wait_for_measuring(witness(dask, "a"))
    for process in family(results)[victim]:
        process.kill()
    said, _ = coordinator.communicate(timeout=300)
    assert coordinator.returncode == 1 and "2 runs: 1 done now, 1 failed" in said, said
    code, said = run(*command(path, results, dask))
    assert code == 0, said
    assert_whole(results, [path], [witness(dask, host) for host in HOSTS])


@pytest.mark.slow
def test_a_killed_coordinator_leaves_what_runs_and_takes_back_what_waits(
    params: Path, results: Path, dask: Site
) -> None:
    hire(dask, "a")
    dask.wait(1)
    path = sweep(params, "s", matrix={"seed": [1, 2]})
    coordinator = start(*command(path, results, dask))
    wait_for_measuring(witness(dask, "a"))
    coordinator.kill()
    coordinator.communicate()
    deadline = time.monotonic() + 120
    while not index.read(results).runs:
        assert time.monotonic() < deadline, "the run went with its coordinator"
        time.sleep(0.5)
    code, said = run(*command(path, results, dask))
    assert code == 0 and "1 done before, 1 done now" in said, said
    assert_whole(results, [path], [witness(dask, host) for host in HOSTS])


@pytest.mark.slow
def test_fifty_random_kills(params: Path, results: Path, dask: Site) -> None:
    """Two coordinators, two hosts of two workers; each round kills a process, and a supervisor starts what is gone."""
    chance = random.Random(3)
    rounds = 50
    sweeps = [sweep(params, name, matrix={"seed": [number]}, replicates=2 + rounds // 4) for number, name in
              enumerate("xy")]  # fmt: skip
    names = [f"{host}{number}" for host in HOSTS for number in (1, 2)]
    coordinators: list[subprocess.Popen[str] | None] = [None, None]
    codes: Counter[int] = Counter()
    published: set[str] = set()
    killed: Counter[str] = Counter()
    for _ in range(rounds):
        supervise(dask, names)
        for number, path in enumerate(sweeps):
            each = coordinators[number]
            if each is None or each.poll() is not None:
                if each is not None:
                    said, _ = each.communicate()
                    assert "Traceback" not in said, said
                    codes[each.returncode] += 1
                coordinators[number] = start(*command(path, results, dask))
        time.sleep(chance.uniform(0.5, 15))
        alive = family(results) | {
            "coordinator": [psutil.Process(each.pid) for each in coordinators if each and each.poll() is None],
            "Dask worker": [psutil.Process(each.pid) for each in dask.workers.values() if each.poll() is None],
            "Dask scheduler": [psutil.Process(dask.scheduler.pid)] if dask.scheduler else [],
        }
        kind = chance.choice([kind for kind, found in alive.items() if found])
        chosen = chance.choice(alive[kind])
        if chosen.is_running():
            chosen.kill()
            killed[kind] += 1
        now = {each.folder for each in index.read(results).runs}
        assert published <= now, "a record was lost"
        published = now
    for each in coordinators:
        assert each is not None
        each.communicate(timeout=600)
    supervise(dask, names)
    for path in sweeps:
        for _ in range(3):  # a worker of the last round may still be on its way
            code, said = run(*command(path, results, dask))
            if code == 0:
                break
        assert code == 0, said
    left = f"{len(index.read(results).runs)} records, {len(attempts.unfinished(results))} attempts"
    print(sum(killed.values()), "kills:", dict(killed), left, "coordinators ended by themselves with", dict(codes))
    assert_whole(results, sweeps, [witness(dask, host) for host in HOSTS])


def supervise(dask: Site, names: list[str]) -> None:
    """Start what is gone, as Slurm, Kubernetes or systemd would."""
    if dask.scheduler is None or dask.scheduler.poll() is not None:
        dask.schedule()
    for name in names:
        if name not in dask.workers or dask.workers[name].poll() is not None:
            hire(dask, name)
