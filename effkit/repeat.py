"""To run a run again: its parameters, its notebook, and in what the present differs from then."""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from effkit import catalogue, resolve, store
from effkit.analysis.circumstances import (
    Circumstances,
    Difference,
    circumstances,
    data_facts,
    differences,
    host_facts,
    parameter_facts,
)
from effkit.batch.notebooks import notebook_for
from effkit.bench import host
from effkit.hashing import sha256_of
from effkit.params import given_keys, parse
from effkit.provenance import code, versions_here
from effkit.record import Record
from effkit.spec import SpecError, StudySpec
from effkit.tasks import load
from effkit.techniques import models_of


@dataclass(frozen=True)
class Again:
    """A run that can be run again.

    Attributes:
        params: the keys of its parameter file, as `effkit run` takes them.
        source: a parameter file's place, beside whose folder its notebook is.
        differences: what is not now as it was then.
        unknown: what cannot be told before it runs, a sentence each.
    """

    params: dict[str, Any]
    source: Path
    differences: tuple[Difference, ...]
    unknown: tuple[str, ...]


def again(run: store.Loaded) -> Again:
    """Return how to run a run again, and what differs here and now.

    Args:
        run: a complete run.

    Raises:
        SpecError: when its task or a model is not in the catalogue, or its parameters are no longer valid.
    """
    record = run.record
    _check_known(record)
    params = parameters(record)
    spec = parse(params, str(run.folder))
    resolve.check(spec, {}, None)
    source = _source(run)
    notebook = notebook_for(resolve.task_kind(spec.task, None).modality, source)
    unknown = []
    if not catalogue.is_fetched(spec.task):
        unknown.append(f"The data of {spec.task} are not fetched yet, so whether they are the same shows in the run.")
    elif record.task.name not in circumstances(record)["data"]:
        unknown.append("Its data were hashed by another formula: whether they are the same is not known.")
    if changed := _changed_entries(record):
        unknown.append(f"The catalogue's entry of {', '.join(changed)} is another than it was then.")
    if record.interactive:
        unknown.append("It was run by hand: what its cells did beside the study is not known.")
    return Again(params, source, differences(circumstances(record), _here(record, spec, notebook)), tuple(unknown))


def parameters(record: Record) -> dict[str, Any]:
    """Return the keys that make the same study today; those whose default has changed since are written out."""
    passed, then = given_keys(record.spec_passed), record.spec.model_dump(mode="json")
    try:
        now = parse(passed, record.run).model_dump(mode="json")
    except SpecError:  # what was left out has a default today that does not go with what was said
        return then
    return passed | {key: value for key, value in then.items() if now[key] != value}


def install_line(record: Record, found: tuple[Difference, ...]) -> str | None:
    """Return the command that makes an environment with a run's packages; None where none of them differs.

    Args:
        record: of the run.
        found: in what the present differs from then.
    """
    packages = {name: version for name, version in record.code.versions.items() if name not in ("python", "effkit")}
    if not any(each.kind == "version" and each.what in packages for each in found):
        return None
    pins = [shlex.quote(f"{name}=={version.partition('+')[0]}") for name, version in packages.items()]
    return f"python3 -m venv ENV && ENV/bin/pip install -e . {' '.join(pins)}"


@contextmanager
def made_anew() -> Iterator[None]:
    """Let runs train, embed and predict anew meanwhile: what is kept would agree with itself."""
    before = os.environ.get(host.PRODUCTS_VARIABLE)
    catalogue.cache_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="effkit-anew-", dir=catalogue.cache_dir()) as folder:
        os.environ[host.PRODUCTS_VARIABLE] = folder
        try:
            yield
        finally:
            os.environ.pop(host.PRODUCTS_VARIABLE)
            if before is not None:
                os.environ[host.PRODUCTS_VARIABLE] = before


def _check_known(record: Record) -> None:
    known = catalogue.models().keys() | catalogue.tasks().keys()
    if missing := [name for name in record.own_entries if name not in known]:
        named = ", ".join(f"`{name}` ({_whence(record.own_entries[name])})" for name in missing)
        raise SpecError(
            f"{record.run} used {named} of a catalogue of one's own, and the one here has no such entry. The record "
            "holds it, as `own_entries`: put it into a file, and let EFFKIT_CATALOGUE name that."
        )
    own = [part.model for each in record.spec.candidates for part in each.parts if part.model not in catalogue.models()]
    if record.spec.task not in catalogue.tasks():
        own.insert(0, record.spec.task)
    if own:
        raise SpecError(
            f"{record.run} has {', '.join(own)} that the catalogue does not know: a task or model of your own is in "
            "your notebook or script and not in the record. Run that again; by the hash of a model's function "
            "`effkit compare` then tells whether it is the same."
        )


def _whence(entry: Mapping[str, Any]) -> str:
    """Where the files of an entry came from, in a few words."""
    places: list[str] = []
    for source in entry.get("sources", ()):
        match source["kind"]:
            case "hub":
                places.append(f"{source['repo']}@{source['revision']}")
            case "local":
                places.append(source["path"])
            case _:
                places.append("a package")
    return " or ".join(places) or "without files"


def _changed_entries(record: Record) -> list[str]:
    """Entries of one's own of which results depend on something else than then; all of them are known here."""
    deciding = catalogue.deciding
    return [name for name, said in record.own_entries.items() if deciding(catalogue.declared(name)) != deciding(said)]


def _source(run: store.Loaded) -> Path:
    """A parameter file's place that leads to the notebook which the run was executed from."""
    stem = run.record.spec.name
    with suppress(OSError, ValueError, KeyError, TypeError):
        executed = json.loads((run.folder / store.NOTEBOOK).read_text(encoding="utf-8"))
        stem = Path(executed["metadata"]["papermill"]["input_path"]).stem
    return Path("params") / f"{stem}.yaml"


def _here(record: Record, spec: StudySpec, notebook: Path) -> Circumstances:
    return {
        "host": host_facts(
            {
                "cpu": host.cpu_name(), "cores": psutil.cpu_count() or 1, "sockets": host.sockets(),
                "hypervisor": host.hypervisor(), "cgroup_cpus": host.cgroup_cpus(), "governor": host.governor(),
                "memory_bytes": psutil.virtual_memory().total, "gpus": host.gpus(), "system": host.system(),
                "gpu": None,  # which of them is used, PyTorch tells a run
            }
        ),
        "version": versions_here(record.code, code(record.code.params_sha256)),
        "data": (
            data_facts(spec.task, load(spec.task, seed=spec.seed).sha256) if catalogue.is_fetched(spec.task) else {}
        ),
        "weights": {
            f"{model}: {file.name}": file.sha256
            for each in spec.candidates
            for model in models_of(each)
            for file in catalogue.models()[model].files
        },
        "notebook": {"its source": sha256_of(notebook)},
        "parameter": parameter_facts(spec.model_dump(mode="json")),
    }  # fmt: skip
