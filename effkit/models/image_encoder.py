"""Image encoders: a convolutional network without its classifier, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from effkit.models import networks
from effkit.models.fronts import PIXELS
from effkit.models.images import ImageInput
from effkit.models.networks import Traceable

if TYPE_CHECKING:
    from torch import Tensor, nn


MOMENTUM = 0.1
"""Share of a batch in the means that batch norms keep: there are some dozens of batches to learn them from."""


class ImageEncoder:
    """Images to embeddings.

    Args:
        network: (n, 3, h, w) to (n, dimensions), its weights loaded.
        settings: how it wants its images; `precision`; `compile`; `transforms` of the loaded module.
    """

    batch = 32
    learning_rate = 1e-3

    def __init__(self, network: nn.Module, settings: Mapping[str, Any]) -> None:
        self._precision = networks.precision(settings)
        self.network = networks.made_ready(network, settings)
        if settings.get("compile"):
            self.network.compile()
        self._images = ImageInput.of(settings)

    def size(self, item: bytes) -> int:
        """Return what the time of an item grows with: all images are resized to one size."""
        return 0

    def prepare(self, items: list[bytes]) -> Tensor:
        """Decode, resize and normalise."""
        return self._images.prepare(items)

    def embed(self, prepared: Tensor) -> NDArray[np.float32]:
        """Return (n, dimensions) embeddings."""
        import torch

        with torch.inference_mode():
            return networks.to_array(self.forward(prepared))

    def forward(self, prepared: Tensor) -> Tensor:
        """Return (n, dimensions) embeddings through which weights can learn."""
        embedded: Tensor = self.network(networks.on_device(prepared).to(self._precision))
        return embedded

    def trainable(self) -> list[Tensor]:
        """Return the weights that learn, all of them.

        Batch norms go by the batch at hand and learn its means anew: what was cut out had moved them.
        """
        from torch import nn

        for each in self.network.modules():
            if isinstance(each, nn.BatchNorm2d):
                each.train()
                each.momentum = MOMENTUM
        return list(self.network.parameters())

    def count(self) -> tuple[int, int]:
        """Count parameters, and bytes of weights in memory."""
        return networks.parameters(self.network), networks.tensor_bytes(self.network)

    def flops(self, item: bytes) -> float:
        """Count the operations of one image."""
        return networks.flops(lambda: self.embed(self.prepare([item])))

    def traceable(self) -> Traceable:
        """Return the network as it can be traced: pixels to the embedding."""
        import torch

        side = self._images.resolution
        return Traceable(self.network, {PIXELS: torch.zeros(2, 3, side, side)}, {PIXELS: {}})

    def write_front(self, folder: Path) -> dict[str, Any]:
        """Write nothing: the settings say how images are made ready. Return the operations of one."""
        import torch

        side = self._images.resolution
        return {"flops": networks.flops(lambda: self.network(torch.zeros(1, 3, side, side)))}
