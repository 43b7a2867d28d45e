"""Techniques that a study has not tried on what is good enough and costs too much: the next study to run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from effkit import catalogue
from effkit.analysis.decide import Decision
from effkit.bench import host
from effkit.models.base import CPU
from effkit.record import CandidateRecord, Record
from effkit.spec import CandidateSpec, SpecError
from effkit.techniques import check

LADDER: tuple[Mapping[str, dict[str, Any]], ...] = (
    {"onnx": {}},
    {"openvino": {"precision": "bf16"}},
    {"int8": {"runtime": "openvino"}},
    {"tokens": {"most": 64}},
    {"resolution": {"pixels": 128}},
    {"trees": {"most": 100}},
)
"""Steps to add, the least work and the least risk first; all keep the model and need no teacher."""
ON_GPU: tuple[Mapping[str, dict[str, Any]], ...] = (
    {"bf16": {}},
    {"tokens": {"most": 64}},
    {"resolution": {"pixels": 128}},
)
"""The same where PyTorch runs models on a GPU: the other runtimes would take them off it."""
SHORT: Mapping[str, dict[str, Any]] = {"openvino": {"precision": "bf16"}}
"""Of these what a processor without such arithmetic refuses; there the step is tried without it."""
MOST = 3


def untried(record: Record, decision: Decision) -> tuple[str, ...]:
    """Return candidates to add to the parameter file, a line each; none where something smaller was chosen.

    Args:
        record: what was tried.
        decision: what came of it.
    """
    if decision.kind in ("smaller", "indifferent"):
        return ()
    good = (record.candidate(each.contender.name) for each in decision.order if each.good_enough == "meets")
    steps = _steps(record.spec.protocol.device)
    lines = dict.fromkeys(line for candidate in good for line in _for(record, candidate, steps))
    return tuple(lines)[:MOST]


def _steps(device: str) -> Sequence[Mapping[str, dict[str, Any]]]:
    """The ladder for this host, where the next study would be run."""
    if device != CPU:
        return ON_GPU
    found = host.short_types()
    able = found is not None and found["bf16"]
    return [step if able or step != SHORT else {name: {} for name in step} for step in LADDER]


def _for(record: Record, candidate: CandidateRecord, steps: Iterable[Mapping[str, dict[str, Any]]]) -> Iterator[str]:
    entry = catalogue.models().get(candidate.model)
    asked = next((each for each in record.spec.candidates if each.name == candidate.name), None)
    if entry is None or asked is None:
        return
    tried = [(each.techniques, each.fit_items) for each in record.spec.candidates if each.model == asked.model]
    for step in steps:
        wanted = asked.model_copy(update={"techniques": (*asked.techniques, dict(step))})
        if (wanted.techniques, wanted.fit_items) in tried or not _saves(step, entry):
            continue
        if not _fits(wanted, entry, record.spec.protocol.device):
            continue
        line = wanted.model_dump(mode="json", include={"model", "techniques", "fit_items"}, exclude_none=True)
        yield f"- {yaml.safe_dump(line, default_flow_style=True, sort_keys=False, width=1000).strip()}"


def _saves(step: Mapping[str, dict[str, Any]], entry: catalogue.ModelEntry) -> bool:
    """Whether a step leaves less to do; fewer trees and shorter texts refuse by themselves what would be more."""
    return "resolution" not in step or bool(step["resolution"]["pixels"] < entry.settings.get("resolution", 0))


def _fits(candidate: CandidateSpec, entry: catalogue.ModelEntry, device: str) -> bool:
    try:
        check(candidate.chain, entry.modality, entry.builder, dict(entry.settings), device=device)
    except SpecError:
        return False
    return True
