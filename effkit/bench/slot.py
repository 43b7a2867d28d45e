"""The measuring slot: one run at a time is measured on a host; preparing may overlap.

The slot is a lock on one open file that the measuring process and every worker it starts inherit. It is free again
when the last of them has closed it, so that a worker whose starter was killed still keeps others from measuring.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from effkit.bench import host
from effkit.record import Window

SLOT = "effkit-measuring"
SLOT_VARIABLE = "EFFKIT_SLOT"
"""Folder of the slot, where what shares a machine shares no `/tmp`, as pods do."""
FOLDER = "/tmp"
"""And not TMPDIR, of which a batch system gives each job its own, and macOS each user."""
MODE = 0o644
WAITING = "waiting: another effkit run is measuring on this host"
_HELD: list[int] = []


class SlotError(RuntimeError):
    """This host has no slot to be had; the message says what to do."""


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
        SlotError: on Windows, which has no such lock; where the slot's file may not be read or made.
    """
    if sys.platform == "win32":
        raise SlotError("Windows has no lock that outlives the process which took it: measure under WSL.")
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
    """Where this host's slot is: the same for all its users and jobs, and nowhere that hosts share."""
    name = os.environ.get(host.HOST_VARIABLE, "")
    kept = "".join(letter if letter.isalnum() else "-" for letter in name)
    folder = Path(os.environ.get(SLOT_VARIABLE) or FOLDER).expanduser().absolute()
    return folder / ("-".join(filter(None, (SLOT, kept))) + ".lock")


def descriptors() -> tuple[int, ...]:
    """What a process that measures must inherit: the slot, where this process holds it."""
    return tuple(_HELD)


def _open(path: Path) -> int:
    """Open the slot's file; the first to come makes it, and other users may only read it."""
    try:
        with suppress(FileNotFoundError):
            return os.open(path, os.O_RDONLY)
        with suppress(FileExistsError):  # another has just made it
            return _made(path)
        return os.open(path, os.O_RDONLY)
    except OSError as error:
        raise SlotError(_why_not(path, error)) from None


def _made(path: Path) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, MODE)
    os.fchmod(descriptor, MODE)  # a umask may have kept it from the other users
    return descriptor


def _why_not(path: Path, error: OSError) -> str:
    slot = f"{path}, by which runs on this host take turns,"
    if not path.exists():
        return (
            f"{slot} cannot be made: {error.strerror}. Let {SLOT_VARIABLE} name a folder that all its users may write."
        )
    owner = str(path.stat().st_uid)
    with suppress(KeyError):  # a user without a name
        owner = path.owner()
    return f"{slot} belongs to {owner} and cannot be read: {error.strerror}. What helps: chmod a+r {path}, as {owner}."
