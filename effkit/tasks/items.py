"""The items of a task: as values, as the bytes of a request, and how many of them come twice."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE = 4096
"""Items that are held as values at a time."""


class Items(Sequence[Any]):
    """The items of a task as Python values: a text, the bytes of an image, or a mapping of columns.

    Rows are read from the memory-mapped table when they are asked for.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table.combine_chunks()
        self._single = table.num_columns == 1

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        return self.take([index])[0]

    def take(self, indices: Iterable[int] | NDArray[np.int64]) -> list[Any]:
        """Return the items at `indices`, in that order."""
        import pyarrow as pa

        rows = self._table.take(pa.array(np.asarray(list(indices), dtype=np.int64)))
        taken: list[Any] = rows.column(0).to_pylist() if self._single else rows.to_pylist()
        return taken


def request(item: Any) -> bytes:
    """Return an item as it would be sent: the bytes of an image, UTF-8 text or compact JSON."""
    if isinstance(item, bytes):
        return item
    return (item if isinstance(item, str) else _json(item)).encode()


def count_repeated(items: Items, fit: NDArray[np.int64], test: NDArray[np.int64]) -> int:
    """Return how many test items an item to fit repeats: requests that are the same to the last byte.

    Args:
        items: of the task; labels are no part of them.
        fit: which are learnt from.
        test: which are tested on.
    """
    asked = list(_digests(items, test))
    wanted = set(asked)
    seen = {each for each in _digests(items, fit) if each in wanted}
    return sum(each in seen for each in asked)


def _digests(items: Items, indices: NDArray[np.int64]) -> Iterator[bytes]:
    for start in range(0, len(indices), AT_ONCE):
        for item in items.take(indices[start : start + AT_ONCE]):
            yield hashlib.blake2b(request(item), digest_size=16).digest()


def _json(item: Any) -> str:
    return json.dumps(item, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    """What JSON has no word for, as a request would carry it: bytes in base 64, numbers, moments as text."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.item() if isinstance(value, np.generic) else str(value)
