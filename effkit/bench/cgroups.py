"""The control groups that a process lies in: a container's or a job's limits stand in their files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")


def control_groups(controller: str, own: Path = OWN_CGROUPS, groups: Path = CGROUPS) -> Iterator[Path]:
    """Yield the folders of this process's control groups and of all above them: each may have a limit.

    Args:
        controller: such as "memory" or "cpu"; version 1 has a tree for each, version 2 one for all.
        own: file that names the control groups of this process; nothing where there is none.
        groups: folder of all control groups.
    """
    with suppress(OSError):
        for line in own.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and controller not in controllers.split(","):
                continue
            top = groups / controllers if controllers else groups
            if not top.exists():
                top = groups / controller
            folder = top / path.lstrip("/")  # a container may see its own group at the top alone
            for each in (folder, *folder.parents):
                if each.is_relative_to(top):
                    yield each
