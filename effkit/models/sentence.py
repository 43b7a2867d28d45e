"""Sentence encoders: a Sentence Transformers folder, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from effkit.models import networks

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class SentenceEncoder:
    """Texts to embeddings, in 32-bit floats unless a technique says otherwise.

    Args:
        folder: verified files of a Sentence Transformers model; nothing is asked of a hub.
        settings: `max_tokens`, beyond which a text is cut; `precision`; `transforms` of the loaded module.
    """

    batch = 32

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        from sentence_transformers import SentenceTransformer

        network = SentenceTransformer(str(folder), device="cpu", local_files_only=True).eval()
        network = networks.transformed(network, settings).to(networks.precision(settings))
        self.network: SentenceTransformer = networks.on_device(network)
        if "max_tokens" in settings:
            self.network.max_seq_length = int(settings["max_tokens"])

    def size(self, item: str) -> int:
        """Return what the time of an item grows with, so that like items share a batch."""
        return len(item)

    def prepare(self, items: list[str]) -> dict[str, Any]:
        """Tokenise, cut and pad to the longest."""
        return self.network.preprocess(items)

    def embed(self, prepared: dict[str, Any]) -> NDArray[np.float32]:
        """Return (n, dimensions) embeddings."""
        import torch

        with torch.inference_mode():
            return networks.to_array(self.network(networks.on_device(prepared))["sentence_embedding"])

    def count(self) -> tuple[int, int]:
        """Count parameters, and bytes of weights in memory."""
        return networks.parameters(self.network), networks.tensor_bytes(self.network)

    def flops(self, item: str) -> float:
        """Count operations of one text with eager attention: the counter does not see the fused kind on a CPU."""
        transformer: Any = self.network[0].auto_model
        usual = transformer.config._attn_implementation
        transformer.set_attn_implementation("eager")
        try:
            return networks.flops(lambda: self.network(networks.on_device(self.prepare([item]))))
        finally:
            transformer.set_attn_implementation(usual)
