"""Memory of the present process, and what there is for it and for others."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")
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
    rooms = [Room(machine.total, machine.available), *_limits(own, groups)]
    return Room(min(each.total_bytes for each in rooms), min(each.free_bytes for each in rooms))


def peak_bytes() -> int:
    """Highest resident memory of this process so far, bytes.

    Linux keeps it as VmHWM; elsewhere it is `ru_maxrss`, in bytes on macOS, and on Windows the
    peak working set.
    """
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _limits(own: Path, groups: Path) -> Iterator[Room]:
    """Of the control groups of this process and all above them: each may have a limit."""
    with suppress(OSError):
        for line in own.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            top = groups / "memory" if controllers else groups
            folder = top / path.lstrip("/")  # a container may see its own group at the top alone
            for each in (folder, *folder.parents):
                if each.is_relative_to(top):
                    yield from _limit(each)


def _limit(folder: Path) -> Iterator[Room]:
    for limit, usage, cache in CGROUP_FILES:
        with suppress(OSError, ValueError):  # the other version's, or "max": no limit
            total, used = (int((folder / name).read_text(encoding="ascii")) for name in (limit, usage))
            lines = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
            gives_way = int(dict(line.split() for line in lines).get(cache, 0))
            yield Room(total, max(total - used + gives_way, 0))
