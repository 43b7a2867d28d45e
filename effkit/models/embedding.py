"""Embeddings as products: kept in chunks, keyed by the encoder and by what is embedded.

Fewer labels reuse a prefix of them, and every head on one encoder shares those of the test items.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from effkit.models import networks, originals
from effkit.models.base import Recipe, product_key
from effkit.models.heads import HEAD_SETTINGS
from effkit.models.products import Products

BOUNDARIES = (0, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
"""Embeddings are stored in chunks that end here, so that the usual label counts share them."""


class Embeds(Protocol):
    """What embedding takes of an encoder."""

    @property
    def batch(self) -> int:
        """How many items to embed together."""
        ...

    def size(self, item: Any) -> int:
        """Return what the time of an item grows with."""
        ...

    def prepare(self, items: list[Any]) -> Any:
        """Turn raw items into the network's input."""
        ...

    def embed(self, prepared: Any) -> NDArray[np.float32]:
        """Return (n, dimensions) embeddings."""
        ...


class Embedder:
    """Embeds items in cached chunks, and loads the encoder only where one is missing.

    Args:
        recipe: of the encoder.
        folder: where it lies.
        identity: hash of what its steps made of it; empty where it is as published.
        products: the cache.
        load: recipe and folder to the encoder; the PyTorch module when not given.
    """

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        identity: str,
        products: Products,
        load: Callable[[Recipe, Path], Embeds] = originals.original,
    ) -> None:
        self._recipe, self._folder, self._identity = recipe, folder, identity
        self._products, self._load = products, load

    @cached_property
    def _encoder(self) -> Embeds:
        return self._load(self._recipe, self._folder)

    def of(self, items: Sequence[Any], what: str) -> NDArray[np.float32]:
        """Return (n, dimensions) embeddings of all items."""
        ends = [end for end in BOUNDARIES if end < len(items)] + [len(items)]
        chunks = [
            self._chunk(list(items[start:stop]), f"embed {what} {start}–{stop}") for start, stop in pairwise(ends)
        ]
        return np.concatenate(chunks)

    def _chunk(self, items: list[Any], step: str) -> NDArray[np.float32]:
        recipe = self._recipe
        settings: Mapping[str, Any] = {
            key: value for key, value in recipe.settings.items() if key not in (*HEAD_SETTINGS, "steps")
        }
        facts: list[Any] = [recipe.builder, dict(recipe.weights_sha256), settings, content(items)]
        if recipe.settings.get("steps"):
            facts.append(self._identity)
        key = product_key(*facts, *networks.device_key())

        def write(folder: Path) -> None:
            np.save(folder / "embeddings.npy", embed(self._encoder, items))

        stored: NDArray[np.float32] = np.load(self._products.make(key, step, len(items), write) / "embeddings.npy")
        return stored


def embed(encoder: Embeds, items: Sequence[Any]) -> NDArray[np.float32]:
    """Return (n, dimensions) embeddings, embedded in batches of like size."""
    order = sorted(range(len(items)), key=lambda row: encoder.size(items[row]), reverse=True)
    batches = [order[start : start + encoder.batch] for start in range(0, len(order), encoder.batch)]
    rows = [encoder.embed(encoder.prepare([items[row] for row in batch])) for batch in batches]
    embedded = np.empty((len(items), rows[0].shape[1]), np.float32)
    embedded[order] = np.concatenate(rows)
    return embedded


def content(items: Sequence[str | bytes]) -> str:
    """Hash of texts or images, in order."""
    digest = hashlib.sha256()
    for item in items:
        raw = item if isinstance(item, bytes) else item.encode()
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest()
