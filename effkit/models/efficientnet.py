"""EfficientNet-Lite (Tan & Le, 2019) without its classifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


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
    """Build the network and read its published weights.

    Args:
        weights: folder of the one verified `.pth`.
        variant: as in `network`.
        resolution: as in `network`.
    """
    import torch

    (file,) = weights.glob("*.pth")
    state = torch.load(file, map_location="cpu", weights_only=True)
    model = network(variant, resolution)
    model.load_state_dict({name: tensor for name, tensor in state.items() if not name.startswith("_fc.")})
    return model
