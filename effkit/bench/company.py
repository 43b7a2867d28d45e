"""Who else works on the GPU."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable

from effkit.bench import nvml
from effkit.bench.process import WorkerProcess


def strangers(workers: Iterable[WorkerProcess], since_us: int, *, used: bool, counted: bool = False) -> float | None:
    """Count other processes that worked on the GPU.

    Args:
        workers: that are the kit's own.
        since_us: from when on, microseconds since 1970.
        used: whether one of them worked there.
        counted: whether the GPU's energy is read all the same: then who works there is in that figure.

    Returns:
        None where it need not be known, NaN where it cannot be told.
    """
    if not used and not counted:
        return None
    ours = {os.getpid(), *(process.pid for worker in workers for process in worker.family)}
    found = nvml.strangers(ours, since_us, used=used)
    if found is None:
        return math.nan if used else None
    return float(found)
