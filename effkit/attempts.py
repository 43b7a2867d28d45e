"""Attempts: what a run was asked for, and how it ended where it has no record. None is ever deleted.

An attempt is a staged folder with a request in it. The process that works on it keeps the request locked, so that
whether it still goes on is known without asking any clock or process number. An attempt that ends without a record
is put aside under another hidden name, with the reason in it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from effkit import store
from effkit.address import mark_unsent
from effkit.identity import EXPLAINING, identity
from effkit.index import done
from effkit.params import parse
from effkit.secrecy import from_home, without_secrets
from effkit.spec import Frozen, SpecError, StudySpec

REQUEST, FAILURE, LOCKS = "request.json", "failure.json", ".locks"
WAITING_FOR_TWIN = "waiting: another process runs this already"
UNTOLD = "it could not even write why: is the disk full?"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunFacts:
    """Which run a record is of; the fields of `Record` that nothing measured tells."""

    run: str
    interactive: bool
    identity: str | None
    replicate: int = 1
    sweep: str | None = None


class Request(Frozen):
    """What one run is asked for."""

    identity: str
    replicate: int = 1
    sweep: str | None = None
    study: str
    params: dict[str, Any]
    notebook: str = Field(description="path of the notebook that is executed")
    again: bool = Field(description="measure it even where a complete record of the identity is there")
    beside_others: bool = Field(
        default=False, description="do everything but measuring on the cores that measuring leaves free"
    )
    measured_threads: int = Field(default=1, description="most threads that this run, or one beside it, measures with")
    timeout_s: float | None = Field(default=None, description="longest it may take, waiting for the slot left out")
    memory_bytes: int | None = Field(default=None, description="most that its processes may hold together")


class Failure(Frozen):
    """How an attempt ended that left no record, or that failed after its record was there."""

    status: Literal["failed", "timeout", "memory", "stopped", "cut off", "late"]
    sentence: str
    ended_at: datetime


@dataclass(frozen=True)
class Attempt:
    """An attempt without a published record.

    Attributes:
        folder: where what it left is.
        request: what was asked.
        failure: how it ended; None while it goes on, and where nothing could be written.
        alive: whether a process works on it.
    """

    folder: Path
    request: Request
    failure: Failure | None
    alive: bool


def begin(results: Path, request: Request) -> tuple[Path, int]:
    """Stage a folder with a request in it.

    Returns:
        The folder, and the descriptor whose lock says that it is worked on: for the process that will, to inherit.

    Raises:
        StoreError: when nothing can be written.
    """
    name = store.run_name(datetime.now(UTC), store.params_hash(request.params))
    folder: Path | None = None
    try:
        folder = store.stage_anew(results, request.study, name)
        told = request.model_copy(update={"notebook": from_home(Path(request.notebook))})
        partial = folder / f"{REQUEST}.partial"
        partial.write_text(told.model_dump_json(indent=1), encoding="utf-8")
        descriptor = _open(partial)
        _lock(descriptor)
        partial.rename(folder / REQUEST)
        return folder, descriptor
    except OSError as error:
        if folder is not None:
            store.discard(folder)
        raise store.StoreError(f"{results / request.study} cannot be written ({error.strerror}).") from error


def request(folder: Path) -> Request:
    """Read what an attempt was asked for; its file is shared, and names no home folder."""
    found = Request.model_validate_json((folder / REQUEST).read_bytes())
    return found.model_copy(update={"notebook": os.path.expanduser(found.notebook)})  # noqa: PTH111 - a home may be none


def asked() -> RunFacts | None:
    """Return which run this process was started for; None for a run by hand."""
    staged = store.run_under_way()
    if staged is None:
        return None
    wanted = under_way()
    if wanted is None:  # the folder was made by another program than effkit
        return RunFacts(run=store.name_of(staged), interactive=False, identity=None)
    return RunFacts(store.name_of(staged), False, wanted.identity, wanted.replicate, wanted.sweep)


def check(spec: StudySpec, own: Collection[str]) -> None:
    """Refuse a notebook that runs another study than was asked for: its record would be taken for the asked one's.

    Args:
        spec: what the notebook is about to run.
        own: names of the candidates that it has added itself.

    Raises:
        SpecError: naming the keys that it does not hand on, or where the catalogue has changed since.
    """
    if (wanted := under_way()) is None:
        return
    asked_for = parse(wanted.params, wanted.study)
    mine = spec.model_copy(update={"candidates": tuple(each for each in spec.candidates if each.name not in own)})
    wrong = [
        key for key in StudySpec.model_fields if key not in EXPLAINING and getattr(mine, key) != getattr(asked_for, key)
    ]
    if wrong:
        raise SpecError(
            f"{Path(wanted.notebook).name} runs another study than was asked for: it does not hand on "
            f"{', '.join(f'`{key}`' for key in wrong)}. Give `Study.from_params` every parameter."
        )
    if identity(asked_for, wanted.replicate) != wanted.identity:
        raise SpecError(
            f"{wanted.study} is another run than was asked for: your own catalogue, or a technique, has changed since. "
            "Run it again."
        )


def under_way() -> Request | None:
    """Return what `effkit run` started this process for; None for a run by hand."""
    staged = store.run_under_way()
    return request(staged) if staged is not None and (staged / REQUEST).exists() else None


def note(folder: Path, status: str, sentence: str) -> None:
    """Write how an attempt ended. A disk that is full leaves it without a word, and it is one all the same."""
    said = without_secrets(sentence)
    failure = Failure.model_validate({"status": status, "sentence": said, "ended_at": datetime.now(UTC)})
    partial = folder / f"{FAILURE}.partial"
    with suppress(OSError):
        partial.write_text(failure.model_dump_json(indent=1), encoding="utf-8")
        partial.replace(folder / FAILURE)


def give_up(folder: Path, status: str, sentence: str) -> Path:
    """Put an attempt aside that has no record, and return where it is kept."""
    mark_unsent(folder)
    return set_aside(folder, status, sentence)


def set_aside(folder: Path, status: str, sentence: str) -> Path:
    """Put a run aside on this host alone, with the reason, and return where it is kept."""
    note(folder, status, sentence)
    place = folder.with_name(f".{store.name_of(folder)}{store.FAILED}")
    folder.rename(place)
    return place


def temporary_prefix(folder: Path) -> str:
    """How the temporary folder of a run begins, by which it is found again whoever was killed."""
    return f"effkit-{hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:12]}-"


def remove_temporary(folder: Path) -> None:
    """Remove what a run has left in the temporary folder of this host."""
    for path in Path(tempfile.gettempdir()).glob(f"{temporary_prefix(folder)}*"):
        shutil.rmtree(path, ignore_errors=True)


def failure(folder: Path) -> Failure | None:
    """Read how an attempt ended; None where that was not written."""
    try:
        return Failure.model_validate_json((folder / FAILURE).read_bytes())
    except (OSError, ValidationError):
        return None


def unfinished(results: Path) -> list[Attempt]:
    """Every attempt without a published record, in the order of their names."""
    return _attempts(results, f".*/{REQUEST}")


def recover(results: Path) -> None:
    """Finish what killed processes left: publish a whole record, put the rest aside as cut off.

    What cannot be moved, as another user's may not, is named in a warning and stays.
    """
    for attempt in _attempts(results, f".*{store.STAGED}/{REQUEST}"):
        if not attempt.alive:
            try:
                finish(results, attempt.folder)
            except OSError as error:
                log.warning("left where it is: %s: %s", attempt.folder, error)


def finish(results: Path, folder: Path) -> None:
    """Publish or put aside an attempt that nobody works on any longer; whoever comes second does nothing."""
    with suppress(FileNotFoundError):
        descriptor = _open(folder / REQUEST)
        try:
            _lock(descriptor, wait=True)
            remove_temporary(folder)
            wanted = request(folder)
            if not (folder / store.RECORD).exists():
                give_up(folder, "cut off", "its process was killed before it had a record")
            elif not wanted.again and done(results, wanted.identity) is not None:
                give_up(folder, "cut off", "its process was killed, and another attempt had a record first")
            else:
                store.publish(folder)
        finally:
            os.close(descriptor)


@contextmanager
def alone(results: Path, identity: str, tell: Callable[[str], None]) -> Iterator[None]:
    """Be the only one in a results folder that runs an identity; wait while another does.

    Args:
        results: the folder.
        identity: of the run.
        tell: told once if there is someone to wait for.
    """
    (results / LOCKS).mkdir(parents=True, exist_ok=True)
    descriptor = _open(results / LOCKS / identity, os.O_CREAT)
    try:
        try:
            _lock(descriptor)
        except BlockingIOError:
            tell(WAITING_FOR_TWIN)
            _lock(descriptor, wait=True)
        yield
    finally:
        os.close(descriptor)


def _attempts(results: Path, below_a_study: str) -> list[Attempt]:
    found = []
    for path in sorted(results.glob(f"*/{below_a_study}")):
        try:
            found.append(Attempt(path.parent, request(path.parent), failure(path.parent), _is_locked(path)))
        except FileNotFoundError:
            continue  # it was published or put aside just now
        except (OSError, ValidationError) as error:
            log.warning("left out: %s cannot be read: %s", path, str(error).splitlines()[0])
    return found


def _open(path: Path, flags: int = 0) -> int:
    """Open a file to lock it: NFS gives an exclusive lock only on what is open for writing."""
    try:
        return os.open(path, os.O_RDWR | flags, 0o666)
    except PermissionError:  # it is another user's, on a disk of this host
        return os.open(path, os.O_RDONLY | flags, 0o666)


def _lock(descriptor: int, *, wait: bool = False) -> None:
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_locked(path: Path) -> bool:
    import fcntl

    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
