"""Fetching what others have put into a store: runs, and how attempts ended. What is here is not fetched again."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from effkit import attempts, store
from effkit.address import Mirror, mirror_at
from effkit.remote.bucket import Bucket
from effkit.remote.commits import DONE, PARTIAL, complete_all, readable
from effkit.remote.sending import deliver, exchange
from effkit.remote.trouble import on_this_host

RUNS_AT_ONCE = 50
FETCHED = ".fetched"
"""Where in a mirror files are put together before their folder is moved to its place in one step."""


def refresh(results: Path, below: str = "") -> None:
    """Send what waits in a mirror, and fetch what it has not; any other results folder is as it is.

    Args:
        results: the folder.
        below: a study or a run, to fetch no more than that.

    Raises:
        StoreError: when the store cannot be reached, or this host's disk refuses what is fetched.
    """
    deliver(results)
    found = mirror_at(results)
    if found is None:
        return
    try:
        with exchange(found):
            bucket = Bucket(found.address)
            sizes = bucket.sizes(below)
            for key in complete_all(bucket, sizes):
                sizes |= bucket.sizes(key)
            for some in _batched(_missing(found, sizes), RUNS_AT_ONCE):
                _fetch(found, bucket, some)
    except store.StoreError:
        raise
    except OSError as error:
        raise store.StoreError(on_this_host(error)) from error


def arrived(results: Path, identity: str) -> None:
    """Fetch the run of an identity that another host has finished meanwhile, if results are kept in a store.

    Raises:
        StoreError: when the store cannot be reached, or this host's disk refuses what is fetched.
    """
    found = mirror_at(results)
    if found is not None:
        for slot in (bucket := Bucket(found.address)).sizes(f"{DONE}/{identity}"):
            refresh(results, (bucket.read(slot) or b"").decode())


def _batched(keys: Iterable[str], most: int) -> Iterator[list[str]]:
    left = iter(keys)
    while some := list(islice(left, most)):
        yield some


def _missing(found: Mirror, sizes: dict[str, int]) -> Iterable[str]:
    """Keys of the runs and attempts that are whole in the store and not here, or broken here and not there."""
    for path, size_bytes in sizes.items():
        key, _, name = path.rpartition("/")
        parts = key.split("/")
        if len(parts) != 2 or parts[0].startswith("."):
            continue
        is_run = name == store.RECORD and not parts[1].startswith(".")
        is_attempt = name == attempts.REQUEST and parts[1].endswith(store.FAILED)
        if is_attempt and not (found.folder / path).exists():
            yield key
        if is_run and _wanted(found.folder / path, size_bytes):
            yield key


def _wanted(record: Path, size_bytes: int) -> bool:
    """A record is written once; one that is broken here and has another size there was mended there."""
    try:
        return record.stat().st_size != size_bytes and readable(record.read_bytes()) is None
    except FileNotFoundError:
        return True


def _fetch(found: Mirror, bucket: Bucket, keys: Sequence[str]) -> None:
    """Fetch some folders whole, and move each to its place in one step."""
    staged = found.folder / FETCHED
    shutil.rmtree(staged, ignore_errors=True)
    try:
        files = {}
        for key in keys:  # listed anew: of a long listing a page may be older than the one with the record
            for path in bucket.sizes(key):
                folder, _, name = path.rpartition("/")
                if folder == key and not name.startswith(".") and name != PARTIAL:
                    files[path] = staged / path
                    files[path].parent.mkdir(parents=True, exist_ok=True)
        bucket.download(files)
        for key in keys:
            place = found.folder / key
            place.parent.mkdir(exist_ok=True)
            shutil.rmtree(place, ignore_errors=True)
            (staged / key).replace(place)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
