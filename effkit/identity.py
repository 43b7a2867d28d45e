"""Identity: a hash of everything that changes a run's results, so that what is done need not be done again."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from effkit import catalogue
from effkit.spec import CandidateSpec, SpecError, StudySpec
from effkit.techniques import TECHNIQUES, models_of
from effkit.techniques.registry import address, find

IDENTITY_VERSION = 2
"""Raised when effkit measures or computes otherwise than before: what was done then is done no longer."""
EXPLAINING = ("name", "margin_reason")
"""Keys of a study that only name it or explain it."""


def identity(spec: StudySpec, replicate: int = 1) -> str:
    """Return what identifies a run: the version and a hash, as in `2-9f86d081884c7d65`.

    It covers every key with its default filled in, but for the words and for what is None; the catalogue's hashes
    of data and weights, and its settings of each model; and the replicate's number. The host and the notebook are
    no part of it.

    Args:
        spec: a checked study, of catalogued tasks and models alone.
        replicate: from 1.
    """
    names = sorted({name for candidate in spec.with_curves for name in models_of(candidate)})
    said = {
        "spec": spec.model_dump(mode="json", exclude={*EXPLAINING, "candidates"}, exclude_none=True),
        "candidates": [_candidate(candidate) for candidate in spec.candidates],
        "task": _entry(catalogue.tasks()[spec.task]),
        "models": {name: _entry(catalogue.models()[name]) for name in names},
        "replicate": replicate,
    }
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return f"{IDENTITY_VERSION}-{digest[:32]}"


def identity_or_none(spec: StudySpec) -> str | None:
    """Return the identity; None where a technique stands in no module that can be read, as in a notebook."""
    try:
        return identity(spec)
    except (SpecError, AttributeError, OSError, TypeError):
        return None


def _candidate(candidate: CandidateSpec) -> dict[str, Any]:
    """A candidate with its techniques' defaults filled in; a cascade with those of its stages."""
    if candidate.cascade:
        said = candidate.model_dump(mode="json", exclude={"cascade"}, exclude_none=True)
        return said | {"cascade": [_candidate(stage) for stage in candidate.cascade]}
    chain = [_step(name, given) for name, given in candidate.chain]
    return {"model": candidate.model, "chain": chain, "fit_items": candidate.fit_items}


def _step(name: str, given: dict[str, Any]) -> list[Any]:
    """A technique with its defaults filled in; one of the user's own with what is written in it."""
    technique = find(name)
    said: list[Any] = [name, technique.parameters.model_validate(given).model_dump(mode="json")]
    own = technique.apply or technique.transform
    return said if name in TECHNIQUES or own is None else [*said, address(own)]


def _entry(entry: catalogue.ModelEntry | catalogue.TaskEntry) -> dict[str, Any]:
    """What an entry says that results depend on: not where it is fetched from, what it costs or whom to cite."""
    said = entry.model_dump(mode="json", include=set(catalogue.DECIDING))
    said |= entry.model_dump(mode="json", include=set(catalogue.OF_A_TABLE), exclude_defaults=True)
    return said | {"sha256": {file.name: file.sha256 for file in entry.files}}
