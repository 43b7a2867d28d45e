"""What runs of a task on a host like this one have told of its candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from effkit import index, resolve, store
from effkit.analysis.circumstances import gpu_kind
from effkit.bench import nvml
from effkit.bench.host import cpu_name, gpus
from effkit.record import CandidateRecord, Record
from effkit.spec import StudySpec

MOST_EARLIER = 50
"""Newest runs of a task among which a candidate's earlier times are looked for."""


@dataclass(frozen=True)
class Earlier:
    """What runs of this task on a host like this one tell.

    Attributes:
        timed: candidates as the newest of them had it.
        kept: names of candidates, and of beginnings of chains, that one of them made of the same split.
    """

    timed: Mapping[str, CandidateRecord]
    kept: frozenset[str]


def seen_before(spec: StudySpec, results: Path) -> Earlier:
    """Look for a study's candidates among the newest runs of its task.

    Args:
        spec: the study.
        results: where the runs are.
    """
    cpu, threads = cpu_name(), spec.protocol.threads
    like = [run for run in index.read(results).runs if (run.task, run.cpu, run.threads) == (spec.task, cpu, threads)]
    wanted = {each.name for each in (*spec.candidates, *resolve.steps(spec.candidates))}
    timed: dict[str, CandidateRecord] = {}
    kept: set[str] = set()
    for run in reversed(like[-MOST_EARLIER:]):
        made = {each.candidate for each in run.candidates if each.status == "ok"}
        there = wanted & made
        if there <= timed.keys() & kept:
            continue
        record = _record(results / run.folder)
        if not _alike(record, spec):
            continue
        timed = {name: record.candidate(name) for name in there} | timed
        if record.spec.seed == spec.seed:  # another seed draws another split, of which all is made anew
            kept |= {
                each.name
                for candidate in record.spec.candidates
                if candidate.name in made
                for each in resolve.prefixes(candidate)
            }
    return Earlier(timed, frozenset(kept))


@lru_cache(maxsize=MOST_EARLIER)
def _record(folder: Path) -> Record:
    """Read a run, which is written once; the plan of a sweep asks for the same ones at every point."""
    return store.load(folder).record


def _alike(record: Record, spec: StudySpec) -> bool:
    """Whether a run had as many items, on such a device."""
    then, now = record.spec.protocol, spec.protocol
    same = (record.spec.items, then.items, then.device) == (spec.items, now.items, now.device)
    return same and (now.device == "cpu" or (record.host.gpus == gpus() and _is_used_now(record.host.gpu)))


def _is_used_now(gpu: str | None) -> bool:
    """Whether a machine of several kinds of GPU would use that kind now; what is not known speaks against nothing.

    Of a slice NVML names the whole GPU, and PyTorch says behind that name which slice it is.
    """
    kind, card = gpu_kind(gpu), nvml.used()
    return kind is None or card is None or kind.partition(" MIG ")[0] == card.name
