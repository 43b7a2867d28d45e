"""What serving one candidate takes at the traffic that is asked for: machines, money, energy and carbon."""

from __future__ import annotations

from dataclasses import dataclass, replace

from effkit.analysis.asked import Asked
from effkit.analysis.carbon import embodied_g_per_request, grams
from effkit.analysis.contenders import Contender
from effkit.analysis.cost import machines_needed, money_per_thousand
from effkit.analysis.joules import joules_per_thousand
from effkit.analysis.luck import Ends
from effkit.analysis.rates import Rate, serves_more

SAME = 0.95
"""Less than this share is a saving in machines, money or energy; more is not worth a word."""


@dataclass(frozen=True)
class Serving:
    """What serving one candidate takes at one traffic; None where it is not known.

    Attributes:
        rate: that one machine is given.
        assessed: whether it was measured in as many generations as a claim on speed takes.
        machines: as many as are known to do.
        fewer: the same with the fewest that may do, where the rate is only known to be no less. None where so many are
            needed.
        at_most: whether fewer may do and, by the interval of the rate, no more are needed: all here is a bound then.
        enough: machines that do for certain, whatever the rate and the luck of a process are within their intervals;
            None where an end is not known. `fewest` is what it takes at least.
        money_ends: of the interval of money, from those of the rate; None where one is not known.
        carbon_ends_g: the same of carbon, from those of the rate and of the energy, with what a power model may be off.
    """

    rate: Rate
    assessed: bool
    machines: int
    money_per_thousand: float | None
    energy_j_per_thousand: float | None
    carbon_g_per_thousand: float | None
    fewer: Serving | None = None
    at_most: bool = False
    enough: int | None = None
    fewest: int | None = None
    money_ends: Ends = (None, None)
    carbon_ends_g: Ends = (None, None)

    @property
    def at_least(self) -> Serving:
        """What it takes for certain."""
        return self.fewer or self


def serving(contender: Contender, asked: Asked) -> Serving | None:
    """What it takes at the traffic asked for; None without a traffic or a rate."""
    requests_per_s = asked.budget.requests_per_s
    per_worker = contender.usable_within(asked.budget.on_machine_s(contender.moved_bytes))
    if requests_per_s is None or per_worker is None:
        return None
    rate = per_worker.of(asked.workers_per_machine)
    most, fewest = (machines_needed(requests_per_s, per_s) for per_s in (rate.known, rate.most))
    found = _with_ends(_with_machines(most, rate, contender, asked), contender, asked)
    if fewest >= most:
        return found
    bounded = rate.low is not None and machines_needed(requests_per_s, rate.low) == most
    return replace(found, fewer=_with_machines(fewest, rate, contender, asked), at_most=bounded)


def needs_fewer(one: Serving | None, other: Serving | None, noise: float) -> bool:
    """Whether one is shown to need fewer machines than another, by a share that is worth a word.

    So few do at the lower end of its rate, and the other needs more at the upper end of its own.

    Of few generations no speed is claimed, and so no machines.

    Args:
        one: may need fewer.
        other: may need more.
        noise: share of a latency ratio inside which nothing is claimed. At a large traffic it is many machines.
    """
    if one is None or other is None or not (one.assessed and other.assessed):
        return False
    if one.enough is None or other.fewest is None or not serves_more(one.rate, other.rate, noise):
        return False
    return one.enough <= SAME * other.fewest


def saves_nothing(less: Contender, more: Contender, asked: Asked) -> bool:
    """Whether one is known to need about as many machines, as much money and, idling included, as much energy.

    Args:
        less: the smaller one.
        more: what it is held against.
        asked: under what.
    """
    one, other = serving(less, asked), serving(more, asked)
    if one is None or other is None or needs_fewer(one, other, asked.noise):
        return False
    if one.fewer or other.fewer:  # how many either needs is not known
        return False
    if _differ_by_chance(one, other, asked.noise):
        # A machine more or less would be chance, and so would all that it costs.
        machines = max(one.machines, other.machines)
        one = _with_machines(machines, one.rate, less, asked)
        other = _with_machines(machines, other.rate, more, asked)
    pairs = [(one.money_per_thousand, other.money_per_thousand)]
    if less.rank == more.rank:  # energies of different ranks are not compared
        if one.energy_j_per_thousand is None or other.energy_j_per_thousand is None:
            return False
        pairs.append((one.energy_j_per_thousand, other.energy_j_per_thousand))
    return all(mine is None or theirs is None or mine > SAME * theirs for mine, theirs in pairs)


def _differ_by_chance(one: Serving, other: Serving, noise: float) -> bool:
    """Whether no machine is shown to serve more than another's, where enough is known of both."""
    if None in (*one.rate.shown, *other.rate.shown):
        return False
    return not serves_more(one.rate, other.rate, noise) and not serves_more(other.rate, one.rate, noise)


def _with_machines(number: int, rate: Rate, contender: Contender, asked: Asked) -> Serving:
    energy_j = _energy_j(number, contender.above_idle_j, contender, asked)
    money, carbon_g = _money(number, contender, asked), _carbon_g(number, energy_j, asked)
    return Serving(rate, contender.assessed, number, money, energy_j, carbon_g)


def _with_ends(found: Serving, contender: Contender, asked: Asked) -> Serving:
    """The same with the ends of money and carbon: those of the rate and of the energy, both lower ones together."""
    fewest, most = (_machines(per_s, asked) for per_s in (found.rate.high, found.rate.low))
    (low_j, high_j), off = contender.above_idle_ends_j, contender.energy_off
    least_j, most_j = _energy_j(fewest, low_j, contender, asked), _energy_j(most, high_j, contender, asked)
    low, high = found.rate.shown
    return replace(
        found,
        enough=_machines(low, asked),
        fewest=_machines(high, asked),
        money_ends=(_money(fewest, contender, asked), _money(most, contender, asked)),
        carbon_ends_g=(
            _carbon_g(fewest, None if least_j is None else least_j * (1 / off), asked),
            _carbon_g(most, None if most_j is None else most_j * off, asked),
        ),
    )


def _machines(per_s: float | None, asked: Asked) -> int | None:
    requests_per_s = asked.budget.requests_per_s
    return None if requests_per_s is None or not per_s else machines_needed(requests_per_s, per_s)


def _money(number: int | None, contender: Contender, asked: Asked) -> float | None:
    requests_per_s = asked.budget.requests_per_s
    if number is None or requests_per_s is None or asked.cost is None:
        return None
    return money_per_thousand(
        number, requests_per_s, asked.cost, moved_bytes=contender.moved_bytes, kept_bytes=contender.kept_bytes
    )


def _energy_j(number: int | None, above_j: float | None, contender: Contender, asked: Asked) -> float | None:
    requests_per_s = asked.budget.requests_per_s
    if number is None or requests_per_s is None or above_j is None or contender.idle_w is None:
        return None
    return joules_per_thousand(number, contender.idle_w, requests_per_s, above_j)


def _carbon_g(number: int | None, energy_j: float | None, asked: Asked) -> float | None:
    requests_per_s = asked.budget.requests_per_s
    if number is None or requests_per_s is None or energy_j is None or asked.grid_g_per_kwh is None:
        return None
    embodied_g = embodied_g_per_request(asked.embodied_g_per_hour, machines=number, requests_per_s=requests_per_s)
    return grams(energy_j, asked.grid_g_per_kwh, asked.pue) + 1000 * embodied_g
