"""Networks that are run a few layers at a time, each time from where the last one stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from effkit.models import cnn, networks
from effkit.models.sentence import OUTPUT, SentenceEncoder
from effkit.models.surgery import layers_of
from effkit.spec import SpecError

if TYPE_CHECKING:
    from torch import Tensor, nn

Indices = NDArray[np.int64]
Array = NDArray[np.float32]


class Parted(Protocol):
    """A network that is run in parts."""

    def size(self, item: Any) -> int:
        """Return what the time of an item grows with."""
        ...

    def prepare(self, items: list[Any]) -> Any:
        """Turn raw items into the network's input."""
        ...

    def advance(self, left: Any, part: int) -> Any:
        """Run one part, from the input or from what the part before left."""
        ...

    def rows(self, left: Any, places: Indices) -> Any:
        """Keep some of the items."""
        ...

    def pooled(self, left: Any) -> Array:
        """Return (n, dimensions) what a head sees of it."""
        ...

    def counted(self) -> AbstractContextManager[None]:
        """Run it so that its operations can be counted."""
        ...


@dataclass(frozen=True)
class Hidden:
    """What a part of a text encoder left: (n, tokens, dimensions), the mask, and what else its layers are given."""

    states: Tensor
    mask: Tensor
    given: tuple[tuple[Any, ...], dict[str, Any]]


class _Reached(Exception):
    """The first layer was reached; carries what it is given."""


class TextParts:
    """A text encoder in parts.

    Args:
        whole: the encoder.
        ends: layers after which there is an exit, rising.
    """

    def __init__(self, whole: SentenceEncoder, ends: Sequence[int]) -> None:
        self._network = whole.network
        layers = list(layers_of(whole.network))
        _check(ends, len(layers), "layers")
        self._parts = [layers[start:stop] for start, stop in pairwise([0, *ends, len(layers)])]
        self.size, self.prepare, self.counted = whole.size, whole.prepare, whole.eager
        layers[0].register_forward_pre_hook(_stop, with_kwargs=True)

    def advance(self, left: Any, part: int) -> Hidden:
        """Run the layers of one part."""
        import torch

        with torch.inference_mode():
            hidden: Hidden = left if part else self._embedded(networks.on_device(left))
            states, (arguments, keywords) = hidden.states, hidden.given
            for layer in self._parts[part]:
                found = layer.forward(states, *arguments, **keywords)
                states = found[0] if isinstance(found, tuple) else found
            return replace(hidden, states=states)

    def rows(self, left: Hidden, places: Indices) -> Hidden:
        """Keep some of the texts."""
        count = len(left.states)
        if len(places) == count:
            return left
        arguments, keywords = left.given
        kept = tuple(_rows(each, places, count) for each in arguments)
        named = {key: _rows(each, places, count) for key, each in keywords.items()}
        return Hidden(left.states[places], left.mask[places], (kept, named))

    def pooled(self, left: Hidden) -> Array:
        """Return the embeddings, as the whole encoder pools them."""
        import torch

        features: dict[str, Any] = {"token_embeddings": left.states, "attention_mask": left.mask}
        with torch.inference_mode():
            for module in list(self._network)[1:]:
                features = module(features)
            return networks.to_array(features[OUTPUT])

    def _embedded(self, prepared: Mapping[str, Any]) -> Hidden:
        """Run the network up to its first layer, and catch what that is given."""
        try:
            self._network[0](dict(prepared))
        except _Reached as reached:
            states, given = reached.args
            return Hidden(states, prepared["attention_mask"], given)
        raise SpecError("This encoder does not run its layers one after the other: leave `exits` out.")


class CnnParts:
    """A small CNN in parts; what follows its last block is the network's own.

    Args:
        whole: the trained network and its images.
        ends: blocks after which there is an exit, rising.
    """

    def __init__(self, whole: cnn.CnnPredictor, ends: Sequence[int]) -> None:
        from torch import nn

        modules = list(whole.network)  # type: ignore[call-overload]
        closes = [place + 1 for place, module in enumerate(modules) if isinstance(module, nn.ReLU)]
        _check(ends, len(closes), "blocks")
        places = [0, *(closes[end - 1] for end in ends), len(modules)]
        self._parts = [modules[start:stop] for start, stop in pairwise(places)]
        self.prepare = whole.prepare
        self.counted: Callable[[], AbstractContextManager[None]] = nullcontext

    def size(self, item: bytes) -> int:
        """Return what the time of an item grows with: all images are of one size."""
        return 0

    def advance(self, left: Tensor, part: int) -> Tensor:
        """Run the blocks of one part."""
        import torch

        with torch.inference_mode():
            left = left if part else networks.on_device(left)
            for module in self._parts[part]:
                left = module(left)
            return left

    def rows(self, left: Tensor, places: Indices) -> Tensor:
        """Keep some of the images."""
        return left[places]

    def pooled(self, left: Tensor) -> Array:
        """Return the mean of every channel; of the last part, the network's own scores."""
        return networks.to_array(left if left.ndim == 2 else left.mean(dim=(2, 3)))


def _check(ends: Sequence[int], count: int, what: str) -> None:
    if max(ends) >= count:
        raise SpecError(
            f"`exits.layers` got {list(ends)}, and this network has {count} {what}: name some before the last, "
            f"from 1 to {count - 1}."
        )


def _stop(module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    states, *others = (*arguments, *([keywords.pop("hidden_states")] if "hidden_states" in keywords else []))
    raise _Reached(states, (tuple(others), keywords))


def _rows(given: Any, places: Indices, count: int) -> Any:
    """Rows of what has one for each item; whatever is shared stays."""
    varies = hasattr(given, "shape") and given.ndim > 0 and given.shape[0] == count
    return given[places] if varies else given
