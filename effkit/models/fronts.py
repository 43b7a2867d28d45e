"""What stands before a graph: texts to tokens, images to pixels, without PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from effkit.models.images import ImageInput

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TOKENIZER = "tokenizer.json"
IDS, MASK, PIXELS = "input_ids", "attention_mask", "pixels"
Feed = dict[str, NDArray[Any]]
"""A graph's inputs by name, one row an item."""


class Front(Protocol):
    """Raw items to a graph's inputs."""

    def size(self, item: Any) -> int:
        """Return what the time of an item grows with, so that like items share a batch."""
        ...

    def prepare(self, items: list[Any]) -> Feed:
        """Turn items into the graph's inputs."""
        ...


class TokenFront:
    """Texts to tokens.

    Args:
        folder: where `write_tokeniser` wrote.
        facts: what it returned.
        settings: `max_tokens`, beyond which a text is cut; `padding`, to the longest text unless it is "fixed".
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        from tokenizers import Tokenizer

        most = int(settings.get("max_tokens", facts["max_tokens"]))
        self._tokeniser = Tokenizer.from_file(str(folder / TOKENIZER))
        self._tokeniser.enable_truncation(most)
        length = most if settings.get("padding") == "fixed" else None
        self._tokeniser.enable_padding(pad_id=facts["pad_id"], pad_token=facts["pad_token"], length=length)

    def size(self, item: str) -> int:
        """Return the length of a text."""
        return len(item)

    def prepare(self, items: list[str]) -> Feed:
        """Tokenise, cut and pad."""
        encoded = self._tokeniser.encode_batch(items)
        ids = np.array([each.ids for each in encoded], np.int64)
        return {IDS: ids, MASK: np.array([each.attention_mask for each in encoded], np.int64)}


class PixelFront:
    """Images to pixels.

    Args:
        settings: of the encoder, as `ImageInput.of` reads them.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._images = ImageInput.of(settings)

    def size(self, item: bytes) -> int:
        """Return what the time of an item grows with: all images are resized to one size."""
        return 0

    def prepare(self, items: list[bytes]) -> Feed:
        """Decode, resize and normalise."""
        return {PIXELS: self._images.array(self._images.pixels(items))}


def write_tokeniser(network: SentenceTransformer, folder: Path) -> dict[str, Any]:
    """Write an encoder's tokeniser, and return what `TokenFront` must know beside it."""
    tokeniser = network.tokenizer
    tokeniser.backend_tokenizer.save(str(folder / TOKENIZER))
    return {
        "max_tokens": network.max_seq_length,
        "pad_id": tokeniser.pad_token_id,
        "pad_token": tokeniser.pad_token,
    }


def front(folder: Path, facts: Mapping[str, Any], settings: Mapping[str, Any]) -> Front:
    """Open what stands before the graph in a folder."""
    return TokenFront(folder, facts, settings) if (folder / TOKENIZER).exists() else PixelFront(settings)
