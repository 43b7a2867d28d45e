"""The folder that holds fetched files, and the check that they are the pinned ones.

Layout::

    <cache>/models/<name>/…          the files of a model, and manifest.json written last
    <cache>/tasks/<name>/…           the files of a task, likewise; of one's own entries `<name>-<hash>`
    <cache>/.downloads/<hash>/…      downloads under way; ``.part`` ones are continued
    <cache>/.staging/…               entries being unpacked; whatever lies here is left over
    <cache>/.lock                    held by the one process that changes the cache

An entry is complete exactly when its manifest exists and names the hashes of the catalogue. What its
files are today, their own hashes tell.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

from platformdirs import user_cache_dir
from pydantic import BaseModel, ConfigDict, ValidationError

from effkit.catalogue.entries import Entry, ModelEntry, shipped
from effkit.catalogue.errors import FetchError, HashMismatch
from effkit.catalogue.sources import File
from effkit.hashing import sha256_of

MANIFEST = "manifest.json"


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)  # older ones say more of a file

    sha256: str


class _Manifest(BaseModel):
    """What lies in a complete entry's folder.

    Attributes:
        source: Which source gave the files.
        files: Hash of each file, by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    source: str
    files: dict[str, _Kept]


def cache_dir() -> Path:
    """The folder in which fetched files are kept.

    ``EFFKIT_CACHE`` names it; otherwise it is the user's cache folder of this platform. It is absolute.
    """
    named = os.environ.get("EFFKIT_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    return Path(user_cache_dir("effkit", appauthor=False))


def entry_folder(name: str, entry: Entry) -> Path:
    """Where the files of an entry lie once they are fetched.

    Two catalogues of one's own may call two things by one name: there the files' hashes are part of the place, so
    that nothing is exchanged under a run that is under way.
    """
    place = cache_dir() / ("models" if isinstance(entry, ModelEntry) else "tasks")
    if name in shipped():
        return place / name
    files = sorted(f"{file.name} {file.sha256}" for file in entry.files)
    return place / f"{name}-{hashlib.sha256(repr(files).encode()).hexdigest()[:12]}"


def is_complete(folder: Path, entry: Entry) -> bool:
    """Whether a manifest says that the entry's files are there; of their bytes it proves nothing."""
    try:
        manifest = _Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return False
    return {file.name: file.sha256 for file in entry.files} == {n: k.sha256 for n, k in manifest.files.items()}


def hash_file(folder: Path, file: File, *, fix: str) -> None:
    """Hash one file and compare.

    Args:
        folder: Of the entry.
        file: Its declaration.
        fix: What the reader can do where it is another, as a clause.

    Raises:
        FetchError: It is gone, or cannot be read.
        HashMismatch: It is not the pinned one.
    """
    path = folder / file.name
    try:
        got = sha256_of(path)
    except OSError as error:
        raise FetchError(f"{path} cannot be read ({error.strerror}): {fix}") from error
    if got != file.sha256:
        raise HashMismatch.of(str(path), expected=file.sha256, got=got, fix=fix)


def refuse_others(folder: Path, entry: Entry) -> None:
    """Refuse what lies in an entry's folder and is none of its files: whatever loads the folder would load it too.

    Args:
        folder: Of the entry.
        entry: Its declaration.

    Raises:
        FetchError: Something does.
    """
    known = {MANIFEST, *(file.name for file in entry.files)}
    there = [path for path in folder.rglob("[!.]*") if path.is_symlink() or not path.is_dir()]  # a desktop leaves `.…`
    others = sorted(path.relative_to(folder).as_posix() for path in there)
    if others := [name for name in others if name not in known]:
        raise FetchError(f"{folder} also has {', '.join(others)}, which the catalogue does not list: delete that there")


def publish(staged: Path, folder: Path, entry: Entry, source: str) -> None:
    """Move a staged entry to its place, the manifest last.

    Args:
        staged: A folder on the same disk whose files were verified as they were written.
        folder: Where the entry belongs; an outdated one there is replaced.
        entry: The declaration.
        source: Which source gave the files, for the manifest.
    """
    if folder.exists():
        # Incomplete or of an older catalogue: out of the way in one step, then removed.
        outdated = staged.with_name(staged.name + ".outdated")
        folder.replace(outdated)
        shutil.rmtree(outdated)
    folder.parent.mkdir(parents=True, exist_ok=True)
    staged.replace(folder)
    manifest = _Manifest(source=source, files={file.name: _Kept(sha256=file.sha256) for file in entry.files})
    draft = folder / f"{MANIFEST}.part"
    draft.write_text(json.dumps(manifest.model_dump(), indent=1) + "\n", encoding="utf-8")
    draft.replace(folder / MANIFEST)


def remove_leftovers() -> None:
    """Delete what an interrupted fetch left in the staging folder. Call it under the lock."""
    shutil.rmtree(cache_dir() / ".staging", ignore_errors=True)


def staging_folder(name: str) -> Path:
    """A new, empty folder for one entry."""
    folder = cache_dir() / ".staging" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def download_path(sha256: str, filename: str) -> Path:
    """Where a download of that hash is kept until it is used."""
    folder = cache_dir() / ".downloads" / sha256[:16]
    folder.mkdir(parents=True, exist_ok=True)
    return folder / Path(filename).name
