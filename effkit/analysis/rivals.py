"""All that a decision compares, frozen: it can be made again for another margin, limit, traffic, price or grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from effkit.analysis.asked import Asked
from effkit.analysis.carbon import J_PER_KWH
from effkit.analysis.contenders import Contender, Known
from effkit.analysis.cost import BYTES_PER_GB, HEAD_ROOM, MONTH_S
from effkit.analysis.decide import Outcome, What, together, weigh
from effkit.analysis.rates import Ends
from effkit.analysis.serving import SAME

MOVING: tuple[What, ...] = ("quality", "latency", "carbon", "money")
"""Limits whose outcome another margin, limit, traffic, price or grid can change; the others keep theirs."""
_ANY_LIMIT_S = 1.0


@dataclass(frozen=True)
class Rival:
    """One candidate's numbers, as far as a decision under other sliders compares them. None is not known.

    Attributes:
        fixed: of the limits that no slider moves, together.
        own_margin: at which `own_outcome` was reached; for records that tell no other.
        p99_low_s: lower end of its p99, the network's part included; `p99_high_s` the upper one.
        usable_per_s: rate of one worker within `own_limit_s`; for other limits `tails` has rates and their p99.
        most_per_s: what that may be at most, where it is only known to be no less.
        usable_ends_per_s: interval of `usable_per_s` under load; None of a latency turned round.
        saturation_per_s: where it was put under load; it tells the rate without a limit, and bounds it under another.
        saturation_ends_per_s: its interval.
        assessed: whether it was measured in as many generations as a claim on speed takes.
        away_s: the network's part of a limit, seconds.
        tail_high_s: upper end of the p99 at the lowest rate of its load test; None where that is not known.
        untested: whether no p99 of it under load is known.
        preferred: whether it is shown to be better than the reference, or is the reference.
    """

    reference: bool
    fixed: Outcome
    enough_from: float | None
    worse_below: float | None
    own_margin: float
    own_outcome: Outcome
    p99_low_s: float | None
    p99_high_s: float | None
    preferred: bool
    difference: float
    usable_per_s: float | None
    most_per_s: float | None
    usable_ends_per_s: Ends | None
    saturation_per_s: float | None
    saturation_ends_per_s: Ends | None
    own_limit_s: float | None
    repeated: bool
    assessed: bool
    away_s: float
    tails: tuple[tuple[float, float], ...]
    tail_high_s: float | None
    untested: bool
    idle_w: float | None
    above_idle_j: float | None
    rank: str | None
    moved_bytes: float
    kept_bytes: float


@dataclass(frozen=True)
class Numbers:
    """All that a decision compares, candidates in the order in which they are looked at, and its constants."""

    rivals: tuple[Rival, ...]
    money_limit: float | None
    carbon_limit_g: float | None
    pue: float
    embodied_g_per_hour: float
    transfer_per_gb: float
    storage_per_gb_month: float
    workers_per_machine: int
    noise: float
    saved_share: float
    head_room: float
    j_per_kwh: float
    month_s: float
    bytes_per_gb: float


def numbers(order: Sequence[Contender], asked: Asked) -> Numbers:
    """What a decision on these candidates compares.

    Args:
        order: the candidates as they are looked at, one for each system.
        asked: what the study asks. Its margin, latency limit, traffic, price and grid are left out.
    """
    budget, cost = asked.budget, asked.cost
    return Numbers(
        rivals=tuple(_rival(each, asked) for each in order),
        money_limit=budget.money_per_thousand,
        carbon_limit_g=budget.carbon_g_per_thousand,
        pue=asked.pue,
        embodied_g_per_hour=asked.embodied_g_per_hour,
        transfer_per_gb=cost.transfer_per_gb if cost else 0.0,
        storage_per_gb_month=cost.storage_per_gb_month if cost else 0.0,
        workers_per_machine=asked.workers_per_machine,
        noise=asked.noise,
        saved_share=SAME,
        head_room=HEAD_ROOM,
        j_per_kwh=J_PER_KWH,
        month_s=MONTH_S,
        bytes_per_gb=BYTES_PER_GB,
    )


def p99_with_network(each: Contender, asked: Asked) -> Known:
    """Its p99 with the network's part, which is held against a limit of any size."""
    budget = asked.budget.model_copy(update={"latency_p99_s": _ANY_LIMIT_S, "requests_per_s": None})
    checks = weigh(each, replace(asked, budget=budget)).checks
    return next(check.known for check in checks if check.what == "latency")


def _rival(each: Contender, asked: Asked) -> Rival:
    budget = asked.budget.model_copy(update={"latency_p99_s": _ANY_LIMIT_S})
    checks = weigh(each, replace(asked, margin=each.margin, budget=budget)).checks
    p99 = p99_with_network(each, asked)
    return Rival(
        reference=each.reference,
        fixed=together(check for check in checks if check.what not in MOVING),
        enough_from=each.enough_from,
        worse_below=each.worse_below,
        own_margin=each.margin,
        own_outcome=next(check.outcome for check in checks if check.what == "quality"),
        p99_low_s=p99.low,
        p99_high_s=p99.high,
        preferred=each.preferred,
        difference=each.difference,
        usable_per_s=each.usable_per_s,
        most_per_s=each.most_per_s,
        usable_ends_per_s=each.usable_ends_per_s,
        saturation_per_s=each.saturation_per_s,
        saturation_ends_per_s=each.saturation_ends_per_s,
        own_limit_s=each.own_limit_s,
        repeated=each.repeated,
        assessed=each.assessed,
        away_s=asked.budget.away_s(each.moved_bytes),
        tails=each.tails,
        tail_high_s=each.tail_high_s,
        untested=each.untested,
        idle_w=each.idle_w,
        above_idle_j=each.above_idle_j,
        rank=each.rank,
        moved_bytes=each.moved_bytes,
        kept_bytes=each.kept_bytes,
    )
