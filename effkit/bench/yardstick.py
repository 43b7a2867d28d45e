"""A yardstick: a fixed piece of work that tells how fast the core is at this moment.

A neighbour on the same physical core (another tenant of the host, on the sibling thread) makes everything here take
half as long again without showing in any counter: no load, no steal. A fixed loop, timed between the calls, sees it.
"""

from __future__ import annotations

import time

STRETCH_S = 0.01
"""The core's speed is read this often: often enough to follow it, at about one per cent of the time."""
ROUNDS, TRIES = 600, 3


def reading_s() -> float:
    """Return the time that the fixed loop takes now, seconds: the fastest of three, about 20 µs each.

    The first try brings the loop back into the caches that the model has just used, and an interrupt in one of
    them is passed over. It is plain Python because every worker has that, and touches no memory to speak of.
    """
    clock = time.perf_counter
    best = float("inf")
    for _ in range(TRIES):
        start = clock()
        total = 0
        for number in range(ROUNDS):
            total ^= number
        best = min(best, clock() - start)
    return best
