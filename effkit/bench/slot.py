"""The measuring slot: one run at a time is measured on a host; preparing may overlap.

The slot is a lock on one open file that the measuring process and every worker it starts inherit. It is free again
when the last of them has closed it, so that a worker whose starter was killed still keeps others from measuring.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from effkit.bench import host
from effkit.record import Window

SLOT = "effkit-measuring"
WAITING = "waiting: another effkit run is measuring on this host"
_HELD: list[int] = []


@dataclass(frozen=True)
class Held:
    """The slot, while it is held.

    Attributes:
        clock: that `start_s` is read from.
        start_s: when it was taken.
    """

    clock: str
    start_s: float

    def window(self) -> Window:
        """Return the time from taking it until now."""
        return Window(clock=self.clock, start_s=self.start_s, end_s=host.since_start_s())


@contextmanager
def measuring_slot(tell: Callable[[str], None]) -> Iterator[Held]:
    """Hold this host's one place for measuring; wait while another run holds it.

    Args:
        tell: told once if there is someone to wait for.

    Raises:
        RuntimeError: on Windows, which has no such lock.
    """
    if sys.platform == "win32":
        raise RuntimeError("Windows has no lock that outlives the process which took it: measure under WSL.")
    import fcntl

    descriptor = _open(place())
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell(WAITING)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        _HELD.append(descriptor)
        try:
            yield Held(host.clock(), host.since_start_s())
        finally:
            _HELD.remove(descriptor)
    finally:
        os.close(descriptor)  # and not unlocked: whoever inherited it may still be measuring


def place() -> Path:
    """Where this host's slot is: in its own temporary folder, which hosts do not share."""
    name = os.environ.get(host.HOST_VARIABLE, "")
    kept = "".join(letter if letter.isalnum() else "-" for letter in name)
    return Path(tempfile.gettempdir()) / ("-".join(filter(None, (SLOT, kept))) + ".lock")


def descriptors() -> tuple[int, ...]:
    """What a process that measures must inherit: the slot, where this process holds it."""
    return tuple(_HELD)


def _open(path: Path) -> int:
    """Open the slot's file; the first to come makes it, and other users may only read it."""
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return os.open(path, os.O_RDONLY | os.O_CREAT, 0o666)
