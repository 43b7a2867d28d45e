"""A model card: Hugging Face's metadata for carbon and for results, and the numbers behind them in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from effkit.analysis.carbon import factor, grams, grid
from effkit.analysis.payback import making_j
from effkit.export.errors import ExportError
from effkit.export.escape import markdown
from effkit.record import CandidateRecord, Estimate, Record
from effkit.report.sections import StudySection
from effkit.report.summary import section
from effkit.report.units import NBSP, show
from effkit.report.values import Cell, Column
from effkit.report.words import RANK_WORDS
from effkit.store import Loaded

if TYPE_CHECKING:
    from huggingface_hub import ModelCardData

LICENCES = {
    "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0",
    "cc-by-nc-4.0", "gpl-3.0", "lgpl-3.0", "mpl-2.0", "unlicense", "openrail",
}  # fmt: skip
"""Those of the hub's own names that are likely here; any other is `other`, with its name."""
TASK_TYPES = {
    ("text", "classification"): "text-classification",
    ("vision", "classification"): "image-classification",
    ("tabular", "classification"): "tabular-classification",
    ("tabular", "regression"): "tabular-regression",
    ("text", "retrieval"): "sentence-similarity",
}
METRIC_TYPES = {"absolute_error": "mae"}
_LICENCE = re.compile(r"\s*([^\s(]+)(?:\s+licen[cs]e)?\s*(?:\([^()]*\))?\s*", re.IGNORECASE)
"""One licence, and in brackets whose it is; of what says more no part is the whole."""


def write_model_card(run: Loaded, out: str, candidate: str | None) -> str:
    """Write the card of the chosen candidate, or of the one named.

    Raises:
        ExportError: when there is no such candidate, none was chosen, or it failed.
    """
    study = section(run.record)
    Path(out).write_text(card(run.record, _found(run.record, study, candidate), study), encoding="utf-8", newline="\n")
    return out


def card(record: Record, candidate: CandidateRecord, study: StudySection) -> str:
    """Return a candidate's model card, metadata first.

    Args:
        record: of the run.
        candidate: one that worked.
        study: the record's summary.
    """
    from huggingface_hub import ModelCardData

    data = ModelCardData(**_metadata(record, candidate))
    return f"---\n{_yaml(data)}\n---\n\n" + "\n".join(_body(record, candidate, study)) + "\n"


def _yaml(data: ModelCardData) -> str:
    """The metadata as the hub writes them; in ASCII where a rare character would not read back as it was."""
    shown, wanted = data.to_yaml(), data.to_dict()
    return shown if yaml.safe_load(shown) == wanted else yaml.safe_dump(wanted, sort_keys=False).strip()


def emissions(record: Record, candidate: CandidateRecord) -> dict[str, Any] | None:
    """Return what making the candidate emitted, as the hub's `co2_eq_emissions`; None where it is not known.

    What pretrained weights took before they came here is not in it.
    """
    made_j, asked = making_j(candidate), record.spec.carbon
    found = grid(asked)
    if made_j is None or not candidate.making or found is None:
        return None
    whose = "world's" if asked.place == "WORLD" else "grid's"
    when = f"the {whose} {found.kind} of {found.year}" if found.year else "a grid of the study's own"
    where = f"{factor(asked.region).name}, as the study declares" if asked.region != "WORLD" else "not declared"
    ranks = {RANK_WORDS[step.rank] for step in candidate.making if step.rank is not None}
    host, versions = record.host, record.code.versions
    return {
        "emissions": grams(made_j, found.g_per_kwh, asked.pue),
        "source": (
            f"modelled by effkit {versions.get('effkit', '')}: {show(made_j, 'j')} by CodeCarbon "
            f"{versions.get('codecarbon', '')} ({', '.join(sorted(ranks))}) times {found.g_per_kwh:g} g/kWh, {when}, "
            f"and a PUE of {asked.pue:g}"
        ).replace(NBSP, " "),
        "training_type": "fine-tuning" if candidate.weights_sha256 else "pre-training",
        "geographical_location": where,
        "hardware_used": ", ".join((f"{host.cpu}, {host.cores} cores", *([host.gpu] if host.gpu else []))),
    }


