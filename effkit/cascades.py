"""Cascades: from what every stage said of the test items, and what was timed, to the record."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from effkit import resolve
from effkit.analysis.cascade import Stages, alarm_band, cost_of, curve, mixes, recovered
from effkit.analysis.comparison import Pair, QualityTest, gaps_over_seeds, mean_with_interval
from effkit.analysis.shares import share
from effkit.bench.prepare import Prepared, Staged
from effkit.findings import Compared, Findings
from effkit.models.confidence import Confidence
from effkit.record import Cascade, CascadeStage, CostKind, Gap
from effkit.spec import CandidateSpec
from effkit.techniques import exits_of

Named = tuple[tuple[str, str], ...]
"""Name and title of each stage."""


def cascades(compared: Compared) -> dict[str, Cascade]:
    """Return what is known of each candidate whose stages take turns."""
    found = compared.found
    gaps = _gaps(compared)
    made = {}
    for spec in found.spec.candidates:
        prepared = found.prepared.get(spec.name)
        if prepared is not None and prepared.staged is not None:
            gap = compared.candidates[spec.name].gap if _stages(spec, found)[-1][0] == found.spec.reference else None
            one = _cascade(spec, prepared.staged, compared)
            made[spec.name] = one.model_copy(update={"gap": gap or gaps.get(spec.name)})
    return made


def _cascade(spec: CandidateSpec, staged: Staged, compared: Compared) -> Cascade:
    found, test = compared.found, compared.test
    named, settings = _stages(spec, found), found.prepared[spec.name].built.recipe.settings
    costs, kind = _costs(spec, named, staged, compared)
    stages = _as_arrays(staged, found, costs, test)
    by, last = stages.answered_by, named[-1][0]
    kinds: dict[str, NDArray[np.str_]] = {"class": np.array(found.task.classes)[found.labels]}
    kinds |= {column: np.asarray(names[found.test], dtype=str) for column, names in found.task.groups.items()}
    chosen = settings["escalate"] is None
    return Cascade(
        stages=_stage_records(named, staged, stages, costs, test),
        score=settings["score"],
        calibration=settings["calibration"],
        chosen=chosen,
        accept_points=settings["accept_points"] if chosen else None,
        calibrate_items=staged.setup["calibrate_items"],
        select_items=staged.setup["select_items"],
        select_gap=staged.setup["select_gap"],
        escalated=share(by > 0, test.clusters),
        gap=None,
        latency=compared.latency(spec.name, last),
        energy=compared.energy(spec.name, last),
        cost=cost_of(stages, by),
        cost_kind=kind,
        curve=curve(stages),
        recovered=recovered(stages),
        mixes=mixes(stages, kinds),
        alarm=alarm_band(by > 0, test.clusters),
    )


def _stages(spec: CandidateSpec, found: Findings) -> Named:
    """Name and title of each stage; of parts, where they leave the network, the whole network last."""
    model, labelled = found.models[spec.name], len(found.task.splits["fit"])
    if spec.cascade:
        pairs = zip(spec.cascade, model.stages, strict=True)
        return tuple((stage.name, resolve.title(stage, each, labelled)) for stage, each in pairs)
    whole = resolve.prefixes(spec)[-2]
    layers = exits_of(spec.chain)
    parts = [(f"{whole.name} after {layer}", f"after layer {layer}") for layer in layers]
    return (*parts, (whole.name, resolve.title(whole, model, labelled)))


def _costs(
    spec: CandidateSpec, named: Named, staged: Staged, compared: Compared
) -> tuple[tuple[float, ...] | None, CostKind | None]:
    """Cost of an item at each stage over one of the last stage alone: by time where all were timed, else operations."""
    last = named[-1][0]
    if spec.cascade:
        ratios = [compared.latency(name, last) for name, _ in named[:-1]]
        if all(ratios):
            return (*(ratio.value for ratio in ratios if ratio), 1.0), "time"
    flops = [each.flops for each in staged.facts if each.flops is not None]
    alone = (flops[-1] if spec.cascade else sum(flops)) if flops else 0.0
    if len(flops) < len(named) or alone <= 0:
        return None, None
    return tuple(each / alone for each in flops), "operations"


def _as_arrays(staged: Staged, found: Findings, costs: tuple[float, ...] | None, test: QualityTest) -> Stages:
    confidences = [Confidence.from_json(each["confidence"]) for each in staged.setup["stages"][:-1]]
    return Stages(
        scores=np.stack([found.scores(each) for each in staged.answers]),
        confidences=np.stack([each.of(said) for each, said in zip(confidences, staged.answers[:-1], strict=True)]),
        thresholds=tuple(staged.setup["thresholds"]),
        costs=costs,
        clusters=test.clusters,
        seed=found.spec.seed,
        classes=test.classes,
    )


def _stage_records(
    named: Named, staged: Staged, stages: Stages, costs: tuple[float, ...] | None, test: QualityTest
) -> tuple[CascadeStage, ...]:
    by = stages.answered_by
    made = []
    for number, ((name, title), told) in enumerate(zip(named, staged.setup["stages"], strict=True)):
        confidence = Confidence.from_json(told["confidence"])
        made.append(
            CascadeStage(
                name=name,
                title=title,
                quality=mean_with_interval(stages.scores[number], test),
                answered=share(by == number, test.clusters),
                cost=None if costs is None else costs[number],
                threshold=stages.thresholds[number] if number < len(stages.thresholds) else None,
                temperature=confidence.temperature if confidence.steps is None else None,
                ece_before=told["ece_before"],
                ece_after=told["ece_after"],
            )
        )
    return tuple(made)


def _gaps(compared: Compared) -> dict[str, Gap]:
    """The gap of each cascade to its last stage, with Holm over the cascades of the study, over training seeds."""
    found, test = compared.found, replace(compared.test, groups={})
    pairs = {
        spec.name: _pair(spec, prepared, prepared.staged, found)
        for spec in found.spec.candidates
        if (prepared := found.prepared.get(spec.name)) is not None and prepared.staged is not None
    }
    if not pairs:
        return {}
    base = next(iter(pairs.values()))[0][0]
    return gaps_over_seeds(pairs, test.margin(base), test)


def _pair(spec: CandidateSpec, prepared: Prepared, staged: Staged, found: Findings) -> Pair:
    """Scores of a cascade and of its last stage, with each training seed that both have.

    A last stage that is no candidate is trained with the first seed alone.
    """
    ours, model = found.by_seed(prepared), found.models[spec.name]
    last = found.prepared.get(_stages(spec, found)[-1][0])
    theirs = (found.scores(staged.answers[-1]),) if last is None else found.by_seed(last)
    seeded = model.stages[-1].seeded if spec.cascade else model.seeded
    return (ours[: len(theirs)] if seeded else ours), theirs
