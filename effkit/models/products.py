"""Products: what making a candidate leaves behind, cached by what determines it.

A product is a folder whose `making.json` is written last: complete is one file's existence.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from effkit.hashing import sha256_of
from effkit.models.base import MANIFEST, Meter

OPTIMISED = "encoder"
"""Folder of a product that holds the encoder where it is not as published."""


@contextmanager
def unmetered() -> Iterator[dict[str, Any]]:
    """A meter for steps whose cost nobody asks for."""
    yield {"time_s": 0.0, "energy_j": None, "rank": None}


class Products:
    """The cached products, and what making each of those used here has cost.

    Args:
        root: folder of all products.
        meter: measures time and energy of a step that really runs.
    """

    def __init__(self, root: Path, meter: Meter) -> None:
        self._root = root
        self._meter = meter
        self.used: list[dict[str, Any]] = []

    def make(self, key: str, step: str, items: int, write: Callable[[Path], None]) -> Path:
        """Return the folder of a product, making it first where there is none.

        Args:
            key: hash of all that determines it.
            step: what is done, in a few words, for the record.
            items: how many items the step works on.
            write: fills an empty folder.

        Raises:
            ValueError: when a cached file is not the one that was written.
        """
        folder = self._folder(key)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            making = _manifest(folder)
            reused = making is not None
            if making is None:
                self._write(folder, step, items, write)
                making = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        for name, digest in making.pop("sha256").items():
            if sha256_of(folder / name) != digest:
                raise ValueError(f"{folder / name} is not the file that was written there; delete {folder}.")
        self.used.append({**making, "reused": reused, "product": key})
        return folder

    def _folder(self, key: str) -> Path:
        return self._root / key[:2] / key

    def _write(self, folder: Path, step: str, items: int, write: Callable[[Path], None]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        staging = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
        try:
            with self._meter() as reading:
                write(staging)
            names = sorted(path.relative_to(staging).as_posix() for path in staging.rglob("*") if path.is_file())
            hashes = {name: sha256_of(staging / name) for name in names}
            making = {"step": step, "items": items, **reading, "sha256": hashes}
            (staging / MANIFEST).write_text(json.dumps(making, indent=1), encoding="utf-8")
            staging.replace(folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def link(source: Path, place: Path) -> None:
    """Give a product the files of another; they are never changed, so that they need not lie there twice."""
    ignored = shutil.ignore_patterns(MANIFEST)
    try:
        shutil.copytree(source, place, ignore=ignored, copy_function=os.link)
    except (OSError, shutil.Error):  # a file system without hard links
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(source, place, ignore=ignored)


def _manifest(folder: Path) -> dict[str, Any] | None:
    """What a product's last file says; None where it is not whole, as after a power cut or a copy that was cut off."""
    try:
        found: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found if all((folder / name).is_file() for name in found["sha256"]) else None
