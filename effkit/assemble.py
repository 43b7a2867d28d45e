"""From what was prepared and measured to the record."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from numpy.typing import NDArray

from effkit import catalogue, record, resolve
from effkit.analysis.comparison import QualityTest, Scored, compare, mean_with_interval
from effkit.analysis.energy import energy
from effkit.analysis.estimates import cold_start, latency, memory, throughput
from effkit.analysis.paired import PairedSamples
from effkit.analysis.power import Component
from effkit.attempts import RunFacts
from effkit.bench import host
from effkit.bench.cores import choose_cores
from effkit.bench.memory import peak_bytes
from effkit.cascades import cascades
from effkit.findings import Compared, CurveResult, Findings
from effkit.links import links
from effkit.models import Recipe
from effkit.provenance import code
from effkit.spec import CandidateSpec
from effkit.tasks import METRICS, SECONDARY, SPLITS, Task
from effkit.tasks.labels import constant, rarest

if TYPE_CHECKING:
    import pandas as pd


def assemble(
    found: Findings,
    samples: pd.DataFrame,
    *,
    asked: RunFacts,
    passed: Mapping[str, Any],
    params_sha256: str,
) -> record.Record:
    """Return the record of a run.

    Args:
        found: what the run found out.
        samples: the table of everything measured.
        asked: which run it is.
        passed: the parameters as they were given.
        params_sha256: their hash.
    """
    spec, reference = found.spec, found.spec.reference
    paired = PairedSamples(
        samples,
        reference,
        pinned=bool(found.measured.cores and found.measured.cores.pinned),
        components=[Component(each.component, each.rank, each.words, each.tdp_w) for each in found.meter.methods],
        lacks_gpu=spec.protocol.device != "cpu" and not found.meter.reads_gpu,
        first=None if spec.protocol.interval is None else spec.protocol.generations,
    )
    test = _quality_test(found)
    quality = compare(_scored(found), reference, test) if reference in found.prepared else {}
    cores = psutil.cpu_count() or 1
    alone = {each.name: _candidate(each, found, quality.get(each.name), paired, cores) for each in spec.candidates}
    compared = Compared(found, paired, test, alone, cores)
    linked, cascaded = links(compared), cascades(compared)
    finished_at = datetime.now(UTC)
    return record.Record(
        run=asked.run,
        interactive=asked.interactive,
        identity=asked.identity,
        replicate=asked.replicate,
        sweep=asked.sweep,
        own_entries=_own_entries(found),
        windows=tuple(found.windows),
        started_at=found.started_at,
        finished_at=finished_at,
        spec_passed=dict(passed),
        spec=spec,
        task=_task_facts(found),
        host=_host(found, paired.values),
        code=code(params_sha256),
        candidates=tuple(
            each.model_copy(update={"links": linked.get(name, ()), "cascade": cascaded.get(name)})
            for name, each in alone.items()
        ),
        noise=paired.noise if len(samples) else (),
        contention=paired.contention() if len(samples) else None,
        curve=tuple(_curve_point(found, point, test) for point in found.curve),
        footprint=record.KitFootprint(
            wall_s=found.wall_s,
            measuring_s=found.measuring_s,
            coordinator_cpu_s=sum(psutil.Process().cpu_times()[:2]),
            peak_bytes=peak_bytes(),
        ),
    )


def predictions_table(found: Findings) -> pd.DataFrame:
    """Return per-item predictions and scores, a row an item, candidate and training seed; clusters where there are."""
    import pandas as pd

    clusters: dict[str, NDArray[np.int64]] = {} if found.clusters is None else {"cluster": found.clusters}
    frames = []
    for name, prepared in found.prepared.items():
        seeds = list(resolve.seeds(found.models[name], found.spec))
        for seed, predictions in zip(seeds, prepared.predictions, strict=True):
            frames.append(
                pd.DataFrame(
                    {
                        "candidate": name,
                        "seed": seed,
                        "item": found.test,
                        "prediction": _shown(predictions, found.task),
                        "confidence": _confidence(predictions, found.task),
                        "label": _shown(found.labels, found.task),
                        "score": found.scores(predictions),
                        **clusters,
                    }
                )
            )
    columns = ["candidate", "seed", "item", "prediction", "confidence", "label", "score"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _shown(values: NDArray[Any], task: Task) -> NDArray[Any]:
    """Class names for classes, best documents for rankings, numbers for values."""
    if task.kind == "regression":
        return values.astype(np.float64).astype(str).astype(object)
    best = values if values.ndim == 1 else values.argmax(axis=1) if task.kind == "classification" else values[:, 0]
    if task.kind == "retrieval" or not task.classes:
        return best.astype(np.int64).astype(str).astype(object)
    return np.array(task.classes, dtype=object)[best.astype(np.int64)]


def _confidence(predictions: NDArray[Any], task: Task) -> NDArray[np.float64]:
    if task.kind == "classification" and predictions.ndim == 2:
        return np.asarray(predictions.max(axis=1), dtype=np.float64)
    return np.full(len(predictions), np.nan)


def _scored(found: Findings) -> dict[str, Scored]:
    secondary = SECONDARY.get(found.task.metric, ())
    return {
        name: Scored(
            by_seed=found.by_seed(prepared),
            secondary={metric: float(found.scores(prepared.predictions[0], metric).mean()) for metric in secondary},
        )
        for name, prepared in found.prepared.items()
    }


def _quality_test(found: Findings) -> QualityTest:
    metric = METRICS[found.task.metric]
    return QualityTest(
        metric=metric.name,
        higher_is_better=metric.higher_is_better,
        binary=metric.binary,
        margin_points=found.spec.margin_points,
        margin_percent=found.spec.margin_percent,
        seed=found.spec.seed,
        resamples=found.spec.protocol.resamples,
        groups={column: names[found.test] for column, names in found.task.groups.items()},
        clusters=found.clusters,
        classes=found.labels if metric.balanced else None,
    )


def _candidate(
    spec: CandidateSpec,
    found: Findings,
    judged: tuple[record.Quality, record.Gap | None] | None,
    paired: PairedSamples,
    cores: int,
) -> record.CandidateRecord:
    name, model = spec.name, found.models[spec.name]
    prepared = found.prepared.get(name)
    failure = found.failures.get(name) or found.measured.failures.get(name)
    quality, gap = judged if judged is not None else (None, None)
    facts = prepared.facts if prepared else None
    threads = next((each.threads for each in found.measured.starts if each.entry.candidate == name), {})
    batch = min(found.spec.protocol.batch, len(found.test))
    return record.CandidateRecord(
        name=name,
        model=spec.model or name,
        title=resolve.title(spec, model, len(found.task.splits["fit"])),
        builder=model.built_by,
        techniques=spec.techniques,
        reference=name == found.spec.reference,
        status="failed" if failure else "ok",
        error=failure,
        fit_items=found.fit_items.get(name),
        parameters=facts.parameters if facts else None,
        licence=model.licence,
        quality=quality,
        gap=gap,
        latency=latency(paired, name, seed=found.spec.seed),
        throughput=throughput(paired, name, batch),
        cold_start=cold_start(paired, name),
        memory=memory(
            paired,
            name,
            weight_bytes=facts.weight_bytes if facts else None,
            tensor_bytes=facts.tensor_bytes if facts else None,
        ),
        operations=record.Operations(flops=facts.flops) if facts and facts.flops is not None else None,
        energy=energy(paired, name, cores=cores),
        making=tuple(record.Making(**step) for step in prepared.making) if prepared else (),
        request_bytes=found.task.request_bytes(found.test),
        response_bytes=prepared.response_bytes if prepared else None,
        weights_sha256=_weights(prepared.built.recipe) if prepared else {},
        functions_sha256=_functions(prepared.built.recipe) if prepared else {},
        threads_read_back=threads,
    )


def _weights(recipe: Recipe) -> dict[str, str]:
    """Hashes of a candidate's weights; those of its stages and of its teacher under the names of their models too."""
    found = {} if recipe.stages else dict(recipe.weights_sha256)
    for part in (*recipe.stages, *([recipe.teacher] if recipe.teacher else [])):
        of_part = _weights(part).items()
        found |= {name if ": " in name else f"{part.model}: {name}": sha256 for name, sha256 in of_part}
    return found


