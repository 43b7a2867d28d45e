"""Take named members out of an archive, and nothing else."""

from __future__ import annotations

import fnmatch
import hashlib
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from effkit.catalogue.errors import FetchError, HashMismatch
from effkit.catalogue.sources import File

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Want:
    """One member to take out.

    Attributes:
        member: Its path in the archive, or a glob that matches exactly one.
        file: What its bytes must be; ``None`` for a piece of a larger archive, whose hash is
            checked once the whole is unpacked.
        target: Where it goes. The archive has no say in it.
    """

    member: str
    file: File | None
    target: Path


@dataclass(frozen=True)
class _Member:
    name: str
    regular: bool
    size_bytes: int
    open: Callable[[], IO[bytes]]


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[_Member]]:
    """Walk through an archive in its own order, reading no member that is not asked for."""
    if archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as zipped:
            yield (
                _Member(
                    info.filename,
                    not info.is_dir() and not stat.S_ISLNK(info.external_attr >> 16),
                    info.file_size,
                    lambda info=info: zipped.open(info),  # type: ignore[misc]
                )
                for info in zipped.infolist()
            )
    else:
        with tarfile.open(archive) as tarred:
            yield (
                _Member(
                    info.name,
                    info.isreg(),
                    info.size,
                    lambda info=info: tarred.extractfile(info),  # type: ignore[misc,arg-type]
                )
                for info in tarred
            )


def _refuse_unsafe(member: _Member, want: Want) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name:
        raise FetchError(f"the archive's member {member.name!r} points outside it; refused")
    if not member.regular:
        raise FetchError(f"the archive's member {member.name!r} is not a plain file; refused")
    expected = want.file.bytes if want.file else None
    if expected is not None and member.size_bytes != expected:
        raise FetchError(
            f"the archive's member {member.name!r} has {member.size_bytes} bytes, the catalogue "
            f"expects {expected}; refused"
        )


def _take(member: _Member, want: Want) -> None:
    _refuse_unsafe(member, want)
    want.target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with member.open() as source, want.target.open("wb") as target:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            target.write(chunk)
    if want.file and digest.hexdigest() != want.file.sha256:
        want.target.unlink()
        raise HashMismatch.of(
            f"member {member.name}",
            expected=want.file.sha256,
            got=digest.hexdigest(),
            fix="nothing of it was kept",
        )


def _matches(name: str, pattern: str) -> bool:
    return name == pattern or fnmatch.fnmatchcase(name, pattern)


def unpack(archive: Path, wants: Sequence[Want]) -> dict[Path, FetchError]:
    """Take members out of a wheel, a zip or a tar archive.

    Args:
        archive: The archive, told apart by its suffix.
        wants: What to take, each to its own target.

    Returns:
        Why a target could not be had, by target; empty when all are there.

    Raises:
        FetchError: The archive itself cannot be read.
    """
    taken: dict[Path, str] = {}
    failed: dict[Path, FetchError] = {}
    # Globs must see every member to be sure that they match one; plain names may stop early,
    # which saves most of the time on a large source archive.
    stop_early = not any(set("*?[") & set(want.member) for want in wants)
    try:
        with _members(archive) as members:
            for member in members:
                for want in wants:
                    if want.target in failed or not _matches(member.name, want.member):
                        continue
                    if want.target in taken:
                        failed[want.target] = FetchError(
                            f"{want.member!r} matches both {taken[want.target]!r} and "
                            f"{member.name!r} in {archive.name}; write a path that matches one"
                        )
                        want.target.unlink(missing_ok=True)
                        continue
                    try:
                        _take(member, want)
                    except FetchError as error:
                        failed[want.target] = error
                    else:
                        taken[want.target] = member.name
                if stop_early and len(taken) + len(failed) == len(wants):
                    break
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise FetchError(f"{archive.name} cannot be read as an archive: {error}") from error
    for want in wants:
        if want.target not in taken and want.target not in failed:
            failed[want.target] = FetchError(f"{archive.name} has no member {want.member!r}")
    return failed
