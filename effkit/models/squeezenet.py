"""SqueezeNet 1.1 (Iandola et al., 2016) without its classifier."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

PICKLE, CONVERTED = "squeezenet_weights.pkl", "network.safetensors"
FIRES = {
    "fire2": (64, 16, 64),
    "fire3": (128, 16, 64),
    "fire4": (128, 32, 128),
    "fire5": (256, 32, 128),
    "fire6": (256, 48, 192),
    "fire7": (384, 48, 192),
    "fire8": (384, 64, 256),
    "fire9": (512, 64, 256),
}
"""Channels of each fire module: in, squeezed, and out of each of its two branches."""


def network() -> nn.Module:
    """Build the network; it maps (n, 3, h, w) to the (n, 512) means of what fire9 gives."""
    import torch
    from torch import nn

    class Fire(nn.Module):
        def __init__(self, inside: int, squeezed: int, out: int) -> None:
            super().__init__()
            self.squeeze1x1 = nn.Conv2d(inside, squeezed, 1)
            self.expand1x1 = nn.Conv2d(squeezed, out, 1)
            self.expand3x3 = nn.Conv2d(squeezed, out, 3, padding=1)
            self.relu = nn.ReLU(inplace=True)

        def forward(self, images: Tensor) -> Tensor:
            squeezed = self.relu(self.squeeze1x1(images))
            joined: Tensor = self.relu(torch.cat([self.expand1x1(squeezed), self.expand3x3(squeezed)], 1))
            return joined

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, stride=2, ceil_mode=True)

    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv1"] = nn.Conv2d(3, 64, 3, stride=2)
    layers["relu1"], layers["pool1"] = nn.ReLU(inplace=True), pool()
    for name, channels in FIRES.items():
        layers[name] = Fire(*channels)
        if name in ("fire3", "fire5"):
            layers[f"pool{name[-1]}"] = pool()
    layers["mean"], layers["flat"] = nn.AdaptiveAvgPool2d(1), nn.Flatten()
    return nn.Sequential(layers).eval()


def convert(weights: Path, folder: Path) -> None:
    """Write the published pickle of arrays as safetensors, without the classifier that is not used here.

    Args:
        weights: folder of the verified pickle.
        folder: where the converted file goes.
    """
    from safetensors.numpy import save_file

    from effkit.catalogue.unpickle import restricted_unpickle  # here: a worker needs no catalogue

    tensors = {}
    for layer, (kernel, bias) in restricted_unpickle(weights / PICKLE).items():
        if layer != "conv10":
            name = layer.replace("/", ".")
            tensors[f"{name}.weight"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))  # HWIO to OIHW
            tensors[f"{name}.bias"] = np.ascontiguousarray(bias)
    save_file(tensors, folder / CONVERTED)


def load(folder: Path) -> nn.Module:
    """Build the network and read the converted weights in `folder`."""
    from safetensors.torch import load_file

    model = network()
    model.load_state_dict(load_file(folder / CONVERTED))
    return model