def _found(record: Record, study: StudySection, name: str | None) -> CandidateRecord:
    names = ", ".join(each.name for each in record.candidates)
    chosen = name or study.answer.chosen
    if chosen is None:
        raise ExportError(f"The study chose no candidate: name one with --candidate. It may be {names}.")
    found = next((each for each in record.candidates if each.name == chosen), None)
    if found is None:
        raise ExportError(f"`{chosen}` is not in this run; it has {names}.")
    if found.status == "failed":
        raise ExportError(f"`{chosen}` failed ({found.error}): there is nothing to put on its card.")
    return found


def _metadata(record: Record, candidate: CandidateRecord) -> dict[str, Any]:
    task_type = TASK_TYPES.get((record.task.modality, record.task.kind))
    results = list(_results(record, candidate, task_type or "other"))
    return {
        **_licence(candidate.licence),
        "pipeline_tag": task_type,
        "tags": ["effkit", *(name for technique in candidate.techniques for name in technique)],
        "metrics": [METRIC_TYPES.get(record.task.metric, record.task.metric)],
        "co2_eq_emissions": emissions(record, candidate),
        "model_name": candidate.title,
        "eval_results": results or None,
    }


def _licence(text: str | None) -> dict[str, str]:
    if text is None:
        return {}
    parts = [_LICENCE.fullmatch(part) for part in text.split(";")]  # a cascade has those of its stages
    names = {part[1].lower() if part else "" for part in parts}
    name = names.pop() if len(names) == 1 else ""
    return {"license": name} if name in LICENCES else {"license": "other", "license_name": text}


def _results(record: Record, candidate: CandidateRecord, task_type: str) -> Iterator[Any]:
    from huggingface_hub import EvalResult

    about: dict[str, Any] = {
        "task_type": task_type,
        "dataset_type": record.task.name,
        "dataset_name": record.task.title,
        "dataset_split": "test",
        "dataset_revision": record.task.sha256,
        "dataset_args": {"items": record.task.test_used},
    }
    for metric, name, found in _estimates(candidate):
        yield EvalResult(
            **about,
            metric_type=METRIC_TYPES.get(metric, metric),
            metric_name=f"{name} ({found.origin})",
            metric_value=found.value,
            metric_args=found.model_dump(exclude={"value"}, exclude_none=True),
        )


def _estimates(candidate: CandidateRecord) -> Iterator[tuple[str, str, Estimate]]:
    if candidate.quality is not None:
        yield candidate.quality.metric, candidate.quality.metric.replace("_", " "), candidate.quality.value
    if candidate.latency is not None:
        yield "latency_s", "mean latency of one item, s", candidate.latency.mean_s
    if candidate.energy is not None and candidate.energy.request_j is not None:
        yield "energy_j", "energy of one request, J", candidate.energy.request_j


def _body(record: Record, candidate: CandidateRecord, study: StudySection) -> Iterator[str]:
    yield f"# {markdown(candidate.title)}"
    yield ""
    yield markdown(study.question) + " " + markdown(study.answer.text)
    yield ""
    yield "| number | value | interval | remark | how it came to be |"
    yield "|---|---|---|---|---|"
    row = next(row for row in study.comparison.rows if row.name == candidate.name)
    for column, cell in zip(study.comparison.columns, row.cells, strict=True):
        yield _row(column, cell)
    yield ""
    yield f"Brackets hold 95 % intervals; remarks compare with {markdown(record.reference.title)}."
    yield ""
    yield "## Carbon"
    yield ""
    yield _carbon(record, candidate)
    yield ""
    yield "## What cannot be concluded"
    yield ""
    yield from (f"- {markdown(limit)}" for limit in study.limits)
    yield ""
    yield "## How it was measured"
    yield ""
    yield from (f"- {markdown(fact.term)}: {markdown(fact.text)}" for fact in study.facts)


def _row(column: Column, cell: Cell) -> str:
    """Of what stands below a number only a bracket is its interval; all else is a remark."""
    name = f"{column.title}, {column.hint}" if column.hint else column.title
    ends, beside = (cell.detail, "") if cell.detail.startswith("[") else ("", cell.detail)
    remark = "; ".join(each for each in (cell.claim, beside) if each)
    return "| " + " | ".join(map(markdown, (name, cell.text, ends, remark, cell.origin or column.origin))) + " |"


def _carbon(record: Record, candidate: CandidateRecord) -> str:
    found = emissions(record, candidate)
    if found is None:
        return "What making it emitted is not known here."
    before = " What its pretrained weights took before is not in it." if candidate.weights_sha256 else ""
    return (
        f"Making it here, embedding included, emitted {markdown(show(found['emissions'], 'g'))} CO₂e "
        f"({markdown(found['source'])}).{before}"
    )
