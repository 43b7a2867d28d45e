"""A neighbour that bursts on every core, as others do on a shared machine.

Run as `python -m benchmarks.neighbour CORE SEED PARENT`; use `bursting` from Python.
"""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

BUSY_S, IDLE_S = (0.2, 1.5), (0.2, 1.5)
BUFFER_BYTES = 4 << 20
"""Hashed again and again: more than the inner caches hold, so a burst takes cache and memory too."""


@contextmanager
def bursting(seed: int) -> Iterator[None]:
    """Run one neighbour on each core of this process while the body runs.

    Args:
        seed: of the lengths of bursts and pauses; every core has its own sequence.
    """
    command = [sys.executable, "-m", "benchmarks.neighbour"]
    processes = [
        subprocess.Popen([*command, str(core), str(1000 * seed + core), str(os.getpid())])
        for core in sorted(os.sched_getaffinity(0))
    ]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def burst(core: int, seed: int, parent: int) -> None:
    """Burst on one core until the parent is gone."""
    os.sched_setaffinity(0, [core])
    rng, buffer = random.Random(seed), random.Random(seed).randbytes(BUFFER_BYTES)
    while os.getppid() == parent:
        until = time.perf_counter() + rng.uniform(*BUSY_S)
        while time.perf_counter() < until:
            hashlib.blake2b(buffer)
        time.sleep(rng.uniform(*IDLE_S))


if __name__ == "__main__":
    burst(*map(int, sys.argv[1:4]))
