"""Where results are: a folder here, or behind an address."""

from __future__ import annotations

import logging
import shutil
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from effkit import store
from effkit.address import Address, Mirror, mirror, mirror_at
from effkit.catalogue.cache import cache_dir
from effkit.remote.bucket import Bucket
from effkit.remote.fetching import refresh

LEAST_FREE_BYTES = 200 * 2**20
LEVELS = 3
"""A record lies so deep below a results folder: `<study>/<run>/record.json`."""

log = logging.getLogger(__name__)


class NoRoom(store.StoreError):
    """A disk has no room for one more run."""


def current(given: Path | str | None = None) -> Path:
    """Return the results folder as `store.results_dir` does; a store's with everything that is there.

    Args:
        given: a path, or a store's address such as `s3://bucket/results`.

    Raises:
        StoreError: when the store cannot be reached.
    """
    place = store.results_dir(given)
    if given is not None or store.run_under_way() is None:  # what is measured shares the host with no transfer
        refresh(place)
    return place


def check_writable(results: Path) -> None:
    """Make sure that a run can be written, before hours are spent on measuring it.

    Raises:
        StoreError: when the folder cannot be written, its disk or that of the cache is nearly full, or the store that
            it mirrors cannot be written.
    """
    try:
        results.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(results, error) from None
    check_room(results)  # a full disk refuses the probe too, and says less
    probe = results / f".probe-{uuid4().hex}"  # hosts that share the folder may have one process number
    try:
        probe.write_bytes(b"effkit")
    except OSError as error:
        raise _unwritable(results, error) from None
    finally:
        with suppress(OSError):
            probe.unlink()
    found = mirror_at(results)
    if found is not None and store.run_under_way() is None:  # else whoever asked for the run has tried it
        Bucket(found.address).check_exclusive()


def check_room(results: Path) -> None:
    """Make sure that the disks of the results and of the cache have room for one more run.

    Raises:
        NoRoom: when one of them is nearly full.
        StoreError: when one may not be looked at.
    """
    others = {results: "give another folder with --results", cache_dir(): "name another folder with EFFKIT_CACHE"}
    for folder, other in others.items():
        try:
            there = next(each for each in (folder, *folder.absolute().parents) if each.exists())  # a run makes the rest
            free = shutil.disk_usage(there).free
        except OSError as error:
            raise store.StoreError(f"{folder} cannot be looked at ({error.strerror}): {other}.") from None
        if free < LEAST_FREE_BYTES:
            raise NoRoom(
                f"{folder} has {free / 2**20:.0f} MiB free and a run may need {LEAST_FREE_BYTES / 2**20:.0f}: "
                f"free some space, or {other}."
            )


def load_newest(place: Path | str) -> store.Loaded:
    """Read a run, or the run that stands for a study: its newest, as `store.newest` has it.

    Args:
        place: folder or address of either.

    Raises:
        StoreError: when there is neither, the newest cannot be read, or the store cannot be reached.
    """
    folder = located(place)
    if (folder / store.RECORD).exists():
        return store.load(folder)
    runs: list[store.Loaded] = []
    for path in sorted((path.parent for path in folder.glob(f"[!.]*/{store.RECORD}")), reverse=True):
        try:
            found = store.load(path)
        except store.StoreError as error:
            if not runs:
                raise
            log.warning("left out: %s", error)
            continue
        runs.append(found)
        if not (found.rehearsal or found.interactive):
            break  # nothing older goes before it
    if not runs:
        raise store.StoreError(f"{place} holds no run: give a run's folder, as `effkit run` prints it, or a study's.")
    return store.standing(runs)


def located(place: Path | str) -> Path:
    """Return where a run, a study or a results folder lies on this host, once it is fetched from its address.

    Args:
        place: a path, or an address of any of them.

    Raises:
        StoreError: when the store cannot be reached, or this host's disk is full.
    """
    address = store.address_of(place)
    if address is None:
        return store.folder_of(place)
    found, below = _rooted(address)
    refresh(found.folder, below)
    return found.folder / below


def _rooted(address: Address) -> tuple[Mirror, str]:
    """The mirror of the results folder that an address lies in, and what of it is meant."""
    keys = [path.split("/") for path in Bucket(address).sizes()]
    depths = [len(key) for key in keys if key[-1] == store.RECORD and not any(part[0] == "." for part in key)]
    steps = max(0, LEVELS - min(depths, default=LEVELS))
    parts = address.path.split("/")
    return mirror(address.above(steps)), "/".join(parts[len(parts) - steps :])


def _unwritable(results: Path, error: OSError) -> store.StoreError:
    return store.StoreError(
        f"{results} cannot be written ({error.strerror}): give another folder with --results, or set "
        f"{store.RESULTS_VARIABLE}."
    )
