"""The index of a results folder: of every run the little that lists and tables need, so that no record is opened.

It is a convenience and never believed: a line counts only while the record has the size and the time of change that
it had when the line was written, what has no line is read and gets one, and the file may be deleted at any time.
"""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from effkit import store
from effkit.record import CandidateRecord, Code, Record, Window
from effkit.spec import Frozen

INDEX, INDEX_VERSION = ".index.jsonl", 3
SLACK_LINES = 1000
"""Lines of records that are gone or changed, beyond which the file is written anew."""

log = logging.getLogger(__name__)


class CandidateSummary(Frozen):
    """The headline numbers of one candidate."""

    candidate: str
    reference: bool
    status: str
    quality: float | None
    quality_low: float | None
    quality_high: float | None
    gap: float | None
    gap_verdict: str | None
    latency_s: float | None
    latency_ratio: float | None
    latency_low: float | None
    latency_high: float | None
    latency_verdict: str | None
    added_bytes: int | None
    weight_bytes: int | None
    energy_j: float | None
    energy_rank: str | None


_ABOUT = (
    "study", "run", "sweep", "replicate", "identity", "started_at", "interactive", "rehearsal", "host", "cpu", "task",
    "metric",
)  # fmt: skip
COLUMNS = (*_ABOUT, *CandidateSummary.model_fields)
"""Of the table of all runs."""


