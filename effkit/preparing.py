"""Making everything that a study compares, and predicting the test items with it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from effkit import recipes, resolve
from effkit.bench.prepare import Prepared, prepare
from effkit.bench.process import WorkerFailed
from effkit.catalogue import CatalogueError
from effkit.findings import CurveResult, Findings
from effkit.progress import Progress
from effkit.secrecy import without_secrets
from effkit.spec import CandidateSpec

log = logging.getLogger(__name__)
OwnSettings = Callable[[str], Mapping[str, Any] | None]
"""From a model's name to the settings of a function of the user's; None of the catalogue's models."""
SHARE = 0.3
"""Of a run's progress."""


@dataclass(frozen=True)
class _Wanted:
    """What is to be made.

    Attributes:
        keep: what is done with it.
        all_seeds: whether it is trained with every seed, and not with the first alone.
        counted: whether its operations are counted.
    """

    candidate: CandidateSpec
    keep: Callable[[Findings, CandidateSpec, int, Prepared], None]
    all_seeds: bool = False
    counted: bool = True


def prepare_all(found: Findings, own: Mapping[str, resolve.Own], own_settings: OwnSettings, show: Progress) -> None:
    """Make every candidate, every beginning of a chain and every point of a learning curve.

    What fails is left out, with its reason.

    Args:
        found: of the study; what is made is kept there.
        own: the user's own models.
        own_settings: where their functions lie.
        show: told what is done now.
    """
    spec = found.spec
    wanted_fit = resolve.item_counts(spec).fit
    how = recipes.ingredients(
        spec,
        found.task.kind,
        lambda part: len(found.task.first("fit", part.fit_items or wanted_fit)),
        own_settings,
    )
    every = [
        *(_Wanted(each, _keep_candidate, all_seeds=True) for each in spec.candidates),
        *(_Wanted(each, _keep_step) for each in resolve.steps(spec.candidates)),
        *(_Wanted(each, _keep_point, counted=False) for each in resolve.curve_points(spec)),
    ]
    for number, wanted in enumerate(every):
        candidate = wanted.candidate
        show(SHARE * number / len(every), f"preparing {candidate.name}")
        found.models[candidate.name] = resolve.model_of(candidate, own)
        try:
            done = _made(found, wanted, how)
        except (WorkerFailed, CatalogueError) as error:
            said = without_secrets(str(error))
            log.warning("%s failed while it was prepared: %s", candidate.name, said)
            found.failures[candidate.name] = said
            continue
        wanted.keep(found, candidate, _labels(candidate, found.models[candidate.name], how), done)


def _made(found: Findings, wanted: _Wanted, how: recipes.Ingredients) -> Prepared:
    candidate = wanted.candidate
    model = found.models[candidate.name]
    seeds = list(resolve.seeds(model, found.spec))[: None if wanted.all_seeds else 1]
    return prepare(
        recipes.recipe(candidate, model, how, seeds[0]),
        seeds,
        found.task_folder,
        found.products,
        found.test,
        found.meter,
        counted=found.counted if wanted.counted else (),
        device=found.spec.protocol.device,
        changed=bool(candidate.techniques),
    )


def _labels(candidate: CandidateSpec, model: resolve.Model, how: recipes.Ingredients) -> int:
    """How many training items it learns from here, of a cascade the most of a stage: one's own learnt elsewhere."""
    parts = zip(candidate.parts, model.stages or (model,), strict=True)
    return max((how.fit_items(part) for part, each in parts if each.builder != "own"), default=0)


def _keep_candidate(found: Findings, candidate: CandidateSpec, fit_items: int, done: Prepared) -> None:
    found.prepared[candidate.name] = done
    found.fit_items[candidate.name] = fit_items


def _keep_step(found: Findings, candidate: CandidateSpec, fit_items: int, done: Prepared) -> None:
    found.steps[candidate.name] = done


def _keep_point(found: Findings, candidate: CandidateSpec, fit_items: int, done: Prepared) -> None:
    making_s = sum(step["time_s"] for step in done.making)
    found.curve.append(CurveResult(candidate.model, fit_items, done.predictions[0], making_s))
