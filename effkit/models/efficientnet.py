"""EfficientNet-Lite (Tan & Le, 2019) without its classifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from effkit.models import channels

if TYPE_CHECKING:
    from torch import Tensor, nn

STATE = "network.safetensors"
"""Written where a network is no longer as published."""


def network(variant: str, resolution: int) -> nn.Module:
    """Build the network; it maps (n, 3, h, w) to its pooled penultimate features.

    Args:
        variant: `efficientnet-lite0` to `efficientnet-lite4`.
        resolution: of the images; the padding of each layer depends on it.
    """
    from efficientnet_lite_pytorch import EfficientNet
    from torch import nn

    model: nn.Module = EfficientNet.from_name(variant, image_size=resolution)
    model._fc = nn.Identity()
    return model.eval()


def load(weights: Path, variant: str, resolution: int) -> nn.Module:
    """Build the network and read its weights.

    Args:
        weights: folder of the one verified `.pth`, or what `save` wrote.
        variant: as in `network`.
        resolution: as in `network`.
    """
    state = _state(weights)
    model = network(variant, resolution)
    channels.fit_shape(model, state)
    model.load_state_dict(state)
    return model


def save(network: nn.Module, folder: Path) -> None:
    """Write a network of any shape that a cut leaves."""
    from safetensors.torch import save_file

    save_file(network.state_dict(), folder / STATE)


def _state(weights: Path) -> dict[str, Tensor]:
    if (weights / STATE).exists():
        from safetensors.torch import load_file

        return load_file(weights / STATE)
    import torch

    (file,) = weights.glob("*.pth")
    published: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return {name: tensor for name, tensor in published.items() if not name.startswith("_fc.")}