class Summary(Frozen):
    """One run, as lists and tables know it.

    Attributes:
        version: of this form.
        folder: of the run, below the results folder.
        record_bytes: size of its record when the line was written.
        changed_ns: time of its record's last change then.
        windows: when it held its host's measuring slot.
        code: what was run: effkit itself and the packages it ran with.
    """

    version: int = INDEX_VERSION
    folder: str
    record_bytes: int
    changed_ns: int
    study: str
    run: str
    identity: str | None
    replicate: int
    sweep: str | None
    interactive: bool
    rehearsal: bool
    started_at: datetime
    wall_s: float
    task: str
    metric: str
    host: str | None
    cpu: str
    threads: int
    code: Code
    windows: tuple[Window, ...]
    candidates: tuple[CandidateSummary, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the candidates that could not be measured."""
        return tuple(each.candidate for each in self.candidates if each.status == "failed")

    @property
    def complete(self) -> bool:
        """Whether it answers what was asked: every candidate was measured, and nobody stood by."""
        return not self.failed and not self.interactive


@dataclass(frozen=True)
class Index:
    """Every run of a results folder.

    Attributes:
        runs: oldest first.
        unreadable: one sentence for each record that cannot be read. It stays where it is and counts for nothing.
    """

    runs: tuple[Summary, ...]
    unreadable: tuple[str, ...]


def read(results: Path) -> Index:
    """Return every run of a results folder; records that have changed since the index was written are read anew."""
    runs, fresh, unreadable = [], [], []
    with _collector_at_rest():
        known, lines = _known(results / INDEX)
        for folder, record_bytes, changed_ns in _records(results):
            found = known.get((folder, record_bytes, changed_ns))
            if found is None:
                try:
                    loaded = store.load(results / folder)
                except store.StoreError as error:
                    unreadable.append(str(error))
                    continue
                found = summary(loaded.record, folder, record_bytes, changed_ns)
                fresh.append(found)
            runs.append(found)
        _remember(results / INDEX, runs, fresh, lines)
    return Index(tuple(sorted(runs, key=lambda each: (each.started_at, each.run))), tuple(unreadable))


def done(results: Path, identity: str) -> Summary | None:
    """Return the complete run of an identity, the newest if there are several; None while there is none."""
    found = [each for each in read(results).runs if each.identity == identity and each.complete]
    return found[-1] if found else None


def unattended(runs: Sequence[Summary]) -> list[Summary]:
    """Keep the runs of those studies that `effkit run` has run: what is shown where no study is named."""
    studies = {each.study for each in runs if not each.interactive}
    return [each for each in runs if each.study in studies]


def rows(runs: Sequence[Summary]) -> list[dict[str, Any]]:
    """Return a row for each candidate of each run, with its headline numbers in SI units, by the names in `COLUMNS`."""
    return [
        {**{name: getattr(run, name) for name in _ABOUT}, **dict(candidate)}
        for run in runs
        for candidate in run.candidates
    ]


def summary(record: Record, folder: str, record_bytes: int, changed_ns: int) -> Summary:
    """Return a run's line.

    Args:
        record: of the run.
        folder: of the run, below the results folder.
        record_bytes: size of the record's file.
        changed_ns: time of the file's last change.
    """
    return Summary(
        folder=folder,
        record_bytes=record_bytes,
        changed_ns=changed_ns,
        study=record.spec.name,
        run=record.run,
        identity=record.identity,
        replicate=record.replicate,
        sweep=record.sweep,
        interactive=record.interactive,
        rehearsal=record.spec.protocol.rehearsal,
        started_at=record.started_at,
        wall_s=record.footprint.wall_s,
        task=record.spec.task,
        metric=record.task.metric,
        host=record.host.name,
        cpu=record.host.cpu,
        threads=record.spec.protocol.threads,
        code=record.code,
        windows=record.windows,
        candidates=tuple(_candidate(each) for each in record.candidates),
    )


def _candidate(found: CandidateRecord) -> CandidateSummary:
    quality, latency, energy = found.quality, found.latency, found.energy
    ratio = latency.ratio if latency else None
    return CandidateSummary(
        candidate=found.name,
        reference=found.reference,
        status=found.status,
        quality=quality.value.value if quality else None,
        quality_low=quality.value.low if quality else None,
        quality_high=quality.value.high if quality else None,
        gap=found.gap.difference if found.gap else None,
        gap_verdict=found.gap.verdict if found.gap else None,
        latency_s=latency.mean_s.value if latency else None,
        latency_ratio=ratio.value if ratio else None,
        latency_low=ratio.low if ratio else None,
        latency_high=ratio.high if ratio else None,
        latency_verdict=ratio.verdict if ratio else None,
        added_bytes=found.memory.added_bytes if found.memory else None,
        weight_bytes=found.memory.weight_bytes if found.memory else None,
        energy_j=energy.request_j.value if energy and energy.request_j else None,
        energy_rank=energy.rank if energy else None,
    )


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Keep Python from looking for cycles: plain data has none, and of thousands of runs it looks at all each time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _records(results: Path) -> Iterator[tuple[str, int, int]]:
    """Folder, size and time of change of every published record."""
    for study in _folders(results):
        for run in _folders(study):
            folder = f"{study.name}/{run.name}"
            try:
                seen = os.stat(os.path.join(run, store.RECORD))  # noqa: PTH116, PTH118 - ten thousand times
            except FileNotFoundError:
                continue
            except OSError:  # another user keeps the folder to himself: reading it says why
                yield folder, 0, 0
            else:
                yield folder, seen.st_size, seen.st_mtime_ns


def _folders(place: Path | os.DirEntry[str]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            return [each for each in entries if not each.name.startswith(".") and each.is_dir()]
    except OSError as error:
        if not isinstance(error, FileNotFoundError):
            log.warning("%s cannot be read (%s); what lies there is left out", os.fspath(place), error.strerror)
        return []


def _known(path: Path) -> tuple[Mapping[tuple[str, int, int], Summary], int]:
    """What the index says, a later line before an earlier one, and how many lines it has."""
    try:
        seen = path.stat()
        return _parsed(path, seen.st_size, seen.st_mtime_ns)
    except OSError:  # there is none, or it is another user's own; the records tell the same
        return {}, 0


@lru_cache(maxsize=1)
def _parsed(path: Path, size_bytes: int, changed_ns: int) -> tuple[Mapping[tuple[str, int, int], Summary], int]:
    """Parse the index as it is at one moment; the plan of a sweep asks for it at every point."""
    known: dict[tuple[str, int, int], Summary] = {}
    lines = list(filter(None, path.read_bytes().splitlines()))
    for line in lines:
        with suppress(ValidationError):  # of another version, or cut off while it was written
            found = Summary.model_validate_json(line)
            if found.version == INDEX_VERSION:
                known[found.folder, found.record_bytes, found.changed_ns] = found
    return known, len(lines)


def _remember(path: Path, runs: Sequence[Summary], fresh: Sequence[Summary], lines: int) -> None:
    """Add lines for what is new, in one write; or write the file anew where most of it is out of date."""
    if not fresh:
        return
    try:
        if lines - len(runs) > SLACK_LINES:
            partial = path.with_name(f"{path.name}.{uuid4().hex}")
            partial.write_bytes(_lines(runs))
            partial.replace(path)
        else:
            with path.open("ab") as file:
                file.write(_lines(fresh))
    except OSError as error:
        log.info("the index was not written: %s", error)


def _lines(runs: Sequence[Summary]) -> bytes:
    # The first byte ends a line that a full disk or a kill has cut short.
    return b"\n" + b"".join(each.model_dump_json().encode() + b"\n" for each in runs)
