"""Memory of the present process, and what there is for it and for others."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from effkit.bench.cgroups import CGROUPS, OWN_CGROUPS, control_groups

CGROUP_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Of control groups 2 and 1: the limit, the usage, and what of it is a cache of files that gives way."""


@dataclass(frozen=True)
class Room:
    """Memory in all, and what of it is free, bytes."""

    total_bytes: int
    free_bytes: int


def room(own: Path = OWN_CGROUPS, groups: Path = CGROUPS) -> Room:
    """Return what this process may have: the machine's memory, or its container's or job's where that is less.

    Args:
        own: file that names the control groups of this process; where there is none, the machine alone counts.
        groups: folder of all control groups.
    """
    import psutil  # not above: a worker's own memory is measured with this module

    machine = psutil.virtual_memory()
    rooms = [Room(machine.total, machine.available)]
    for folder in control_groups("memory", own, groups):
        rooms += _limit(folder)
    return Room(min(each.total_bytes for each in rooms), min(each.free_bytes for each in rooms))


def peak_bytes() -> int:
    """Highest resident memory of this process so far, bytes.

    Linux keeps it as VmHWM; elsewhere it is `ru_maxrss`, in bytes on macOS.
    """
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _limit(folder: Path) -> Iterator[Room]:
    for limit, usage, cache in CGROUP_FILES:
        with suppress(OSError, ValueError):  # the other version's, or "max": no limit
            total, used = (int((folder / name).read_text(encoding="ascii")) for name in (limit, usage))
            lines = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
            gives_way = int(dict(line.split() for line in lines).get(cache, 0))
            yield Room(total, max(total - used + gives_way, 0))
