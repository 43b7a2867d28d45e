"""What a decision is made under: a record's own parameters, or others that need no new measuring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from effkit.analysis.carbon import check_regions, embodied_g_per_hour, grid
from effkit.analysis.cost import workers_on
from effkit.params import override, parse
from effkit.production import NO_POINTS, Budget, CostSpec
from effkit.record import Record
from effkit.spec import SpecError, StudySpec, nearest

CHANGEABLE = ("margin_points", "margin_percent", "margin_reason", "budget", "carbon", "cost", "traffic")
"""Keys that change no measurement: a decision may be made again under others."""
LEAST_NOISE = 0.01


@dataclass(frozen=True)
class Asked:
    """Margin, limits, traffic and prices.

    Attributes:
        margin: largest loss accepted, in the metric's own unit.
        budget: limits, and the traffic.
        noise: share of a latency ratio inside which two candidates are as fast.
        cost: prices; None knows none.
        grid_g_per_kwh: CO2e of electricity; None where the region has no factor.
        pue: the data centre's energy over its machines'.
        embodied_g_per_hour: CO2e of making a machine that falls on an hour.
        workers_per_machine: as given with the price; one where nothing is given.
    """

    margin: float
    budget: Budget
    noise: float
    cost: CostSpec | None
    grid_g_per_kwh: float | None
    pue: float
    embodied_g_per_hour: float
    workers_per_machine: int = 1


def asked(record: Record, spec: StudySpec | None = None) -> Asked:
    """Return what a study asks for.

    Args:
        record: what was measured.
        spec: the parameters to decide by; None takes the record's own.
    """
    wanted = spec or record.spec
    carbon = wanted.carbon
    power = grid(carbon)
    return Asked(
        margin=in_metric(record, wanted, wanted.margin_percent or wanted.margin_points or 0.0),
        budget=wanted.budget,
        noise=next((each.threshold for each in record.noise if each.metric == "latency"), LEAST_NOISE),
        cost=wanted.cost,
        grid_g_per_kwh=None if power is None else power.g_per_kwh,
        pue=carbon.pue,
        embodied_g_per_hour=embodied_g_per_hour(carbon.embodied_kg or 0.0, carbon.lifetime_years),
        workers_per_machine=workers_on(wanted.cost),
    )


def changed(record: Record, keys: Mapping[str, Any]) -> StudySpec:
    """Return the record's parameters with some changed, as a parameter file would have them.

    Args:
        record: what was measured.
        keys: such as `margin_points`; dots reach inside, as in `budget.latency_p99_s`.

    Raises:
        SpecError: for a key that does not exist, that only a new run could change, or whose value is wrong.
    """
    for key in keys:
        first = key.partition(".")[0]
        if first in CHANGEABLE:
            continue
        if first in StudySpec.model_fields:
            raise SpecError(
                f"`{key}` is part of what was measured: change it in the parameter file and run the study again. "
                f"A decision may change {', '.join(CHANGEABLE)}."
            )
        raise SpecError(
            f"`{key}` is not a known key.{nearest(first, CHANGEABLE)} A decision may change {', '.join(CHANGEABLE)}."
        )
    spec = parse(override(record.spec.model_dump(mode="json"), keys), "the decision")
    if record.task.kind == "regression" and spec.budget.group_margin_points is not None:
        raise SpecError(NO_POINTS)
    if any(key.partition(".")[0] == "carbon" for key in keys):
        check_regions(spec.carbon)
    return spec


def in_metric(record: Record, spec: StudySpec, size: float) -> float:
    """A margin as a study names it, in points or in per cent of the reference's error, in the metric's own unit."""
    if spec.margin_percent is None:
        return size / 100
    quality = record.reference.quality
    return size / 100 * quality.value.value if quality else 0.0
