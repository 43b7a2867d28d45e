"""A run in MLflow: one run of the study, and one under it for each candidate. The only file that imports mlflow.

It is written from the record, after everything was measured: nothing is logged while the clock runs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from effkit.analysis.circumstances import parameter_facts
from effkit.export.errors import ExportError
from effkit.export.table import numbers
from effkit.record import CandidateRecord
from effkit.report.tidy import as_csv
from effkit.report.values import Tidy
from effkit.store import Loaded

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

MOST_AT_ONCE = 100
"""Parameters, metrics or tags that one request may carry."""
LONGEST_KEY, LONGEST_TEXT = 250, 5000
RUN_TAG = "effkit.run"
Value = TypeVar("Value")


@dataclass(frozen=True)
class Entry:
    """What is logged of a study or of one candidate."""

    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


def write_mlflow(run: Loaded, out: str) -> str:
    """Log a run's parameters, metrics and files, every candidate.

    Args:
        run: a complete run.
        out: a tracking URI, or a folder.

    Raises:
        ExportError: when mlflow is not installed, does not answer or refuses it, or the run is there already.
    """
    with _environment({"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ALLOW_FILE_STORE": "true"}):
        client = _client(_uri(out))
        from mlflow.exceptions import MlflowException

        try:
            _log(run, client, out)
        except MlflowException as error:
            why = (str(error).splitlines() or [""])[0].rstrip(".")
            raise ExportError(
                f"MLflow at {out} does not take it ({why}): see whether its server runs and lets you in, or give "
                "another place with --out."
            ) from None
    return f"run {run.record.run} of experiment {run.record.spec.name} in {out}"


def _log(run: Loaded, client: MlflowClient, out: str) -> None:
    record = run.record
    experiment = _experiment(client, record.spec.name)
    if client.search_runs([experiment], f"tags.`{RUN_TAG}` = '{record.run}' and attributes.status = 'FINISHED'"):
        raise ExportError(f"{record.run} is in {out} already; delete it there to log it again.")
    rows = numbers(run)
    parent = _begun(client, experiment, _study(run), record.started_at)
    for each in record.candidates:
        entry = _candidate(each, [row for row in rows if row.candidate == each.name])
        child = _begun(client, experiment, entry, record.started_at, {"mlflow.parentRunId": parent})
        status = "FINISHED" if each.status == "ok" else "FAILED"
        client.set_terminated(child, status, _ms(record.finished_at))
    client.log_artifacts(parent, str(run.folder))
    client.log_text(parent, as_csv(rows, Tidy), "numbers.csv")
    # Last, so that what was interrupted does not look complete.
    client.set_tag(parent, RUN_TAG, record.run)
    client.set_terminated(parent, "FINISHED", _ms(record.finished_at))


def _client(uri: str) -> MlflowClient:
    try:
        from mlflow.tracking import MlflowClient
    except ImportError:
        raise ExportError(
            "MLflow is not installed: `pip install -c constraints.txt -e '.[mlflow]'`, or `pip install mlflow-skinny`."
        ) from None
    return MlflowClient(tracking_uri=uri)


def _uri(out: str) -> str:
    """A folder's path as a URI; what has a scheme, or names a Databricks workspace, as it is.

    Raises:
        ExportError: for a host and its port alone, of which a folder would be made.
    """
    if re.fullmatch(r"[\w.-]+:\d+(/.*)?", out):
        raise ExportError(f"{out} has no scheme: give http://{out}, or ./{out} for a folder.")
    return out if re.match(r"[a-z][a-z0-9+.-]+:", out) or out == "databricks" else Path(out).resolve().as_uri()


def _experiment(client: MlflowClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(client.create_experiment(name) if found is None else found.experiment_id)


def _begun(
    client: MlflowClient, experiment: str, entry: Entry, started_at: datetime, tags: Mapping[str, str] | None = None
) -> str:
    """Start a run, log what is known of it, and return its id."""
    from mlflow.entities import Metric, Param, RunTag

    started = client.create_run(experiment, start_time=_ms(started_at), tags=dict(tags or {}), run_name=entry.name)
    found = str(started.info.run_id)
    params = [Param(key, value[:LONGEST_TEXT]) for key, value in entry.params.items()]
    metrics = [Metric(key, value, _ms(started_at), 0) for key, value in entry.metrics.items()]
    told = [RunTag(key, value[:LONGEST_TEXT]) for key, value in entry.tags.items()]
    for start in range(0, max(len(params), len(metrics), len(told)), MOST_AT_ONCE):
        part = slice(start, start + MOST_AT_ONCE)
        client.log_batch(found, metrics[part], params[part], told[part])
    return found


def _study(run: Loaded) -> Entry:
    record = run.record
    spec = record.spec.model_dump(mode="json", exclude={"candidates"})
    code = {"commit": record.code.git_commit or "unknown", "dirty": str(record.code.git_dirty)}
    tags = {
        "effkit.task": record.task.name,
        "effkit.metric": record.task.metric,
        "effkit.data_sha256": record.task.sha256,
        "effkit.host": f"{record.host.cpu}, {record.host.cores} cores",
        **{f"effkit.code.{name}": value for name, value in code.items()},
        **{f"version.{name}": version for name, version in record.code.versions.items()},
    }
    return Entry(record.run, _keyed(_told(parameter_facts(spec)).items()), {}, _keyed(tags.items()))


def _candidate(candidate: CandidateRecord, rows: list[Tidy]) -> Entry:
    """A candidate's numbers; a tag beside each says how it came to be."""
    keys = _keyed((row.metric, row) for row in rows if row.value is not None)
    metrics: dict[str, float] = {}
    for key, row in keys.items():
        ends = {key: row.value, f"{key}.low": row.low, f"{key}.high": row.high}
        metrics |= {name: float(value) for name, value in ends.items() if value is not None}
    facts = {
        "model": candidate.model,
        "techniques": str(list(candidate.techniques)),
        "fit_items": None if candidate.fit_items is None else str(candidate.fit_items),
        "licence": candidate.licence,
    }
    tags = {
        "effkit.title": candidate.title,
        "effkit.reference": str(candidate.reference),
        **({"effkit.error": candidate.error} if candidate.error else {}),
        **{f"origin.{key}": row.origin for key, row in keys.items()},
        **{f"unit.{key}": row.unit for key, row in keys.items() if row.unit},
        **{f"rank.{key}": row.rank for key, row in keys.items() if row.rank},
    }
    return Entry(candidate.name, _told(facts), metrics, tags)


def _told(facts: Mapping[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in facts.items() if value is not None}


def _keyed(values: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    """The values under keys that MLflow takes, no two the same. A slash would be a folder of its own in some stores."""
    found: dict[str, Value] = {}
    for name, value in values:
        key = plain = re.sub(r"[^\w\-. :]", "_", name, flags=re.ASCII)[: LONGEST_KEY - 20]
        number = 2
        while key in found:
            key, number = f"{plain}_{number}", number + 1
        found[key] = value
    return found


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """Nothing is told to anybody, and a plain folder may be a store; what the user has set stays."""
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
