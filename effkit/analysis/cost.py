"""What serving takes at a given traffic: machines, money, energy and carbon.

Every machine is one like the machine that was measured. What comes out rests on measured rates and on assumptions
(head room, as many workers a machine as are given, idle power around the clock), so its origin is `modelled`; beside it
stands the origin of the figures that it rests on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from effkit.analysis.carbon import embodied_g_per_hour, embodied_g_per_request, grams_per_thousand, grid
from effkit.analysis.joules import above_idle_j, joules_per_thousand
from effkit.analysis.luck import process_luck
from effkit.record import CandidateRecord, Estimate, Load
from effkit.spec import CarbonSpec, CostSpec

HEAD_ROOM = 0.7
"""Share of saturation that a machine is given where no load test says more. At 0.7 a request waits 2.3 service
times on average if arrivals and service are random (M/M/1: rho / (1 - rho); Kleinrock 1975, "Queueing systems")."""

BYTES_PER_GB = 1e9
MONTH_S = 365.25 / 12 * 86400

Basis = Literal["load test", "saturation", "latency"]
"""Where a rate comes from: the highest that met the p99 budget under load; the saturation of a load test; or one
request after the other at batch 1."""

BEST_FIRST: tuple[Basis, ...] = ("load test", "saturation", "latency")


@dataclass(frozen=True)
class Capacity:
    """What one worker serves.

    Attributes:
        per_s: Requests a second (r).
        head_room: Share of it that is used (h).
        basis: Where it comes from.
        most_per_s: What r may be at most, where the load test only tells that it is no less: the next rate that is
            known to be too much, or the saturation. None where r itself is known.
        luck: Of the one process that a load test asks, from `process_luck`: it is not in the interval of r.
    """

    per_s: Estimate
    head_room: float
    basis: Basis
    most_per_s: float | None = None
    luck: float | None = None

    @property
    def at_least(self) -> bool:
        """Whether r is only known to be no less."""
        return self.most_per_s is not None

    @property
    def usable_per_s(self) -> float:
        """Requests a second that the worker is given: h * r."""
        return self.head_room * self.per_s.value

    @property
    def most_usable_per_s(self) -> float:
        """What that may be at most."""
        return self.usable_per_s if self.most_per_s is None else self.head_room * self.most_per_s


@dataclass(frozen=True)
class Provision:
    """What it takes to serve a candidate at one traffic, with as many machines as that needs.

    Attributes:
        requests_per_s: The traffic (q).
        capacity: What one worker serves, and where that comes from.
        workers: On each machine (R).
        machines: How many (N).
        money_per_thousand: For 1,000 requests, in the price's currency; None without a price.
        energy_j_per_thousand: Of N machines that idle between requests, joules; None where idle power or the
            energy above it is not known, which is so too where that does not resolve.
        carbon_g_per_thousand: Of that energy and, if asked, of the machines' making; None where the energy is
            not known or the region has no grid factor.
        idle_share: Part of the energy that is the idle machines'.
    """

    requests_per_s: float
    capacity: Capacity
    workers: int
    machines: Estimate
    money_per_thousand: Estimate | None = None
    energy_j_per_thousand: Estimate | None = None
    carbon_g_per_thousand: Estimate | None = None
    idle_share: float | None = None

    @property
    def usable_per_s(self) -> float:
        """Requests a second that one machine is given: h * R * r."""
        return self.workers * self.capacity.usable_per_s

    @property
    def fewer_may_do(self) -> bool:
        """Whether fewer machines may do, since r is only known to be no less."""
        most_per_s = self.workers * self.capacity.most_usable_per_s
        return machines_needed(self.requests_per_s, most_per_s) < self.machines.value

    @property
    def at_most(self) -> bool:
        """Whether fewer may do and no more are needed, so that what they take is no more than a bound either."""
        return self.fewer_may_do and self.machines.high == self.machines.value


def capacity(candidate: CandidateRecord) -> Capacity | None:
    """What one worker of a candidate serves.

    The highest rate that meets the p99 budget under load; without a budget, and with head room, the saturation of the
    load test; without a load test, and with head room, 1 / mean latency at batch 1.

    Returns:
        None where nothing was measured, or where no rate of the load test is shown to meet the budget: then
        more machines might still help, but no rate is known at which they would.
    """
    load = candidate.load
    if load is not None and load.bound is None:
        return Capacity(load.saturation_per_s, HEAD_ROOM, "saturation", luck=process_luck(candidate))
    if load is not None and (load.bound == "below" or load.highest_per_s is None):
        return None
    if load is not None and load.highest_per_s is not None:
        highest = _ended(load.highest_per_s, load)
        return Capacity(highest, 1.0, "load test", _most_per_s(load), process_luck(candidate))
    if candidate.latency is None:
        return None
    mean = candidate.latency.mean_s
    one_by_one = Estimate(
        value=1 / mean.value,
        low=None if mean.high is None else 1 / mean.high,
        high=None if mean.low is None else 1 / mean.low,
        n=mean.n,
        origin=mean.origin,
    )
    return Capacity(one_by_one, HEAD_ROOM, "latency", luck=process_luck(candidate))


def _ended(highest: Estimate, load: Load) -> Estimate:
    """The highest rate with an upper end wherever one is known: beyond saturation no queue ends."""
    top = load.saturation_per_s.high
    if highest.high is not None or top is None:
        return highest
    return highest.model_copy(update={"high": max(highest.value, top)})


def _most_per_s(load: Load) -> float | None:
    """What the highest rate may be at most, where it is only known to be no less."""
    found = load.highest_per_s
    if found is None or load.bound != "at least":
        return None
    ends = (found.high, load.saturation_per_s.value)
    return max(found.value, min(end for end in ends if end is not None))


def workers_on(cost: CostSpec | None) -> int:
    """Workers that share a machine (R), as given with its price, or one: how several scale is not measured."""
    return 1 if cost is None else cost.workers_per_machine


def machines(requests_per_s: float, served: Capacity, workers: int) -> Estimate:
    """Machines that a traffic needs: N = max(1, ceil(q / (h * R * r))), with the interval of r.

    Where r has no upper end, what it may be at most is taken for one.

    Args:
        requests_per_s: The traffic (q).
        served: What one worker serves (r) and how much of it is used (h).
        workers: On each machine (R).

    Raises:
        ValueError: A traffic that is not positive.
    """
    if not requests_per_s > 0:
        raise ValueError(f"requests_per_s is {requests_per_s}; give a traffic above 0 requests a second")

    def needed(per_s: float | None) -> float | None:
        if per_s is None or per_s <= 0:
            return None
        return float(machines_needed(requests_per_s, workers * (served.head_room * per_s)))

    rate = served.per_s
    most_per_s = served.most_per_s if rate.high is None else rate.high
    value, low, high = needed(rate.value), needed(most_per_s), needed(rate.low)
    assert value is not None
    bounded = low is not None and high is not None
    return Estimate(
        value=value, low=low if bounded else None, high=high if bounded else None, n=rate.n, origin="modelled"
    )


def machines_needed(requests_per_s: float, usable_per_s: float) -> int:
    """Machines for a traffic, each given so much of it: one at least."""
    exact = requests_per_s / usable_per_s
    return max(1, math.ceil(exact * (1 - 1e-9)))  # 100 / (0.7 * 100 / 0.7) is one machine


def money_per_thousand(
    number: float, requests_per_s: float, cost: CostSpec, *, moved_bytes: float = 0.0, kept_bytes: float = 0.0
) -> float:
    """Price of 1,000 requests: machines by the hour, what is moved over the network, what is kept on every machine.

    Args:
        number: of machines.
        requests_per_s: The traffic.
        cost: What is paid for each.
        moved_bytes: A request and its answer.
        kept_bytes: The model's files.
    """
    machines_price = number * cost.machine_per_hour / (3.6 * requests_per_s)
    moving = 1000 * moved_bytes / BYTES_PER_GB * cost.transfer_per_gb
    keeping = 1000 * number * kept_bytes / BYTES_PER_GB * cost.storage_per_gb_month / (requests_per_s * MONTH_S)
    return machines_price + moving + keeping


def provision(
    candidate: CandidateRecord, requests_per_s: float, *, carbon: CarbonSpec, cost: CostSpec | None = None
) -> Provision | None:
    """Machines, money, energy and carbon of serving a candidate at one traffic.

    With N machines at q requests a second, for 1,000 requests::

        money  = N * price per hour / (3.6 * q) + bytes moved and kept, at their price
        energy = 1000 * (N * idle power / q + energy above idle of a request)
        carbon = energy * grid factor * PUE + 1000 * N * embodied carbon of an hour / (3600 * q)

    Idle power is drawn all the time, whatever is served (Barroso & Holzle 2007, "The case for
    energy-proportional computing"), so where N is 1 and q is small it is nearly all there is.

    Args:
        candidate: What is served.
        requests_per_s: The traffic (q).
        carbon: Region, PUE and, if asked, the machine's embodied carbon.
        cost: The price of a machine, and how many workers share one; None names no money and counts one.

    Returns:
        None where `capacity` is None.
    """
    found = capacity(candidate)
    if found is None:
        return None
    workers = workers_on(cost)
    number = machines(requests_per_s, found, workers)
    energy = _energy_j(candidate, requests_per_s, number)
    idle_w = candidate.energy.idle_w if candidate.energy else None
    return Provision(
        requests_per_s=requests_per_s,
        capacity=found,
        workers=workers,
        machines=number,
        money_per_thousand=None
        if cost is None
        else _mapped(
            number,
            lambda n: money_per_thousand(
                n, requests_per_s, cost, moved_bytes=moved_bytes(candidate), kept_bytes=kept_bytes(candidate)
            ),
        ),
        energy_j_per_thousand=energy,
        carbon_g_per_thousand=None if energy is None else _carbon_g(energy, requests_per_s, number, carbon),
        idle_share=None
        if energy is None or idle_w is None
        else min(1.0, 1000 * number.value * idle_w / requests_per_s / energy.value),
    )


def moved_bytes(candidate: CandidateRecord) -> float:
    """Bytes of a request and its answer; 0 of what is not known."""
    return (candidate.request_bytes or 0.0) + (candidate.response_bytes or 0.0)


def kept_bytes(candidate: CandidateRecord) -> float:
    """Bytes of the model's files; 0 where they are not known."""
    return float((candidate.memory.weight_bytes or 0) if candidate.memory else 0)


def _energy_j(candidate: CandidateRecord, requests_per_s: float, number: Estimate) -> Estimate | None:
    """Joules of 1,000 requests; the idle machine's power is taken as exact, the energy above it has gross's spread."""
    above, idle_w = above_idle_j(candidate), candidate.energy.idle_w if candidate.energy else None
    if above is None or idle_w is None:
        return None

    def per_thousand(machines: float | None, request_j: float | None) -> float | None:
        if machines is None or request_j is None:
            return None
        return joules_per_thousand(machines, idle_w, requests_per_s, request_j)

    value, low, high = (
        per_thousand(number.value, above.value),
        per_thousand(number.low, above.low),
        per_thousand(number.high, above.high),
    )
    assert value is not None
    return Estimate(value=value, low=low, high=high, n=above.n, origin="modelled")


def _carbon_g(energy: Estimate, requests_per_s: float, number: Estimate, carbon: CarbonSpec) -> Estimate | None:
    power = grid(carbon)
    if power is None:
        return None

    def grams(energy_j: float, machines: float) -> float:
        hourly_g = embodied_g_per_hour(carbon.embodied_kg or 0.0, carbon.lifetime_years)
        embodied_g = embodied_g_per_request(hourly_g, machines=machines, requests_per_s=requests_per_s)
        return grams_per_thousand(energy_j / 1000, power, pue=carbon.pue, embodied_g_per_request=embodied_g)

    return Estimate(
        value=grams(energy.value, number.value),
        low=None if energy.low is None or number.low is None else grams(energy.low, number.low),
        high=None if energy.high is None or number.high is None else grams(energy.high, number.high),
        n=energy.n,
        origin="modelled",
    )


def _mapped(estimate: Estimate, function: Callable[[float], float]) -> Estimate:
    """An increasing function of a number and of both ends of its interval."""
    low, high = (None if end is None else function(end) for end in (estimate.low, estimate.high))
    return Estimate(value=function(estimate.value), low=low, high=high, n=estimate.n, origin="modelled")
