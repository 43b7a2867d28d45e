"""What a run may take: time and memory, watched from the process that started its kernel."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from effkit.bench.slot import WAITING

LOOK_EVERY_S = 1.0


def last_line(log: Path) -> str:
    """Return what a run's log says last, without the time and the level; nothing while it is empty."""
    with suppress(OSError, IndexError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        return file.read().decode(errors="replace").splitlines()[-1].split(" ", 3)[-1].strip()
    return ""


@dataclass
class Limits:
    """Ends the processes of a run that takes more than it may.

    Attributes:
        log: of the run; while it waits for the measuring slot its time does not count.
        timeout_s: longest it may take; None for any time.
        memory_bytes: most its processes may hold together, without what they share with others; None for any.
        exceeded: status and sentence, once a limit was passed.
    """

    log: Path
    timeout_s: float | None
    memory_bytes: int | None
    exceeded: tuple[str, str] | None = field(default=None, init=False)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch the children of this process while the body runs."""
        if self.timeout_s is None and self.memory_bytes is None:
            yield
            return
        over = threading.Event()
        thread = threading.Thread(target=self._watch, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _watch(self, over: threading.Event) -> None:
        spent_s, before = 0.0, time.monotonic()
        while not over.wait(LOOK_EVERY_S):
            now = time.monotonic()
            if WAITING not in last_line(self.log):
                spent_s += now - before
            before = now
            children = psutil.Process().children(recursive=True)
            self.exceeded = self.exceeded or self._beyond(spent_s, children)
            if self.exceeded is not None:  # and again at the next look: a kernel may only be about to start
                for child in children:
                    with suppress(psutil.Error):
                        child.kill()

    def _beyond(self, spent_s: float, children: list[psutil.Process]) -> tuple[str, str] | None:
        if self.timeout_s is not None and spent_s > self.timeout_s:
            return "timeout", f"it took longer than its timeout_s of {self.timeout_s:g}"
        if self.memory_bytes is not None and (held_bytes := sum(map(_own_bytes, children))) > self.memory_bytes:
            held, most = (f"{each / 2**20:,.0f} MiB" for each in (held_bytes, self.memory_bytes))
            return "memory", f"its processes held {held}, more than its memory_bytes of {most}"
        return None


def _own_bytes(process: psutil.Process) -> int:
    """Resident memory that a process shares with none, as far as the system tells."""
    with suppress(psutil.Error):
        memory = process.memory_info()
        return int(memory.rss - getattr(memory, "shared", 0))
    return 0
