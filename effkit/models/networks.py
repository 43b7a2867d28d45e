"""What every PyTorch model here shares: its threads, and what can be counted on it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def use_threads() -> None:
    """Set PyTorch's threads from EFFKIT_THREADS; without it, leave them as they are."""
    import torch

    threads = int(os.environ.get("EFFKIT_THREADS") or 0)
    if threads:
        torch.set_num_threads(threads)


def parameters(network: nn.Module) -> int:
    """Count the parameters of a network, each shared one once."""
    return sum(each.numel() for each in network.parameters())


def tensor_bytes(network: nn.Module) -> int:
    """Count the bytes of a network's parameters and buffers."""
    return sum(each.numel() * each.element_size() for each in (*network.parameters(), *network.buffers()))


def flops(call: Callable[[], Any]) -> float:
    """Count the operations of a call: two for each multiply-accumulate of a matrix product or convolution."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        call()
    return float(counter.get_total_flops())
