"""Sentence encoders: a Sentence Transformers folder, frozen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from effkit.models import networks, surgery
from effkit.models.fronts import IDS, MASK, write_tokeniser
from effkit.models.networks import Traceable
from effkit.spec import SpecError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

OUTPUT = "sentence_embedding"


class SentenceEncoder:
    """Texts to embeddings, in 32-bit floats unless a technique says otherwise.

    Args:
        folder: verified files of a Sentence Transformers model; nothing is asked of a hub.
        settings: `max_tokens`, beyond which a text is cut; `attention`; `compile`; `padding`; and what
            `networks.made_ready` reads.
    """

    batch = 32
    learning_rate = 1e-4

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        network = networks.made_ready(surgery.open_sentences(folder), settings)
        if "attention" in settings:
            _set_attention(network[0].auto_model, settings["attention"])
        if settings.get("compile"):
            _compile(network[0].auto_model)
        self.network: SentenceTransformer = network
        if "max_tokens" in settings:
            self.network.max_seq_length = int(settings["max_tokens"])
        self._integers = "integers" in settings or settings.get("on_gpu") in ("fp8", "int4")
        self._to_the_full = settings.get("padding") == "fixed"

    def size(self, item: str) -> int:
        """Return what the time of an item grows with, so that like items share a batch."""
        return len(item)

    def prepare(self, items: list[str]) -> dict[str, Any]:
        """Tokenise, cut and pad: to the longest, or to the most tokens that there may be."""
        prepared: dict[str, Any] = self.network.preprocess(items)
        return self._padded(prepared) if self._to_the_full else prepared

    def embed(self, prepared: dict[str, Any]) -> NDArray[np.float32]:
        """Return (n, dimensions) embeddings."""
        import torch

        with torch.inference_mode():
            return networks.to_array(self.forward(prepared))

    def forward(self, prepared: dict[str, Any]) -> Tensor:
        """Return (n, dimensions) embeddings through which weights can learn."""
        embedded: Tensor = self.network(networks.on_device(prepared))[OUTPUT]
        return embedded

    def trainable(self) -> list[Tensor]:
        """Return the weights that learn.

        The word embeddings, half of a small encoder, stay as published: training them takes most of the time and
        changes little.
        """
        transformer: Any = self.network[0].auto_model
        for each in transformer.embeddings.parameters():
            each.requires_grad_(False)
        return [each for each in self.network.parameters() if each.requires_grad]

    def count(self) -> tuple[int, int]:
        """Count parameters, and bytes of weights in memory."""
        return networks.parameters(self.network), networks.tensor_bytes(self.network)

    def flops(self, item: str) -> float | None:
        """Count operations of one text; None for integers, which are no floating-point arithmetic.

        Attention is counted in its eager kind: the counter does not see the fused one on a CPU.
        """
        if self._integers:
            return None
        with self.eager():
            return networks.flops(lambda: self.network(networks.on_device(self.prepare([item]))))

    @contextmanager
    def eager(self) -> Iterator[None]:
        """Run attention in its eager kind, which the counter of operations sees on a CPU, and nothing compiled."""
        transformer: Any = self.network[0].auto_model
        usual, compiled = transformer.config._attn_implementation, transformer.__dict__.pop("forward", None)
        transformer.set_attn_implementation("eager")
        try:
            yield
        finally:
            transformer.set_attn_implementation(usual)
            if compiled is not None:
                transformer.forward = compiled

    def traceable(self) -> Traceable:
        """Return the network as it can be traced: tokens and their mask to the embedding."""
        import torch

        class Whole(torch.nn.Module):
            def __init__(self, network: SentenceTransformer) -> None:
                super().__init__()
                self.network = network

            def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
                embedded: Tensor = self.network({IDS: ids, MASK: mask})[OUTPUT]
                return embedded

        # Of two lengths, so that padding is part of what is traced.
        sample = self.network.preprocess(["a short text", "and a text that is a good deal longer than the other"])
        inputs = {name: sample[name] for name in (IDS, MASK)}
        return Traceable(Whole(self.network), inputs, {name: {1: "tokens"} for name in inputs})

    def write_front(self, folder: Path) -> dict[str, Any]:
        """Write the tokeniser."""
        return write_tokeniser(self.network, folder)

    def _padded(self, prepared: dict[str, Any]) -> dict[str, Any]:
        from torch.nn.functional import pad

        missing = int(self.network.max_seq_length or 0) - prepared[IDS].shape[1]
        filled = {IDS: self.network.tokenizer.pad_token_id, MASK: 0, "token_type_ids": 0}
        return {
            name: pad(value, (0, missing), value=filled[name]) if name in filled else value
            for name, value in prepared.items()
        }


def _compile(transformer: Any) -> None:
    """Compile what is called: Sentence Transformers asks for `forward` by name, past what `Module.compile` compiles."""
    import torch

    transformer.forward = torch.compile(transformer.forward, dynamic=True)


def _set_attention(transformer: Any, kernel: str) -> None:
    """Set it, or refuse: transformers only warns where a model has no such kernel, and goes on with its own."""
    transformer.set_attn_implementation(kernel)
    taken = transformer.config._attn_implementation
    if taken != kernel:
        raise SpecError(
            f"`attention` asks for {kernel}, and {type(transformer).__name__} has no attention but {taken} in this "
            "version of transformers: leave `attention` out."
        )
