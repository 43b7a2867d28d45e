"""From a name in the catalogue to a folder of verified files."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from effkit.catalogue import cache, configuration, entries
from effkit.catalogue.entries import Entry, ModelEntry
from effkit.catalogue.errors import FetchError, HashMismatch
from effkit.catalogue.sources import (
    BundledSource,
    CarrierSource,
    HubSource,
    LocalSource,
    Source,
)


def is_fetched(name: str) -> bool:
    """Whether everything that an entry needs is on this machine, by its manifest: no file is read.

    Raises:
        UnknownEntry: The catalogue has no such model or task.
    """
    entry = entries.find(name)
    return not entry.files or _is_complete(name, entry)


def download_bytes(*names: str) -> int:
    """How many bytes a fetch of these would download; 0 when nothing is missing. Sizes that no entry says count none.

    A folder of one's own that has an entry's files counts before any source over the network, and of those the first.
    An archive that serves several entries counts once.

    Raises:
        UnknownEntry: The catalogue has no such model or task.
    """
    sizes: dict[str, int | None] = {}
    for name in names:
        if not is_fetched(name):
            sizes |= _sizes(entries.find(name))
    return sum(size or 0 for size in sizes.values())


def missing_bytes(name: str) -> int | None:
    """How many bytes a fetch of one entry would download: 0 where none are, None where it does not say how many.

    Raises:
        UnknownEntry: The catalogue has no such model or task.
    """
    known = is_fetched(name) or None not in _sizes(entries.find(name)).values()
    return download_bytes(name) if known else None


def network_sources(name: str) -> tuple[str, ...]:
    """Where over the network an entry can be had, in the order in which they are asked.

    Raises:
        UnknownEntry: The catalogue has no such model or task.
    """
    return tuple(
        source.describe() for source in entries.find(name).sources if isinstance(source, HubSource | CarrierSource)
    )


def fetch(name: str, *, progress: bool = True, offline: bool = False) -> Path:
    """Make sure that the files of a model or task are here and are the pinned ones.

    What lies in the cache is hashed anew: a disk, a copy or a hand may have changed it since. So this belongs to
    preparing, once a run for each model and task; a plan asks `is_fetched` and `download_bytes`.

    Args:
        name: A model or task of the catalogue.
        progress: Show downloads on standard error.
        offline: Use the cache and local folders alone.

    Returns:
        The entry's folder in the cache. An entry that needs no files (a model trained here, a
        set inside scikit-learn) has nothing in it, and the folder need not exist.

    Raises:
        UnknownEntry: The catalogue has no such model or task.
        HashMismatch: A file is not the pinned one; the message holds both hashes.
        FetchError: No source gave the files, or one in the cache cannot be read or is none of the entry's; the message
            says why, and what to do.
        CatalogueError: The configuration of a sentence encoder would run code.
    """
    entry = entries.find(name)
    folder = cache.entry_folder(name, entry)
    if not entry.files:
        return folder
    if not _is_verified(name, entry):
        _put_into_cache(name, entry, progress=progress, offline=offline)
    if isinstance(entry, ModelEntry) and entry.builder == "text.encoder":
        configuration.check(name, [file.name for file in entry.files], folder)
    return folder


def _put_into_cache(name: str, entry: Entry, *, progress: bool, offline: bool) -> None:
    """Fetch an entry where no other process has done so meanwhile.

    Raises:
        FetchError: No source gave the files, or the cache cannot be written.
    """
    from filelock import FileLock

    try:
        cache.cache_dir().mkdir(parents=True, exist_ok=True)
        # One lock for the whole cache: two processes that want the same archive then share one
        # download, and whatever lies in the staging folder is known to be left over.
        with FileLock(cache.cache_dir() / ".lock"):
            if not _is_verified(name, entry):
                cache.remove_leftovers()
                _fetch_from_first(name, entry, progress=progress, offline=offline)
                cache.remove_leftovers()
    except OSError as error:
        raise FetchError(
            f"{name} could not be put into the cache {cache.cache_dir()}: {error}. Make room there or let it be "
            "written, or set EFFKIT_CACHE to another folder"
        ) from error


def _sizes(entry: Entry) -> dict[str, int | None]:
    """Bytes of each download that an entry takes, by the hash of what is downloaded; None where it does not say."""
    for source in entry.sources:
        if isinstance(source, LocalSource):
            with contextlib.suppress(FetchError):
                _origin(source, entry)
                return {}
        if isinstance(source, CarrierSource):
            return {archive.sha256: archive.bytes for archive in source.archives}
        if isinstance(source, HubSource):
            return {file.sha256: file.bytes for file in entry.files}
    return {}


def _is_complete(name: str, entry: Entry) -> bool:
    return cache.is_complete(cache.entry_folder(name, entry), entry)


def _is_verified(name: str, entry: Entry) -> bool:
    """Hash what the cache has of an entry; False where it has not all of it.

    Raises:
        HashMismatch: A file was changed.
        FetchError: A file is gone, cannot be read, or is none of the entry's.
    """
    if not _is_complete(name, entry):
        return False
    folder = cache.entry_folder(name, entry)
    cache.refuse_others(folder, entry)
    for file in entry.files:
        cache.hash_file(folder, file, fix=f"delete {folder} and run `effkit fetch {name}`")
    return True


def _fetch_from_first(name: str, entry: Entry, *, progress: bool, offline: bool) -> None:
    """Publish the entry from the first source that works.

    Raises:
        FetchError: None does.
        HashMismatch: None does, and one of them had other bytes.
    """
    reasons: list[str] = []
    mismatch = False
    for source in entry.sources:
        try:
            staged = _stage(source, name, entry, progress=progress, offline=offline)
        except Exception as error:  # whatever a source raises, a broken line too: the next one is asked
            mismatch = mismatch or isinstance(error, HashMismatch)
            said = str(error) if isinstance(error, FetchError) else f"{type(error).__name__}: {error}"
            reasons.append(f"{source.describe()}: {said}")
            continue
        cache.publish(staged[name], cache.entry_folder(name, entry), entry, source.describe())
        for each in staged.keys() - {name}:
            declared = entries.find(each)
            with contextlib.suppress(OSError):  # it came along, and nobody has asked for it
                cache.publish(staged[each], cache.entry_folder(each, declared), declared, source.describe())
        return
    names = ", ".join(file.name for file in entry.files)
    if any(isinstance(source, LocalSource) and "EFFKIT_LOCAL" in source.path for source in entry.sources):
        by_hand = f"put {names} into a folder called {name}, set EFFKIT_LOCAL to the folder above it"
    else:
        by_hand = f"put {names} into a folder, name it in the entry as a source of kind `local`"
    raise (HashMismatch if mismatch else FetchError)(
        f"{name} could not be fetched ({'; '.join(reasons)}). To go on without these sources, copy the cache of a "
        f"machine where `effkit fetch {name}` has worked to {cache.cache_dir()}, or name the copy with EFFKIT_CACHE; "
        f"or {by_hand} and fetch again. Each file is checked against its SHA-256 all the same."
    )


def _stage(source: Source, name: str, entry: Entry, *, progress: bool, offline: bool) -> Mapping[str, Path]:
    """Verified files of this entry, and of others that came along, each in a folder."""
    if isinstance(source, LocalSource):
        return {name: _stage_local(source, name, entry)}
    if offline:
        raise FetchError("not asked, because the fetch was offline")
    if isinstance(source, HubSource):
        from effkit.catalogue.hub import stage_hub

        folder = cache.staging_folder(name)
        stage_hub(source, entry, folder, progress=progress)
        return {name: folder}
    if isinstance(source, CarrierSource):
        from effkit.catalogue.carriers import stage_carrier

        return stage_carrier(source, name, _sharing(source, name), entry, progress=progress)
    assert isinstance(source, BundledSource)
    raise FetchError("comes with scikit-learn and has no files")


def _sharing(source: CarrierSource, name: str) -> dict[str, tuple[Entry, CarrierSource]]:
    """Entries not yet here that the same archives serve, so that these are downloaded once."""
    known: dict[str, Entry] = {**entries.models(), **entries.tasks()}
    return {
        each: (entry, other)
        for each, entry in known.items()
        for other in entry.sources
        if each != name
        and isinstance(other, CarrierSource)
        and other.archives == source.archives
        and not _is_complete(each, entry)
    }


def _stage_local(source: LocalSource, name: str, entry: Entry) -> Path:
    origin = _origin(source, entry)
    folder = cache.staging_folder(name)
    for file in entry.files:
        (folder / file.name).parent.mkdir(parents=True, exist_ok=True)
        # Copied first and hashed after: what was checked is then what is kept.
        shutil.copyfile(origin / file.name, folder / file.name)
        cache.hash_file(folder, file, fix=f"put the right one into {origin}")
    return folder


def _origin(source: LocalSource, entry: Entry) -> Path:
    """The folder that holds an entry's files.

    Raises:
        FetchError: A variable that names it is not set, or a file is not there.
    """
    unset = [v for v in re.findall(r"\$\{?(\w+)", source.path) if not os.environ.get(v)]
    if unset:
        raise FetchError(f"{', '.join(unset)} is not set")
    origin = Path(os.path.expandvars(source.path)).expanduser().absolute()
    for file in entry.files:
        if not (origin / file.name).is_file():
            raise FetchError(f"{origin / file.name} does not exist")
    return origin
