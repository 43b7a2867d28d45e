"""Addresses of stores, and the mirror that each has on this host."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from effkit.catalogue.cache import cache_dir

MIRROR = ".mirror.json"
"""In a mirror: the store's address and a name for this mirror, which no other has."""
UNSENT = ".unsent"
"""In the folder of a run or an attempt that the store has not got yet, or not wholly."""
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/{1,2}(?=[^/])(.*)", re.DOTALL)  # a Path makes `s3:/` of `s3://`


@dataclass(frozen=True)
class Address:
    """Where a store keeps results.

    Attributes:
        protocol: as fsspec knows it.
        path: bucket and folder, without a slash at either end.
    """

    protocol: str
    path: str

    def __str__(self) -> str:
        return f"{self.protocol}://{self.path}"

    def above(self, steps: int) -> Address:
        """The address so many folders further up."""
        return Address(self.protocol, "/".join(self.path.split("/")[:-steps])) if steps else self


@dataclass(frozen=True)
class Mirror:
    """The folder of this host that stands for an address.

    Attributes:
        folder: laid out as any results folder.
        name: that no other mirror has.
    """

    folder: Path
    address: Address
    name: str


def parse(text: str | Path) -> Address | None:
    """Read an address; None where it is the path of a folder.

    Raises:
        ValueError: when credentials are written into it, or a key and no folder.
    """
    found = _ADDRESS.fullmatch(str(text))
    if found is None or found[1] == "file":
        return None
    if found[1] == "memory":
        raise ValueError("memory:// is gone with the process that writes it: give a store or a folder.")
    protocol, path = found[1], re.sub("/+", "/", found[2]).strip("/")
    if re.search(r"[?#]|:.*@", path) or path.startswith("@"):
        raise ValueError(
            f"A {protocol}:// address was given with more in it than a bucket and a folder: write no credentials or "
            "options into it. They are read from the environment, as the store's own tools do."
        )
    if not path or {".", ".."} & set(path.split("/")):
        raise ValueError(f"{protocol}:// wants a bucket and a folder, as in {protocol}://bucket/results.")
    return Address(protocol, path)


def mirror(address: Address) -> Mirror:
    """Return an address's mirror, made where there is none yet; several processes may ask at once."""
    folder = cache_dir() / "stores" / hashlib.sha256(str(address).encode()).hexdigest()[:16]
    if (found := mirror_at(folder)) is not None:
        return found
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{MIRROR}.{uuid4().hex}"  # hosts that share the folder may have one process number
    draft.write_text(json.dumps({"address": str(address), "name": secrets.token_hex(8)}), encoding="utf-8")
    with suppress(FileExistsError):  # another was first
        os.link(draft, folder / MIRROR)
    draft.unlink(missing_ok=True)
    found = mirror_at(folder)
    assert found is not None
    return found


def mirror_at(folder: Path) -> Mirror | None:
    """Return the mirror that a folder is; None for any other results folder."""
    try:
        said = json.loads((folder / MIRROR).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    address = parse(said["address"])
    assert address is not None
    return Mirror(folder, address, said["name"])


def mark_unsent(folder: Path) -> None:
    """Note that a run or an attempt is to be sent, where its results folder is a mirror."""
    if mirror_at(folder.parents[1]) is not None:
        (folder / UNSENT).touch()


def shown(path: Path) -> str:
    """How people are told of a folder: by its address where it lies in a mirror."""
    for folder in (path, *path.parents[:2]):
        if (found := mirror_at(folder)) is not None:
            below = path.relative_to(folder).as_posix()
            return str(found.address) + ("" if below == "." else f"/{below}")
    return str(path)
