"""Which cores measure, and which are left to everything else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

CORES_VARIABLE = "EFFKIT_CORES"
"""Cores for measuring, where this process itself keeps to fewer."""
CPUS = Path("/sys/devices/system/cpu")
SLOW_SHARE = 0.9
"""A core with less of the fastest one's speed is of a slower kind; of one kind some go a few per cent faster."""


@dataclass(frozen=True)
class Cores:
    """Which cores do what while measuring.

    Attributes:
        workers: their numbers, in order; empty where the system does not let a process choose.
        coordinator: those left to it and to what else effkit does meanwhile.
        pinned: whether processes are kept to them.
        shared: no core is left for the coordinator alone.
        halved: those left are only the other hardware threads of the workers' physical cores.
    """

    workers: tuple[int, ...]
    coordinator: tuple[int, ...]
    pinned: bool
    shared: bool
    halved: bool = False


def choose_cores(threads: int, cpus: Path = CPUS) -> Cores:
    """Give workers some cores of this process, and the coordinator others.

    Workers have physical cores of their own while there are any, fast ones before efficiency cores, and of equal ones
    the last. What works on the other hardware thread of a physical core slows a worker there, so the coordinator
    keeps off it too where it can.

    Args:
        threads: how many cores the workers use, one worker at a time; 0 for all.
        cpus: the system's folder of what it tells of each core.
    """
    if not hasattr(os, "sched_getaffinity"):
        return Cores(workers=(), coordinator=(), pinned=False, shared=(os.cpu_count() or 1) <= threads)
    given = os.environ.get(CORES_VARIABLE)
    mine = sorted(map(int, given.split(","))) if given else sorted(os.sched_getaffinity(0))
    physical = {core: _told(cpus / f"cpu{core}", "topology/thread_siblings_list") or str(core) for core in mine}
    workers = tuple(sorted(_best_first(mine, physical, cpus)[: threads or len(mine)]))
    rest = tuple(core for core in mine if core not in workers)
    apart = tuple(core for core in rest if physical[core] not in {physical[worker] for worker in workers})
    return Cores(
        workers=workers,
        coordinator=apart or rest or tuple(mine),
        pinned=True,
        shared=not rest,
        halved=bool(rest) and not apart,
    )


def leave_free(threads: int) -> None:
    """Keep this process and all that it starts off the cores that others measure on, but for its own measuring.

    Args:
        threads: most that any of them measures with.
    """
    cores = choose_cores(threads)
    if cores.pinned and not cores.shared:
        os.environ[CORES_VARIABLE] = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        os.sched_setaffinity(0, cores.coordinator)


def _best_first(mine: Sequence[int], physical: dict[int, str], cpus: Path) -> list[int]:
    """The order in which workers take cores; second threads of physical cores come after all others."""
    speeds = {core: _speed(cpus / f"cpu{core}") for core in mine}
    enough = SLOW_SHARE * max(speeds.values())
    own: dict[str, int] = {}
    for core in sorted(mine, key=lambda core: (speeds[core] < enough, -core)):
        own.setdefault(physical[core], core)
    first = list(own.values())
    return [*first, *sorted(set(mine) - set(first), key=lambda core: (speeds[core] < enough, -core))]


def _speed(core: Path) -> float:
    """What a core can do as the system ranks it, or its highest frequency; 1 where nothing tells, for all alike."""
    return float(_told(core, "cpu_capacity") or _told(core, "cpufreq/cpuinfo_max_freq") or 1)


def _told(core: Path, name: str) -> str | None:
    with suppress(OSError):
        return (core / name).read_text(encoding="ascii").strip()
    return None
