"""The folder that holds verified files, and the check that they still are what they were.

Layout::

    <cache>/models/<name>/…          the files of a model, and manifest.json written last
    <cache>/tasks/<name>/…           the files of a task, likewise
    <cache>/.downloads/<hash>/…      downloads under way; ``.part`` ones are continued
    <cache>/.staging/…               entries being unpacked; whatever lies here is left over
    <cache>/.lock                    held by the one process that changes the cache

An entry is complete exactly when its manifest exists and names the hashes of the catalogue.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from platformdirs import user_cache_dir
from pydantic import BaseModel, ConfigDict, ValidationError

from effkit.catalogue.entries import Entry, ModelEntry
from effkit.catalogue.errors import FetchError, HashMismatch
from effkit.catalogue.sources import File
from effkit.hashing import sha256_of

MANIFEST = "manifest.json"


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    sha256: str
    bytes: int
    mtime_ns: int


class Manifest(BaseModel):
    """What lies in a complete entry's folder.

    Attributes:
        source: Which source gave the files.
        files: Hash, size in bytes and time of change of each file, by name.
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
    """Where the files of an entry lie once they are fetched."""
    return cache_dir() / ("models" if isinstance(entry, ModelEntry) else "tasks") / name


def read_manifest(folder: Path, entry: Entry) -> Manifest | None:
    """The manifest of a complete entry; ``None`` where it is absent, broken or out of date."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return None
    wanted = {file.name: file.sha256 for file in entry.files}
    return manifest if wanted == {n: k.sha256 for n, k in manifest.files.items()} else None


def check_file(folder: Path, file: File, manifest: Manifest) -> Path:
    """Make sure that one cached file is the pinned one.

    Size and time of change as in the manifest are taken as proof; otherwise it is hashed.

    Raises:
        FetchError: The file is gone.
        HashMismatch: The file was changed.
    """
    path = folder / file.name
    kept = manifest.files[file.name]
    try:
        found = path.stat()
    except FileNotFoundError:
        raise FetchError(f"{path} is gone although its manifest lists it; delete {folder} and fetch again") from None
    if (found.st_size, found.st_mtime_ns) != (kept.bytes, kept.mtime_ns):
        hash_file(folder, file)
    return path


def hash_file(folder: Path, file: File) -> None:
    """Hash one file and compare.

    Raises:
        HashMismatch: It is not the pinned one.
    """
    got = sha256_of(folder / file.name)
    if got != file.sha256:
        raise HashMismatch.of(
            str(folder / file.name),
            expected=file.sha256,
            got=got,
            fix=f"delete {folder} and fetch again",
        )


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
    kept = {}
    for file in entry.files:
        found = (folder / file.name).stat()
        kept[file.name] = _Kept(sha256=file.sha256, bytes=found.st_size, mtime_ns=found.st_mtime_ns)
    manifest = Manifest(source=source, files=kept)
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
