"""What serving one candidate takes at the traffic that is asked for: machines, money, energy and carbon."""

from __future__ import annotations

from dataclasses import dataclass, replace

from effkit.analysis.asked import Asked
from effkit.analysis.carbon import embodied_g_per_request, grams
from effkit.analysis.contenders import Contender
from effkit.analysis.cost import joules_per_thousand, machines_needed, money_per_thousand


@dataclass(frozen=True)
class Serving:
    """What serving one candidate takes at one traffic; None where it is not known.

    Attributes:
        machines: as many as are known to do.
        fewer: the same with the fewest that may do, where the rate is only known to be no less: all here is an upper
            bound then. None where so many are needed.
    """

    machines: int
    money_per_thousand: float | None
    energy_j_per_thousand: float | None
    carbon_g_per_thousand: float | None
    fewer: Serving | None = None

    @property
    def at_least(self) -> Serving:
        """What it takes for certain."""
        return self.fewer or self


def serving(contender: Contender, asked: Asked) -> Serving | None:
    """What it takes at the traffic asked for; None without a traffic or a rate."""
    requests_per_s = asked.budget.requests_per_s
    rates = contender.usable_within(asked.budget.on_machine_s(contender.moved_bytes))
    if requests_per_s is None or rates is None:
        return None
    most, fewest = (machines_needed(requests_per_s, per_s) for per_s in rates)
    found = _with_machines(most, requests_per_s, contender, asked)
    if fewest >= most:
        return found
    return replace(found, fewer=_with_machines(fewest, requests_per_s, contender, asked))


def needs_fewer(one: Serving | None, other: Serving | None) -> bool:
    """Whether one is shown to need fewer machines than another: so few are known to do, and the other needs more."""
    return one is not None and other is not None and one.machines < other.at_least.machines


def _with_machines(number: int, requests_per_s: float, contender: Contender, asked: Asked) -> Serving:
    energy_j = None
    if contender.idle_w is not None and contender.above_idle_j is not None:
        energy_j = max(joules_per_thousand(number, contender.idle_w, requests_per_s, contender.above_idle_j), 0.0)
    money = None
    if asked.cost is not None:
        money = money_per_thousand(
            number, requests_per_s, asked.cost, moved_bytes=contender.moved_bytes, kept_bytes=contender.kept_bytes
        )
    carbon_g = None
    if energy_j is not None and asked.grid_g_per_kwh is not None:
        embodied_g = embodied_g_per_request(asked.embodied_g_per_hour, machines=number, requests_per_s=requests_per_s)
        carbon_g = grams(energy_j, asked.grid_g_per_kwh, asked.pue) + 1000 * embodied_g
    return Serving(number, money, energy_j, carbon_g)
