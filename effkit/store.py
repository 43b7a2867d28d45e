"""Where runs are kept: `results/<study>/<run>/`, written once, the record last.

A run is staged in a hidden folder beside its place and moved there in one step, so that a run either
is there whole or is not there.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import yaml

from effkit.address import Address, mark_unsent, mirror, mirror_at, parse
from effkit.migrations import read_record
from effkit.record import Record

if TYPE_CHECKING:
    import pandas as pd

RUN_VARIABLE = "EFFKIT_RUN"
"""The staged folder of the run that `effkit run` started this notebook for."""
NOTEBOOK_VARIABLE = "EFFKIT_NOTEBOOK_SHA256"
"""The hash of that notebook's source."""
RESULTS_VARIABLE = "EFFKIT_RESULTS"
RECORD, SAMPLES, PREDICTIONS, PARAMS, NOTEBOOK, LOG = (
    "record.json", "samples.parquet", "predictions.parquet", "params.yaml", "notebook.ipynb", "log.txt",
)  # fmt: skip
STAGED, FAILED = ".partial", ".failed"
"""How the hidden folders end of runs under way, and of those that ended without a record."""

log = logging.getLogger(__name__)


class StoreError(OSError):
    """The results cannot be written or read; the message says what to do."""


class Run(Protocol):
    """By what one run of a study goes before another: a loaded run, or its line of the index."""

    @property
    def study(self) -> str: ...

    @property
    def run(self) -> str: ...

    @property
    def started_at(self) -> datetime: ...

    @property
    def interactive(self) -> bool: ...

    @property
    def rehearsal(self) -> bool: ...


AnyRun = TypeVar("AnyRun", bound=Run)


@dataclass(frozen=True)
class Loaded:
    """A record and the folder it came from."""

    folder: Path
    record: Record

    @property
    def study(self) -> str:
        """Whose run it is."""
        return self.record.spec.name

    @property
    def run(self) -> str:
        """Its name, which is its folder's."""
        return self.folder.name

    @property
    def started_at(self) -> datetime:
        """When it began."""
        return self.record.started_at

    @property
    def interactive(self) -> bool:
        """Whether it was made by hand, and not by `effkit run`."""
        return self.record.interactive

    @property
    def rehearsal(self) -> bool:
        """Whether its protocol only tries that everything works."""
        return self.record.spec.protocol.rehearsal


def run_under_way() -> Path | None:
    """Return the staged folder of the run that `effkit run` started this process for; None for a run by hand."""
    given = os.environ.get(RUN_VARIABLE)
    return Path(given) if given else None


def results_dir(given: Path | str | None = None) -> Path:
    """Return the results folder: the one given, that of the run under way, `EFFKIT_RESULTS`, or the project's own.

    Args:
        given: a path, or a store's address such as `s3://bucket/results`: this host's mirror of it is returned.

    Raises:
        StoreError: when an address has credentials in it, or no folder.
    """
    if given is None and (staged := run_under_way()) is not None:
        return staged.parents[1]
    if asked := given or os.environ.get(RESULTS_VARIABLE):
        address = address_of(asked)
        return folder_of(asked) if address is None else mirror(address).folder
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "params").is_dir() and (folder / "notebooks").is_dir():
            return folder / "results"
    return here / "results"


def folder_of(given: Path | str) -> Path:
    """Return the folder that a path means: no shell has put the home folder for the `~` of a variable or an option."""
    return Path(os.path.expanduser(str(given).removeprefix("file://")))  # noqa: PTH111 - a home may be none


def address_of(given: Path | str) -> Address | None:
    """Return the address that a text is; None where it is a path.

    Raises:
        StoreError: when it has credentials in it, or no folder.
    """
    try:
        return parse(given)
    except ValueError as error:
        raise StoreError(str(error)) from None


def params_hash(params: Mapping[str, Any]) -> str:
    """Hash of a study's parameters, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(params, sort_keys=True, default=str).encode()).hexdigest()


def run_name(started_at: datetime, params_sha256: str) -> str:
    """A run's folder name: when it began and what it was."""
    return f"{started_at:%Y%m%dT%H%M%S}-{params_sha256[:8]}"


def stage(results: Path, study: str, run: str) -> Path:
    """Make the hidden folder in which a run is put together."""
    folder = results / study / f".{run}{STAGED}"
    folder.mkdir(parents=True)
    return folder


