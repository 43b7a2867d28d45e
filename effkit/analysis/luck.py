"""The luck of a process: what a rate may be off by that was seen in one."""

from __future__ import annotations

import math

from effkit.record import CandidateRecord

Ends = tuple[float | None, float | None]
"""The ends of an interval, None where one is not known."""


def process_luck(candidate: CandidateRecord) -> float | None:
    """How far the luck of the one process that a load test asks may have moved its rate, as a logarithm (95 %).

    Half the interval of the mean latency over generations is t * s / sqrt(n), and t * s that of a single one. Without a
    load test the rate is that latency, with all generations in its interval: 0.

    Returns:
        None where the mean latency has no interval.
    """
    if candidate.load is None:
        return 0.0
    mean = candidate.latency.mean_s if candidate.latency else None
    if mean is None or not mean.low or not mean.high:
        return None
    return math.log(mean.high / mean.low) / 2 * math.sqrt(mean.n)


def lucky(ends: Ends, luck: float | None) -> Ends:
    """The ends of an interval, wider by the luck of a process; not known where that is not."""
    if luck is None:
        return None, None
    low, high = ends
    return None if low is None else low * math.exp(-luck), None if high is None else high * math.exp(luck)
