"""The rate at which a candidate serves, with what may be said of it: bounds, and the interval of a load test."""

from __future__ import annotations

from dataclasses import dataclass

from effkit.analysis.cost import Capacity

Ends = tuple[float | None, float | None]
"""The ends of an interval, None where one is not known."""


@dataclass(frozen=True)
class Rate:
    """Requests a second that a worker, or a machine, is given.

    Attributes:
        known: what it is given.
        most: what that may be at most: more where it is only known to be no less.
        low: lower end of its interval, and `high` the upper one, no less than `most`; None where it is not known. Both
            are the rate itself where it is a latency turned round, of which the noise of the run tells.
    """

    known: float
    most: float
    low: float | None
    high: float | None

    def of(self, workers: int) -> Rate:
        """Of several workers together."""
        low, high = (None if each is None else workers * each for each in (self.low, self.high))
        return Rate(workers * self.known, workers * self.most, low, high)


def rate(per_s: float | None, most_per_s: float | None, ends: Ends | None) -> Rate | None:
    """Put a rate together; None where none is known.

    Args:
        per_s: what is known.
        most_per_s: what that may be at most, where it is only known to be no less.
        ends: of its interval; None takes the rate itself.
    """
    if per_s is None:
        return None
    low, high = ends or (per_s, per_s)
    tops = [each for each in (high, most_per_s) if each is not None]
    return Rate(per_s, per_s if most_per_s is None else most_per_s, low, max(tops, default=None))


def usable_ends(served: Capacity | None) -> Ends | None:
    """The interval of what one worker is given, where it was seen under load; None of a latency turned round."""
    if served is None or served.basis == "latency":
        return None
    return scaled((served.per_s.low, served.per_s.high), served.head_room)


def scaled(ends: Ends, by: float) -> Ends:
    """The ends of an interval of so many times as much."""
    low, high = (None if each is None else by * each for each in ends)
    return low, high
