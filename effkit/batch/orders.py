"""What a host does for a coordinator elsewhere: say whether it would run the same, run one point, stop it.

Nothing here knows what carries the orders.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from uuid import uuid4

import effkit
from effkit import attempts, params, resolve, store
from effkit.batch.local import STOP_WITHIN_S, Local, Status
from effkit.batch.sweep import Point
from effkit.bench import host
from effkit.catalogue import CatalogueError, cache_dir, own_path
from effkit.hashing import sha256_of
from effkit.identity import identity
from effkit.places import NoRoom
from effkit.spec import Frozen, SpecError

_stops: dict[str, threading.Event] = {}
"""By order; made by whichever comes first, the order or the word to stop it."""
_running: set[str] = set()


class Kit(Frozen):
    """What must be the same wherever a sweep is run.

    Attributes:
        results: where runs are kept: an absolute path that all hosts share, or an address.
        marker: name of a file in `.locks/` of that path, locked by the coordinator; None for an address.
        version: of effkit.
        source_sha256: of effkit's code and catalogue.
        own_sha256: of the file that `EFFKIT_CATALOGUE` names; None where it names none.
        notebooks: SHA-256 of the notebooks' text, by path.
    """

    results: str
    marker: str | None
    version: str
    source_sha256: str
    own_sha256: str | None
    notebooks: dict[str, str]


class Order(Frozen):
    """One point, for another host to run.

    Attributes:
        key: of this order alone.
        results: as in `Kit`.
        request: what is asked, as every run on this host is.
        notebook: the text of the notebook.
    """

    key: str
    results: str
    request: attempts.Request
    notebook: str


class Ended(Frozen):
    """How an order ended: an `Outcome` without the point, its folder told from the results folder on.

    Attributes:
        unable: whether this host could begin no run at all; the sentence says why.
    """

    status: Status
    folder: str | None = None
    sentence: str = ""
    wall_s: float = 0.0
    unable: bool = False


def kit(results: str, marker: str | None, points: Sequence[Point]) -> Kit:
    """Describe what this process would run points with.

    Args:
        results: where runs are kept, as every host is told.
        marker: as in `Kit`.
        points: whose notebooks are meant.
    """
    notebooks = {str(each.notebook.resolve()) for each in points}
    return Kit(
        results=results,
        marker=marker,
        version=effkit.__version__,
        source_sha256=_source_sha256(),
        own_sha256=_own_sha256(),
        notebooks={each: sha256_of(Path(each)) for each in sorted(notebooks)},
    )


@contextmanager
def marked(results: Path) -> Iterator[str]:
    """Keep a locked file in a results folder, by which other hosts can tell that they share it and its locks."""
    import fcntl

    name = f"shared-{uuid4().hex[:12]}"
    (results / attempts.LOCKS).mkdir(parents=True, exist_ok=True)
    place = results / attempts.LOCKS / name
    with place.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield name
        finally:
            place.unlink(missing_ok=True)


def differences(asked: Kit) -> list[str]:
    """Say what keeps this host from running the same as the coordinator: a sentence each, with its fix."""
    found = []
    if (asked.version, asked.source_sha256) != (effkit.__version__, _source_sha256()):
        mine, theirs = _edition(effkit.__version__, _source_sha256()), _edition(asked.version, asked.source_sha256)
        found.append(f"it has {mine} and the coordinator {theirs}: install the same on both, and start it again")
    if asked.own_sha256 != _own_sha256():
        found.append(
            f"its EFFKIT_CATALOGUE ({own_path() or 'not set'}) does not hold what the coordinator's does: give it the "
            "same file, or none where the coordinator has none, and start it again"
        )
    for path, sha256 in asked.notebooks.items():
        if Path(path).exists() and sha256_of(Path(path)) != sha256:
            found.append(f"its {path} is another than the coordinator's: bring both to the same commit")
    if asked.marker is not None:
        found += _unshared(Path(asked.results), asked.marker)
    return found


def carry_out(order: Order, tell: Callable[[str], None]) -> Ended:
    """Run a point on this host, as `effkit run` there would.

    Args:
        order: the point.
        tell: told what the run is doing whenever that changes; an empty line as it begins.
    """
    stop = _stops.setdefault(order.key, threading.Event())
    _running.add(order.key)
    began = time.monotonic()
    try:
        if stop.is_set():
            return Ended(status="stopped", sentence="it was stopped")
        results = store.results_dir(order.results)
        local = Local(results, at_once=1, stop=stop)
        for outcome in local.run([_point(order)], again=order.request.again, watch=lambda _, line: tell(line)):
            folder = outcome.folder.relative_to(results).as_posix() if outcome.folder else None
            return Ended(status=outcome.status, folder=folder, sentence=outcome.sentence, wall_s=outcome.wall_s)
        return Ended(status="stopped", sentence="it was stopped", wall_s=time.monotonic() - began)
    except NoRoom as error:  # another order would fare no better here
        return Ended(status="stopped", sentence=str(error), wall_s=time.monotonic() - began, unable=True)
    except Exception as error:  # whatever it is, the coordinator tells it and the other points go on
        told = isinstance(error, (SpecError, CatalogueError, store.StoreError))
        said = str(error) if told else f"{type(error).__name__}: {error}"
        return Ended(status="failed", sentence=f"on {host.name()}: {said}", wall_s=time.monotonic() - began)
    finally:
        _running.discard(order.key)
        _stops.pop(order.key, None)


def stop(keys: Sequence[str]) -> list[str]:
    """Stop what runs here of the given orders, and what may yet begin; return those that would not end."""
    for key in keys:
        _stops.setdefault(key, threading.Event()).set()
    deadline = time.monotonic() + STOP_WITHIN_S + 5
    while _running.intersection(keys) and time.monotonic() < deadline:
        time.sleep(0.05)
    return sorted(_running.intersection(keys))


def _point(order: Order) -> Point:
    """Check an order by this host's own lights.

    Raises:
        SpecError: where this host would measure something else, or cannot.
    """
    request = order.request
    spec = params.parse(request.params, request.study)
    resolve.check(spec, {}, None)
    if (mine := identity(spec, request.replicate)) != request.identity:
        raise SpecError(
            f"{request.study} is {mine} here and {request.identity} for the coordinator: techniques or models of "
            "your own differ. Install the same on both."
        )
    return Point(
        params=request.params,
        spec=spec,
        notebook=_notebook(Path(request.notebook), order.notebook),
        identity=request.identity,
        replicate=request.replicate,
        sweep=request.sweep,
        timeout_s=request.timeout_s,
        memory_bytes=request.memory_bytes,
    )


def _notebook(path: Path, text: str) -> Path:
    """The notebook where the coordinator has it; a host without it keeps a copy of its own."""
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    if path.exists():
        if sha256_of(path) != sha256:
            raise SpecError(f"{path} has changed, or is another than the coordinator's: start the command again.")
        return path
    copy = cache_dir() / "notebooks" / sha256[:16] / path.name
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        partial = copy.with_name(f"{copy.name}.{uuid4().hex[:8]}.partial")
        partial.write_bytes(text.encode())
        partial.replace(copy)
    return copy


def _unshared(results: Path, marker: str) -> list[str]:
    import fcntl

    place = results / attempts.LOCKS / marker
    try:
        descriptor = os.open(place, os.O_RDONLY)
    except OSError:
        return [f"it does not see the coordinator's {results}: give --results a folder that all hosts share"]
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return []
    except OSError as error:
        return [f"{results} cannot be locked there ({error.strerror}): mount it with locks that hosts share"]
    finally:
        os.close(descriptor)
    return [f"locks in {results} do not reach from host to host: mount it with locks that hosts share (`flock`)"]


@cache
def _source_sha256() -> str:
    """Hash effkit's files as they lie on the disk, from where each run is started."""
    root = Path(effkit.__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.yaml")]):
        with suppress(FileNotFoundError):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _own_sha256() -> str | None:
    """Hash the file of one's own entries; one that cannot be read is none, and refused where one is wanted."""
    with suppress(OSError):
        return sha256_of(path) if (path := own_path()) else None
    return None


def _edition(version: str, source_sha256: str) -> str:
    return f"effkit {version} ({source_sha256[:8]})"
