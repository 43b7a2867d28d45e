"""Which cores measure."""

import os
from pathlib import Path

import pytest

from effkit.bench.cores import CORES_VARIABLE, choose_cores

CHOOSES = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system lets no process choose cores")


@CHOOSES
def test_workers_and_coordinator_share_no_core_where_there_are_two() -> None:
    cores = choose_cores(1)
    mine = os.sched_getaffinity(0)
    assert cores.pinned
    assert set(cores.workers) <= mine
    assert cores.shared == (len(mine) == 1)
    if not cores.shared:
        assert not set(cores.workers) & set(cores.coordinator)


@CHOOSES
def test_more_threads_than_cores_share_a_core() -> None:
    assert choose_cores(4096).shared


PLAIN = {core: str(core) for core in range(4)}
NEXT_TO_EACH_OTHER = {core: f"{core - core % 2}-{core - core % 2 + 1}" for core in range(4)}
FOUR_APART = {core: f"{core % 4},{core % 4 + 4}" for core in range(8)}
HYBRID = NEXT_TO_EACH_OTHER | {core: str(core) for core in range(4, 8)}
SPEEDS_MHZ = {0: 4700, 1: 4700, 2: 4800, 3: 4800, 4: 3500, 5: 3500, 6: 3500, 7: 3500}


@CHOOSES
@pytest.mark.parametrize(
    ("machine", "threads", "workers", "coordinator", "halved"),
    [
        (PLAIN, 1, (3,), (0, 1, 2), False),
        (PLAIN, 3, (1, 2, 3), (0,), False),
        (PLAIN, 0, (0, 1, 2, 3), (0, 1, 2, 3), False),
        (NEXT_TO_EACH_OTHER, 1, (3,), (0, 1), False),
        (NEXT_TO_EACH_OTHER, 2, (1, 3), (0, 2), True),
        (NEXT_TO_EACH_OTHER, 3, (1, 2, 3), (0,), True),
        (FOUR_APART, 2, (6, 7), (0, 1, 4, 5), False),
        (HYBRID, 1, (3,), (0, 1, 4, 5, 6, 7), False),
        (HYBRID, 3, (1, 3, 7), (4, 5, 6), False),
        (HYBRID, 7, (1, 2, 3, 4, 5, 6, 7), (0,), True),
    ],
)
@pytest.mark.parametrize("told", ["cpufreq/cpuinfo_max_freq", "cpu_capacity"])
def test_workers_have_fast_physical_cores_of_their_own(
    machine: dict[int, str],
    threads: int,
    workers: tuple[int, ...],
    coordinator: tuple[int, ...],
    halved: bool,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for core, siblings in machine.items():
        given = {"topology/thread_siblings_list": siblings}
        if machine is HYBRID:
            given[told] = str(SPEEDS_MHZ[core])
        for name, text in given.items():
            file = tmp_path / f"cpu{core}" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n", encoding="ascii")
    monkeypatch.setenv(CORES_VARIABLE, ",".join(map(str, machine)))
    cores = choose_cores(threads, tmp_path)
    assert (cores.workers, cores.coordinator, cores.halved) == (workers, coordinator, halved)


@CHOOSES
def test_where_nothing_tells_of_cores_the_last_ones_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CORES_VARIABLE, "2,3,5")
    assert choose_cores(2, tmp_path).workers == (3, 5)


def test_where_no_process_chooses_its_cores_there_may_be_one_for_the_coordinator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    one, all_of_them = choose_cores(1), choose_cores(8)
    assert not one.pinned and not one.shared
    assert not all_of_them.pinned and all_of_them.shared
