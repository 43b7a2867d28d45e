"""Which layers bear 4-bit weights: each one's cost alone, and the most that may have them together.

Costs are told on `select` items and never on `test`. A layer's own cost is the rise of the log-loss, which a few
hundred items can tell; whether the chosen layers may have 4 bits together is told by the metric, as the margin is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from effkit.models.heads import LogisticHead
from effkit.models.openvino_graphs import GROUP
from effkit.models.products import OPTIMISED
from effkit.models.surgery import layers_of
from effkit.record import LayerCost
from effkit.tasks.metrics import Score, log_loss

if TYPE_CHECKING:
    from torch import Tensor, nn

SENSITIVITY = "sensitivity.json"
FEW, MANY = 4, 8
"""Bits."""
LEAST = 1e-12


Embed = Callable[[], NDArray[np.float32]]


def choose(
    network: nn.Module, embed: Embed, head: LogisticHead, labels: NDArray[np.int64], points: float, score: Score
) -> list[LayerCost]:
    """Measure each layer alone, and give 4 bits to as many as together cost no more than `points`.

    Layers come in the order of cost for each byte saved; how many may have 4 bits is found by halving, so that some
    ten assignments are tried and not all.

    Args:
        network: a PyTorch module; its weights are changed and put back.
        embed: returns (n, dimensions) embeddings of the items, by the network as it stands.
        head: on the embeddings of the network as it was.
        labels: (n,) of the items.
        points: most that the mean score may fall, in points.
        score: of each item, by (n, classes) probabilities and labels.

    Returns:
        All layers, in the network's order.

    Raises:
        SpecError: when it does not keep them where BERT does.
    """
    layers = _layers(network)
    shares = head.answer(embed())
    base_loss, base_score = log_loss(shares, labels), score(shares, labels).mean()
    costs = {}
    for name, layer in layers.items():
        with _in_four_bits([layer]):
            costs[name] = log_loss(head.answer(embed()), labels) - base_loss
    order = sorted(layers, key=lambda name: costs[name] / _saved(layers[name]))

    def fits(count: int) -> bool:
        with _in_four_bits([layers[name] for name in order[:count]]):
            return bool(100 * (base_score - score(head.answer(embed()), labels).mean()) <= points)

    few = set(order[: _most(len(order), fits)])
    return [
        LayerCost(layer=name, cost=float(costs[name]), bytes_saved=_saved(layer), bits=FEW if name in few else MANY)
        for name, layer in layers.items()
    ]


def write(costs: Sequence[LayerCost], folder: Path) -> None:
    """Write what was found, for the record."""
    (folder / SENSITIVITY).write_text(json.dumps([each.model_dump() for each in costs], indent=1), encoding="utf-8")


def read(folder: Path) -> tuple[LayerCost, ...]:
    """Return what `write` left with the encoder of a product; nothing where its chain has no mixed precision."""
    path = folder / OPTIMISED / SENSITIVITY
    if not path.exists():
        return ()
    return tuple(LayerCost(**each) for each in json.loads(path.read_text(encoding="utf-8")))


def in_four_bits(costs: Sequence[LayerCost]) -> Callable[[str], bool]:
    """Say whether a matrix product of the exported graph, by its name, was given 4 bits.

    The exporter names a product by its place: `/network/network.0/encoder/layer.0/attention/self/query/MatMul`.
    """
    few = {each.layer.rpartition("encoder.")[2] for each in costs if each.bits == FEW}

    def given(name: str) -> bool:
        return name.rpartition("encoder/")[2].replace("/", ".").removesuffix(".MatMul") in few

    return given


def _layers(network: nn.Module) -> dict[str, Any]:
    from torch import nn

    layers_of(network)  # or refuse: by no layer at all, all weights would get 8 bits in silence
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and "encoder.layer." in name
    }


def _most(count: int, fits: Callable[[int], bool]) -> int:
    """The most layers that fit, taken that fewer of them fit where more do."""
    low, high = 0, count
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


@contextmanager
def _in_four_bits(layers: Sequence[Any]) -> Iterator[None]:
    """Round the weights of layers to 4 bits, and put them back."""
    import torch

    kept = [layer.weight.detach().clone() for layer in layers]
    with torch.no_grad():
        for layer in layers:
            layer.weight.copy_(rounded(layer.weight))
        yield
        for layer, weight in zip(layers, kept, strict=True):
            layer.weight.copy_(weight)


def rounded(weight: Tensor) -> Tensor:
    """Round (out, in) weights to the 16 values that 4 bits can say, one scale for each group of a row."""
    size = GROUP if weight.shape[1] % GROUP == 0 else weight.shape[1]
    groups = weight.reshape(len(weight), -1, size)
    scale = groups.abs().amax(dim=2, keepdim=True).clamp(min=LEAST) / 8
    return (groups / scale).round().clamp(-8, 7).mul(scale).reshape(weight.shape)


def _saved(layer: Any) -> int:
    return int(layer.weight.numel() * (MANY - FEW) // 8)
