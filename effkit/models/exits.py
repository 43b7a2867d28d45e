"""Early exits: one network whose layers are run a few at a time, with a head after each group of them.

What a group has computed is where the next one starts, so that nothing is computed twice, and an item for which the
network runs to its end gets exactly the answer of the network without exits. Teerapittayanon, McDanel & Kung (2016),
BranchyNet, ICPR; Schwartz et al. (2020), The right tool for the job, ACL. The network stays as it was trained: what is
learnt here is a logistic head on each exit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from effkit.models import cnn, encoder, heads, networks
from effkit.models.base import BUILDER_VERSION, Facts, Recipe
from effkit.models.heads import LogisticHead
from effkit.models.products import Products
from effkit.models.sentence import OUTPUT, SentenceEncoder
from effkit.spec import SpecError
from effkit.tasks.base import Task

if TYPE_CHECKING:
    from torch import Tensor, nn

LAYERS, HEAD, FEATURES = "layers.json", "exit-{}", "features.npz"
BATCH = 32

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
        transformer: Any = whole.network[0].auto_model
        layers = list(transformer.encoder.layer)
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


@dataclass(frozen=True)
class OwnScores:
    """The head of a network that has its own: its scores to probabilities."""

    def answer(self, scores: Array) -> Array:
        """Return (n, classes) probabilities."""
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares: Array = powers / powers.sum(axis=1, keepdims=True)
        return shares


@dataclass(frozen=True)
class NetworkPart:
    """One part of a network and the head on it: a stage of a cascade."""

    network: Parted
    number: int
    head: LogisticHead | OwnScores
    before: Facts
    """What is counted with this part beside its operations: of the first, the network as a whole."""

    def begin(self, items: list[Any]) -> Any:
        """Turn raw items into the network's input."""
        return self.network.prepare(items)

    def take(self, left: Any, places: Indices) -> Any:
        """Go on with some of the items, from where they were left."""
        return self.network.rows(left, places)

    def answer(self, ready: Any) -> tuple[NDArray[Any], Any]:
        """Run this part; its outcome is left for the next."""
        left = self.network.advance(ready, self.number)
        return self.head.answer(self.network.pooled(left)), left

    def facts(self, item: Any) -> Facts:
        """Count the operations that this part adds."""
        with self.network.counted():
            left = self.network.prepare([item])
            for part in range(self.number):
                left = self.network.advance(left, part)
            return replace(self.before, flops=networks.flops(lambda: self.answer(left)))


def make(stage: Recipe, folder: Path, ends: Sequence[int], task: Task, products: Products) -> Path:
    """Fit a head on each exit.

    Args:
        stage: of the network.
        folder: where it lies.
        ends: layers or blocks after which there is an exit, rising.
        task: on whose `fit` items the heads learn.
        products: the cache.
    """
    chosen = task.first("fit", stage.fit_items)
    seen = _features(stage, folder, ends, task, chosen, products)

    def write(place: Path) -> None:
        for number, each in enumerate(seen):
            (place / HEAD.format(number)).mkdir()
            fitted = heads.fit(stage.settings, each, task.labels[chosen], len(task.classes))
            heads.save(fitted, place / HEAD.format(number))
        (place / LAYERS).write_text(json.dumps(list(ends)), encoding="utf-8")

    return products.make(
        _key("heads", stage, folder, ends, chosen, task), "fit the heads of the exits", len(chosen), write
    )


def load(stage: Recipe, folder: Path, place: Path) -> list[NetworkPart]:
    """Load the network once, and the heads that `make` left in `place`."""
    ends = json.loads((place / LAYERS).read_text(encoding="utf-8"))
    network, last, whole = _open(stage, folder, ends)
    fitted: list[LogisticHead | OwnScores] = [*_heads(place), last]
    counted = [whole, *([Facts(0, 0, 0)] * len(ends))]
    return [NetworkPart(network, *each) for each in zip(range(len(fitted)), fitted, counted, strict=True)]


def predict(
    stage: Recipe, folder: Path, place: Path, task: Task, indices: Indices, products: Products
) -> list[NDArray[Any]]:
    """Return what the head of each exit says of items, the network's own end apart: (n, classes) each."""
    fitted = _heads(place)
    ends = json.loads((place / LAYERS).read_text(encoding="utf-8"))
    seen = _features(stage, folder, ends, task, indices, products)
    return [head.answer(each) for head, each in zip(fitted, seen, strict=True)]


def _features(
    stage: Recipe, folder: Path, ends: Sequence[int], task: Task, indices: Indices, products: Products
) -> list[Array]:
    """Return (n, dimensions) what the head of each exit sees of items; no layer behind the last exit is run."""

    def write(place: Path) -> None:
        network = _open(stage, folder, ends)[0]
        items = task.items.take(indices)
        order = sorted(range(len(items)), key=lambda row: network.size(items[row]), reverse=True)
        rows: list[list[Array]] = [[] for _ in ends]
        for start in range(0, len(order), BATCH):
            left = network.prepare([items[row] for row in order[start : start + BATCH]])
            for part in range(len(ends)):
                left = network.advance(left, part)
                rows[part].append(network.pooled(left))
        back = np.argsort(order)
        np.savez(place / FEATURES, *(np.concatenate(each)[back] for each in rows))

    step = f"run the network up to its exits for {len(indices)} items"
    made = products.make(_key("features", stage, folder, ends, indices, task), step, len(indices), write)
    with np.load(made / FEATURES) as stored:
        return [stored[name] for name in stored.files]


def _key(what: str, stage: Recipe, folder: Path, ends: Sequence[int], indices: Indices, task: Task) -> str:
    facts = [BUILDER_VERSION, "exits", what, stage.key(), folder.name, list(ends), task.sha256, indices.tolist()]
    return hashlib.sha256(json.dumps([*facts, *networks.device_key()]).encode()).hexdigest()[:32]


def _open(stage: Recipe, folder: Path, ends: Sequence[int]) -> tuple[Parted, LogisticHead | OwnScores, Facts]:
    """Open a network in parts, with the head that it had before, and what is counted of it as a whole."""
    if stage.builder == "vision.cnn":
        whole = cnn.load(stage, folder)
        parameters, tensor_bytes = networks.parameters(whole.network), networks.tensor_bytes(whole.network)
        return (
            CnnParts(whole, ends),
            OwnScores(),
            Facts(parameters, tensor_bytes, (folder / cnn.WEIGHTS).stat().st_size),
        )
    predictor = encoder.load(stage, folder)
    assert isinstance(predictor, encoder.EncoderPredictor)
    text, last = predictor.encoder, predictor.head
    assert isinstance(text, SentenceEncoder) and isinstance(last, LogisticHead)
    return TextParts(text, ends), last, Facts(*text.count(), sum(path.stat().st_size for path in predictor.files))


def _heads(place: Path) -> list[LogisticHead]:
    found = [heads.load(each) for each in sorted(place.glob(HEAD.format("*")))]
    return [head for head in found if isinstance(head, LogisticHead)]


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
