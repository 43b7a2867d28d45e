"""Channels: how much of each block of EfficientNet-Lite is left, and how a network of the new shape is read again.

A block widens its input six times, filters each of these channels alone, and narrows them again. Only the wide part
is cut, so that what a block takes and gives, and with it every shortcut, stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

QUANTILES = 64
TOGETHER = 8
"""Channels are kept in multiples of this: kernels compute as many at once, whatever is asked of them."""


def keep_channels(network: nn.Module, step: Mapping[str, Any]) -> None:
    """Keep the strongest of the wide channels, nearly the same share in every block, in place.

    A channel is as strong as what it may be expected to say times the weights with which it is read: no image is
    looked at. The scale of its batch norm alone (Liu et al., 2017, Learning efficient convolutional networks through
    network slimming) would miss that its shift keeps many a channel at 0, and others above it.

    Args:
        network: EfficientNet-Lite.
        step: `keep`, a share.
    """
    for _, block in _widening(network):
        strength = _expected(block._bn1) * block._project_conv.weight.detach().square().sum(dim=(0, 2, 3)).sqrt()
        count = max(1, round(float(step["keep"]) * len(strength) / TOGETHER)) * TOGETHER
        _narrow(block, strength.topk(min(count, len(strength))).indices.sort().values)


def fit_shape(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Give a network the shape of weights that were saved after a cut, in place."""
    import torch

    for name, block in _widening(network):
        _narrow(block, torch.arange(state[f"{name}._project_conv.weight"].shape[1]))


def _widening(network: Any) -> Iterator[tuple[str, Any]]:
    """The blocks that widen their input: all but the first, whose channels are those of the stem."""
    for number, block in enumerate(network._blocks):
        if hasattr(block, "_expand_conv"):
            yield f"_blocks.{number}", block


def _expected(norm: Any) -> Tensor:
    """Root mean square of each channel after a batch norm and ReLU6, taking what the norm gives as normal."""
    import torch

    normal = torch.special.ndtri((torch.arange(QUANTILES, device=norm.weight.device) + 0.5) / QUANTILES)
    values = norm.weight.detach()[:, None] * normal + norm.bias.detach()[:, None]
    expected: Tensor = values.clamp(0, 6).square().mean(dim=1).sqrt()
    return expected


def _narrow(block: Any, kept: Tensor) -> None:
    """Keep some of a block's wide channels, in place."""
    from torch import nn

    count = len(kept)
    for part in (block._expand_conv, block._bn0, block._depthwise_conv, block._bn1):
        for name, tensor in (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)):
            if tensor.ndim:  # batch norms also count their batches
                narrow = tensor.detach()[kept].clone()
                setattr(part, name, nn.Parameter(narrow) if isinstance(tensor, nn.Parameter) else narrow)
    block._expand_conv.out_channels = count
    block._bn0.num_features = block._bn1.num_features = count
    filters = block._depthwise_conv
    filters.in_channels = filters.out_channels = filters.groups = count
    block._project_conv.weight = nn.Parameter(block._project_conv.weight.detach()[:, kept].clone())
    block._project_conv.in_channels = count
