"""From what a study names to recipes: what determines each built candidate, its weights fetched and verified."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from effkit import catalogue
from effkit.models import Recipe
from effkit.resolve import CASCADE, FEW, Model, model
from effkit.spec import CandidateSpec, StudySpec
from effkit.techniques import apply_chain, teacher_of


@dataclass(frozen=True)
class Ingredients:
    """What of a study goes into recipes.

    Attributes:
        kind: of the task.
        fit_items: how many training items a candidate really gets.
        own_settings: of a user's own model, by its name; None for others.
        accept_points: what a cascade may lose where it does not say so itself.
        held_out: most items of `calibrate` and of `select` by which a cascade is set up; None takes all.
        weights: from a model's name to the folder of its verified files.
    """

    kind: str
    fit_items: Callable[[CandidateSpec], int]
    own_settings: Callable[[str], Mapping[str, Any] | None] = lambda name: None
    accept_points: float = 0.0
    held_out: int | None = None
    weights: Callable[[str], Path] = lambda name: catalogue.fetch(name)


def ingredients(
    spec: StudySpec,
    kind: str,
    fit_items: Callable[[CandidateSpec], int],
    own_settings: Callable[[str], Mapping[str, Any] | None],
) -> Ingredients:
    """Return what a study puts into its recipes; the arguments are those of `Ingredients`."""
    few = FEW["test"] if spec.protocol.items == "few" else None
    # Many candidates have the same weights, which are hashed once a run.
    verified = cache(catalogue.fetch)
    # Half of the margin: the other half is left to the chance of the test items.
    return Ingredients(kind, fit_items, own_settings, (spec.margin_points or 0.0) / 2, few, verified)


def recipe(candidate: CandidateSpec, found: Model, how: Ingredients, seed: int) -> Recipe:
    """Return what determines the built candidate, its weights verified and its techniques applied.

    Args:
        candidate: as the study names it.
        found: what its model stands for.
        how: what the study adds.
        seed: of training; 0 where training does not depend on one.

    Raises:
        FetchError: when no source gives the weights, or those that are here are not the pinned ones.
    """
    if candidate.cascade:
        return _cascade(candidate, found, how, seed)
    weights, hashes = None, {}
    if found.entry is not None and found.entry.files:
        weights = how.weights(found.name)
        hashes = {file.name: file.sha256 for file in found.entry.files}
    own_settings = how.own_settings(found.name)
    plain = Recipe(
        model=found.name,
        builder=found.builder,
        kind=how.kind,
        fit_items=how.fit_items(candidate),
        seed=seed,
        settings=dict(own_settings if own_settings is not None else found.settings),
        weights=weights,
        weights_sha256=hashes,
    )
    teacher = teacher_of(candidate.chain)
    if teacher is not None:
        of_teacher = replace(how, fit_items=lambda _: how.fit_items(candidate))
        plain = replace(plain, teacher=recipe(CandidateSpec(model=teacher), model(teacher, {}), of_teacher, seed))
    made = apply_chain(plain, candidate.chain)
    return _set_up(made, how) if made.builder == CASCADE else made


def _cascade(candidate: CandidateSpec, found: Model, how: Ingredients, seed: int) -> Recipe:
    stages = tuple(recipe(*each, how, seed) for each in zip(candidate.cascade, found.stages, strict=True))
    plain = Recipe(
        model=candidate.name,
        builder=CASCADE,
        kind=how.kind,
        fit_items=max(stage.fit_items for stage in stages),
        seed=seed,
        settings={
            "seeded": [stage.seeded for stage in found.stages],
            "score": candidate.score or "margin",
            "calibration": candidate.calibration or "temperature",
            "escalate": candidate.escalate,
            "accept_points": candidate.accept_points,
        },
        weights_sha256={key: value for stage in stages for key, value in stage.weights_sha256.items()},
        stages=stages,
    )
    return _set_up(plain, how)


def _set_up(cascade: Recipe, how: Ingredients) -> Recipe:
    """Fill in what the study says of every cascade."""
    accepted = cascade.settings["accept_points"]
    filled = {"accept_points": how.accept_points if accepted is None else accepted, "held_out": how.held_out}
    return cascade.with_settings(**filled)
