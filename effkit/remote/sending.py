"""Sending what waits in a mirror to its store: whole runs, and how attempts ended that have no record."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from effkit import attempts, store
from effkit.address import UNSENT, Mirror, mirror_at
from effkit.record import Record
from effkit.remote.bucket import Bucket
from effkit.remote.commits import PARTIAL, commit, readable
from effkit.remote.trouble import on_this_host

CLAIM, LOCK = ".claim", ".exchange"
TOLD_OF_ATTEMPTS = (store.LOG, attempts.FAILURE, attempts.REQUEST)
"""What others need to know of an attempt, the request last: whoever sees it sees the rest."""

log = logging.getLogger(__name__)


def unsent(results: Path) -> list[Path]:
    """Folders of the runs and attempts that a store has not got yet, but for those under way."""
    waiting = (path.parent for path in results.glob(f"*/*/{UNSENT}"))
    return sorted(folder for folder in waiting if not folder.name.endswith(store.STAGED))


def deliver(results: Path) -> None:
    """Send everything that waits in a mirror; of any other results folder nothing waits.

    A run that another host has put there first is put aside here, with the reason.

    Raises:
        StoreError: when the store cannot be reached, or this host's disk refuses something. What waits goes on waiting.
    """
    found = mirror_at(results)
    if found is None or not unsent(results):
        return
    try:
        with exchange(found):
            if waiting := unsent(results):
                bucket = Bucket(found.address)
                for folder in waiting:
                    send(found, bucket, folder)
    except OSError as error:
        said = str(error) if isinstance(error, store.StoreError) else on_this_host(error)
        names = ", ".join(each.relative_to(results).as_posix() for each in unsent(results))
        raise store.StoreError(f"{said} What waits in {results} is sent by the next command: {names}.") from None


def delivered(run: Path) -> Path:
    """Send a run that was made by hand, and return where this host keeps it; what goes wrong is a warning."""
    try:
        deliver(run.parents[1])
    except store.StoreError as error:
        log.warning("measured, and not in the store yet: %s", error)
    return run if run.exists() else run.with_name(f".{run.name}{store.FAILED}")


def send(found: Mirror, bucket: Bucket, folder: Path) -> None:
    """Send one folder of a mirror; done again after being cut off anywhere, it goes on from there."""
    key = folder.relative_to(found.folder).as_posix()
    if folder.name.endswith(store.FAILED):
        files = {f"{key}/{name}": folder / name for name in TOLD_OF_ATTEMPTS if (folder / name).exists()}
        for path, file in files.items():
            bucket.upload({path: file})
    else:
        content = (folder / store.RECORD).read_bytes()
        if (record := readable(content)) is None:  # it may be of a newer effkit, which will send it
            log.warning("not sent: %s cannot be read", folder / store.RECORD)
            return
        if (late := _send_run(found, bucket, folder, key, record, content)) is not None:
            _put_aside(folder, late)
            return
    (folder / UNSENT).unlink(missing_ok=True)


@contextmanager
def exchange(found: Mirror) -> Iterator[None]:
    """Be the only process that sends or fetches for a mirror."""
    import fcntl

    descriptor = os.open(found.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)  # NFS locks only what may be written
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _send_run(found: Mirror, bucket: Bucket, folder: Path, key: str, record: Record, content: bytes) -> str | None:
    """Send a run, its record last; return why it does not count, if another was first."""
    if not bucket.create(f"{key}/{CLAIM}", found.name.encode()):
        return f"another host had put a run of this name into {found.address} first"
    files = {path.name: path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")}
    there = bucket.sizes(key)
    bucket.upload(
        {
            f"{key}/{name}": path
            for name, path in files.items()
            if name != store.RECORD and there.get(f"{key}/{name}") != path.stat().st_size
        }
    )
    if record.identity is not None and not record.interactive and not record.failed:
        bucket.write(f"{key}/{PARTIAL}", content)
        first = commit(bucket, record.identity, key)
        if first != key and not _again(folder):
            for path in bucket.sizes(key):
                bucket.remove(path)
            return f"another host had a record of this first: {found.address}/{first}"
    bucket.write(f"{key}/{store.RECORD}", content)
    bucket.remove(f"{key}/{PARTIAL}")
    return None


def _again(folder: Path) -> bool:
    """Whether it was asked for even where there is a record of its identity."""
    return (folder / attempts.REQUEST).exists() and attempts.request(folder).again


def _put_aside(folder: Path, why: str) -> None:
    (folder / UNSENT).unlink(missing_ok=True)
    log.warning("%s. This run is kept in %s", why, attempts.set_aside(folder, "late", why))
