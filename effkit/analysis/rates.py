"""The rate at which a candidate serves, with what may be said of it: bounds, and the interval of a load test."""

from __future__ import annotations

from dataclasses import dataclass, replace

from effkit.analysis.cost import Capacity
from effkit.analysis.luck import Ends, lucky


@dataclass(frozen=True)
class Rate:
    """Requests a second that a worker, or a machine, is given.

    Attributes:
        known: what it is given.
        most: what that may be at most: more where it is only known to be no less.
        low: lower end of its interval, and `high` the upper one, no less than `most`; None where it is not known.
        luck: how far the luck of the one process that was asked may have moved it, as a logarithm; 0 where the interval
            is over several, None where it is not known.
    """

    known: float
    most: float
    low: float | None
    high: float | None
    luck: float | None = 0.0

    @property
    def shown(self) -> Ends:
        """The ends of its interval whatever process serves: between candidates nothing else is compared."""
        return lucky((self.low, self.high), self.luck)

    def of(self, workers: int) -> Rate:
        """Of several workers together."""
        low, high = scaled((self.low, self.high), workers)
        return Rate(workers * self.known, workers * self.most, low, high, self.luck)


@dataclass(frozen=True)
class Service:
    """How one candidate serves a traffic, as far as it was measured: all that a decision at another traffic takes.

    Attributes:
        usable_per_s: requests a second that one worker is given; None where no rate is known.
        most_per_s: what that may be at most, where it is only known to be no less; None where it is known.
        usable_ends_per_s: interval of `usable_per_s`; None takes that itself.
        saturation_per_s: rate with a queue that never empties, of who was put under load.
        saturation_ends_per_s: its interval; None of who was not put under load.
        luck: how far the luck of the one process that a load test asks may have moved a rate; see `Rate`.
        own_limit_s: p99 on the machine within which the study asked for that rate; None without a limit.
        repeated: whether its latency was measured in two generations at least.
        assessed: whether it was in as many as a claim on speed takes.
        tails: the lowest rates of a load test with the p99 of each, both rising, as far as it is borne.
        bounded: the rates that follow with what the p99 of each is at most, as far as that is known.
        tail_high_s: upper end of the p99 at the lowest of all its rates; None where that is not known.
        untested: whether no p99 of it under load is known: at a traffic it is not held to its unloaded one.
        idle_w: power of the idle machine.
        above_idle_j: energy of a request above that; None where it is not known or does not resolve.
        above_idle_ends_j: its interval, by the samples alone.
        energy_off: how many times as much its joules may be, or how small a part of it, since power is modelled.
        moved_bytes: of a request and its answer.
        kept_bytes: of the model's files.
    """

    usable_per_s: float | None
    most_per_s: float | None
    usable_ends_per_s: Ends | None
    saturation_per_s: float | None
    saturation_ends_per_s: Ends | None
    luck: float | None
    own_limit_s: float | None
    repeated: bool
    assessed: bool
    tails: tuple[tuple[float, float], ...]
    bounded: tuple[tuple[float, float], ...]
    tail_high_s: float | None
    untested: bool
    idle_w: float | None
    above_idle_j: float | None
    above_idle_ends_j: Ends
    energy_off: float
    moved_bytes: float
    kept_bytes: float


def rate(per_s: float | None, most_per_s: float | None, ends: Ends | None, luck: float | None = 0.0) -> Rate | None:
    """Put a rate together; None where none is known.

    Args:
        per_s: what is known.
        most_per_s: what that may be at most, where it is only known to be no less.
        ends: of its interval; None takes the rate itself.
        luck: of the one process that was asked.
    """
    if per_s is None:
        return None
    low, high = ends or (per_s, per_s)
    tops = [each for each in (high, most_per_s) if each is not None]
    return Rate(per_s, per_s if most_per_s is None else most_per_s, low, max(tops, default=None), luck)


def usable(served: Capacity | None) -> Rate | None:
    """What one worker is given; None where no rate is known."""
    if served is None:
        return None
    most_per_s = served.most_usable_per_s if served.at_least else None
    ends = scaled((served.per_s.low, served.per_s.high), served.head_room)
    return rate(served.usable_per_s, most_per_s, ends, served.luck)


def whatever_process(served: Capacity) -> Capacity:
    """The same with an interval that holds whatever process serves, and none where that is not known."""
    low, high = lucky((served.per_s.low, served.per_s.high), served.luck)
    return replace(served, per_s=served.per_s.model_copy(update={"low": low, "high": high}))


def serves_more(one: Rate, other: Rate, noise: float) -> bool:
    """Whether one is shown to be more than another, whatever the two are within their intervals.

    Args:
        one: may be more.
        other: may be less.
        noise: share of a latency ratio inside which nothing is claimed.
    """
    low, high = one.shown[0], other.shown[1]
    return low is not None and high is not None and low > high * (1 + noise)


def scaled(ends: Ends, by: float) -> Ends:
    """The ends of an interval of so many times as much."""
    low, high = (None if each is None else by * each for each in ends)
    return low, high
