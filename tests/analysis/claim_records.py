"""Synthetic records for one claim: numbers made up so that it holds, or fails, wherever it is looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from effkit.analysis.claim_terms import Chosen, Claim, Condition, Pattern, Span
from effkit.record import (
    CandidateRecord,
    Energy,
    EnergyComponent,
    Estimate,
    GroupQuality,
    Latency,
    Link,
    Memory,
    Operations,
    PercentileRecord,
    Quality,
    Ratio,
    Record,
)
from effkit.spec import CandidateSpec
from tests.report.conftest import gap, record

BASE_S, BASE_BYTES, ACCURACY, MARGIN = 0.01, 1_000_000, 0.8, 0.01
RATIOS = {
    "latency", "latency_per_operation", "energy", "size", "parameters", "operations", "peak_memory", "machines",
    "p99_over_p50",
}  # fmt: skip
MODEL_OF = {"linear": "tfidf-logreg", "network": "minilm-l6"}
COPIES = 8
"""Studies that look alike, so that a claim about most comparisons has enough of them."""


def records_for(claim: Claim, *, failing: Condition | None = None, generations: int = 5) -> list[Record]:
    """Studies in which a claim holds everywhere, but for the one condition that fails."""
    made = _study(claim, _wanted(claim, failing), generations)
    copies = COPIES if claim.holds == "most" else 1
    return [
        made.model_copy(update={"task": made.task.model_copy(update={"name": f"task-{number}"})})
        for number in range(copies)
    ]


def _wanted(claim: Claim, failing: Condition | None) -> dict[str, float]:
    """A value for every quantity: inside all bounds, or outside those of one condition."""
    inside = {each.quantity: _value(each, True) for each in (*claim.where, *claim.expect)}
    return inside if failing is None else inside | {failing.quantity: _value(failing, False)}


def _value(condition: Condition, inside: bool) -> float:
    low, high = condition.at_least, condition.at_most
    if condition.quantity in RATIOS:
        if low is not None and high is not None:
            return math.sqrt(low * high) if inside else 2 * high
        return (high or 0) * (0.5 if inside else 2) if low is None else low * (1.5 if inside else 0.5)
    step = 2.0 if inside else -2.0
    return low + step if low is not None else (high or 0.0) - step


def _study(claim: Claim, wanted: dict[str, float], generations: int) -> Record:
    if claim.of.ladder:
        ladder = claim.of.ladder[0]
        steps = (ladder.large, ladder.middle, ladder.small)
        made = [_candidate(each, {}, generations, reference=place == 0) for place, each in enumerate(steps)]
        made = [
            each.model_copy(
                update={
                    "parameters": 4_000 >> place,
                    "gap": _gap(wanted["later_gain_points"] / 100 if place == 2 else 0.0) if place else None,
                }
            )
            for place, each in enumerate(made)
        ]
        return _record(made, generations)
    if claim.of.each is not None:
        return _record([_candidate(claim.of.each, wanted, generations, reference=True)], generations)
    if claim.of.links is not None:
        model = (claim.of.links.models or ("minilm-l6",))[0]
        base = _candidate(Chosen(models=(model,), techniques=()), {}, generations, reference=True)
        one = _candidate(Chosen(models=(model,), techniques=claim.of.links.added[0]), wanted, generations)
        return _record([base, _linked(one, base, wanted, generations)], generations)
    pairs = claim.of.pairs
    assert pairs is not None
    if isinstance(pairs.against, Chosen):
        base = _candidate(pairs.against, {}, generations, reference=True, other=pairs.against == pairs.of)
    else:
        base = _candidate(Chosen(models=("mpnet-base",), techniques=()), {}, generations, reference=True)
    one = _candidate(pairs.of, wanted, generations, teacher=base.model, model=base.model if pairs.same else None)
    return _record([base, one], generations)


def _record(candidates: Sequence[CandidateRecord], generations: int) -> Record:
    return record(*candidates, generations=generations, params={"reference": candidates[0].name})


def _techniques(patterns: Sequence[Pattern], teacher: str, other: bool) -> tuple[dict[str, dict[str, Any]], ...]:
    needed = {"distil": {"teacher": teacher}, "resolution": {"pixels": 224 if other else 128}}
    return tuple(
        {each.name: needed.get(each.name, {}) | {key: _inside(value) for key, value in each.parameters.items()}}
        for each in patterns
    )


def _inside(value: Span | str | float) -> Any:
    return value.at_least if isinstance(value, Span) else value


def _candidate(
    chosen: Chosen,
    wanted: dict[str, float],
    generations: int,
    *,
    reference: bool = False,
    teacher: str = "mpnet-base",
    model: str | None = None,
    other: bool = False,
) -> CandidateRecord:
    model = model or (chosen.models or (MODEL_OF[(chosen.families or ("network",))[0]],))[0]
    techniques = _techniques((*(chosen.techniques or ()), *chosen.has), teacher, other)
    operations = wanted.get("operations", 1.0 if reference else 0.5)
    speed = wanted.get("latency", wanted.get("machines", wanted.get("latency_per_operation", 1.0) * operations))
    difference = _difference(wanted)
    groups = ()
    if "group_points" in wanted:
        worst = difference + wanted["group_points"] / 100
        groups = (_group("size=small", worst), _group("size=large", max(difference, worst)))
    fields = {
        "name": CandidateSpec(model=model, techniques=techniques).name,
        "model": model,
        "title": model,
        "techniques": techniques,
        "reference": reference,
        "parameters": round(BASE_BYTES * wanted.get("parameters", 1.0)),
        "operations": Operations(flops=1e9 * operations),
        "memory": _memory(wanted.get("size", 1.0), wanted.get("peak_memory", 1.0)),
        "quality": Quality(
            metric="accuracy",
            value=Estimate(value=ACCURACY + difference, n=2000),
            seed_values=(),
            groups=groups,
        ),
        "gap": None if reference else _gap(difference),
        "latency": _latency(speed, generations, reference, wanted.get("p99_over_p50", 1.5)),
        "energy": _energy(wanted.get("energy", 1.0), generations, reference),
    }
    if chosen.cascade:
        # The field is read by its name, so that a record without it is no cascade.
        return _Cascade(**fields, cascade=("small", "large"))
    return CandidateRecord(**fields)


class _Cascade(CandidateRecord):
    cascade: tuple[str, ...] | None = None


def _difference(wanted: dict[str, float]) -> float:
    if "quality_percent" in wanted:
        return wanted["quality_percent"] / 100 * ACCURACY
    if "quality_margins" in wanted:
        return wanted["quality_margins"] * MARGIN
    return wanted.get("quality_points", 0.0) / 100


def _gap(difference: float) -> Any:
    return gap(difference, difference - 0.001, difference + 0.001, "non-inferior")


def _group(name: str, difference: float) -> GroupQuality:
    return GroupQuality(
        group=name, n=900, value=0.8, difference=difference, low=difference - 0.001, high=difference + 0.001,
        verdict="no difference shown",
    )  # fmt: skip


def _ratio(value: float, generations: int) -> Ratio:
    ends = {"low": value * 0.98, "high": value * 1.02} if generations >= 5 else {}
    verdict = "within noise" if generations >= 5 else "indicative"
    return Ratio(value=value, n=generations, verdict=verdict, threshold=0.01, **ends)


def _estimate(value: float, generations: int) -> Estimate:
    ends = {"low": value * 0.99, "high": value * 1.01} if generations >= 5 else {}
    return Estimate(value=value, n=generations, **ends)


def _latency(speed: float, generations: int, reference: bool, tail: float) -> Latency:
    mean_s = BASE_S * speed
    percentiles = tuple(
        PercentileRecord(
            level=level, value_s=mean_s * by, low_s=mean_s * by * 0.99, high_s=mean_s * by * 1.01, n=900,
            n_effective=900,
        )
        for level, by in ((50.0, 1.0), (99.0, tail))
    )  # fmt: skip
    return Latency(
        mean_s=_estimate(mean_s, generations), prepare_s=_estimate(mean_s * 0.1, generations),
        infer_s=_estimate(mean_s * 0.9, generations), percentiles=percentiles,
        ratio=None if reference else _ratio(speed, generations), cpu_s=None, calls=900, steady=True,
    )  # fmt: skip


def _memory(size: float, peak: float) -> Memory:
    return Memory(
        weight_bytes=round(BASE_BYTES * size), tensor_bytes=round(BASE_BYTES * size), floor_bytes=1000,
        peak_bytes=round(BASE_BYTES * peak),
    )  # fmt: skip


def _energy(ratio: float, generations: int, reference: bool, rank: str = "counter") -> Energy:
    return Energy(
        request_j=_estimate(ratio, generations), net_j=ratio * 0.5, idle_w=20.0,
        components=(EnergyComponent(component="cpu", energy_j=ratio, rank=rank, method="rapl"),), rank=rank,
        window_s=60.0, ratio=None if reference else _ratio(ratio, generations),
    )  # fmt: skip


def _linked(one: CandidateRecord, base: CandidateRecord, wanted: dict[str, float], generations: int) -> CandidateRecord:
    """Its links; what a single technique changes stands in the link too."""
    names = [base.name]
    for end in range(1, len(one.techniques) + 1):
        names.append(CandidateSpec(model=one.model, techniques=one.techniques[:end]).name)
    single = len(one.techniques) == 1
    assert one.latency is not None and one.latency.ratio is not None
    links = tuple(
        Link(
            technique=technique, words="changed", name=name, before=before, gap=one.gap if single else None,
            latency=one.latency.ratio if single else None, size=wanted.get("size", 1.0),
            energy=_ratio(wanted.get("energy", 1.0), generations) if single else None,
            energy_rank="counter" if single else None,
        )
        for technique, name, before in zip(one.techniques, names[1:], names, strict=False)
    )  # fmt: skip
    return one.model_copy(update={"links": links})
