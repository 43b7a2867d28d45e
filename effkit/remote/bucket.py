"""A store's folder, by the keys below it: the only file that imports fsspec."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from effkit.address import Address
from effkit.patience import within
from effkit.remote.trouble import EXTRAS, code, of_this_host, on_this_host, sentence
from effkit.store import StoreError

ANSWER_WITHIN_S = 20.0
DOOR = ".effkit"
"""Below this nothing lies."""
OPTIONS: dict[str, dict[str, Any]] = {
    # A request that fails is made again by the library, up to so often; one that hangs is given up.
    "s3": {
        "config_kwargs": {
            "connect_timeout": 5,
            "read_timeout": 30,
            "retries": {"mode": "standard", "total_max_attempts": 4},
        }
    },
}
LOUD = ("gcsfs", "azure")
CONFLICTS = 5
"""How often a store may say that another writes the same key at this moment."""


class Bucket:
    """What lies below an address. Every method raises `StoreError` where the store, or this host's disk, refuses."""

    def __init__(self, address: Address) -> None:
        """Connect, and make sure within seconds that somebody answers."""
        self.address = address
        with self._told():
            from fsspec.core import url_to_fs

            for library in LOUD:  # what goes wrong is told in a sentence
                logging.getLogger(library).setLevel(logging.CRITICAL)
            options = OPTIONS.get(EXTRAS.get(address.protocol, ""), {})
            given = {"use_listings_cache": False, "skip_instance_cache": True, **options}

            def knock() -> None:
                self._fs, self._root = url_to_fs(str(address), **given)
                self._fs.find(self._path(DOOR))  # a listing: other requests do not say why they are refused

            within(ANSWER_WITHIN_S, knock)

    def sizes(self, below: str = "") -> dict[str, int]:
        """Every key below a key, with its size in bytes; nothing where there is none."""
        with self._told():
            found = self._fs.find(self._path(below), detail=True)
        start = len(self._root) + 1
        return {path[start:]: int(told["size"]) for path, told in found.items() if told["type"] == "file"}

    def read(self, key: str) -> bytes | None:
        """The bytes of a key; None where there is none."""
        with self._told():
            return self._read(key)

    def write(self, key: str, content: bytes) -> None:
        """Write a key in one step, over whatever it holds."""
        with self._told():
            self._fs.pipe_file(self._path(key), content)

    def create(self, key: str, content: bytes) -> bool:
        """Write a key in one step if it is not there; of several who try at once, one does.

        Returns:
            Whether it holds this content now. It does, too, where an earlier try was done and its answer was lost.
        """
        with self._told():
            for wait in range(CONFLICTS):
                try:
                    self._fs.pipe_file(self._path(key), content, mode="create")
                    return True
                except Exception as error:
                    if "ConditionalRequestConflict" in code(error) and wait < CONFLICTS - 1:
                        time.sleep(0.1 * 2**wait)
                    elif isinstance(error, FileExistsError) or "PreconditionFailed" in code(error):
                        return self._read(key) == content
                    else:
                        raise
        raise AssertionError("the last conflict is raised")

    def upload(self, files: Mapping[str, Path]) -> None:
        """Copy files of this host to keys, several at once."""
        with self._told():
            self._fs.put([str(path) for path in files.values()], [self._path(key) for key in files])

    def download(self, files: Mapping[str, Path]) -> None:
        """Copy keys to files of this host, several at once."""
        with self._told():
            self._fs.get([self._path(key) for key in files], [str(path) for path in files.values()])

    def remove(self, key: str) -> None:
        """Remove a key, if it is there."""
        with self._told():
            try:
                self._fs.rm_file(self._path(key))
            except FileNotFoundError:
                return

    def check_exclusive(self) -> None:
        """Make sure that keys can be written, and that the second of two who create one is refused."""
        key = f".probe/{uuid4().hex}"
        self.create(key, b"first")
        refused = not self.create(key, b"second")
        self.remove(key)
        if not refused:
            raise StoreError(
                f"{self.address} lets two writers create the same file, so two runs could overwrite each other: give "
                "a store that knows conditional writes (If-None-Match), or a folder."
            )

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}" if key else self._root

    def _read(self, key: str) -> bytes | None:
        try:
            return bytes(self._fs.cat_file(self._path(key)))
        except FileNotFoundError:
            return None

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except StoreError:
            raise
        except Exception as error:  # each library has errors of its own
            if isinstance(error, OSError) and of_this_host(error):
                raise StoreError(on_this_host(error)) from error
            raise StoreError(sentence(error, self.address)) from None
