"""What a run's results depend on, and in what two runs, or a run and the present, differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from effkit.record import CandidateRecord, Code, Record

Kind = Literal["host", "version", "data", "weights", "notebook", "parameter"]
Circumstances = Mapping[Kind, Mapping[str, str | None]]
"""Facts by kind and name; None, or no such name, where a fact is not known."""

SAME_MACHINE = ("cpu", "cores", "sockets", "memory", "gpus", "gpu")
"""A machine that is the same in these is taken to be the same one."""
HOST_FACTS = (
    "cpu", "cores", "sockets", "hypervisor", "cgroup_cpus", "governor", "memory_bytes", "gpus", "gpu", "system",
)  # fmt: skip
"""What `host_facts` is given, as a record's host has it."""


@dataclass(frozen=True)
class Difference:
    """One fact that differs."""

    kind: Kind
    what: str
    before: str
    after: str


def circumstances(record: Record) -> Circumstances:
    """Return what the results of a run depend on."""
    return {
        "host": host_facts({name: getattr(record.host, name) for name in HOST_FACTS}),
        "version": version_facts(record.code),
        "data": data_facts(record.task.name, record.task.sha256),
        "weights": dict(pair for each in record.candidates for pair in _hashes(each)),
        "notebook": {"its source": record.code.notebook_sha256},
        "parameter": parameter_facts(record.spec.model_dump(mode="json")),
    }


def _hashes(candidate: CandidateRecord) -> Iterator[tuple[str, str]]:
    """What a candidate was loaded from, by `model: file`, and its functions of one's own."""
    for file, sha256 in candidate.weights_sha256.items():
        yield (file if ": " in file else f"{candidate.model}: {file}"), sha256
    for model, sha256 in candidate.functions_sha256.items():
        yield f"{model}: its function", sha256


def host_facts(host: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the machine as text, from the fields that `HOST_FACTS` names."""
    facts = {name: None if host[name] is None else str(host[name]) for name in HOST_FACTS if name != "memory_bytes"}
    # The same machine shows a few pages more or less after each start.
    memory, gpus = f"{host['memory_bytes'] / 1e9:.1f} GB", ", ".join(host["gpus"]) or "none"
    return facts | {"memory": memory, "gpus": gpus, "gpu": gpu_kind(host["gpu"])}


def gpu_kind(gpu: str | None) -> str | None:
    """Say of which kind the GPU is that was used: a machine may have several.

    Args:
        gpu: as a record has it: its kind, which one of that kind in brackets, and what drove it.
    """
    return None if gpu is None else gpu.partition(" (")[0]


def data_facts(task: str, sha256: str) -> dict[str, str | None]:
    """Return a task's hash under a name that tells its formula: hashes of two formulas are no difference."""
    return {task if "-" in sha256 else f"{task}, by the first formula": sha256}


def same_data(one: str, other: str) -> bool:
    """Whether two hashes of data speak of the same; those of two formulas do not contradict it."""
    return one == other or one.rpartition("-")[0] != other.rpartition("-")[0]


def version_facts(code: Code) -> dict[str, str | None]:
    """Return the versions of Python, of packages and of effkit's own code."""
    commit = code.git_commit
    changed = " with uncommitted changes" if code.git_dirty else ""
    return {**code.versions, "effkit's commit": None if commit is None else commit[:12] + changed}


def parameter_facts(spec: Mapping[str, Any]) -> dict[str, str | None]:
    """Return a study's parameters as text, dots reaching inside; "none" where a key is empty."""
    return {name: "none" if value is None else str(value) for name, value in _flat(spec)}


def differences(before: Circumstances, after: Circumstances) -> tuple[Difference, ...]:
    """Return every fact that is known of both and not the same."""
    return tuple(
        Difference(kind, what, known, now)
        for kind, facts in before.items()
        for what, known in facts.items()
        if known is not None and (now := after.get(kind, {}).get(what)) is not None and now != known
    )


def same_host(found: tuple[Difference, ...]) -> bool:
    """Whether the two may have run on one machine."""
    return not any(each.kind == "host" and each.what in SAME_MACHINE for each in found)


def same_versions(found: tuple[Difference, ...]) -> bool:
    """Whether the two ran the same code."""
    return not any(each.kind == "version" for each in found)


def _flat(value: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        name = f"{above}{key}"
        if isinstance(inner, Mapping) and inner:
            yield from _flat(inner, f"{name}.")
        else:
            yield name, inner
