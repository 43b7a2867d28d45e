"""Early exits: one network whose layers are run a few at a time, with a head after each group of them.

What a group has computed is where the next one starts, so that nothing is computed twice, and an item for which the
network runs to its end gets exactly the answer of the network without exits. Teerapittayanon, McDanel & Kung (2016),
BranchyNet, ICPR; Schwartz et al. (2020), The right tool for the job, ACL. The network stays as it was trained: what is
learnt here is a logistic head on each exit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effkit.models import cnn, encoder, heads, networks
from effkit.models.base import Facts, Recipe, product_key, softmax
from effkit.models.heads import LogisticHead
from effkit.models.parted import CnnParts, Parted, TextParts
from effkit.models.products import Products
from effkit.models.sentence import SentenceEncoder
from effkit.tasks.base import Task

LAYERS, HEAD, FEATURES = "layers.json", "exit-{}", "features.npz"
BATCH = 32

Indices = NDArray[np.int64]
Array = NDArray[np.float32]


@dataclass(frozen=True)
class OwnScores:
    """The head of a network that has its own: its scores to probabilities."""

    def answer(self, scores: Array) -> Array:
        """Return (n, classes) probabilities."""
        return softmax(scores)


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
    ends = _ends(place)
    network, last, whole = _open(stage, folder, ends)
    fitted = _heads(place)
    every: list[LogisticHead | OwnScores] = [*fitted, last]
    files = [place / HEAD.format(number) / heads.HEAD_FILE for number in range(len(ends))]
    added = [_of_head(head, file.stat().st_size) for head, file in zip(fitted, files, strict=True)]
    counted = [_together(whole, added[0]), *added[1:], _of_head(last, 0)]  # its file is among the whole's
    return [NetworkPart(network, *each) for each in zip(range(len(every)), every, counted, strict=True)]


def predict(
    stage: Recipe, folder: Path, place: Path, task: Task, indices: Indices, products: Products
) -> list[NDArray[Any]]:
    """Return what the head of each exit says of items, the network's own end apart: (n, classes) each."""
    fitted = _heads(place)
    seen = _features(stage, folder, _ends(place), task, indices, products)
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
    return product_key(
        "exits", what, stage.key(), folder.name, list(ends), task.sha256, indices.tolist(), *networks.device_key()
    )


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


def _of_head(head: LogisticHead | OwnScores, file_bytes: int) -> Facts:
    arrays = head.arrays.values() if isinstance(head, LogisticHead) else ()
    return Facts(sum(array.size for array in arrays), sum(array.nbytes for array in arrays), file_bytes)


def _together(one: Facts, other: Facts) -> Facts:
    return Facts(*(
        (mine or 0) + (added or 0)
        for mine, added in (
            (one.parameters, other.parameters), (one.tensor_bytes, other.tensor_bytes),
            (one.weight_bytes, other.weight_bytes),
        )
    ))  # fmt: skip


def _ends(place: Path) -> list[int]:
    ends: list[int] = json.loads((place / LAYERS).read_text(encoding="utf-8"))
    return ends


def _heads(place: Path) -> list[LogisticHead]:
    found = [heads.load(place / HEAD.format(number)) for number in range(len(_ends(place)))]
    return [head for head in found if isinstance(head, LogisticHead)]
