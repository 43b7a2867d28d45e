"""All that a decision compares, frozen: it can be made again for another margin, limit, traffic, price or grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from effkit.analysis.asked import Asked
from effkit.analysis.carbon import J_PER_KWH
from effkit.analysis.contenders import Contender, Known
from effkit.analysis.cost import BYTES_PER_GB, HEAD_ROOM, MONTH_S
from effkit.analysis.decide import Outcome, What, together, weigh
from effkit.analysis.rates import Service
from effkit.analysis.serving import SAME

MOVING: tuple[What, ...] = ("quality", "latency", "carbon", "money")
"""Limits whose outcome another margin, limit, traffic, price or grid can change; the others keep theirs."""
_ANY_LIMIT_S = 1.0


@dataclass(frozen=True)
class Rival(Service):
    """One candidate's numbers, as far as a decision under other sliders compares them. None is not known.

    Attributes:
        fixed: of the limits that no slider moves, together.
        own_margin: at which `own_outcome` was reached; for records that tell no other.
        p99_low_s: lower end of its p99, the network's part included; `p99_high_s` the upper one.
        away_s: the network's part of a limit, seconds.
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
    away_s: float
    rank: str | None


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
        away_s=asked.budget.away_s(each.moved_bytes),
        rank=each.rank,
        **{field.name: getattr(each, field.name) for field in fields(Service)},
    )