def stage_anew(results: Path, study: str, run: str) -> Path:
    """Make such a folder under a name that no run or attempt has: two may begin in one second, or a clock be set back.

    Args:
        results: the folder of all studies.
        study: whose run it is.
        run: the name; a number is added where it is taken.
    """
    if (found := mirror_at(results)) is not None:
        run = f"{run}-{found.name[:6]}"  # hosts that share a store may begin in one second, too
    for number in count(1):
        name = run if number == 1 else f"{run}-{number}"
        taken = (results / study / name, results / study / f".{name}{FAILED}")
        if not any(each.exists() for each in taken):
            with suppress(FileExistsError):
                return stage(results, study, name)
    raise AssertionError("numbers do not end")


def name_of(staged: Path) -> str:
    """The name of the run that is staged in, or was given up in, a hidden folder."""
    return staged.name.removeprefix(".").removesuffix(STAGED).removesuffix(FAILED)


def write(
    staged: Path, record: Record, samples: pd.DataFrame, predictions: pd.DataFrame, params: Mapping[str, Any]
) -> None:
    """Write a run's files into its staged folder, the record last and in one step."""
    samples.to_parquet(staged / SAMPLES, index=False, compression="zstd")
    predictions.to_parquet(staged / PREDICTIONS, index=False, compression="zstd")
    (staged / PARAMS).write_text(yaml.safe_dump(dict(params), sort_keys=False, allow_unicode=True), encoding="utf-8")
    for name in (SAMPLES, PREDICTIONS, PARAMS):  # a record that outlives a power cut has what it speaks of
        with (staged / name).open("rb") as file:
            os.fsync(file.fileno())
    partial = staged / f"{RECORD}.partial"
    with partial.open("w", encoding="utf-8") as file:
        file.write(record.model_dump_json(indent=1))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(staged / RECORD)


def publish(staged: Path) -> Path:
    """Move a complete staged run to its place and return it.

    Raises:
        StoreError: when the run has no record, or one of that name is there already.
    """
    if not (staged / RECORD).exists():
        raise StoreError(f"{staged} has no record: the run did not finish.")
    place = staged.with_name(name_of(staged))
    if place.exists():
        raise StoreError(f"{place} is there already; a run is written once.")
    mark_unsent(staged)
    staged.replace(place)
    return place


def discard(staged: Path) -> None:
    """Remove a staged run of which nothing was attempted or of which the person knows."""
    shutil.rmtree(staged, ignore_errors=True)


def load(folder: Path) -> Loaded:
    """Read one run.

    Raises:
        StoreError: when there is no record or it cannot be read, saying why.
    """
    path = folder / RECORD
    try:
        return Loaded(folder, read_record(path.read_bytes()))
    except FileNotFoundError:
        raise StoreError(f"{folder} has no {RECORD}: it is not a complete run.") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise StoreError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None


def load_all(results: Path) -> list[Loaded]:
    """Read every complete run, oldest first. One that cannot be read is named in a warning and left out."""
    found = []
    for path in sorted(results.glob(f"*/*/{RECORD}")):
        if path.parent.name.startswith("."):
            continue
        try:
            found.append(load(path.parent))
        except StoreError as error:
            log.warning("left out: %s", error)
    return sorted(found, key=lambda each: each.record.started_at)


def newest(runs: Iterable[AnyRun]) -> list[AnyRun]:
    """Keep of each study the run that stands for it, studies in the order of their names.

    That is the newest that `effkit run` made; where there is none, the newest made by hand. A rehearsal stands only
    where there is nothing else. A newer run that is passed over is named in a warning.
    """
    studies: dict[str, list[AnyRun]] = {}
    for each in runs:
        studies.setdefault(each.study, []).append(each)
    return [standing(studies[name]) for name in sorted(studies)]


def standing(runs: Sequence[AnyRun]) -> AnyRun:
    """Return the one of a study's runs that stands for it, as `newest` does."""
    found = max(runs, key=lambda each: (_weight(each), each.started_at, each.run))
    last = max(runs, key=lambda each: (each.started_at, each.run))
    if _weight(last) < _weight(found):
        what = "rehearsal" if last.rehearsal else "run by hand"
        log.warning("%s: a newer %s was passed over (%s); name its folder to see it", last.study, what, last.run)
    return found


def _weight(run: Run) -> int:
    """What `effkit run` made weighs most, what was made by hand less, and a rehearsal nothing, whoever made it."""
    return 0 if run.rehearsal else 1 if run.interactive else 2
