"""The measuring slot: one run at a time is measured on a host; preparing may overlap."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

SLOT = "effkit-measuring.lock"


@contextmanager
def measuring_slot(tell: Callable[[str], None]) -> Iterator[None]:
    """Hold this host's one place for measuring; wait while another run holds it.

    Args:
        tell: told once if there is someone to wait for.
    """
    lock = FileLock(Path(tempfile.gettempdir()) / SLOT, mode=0o666)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        tell("waiting: another effkit run is measuring on this host")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
