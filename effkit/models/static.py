"""Static encoders: one vector a word, whatever stands around it, and a text the mean of its words'."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from effkit.models.sentence import SentenceEncoder

LEAST = 1e-12


def distil(encoder: SentenceEncoder, place: Path, dimensions: int) -> None:
    """Write a table of word vectors: what the encoder says of each word alone, its main directions kept.

    Args:
        encoder: in 32 bits.
        place: an empty folder.
        dimensions: of a vector.
    """
    from model2vec.distill import distill_from_model

    network: Any = encoder.network
    with contextlib.redirect_stderr(io.StringIO()):  # a progress bar
        made = distill_from_model(
            model=network[0].auto_model, tokenizer=network.tokenizer, pca_dims=dimensions, device="cpu"
        )
    made.save_pretrained(place)


class StaticEncoder:
    """Texts to embeddings by a table.

    Args:
        folder: that `distil` wrote.
        settings: `max_tokens`, beyond which a text is cut.
    """

    batch = 256

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        from model2vec import StaticModel

        self._model = StaticModel.from_pretrained(folder)
        self._most = settings.get("max_tokens")

    def size(self, item: str) -> int:
        """Return what the time of an item grows with, so that like items share a batch."""
        return len(item)

    def prepare(self, items: list[str]) -> list[list[int]]:
        """Tokenise and cut."""
        tokens: list[list[int]] = self._model.tokenize(items, max_length=self._most)
        return tokens

    def embed(self, prepared: list[list[int]]) -> NDArray[np.float32]:
        """Return (n, dimensions) embeddings."""
        return np.stack([self._mean(each) for each in prepared])

    def count(self) -> tuple[int, int]:
        """Count parameters, and bytes of the tables in memory."""
        tables = [each for each in (self._model.embedding, self._model.weights) if each is not None]
        return sum(each.size for each in tables), sum(each.nbytes for each in tables)

    def flops(self, item: str) -> float:
        """Count the additions of one text."""
        return float(sum(map(len, self.prepare([item]))) * self._model.embedding.shape[1])

    def _mean(self, tokens: list[int]) -> NDArray[np.float32]:
        """Return the weighted mean of words' vectors, of length one; of no known word it is 0."""
        model = self._model
        if not tokens:
            return np.zeros(model.embedding.shape[1], np.float32)
        rows = tokens if model.token_mapping is None else model.token_mapping[tokens]
        vectors = model.embedding[rows].astype(np.float32)
        if model.weights is not None:
            vectors *= model.weights[tokens][:, None]
        mean = vectors.mean(axis=0)
        unit: NDArray[np.float32] = (mean / max(float(np.linalg.norm(mean)), LEAST)).astype(np.float32)
        return unit