def _functions(recipe: Recipe) -> dict[str, str]:
    """Hashes of a user's own functions, the candidate's or its stages', by model."""
    if recipe.builder == "own":
        return {recipe.model: recipe.settings["sha256"]}
    return {model: sha256 for stage in recipe.stages for model, sha256 in _functions(stage).items()}


def _own_entries(found: Findings) -> dict[str, dict[str, Any]]:
    """What the user's own catalogue said of what the study needed: nobody else has it."""
    names = resolve.needed(found.spec) - catalogue.shipped()
    return {name: _told(name, catalogue.declared(name)) for name in sorted(names)}


def _told(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """An entry without the folders of this host: a record is shown to others, who have others."""
    sources = [
        {**source, "path": f"$EFFKIT_LOCAL/{name}"} if not source.get("path", "$").startswith("$") else source
        for source in entry.get("sources", ())
    ]
    return {**entry, "sources": sources} if sources else entry


def _curve_point(found: Findings, point: CurveResult, test: QualityTest) -> record.CurvePoint:
    scores = found.scores(point.predictions)
    value = mean_with_interval(scores, test)
    return record.CurvePoint(model=point.model, fit_items=point.fit_items, value=value, making_s=point.making_s)


def _task_facts(found: Findings) -> record.TaskFacts:
    task = found.task
    wanted = resolve.item_counts(found.spec).fit
    return record.TaskFacts(
        name=task.name,
        title=task.title,
        kind=task.kind,
        modality=task.modality,
        metric=task.metric,
        licence=task.licence,
        sha256=task.sha256,
        split_items={split: len(task.splits[split]) for split in SPLITS},
        fit_used=len(task.first("fit", wanted)),
        test_used=len(found.test),
        clusters=None if found.clusters is None else len(np.unique(found.clusters)),
        constant=constant(task, found.test),
        rarest=rarest(task, found.test),
        repeated=task.repeated,
    )


def _host(found: Findings, samples: pd.DataFrame) -> record.Host:
    """The machine, and who else was there in the visits that count: a disturbance that a repetition mended is over."""
    cores = found.measured.cores or choose_cores(found.spec.protocol.threads)
    shares = {name: samples.loc[samples["metric"] == f"visit_{name}_share", "value"] for name in ("others", "steal")}
    return record.Host(
        cpu=host.cpu_name(),
        cores=psutil.cpu_count() or 1,
        sockets=host.sockets(),
        hypervisor=host.hypervisor(),
        cgroup_cpus=host.cgroup_cpus(),
        governor=host.governor(),
        memory_bytes=psutil.virtual_memory().total,
        gpus=host.gpus(),
        gpu=next((start.gpu for start in found.measured.starts if start.gpu), None),
        gpu_strangers=_strangers(samples) if found.spec.protocol.device != "cpu" else None,
        name=host.name(),
        system=host.system(),
        python=sys.version.split()[0],
        load_before=found.load_before,
        others_share=float(shares["others"].mean()) if len(shares["others"]) else None,
        steal_share=float(shares["steal"].mean()) if len(shares["steal"]) else None,
        pinned=cores.pinned,
        worker_cores=cores.workers,
        coordinator_shares_core=cores.shared,
        resident_together=found.measured.resident_together,
        apart=found.measured.apart,
    )


def _strangers(samples: pd.DataFrame) -> float | None:
    """Mean number of other processes that worked on the GPU; None where it could not be told of some visit."""
    seen = samples.loc[samples["metric"] == "visit_strangers", "value"]
    if seen.isna().any():
        return None
    return float(seen.mean()) if len(seen) else 0.0
