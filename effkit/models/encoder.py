"""Frozen encoders of texts and images, with a logistic head or a corpus to search."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from effkit.models import heads, networks, optimised, originals
from effkit.models.base import Facts, Predictor, Recipe
from effkit.models.embedding import Embedder, Embeds, content
from effkit.models.graphs import GraphEncoder
from effkit.models.heads import CosineSearch, Head, LogisticHead
from effkit.models.products import OPTIMISED, Products, link
from effkit.models.static import StaticEncoder
from effkit.models.steps import identity, runtime
from effkit.spec import SpecError
from effkit.tasks.base import Task

LAYOUT = 3
"""Raised whenever a product's files change places, so that older ones are made anew."""
PREDICTS_BY_STEPS = True
"""Embeddings are products of their own."""
SORTED_TOGETHER = 8
"""Texts of like length that share a small batch, where `padding` is "sorted"."""
SERVED_BY: Mapping[str, tuple[str, ...]] = {
    "onnxruntime": ("onnxruntime",),
    "openvino": ("openvino",),
    "model2vec": ("model2vec",),
}
FRONTS: Mapping[str, tuple[str, ...]] = {
    "text.encoder": ("tokenizers",),
    "vision.efficientnet_lite": ("PIL.Image",),
    "vision.squeezenet": ("PIL.Image",),
}
ON_TORCH: Mapping[str, tuple[str, ...]] = {
    "text.encoder": ("sentence_transformers",),
    "vision.efficientnet_lite": ("PIL.Image", "efficientnet_lite_pytorch", "safetensors.torch"),
    "vision.squeezenet": ("PIL.Image", "safetensors.torch"),
}


def libraries(recipe: Recipe) -> tuple[str, ...]:
    """Name what a fresh worker must import before it can load this model."""
    served = runtime(recipe.settings)
    if served != "torch":
        return (*SERVED_BY[served], *FRONTS[recipe.builder])
    return ("torch", *ON_TORCH[recipe.builder])


class Encoder(Embeds, Protocol):
    """Items to embeddings."""

    def count(self) -> tuple[int, int]:
        """Count parameters, and bytes of weights in memory."""
        ...

    def flops(self, item: Any) -> float | None:
        """Count the operations of one item; None where they are none of floating point."""
        ...


@dataclass(frozen=True)
class EncoderPredictor:
    """An encoder and what stands on it."""

    encoder: Encoder
    head: Head
    files: tuple[Path, ...]
    """What must be on disk to load it."""

    def prepare(self, items: list[Any]) -> Any:
        """Tokenise texts; decode, resize and normalise images."""
        return self.encoder.prepare(items)

    def infer(self, prepared: Any) -> NDArray[Any]:
        """Return (n, classes) probabilities, or (n, RETRIEVED) corpus rows."""
        return self.head.answer(self.encoder.embed(prepared))


class InSmallBatches:
    """An encoder that splits a batch into small ones of like size, and answers in the order it was asked.

    Args:
        encoder: what embeds them.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.batch = encoder.batch
        self.size: Callable[[Any], int] = encoder.size
        self.count, self.flops = encoder.count, encoder.flops

    def prepare(self, items: list[Any]) -> tuple[list[int], list[Any]]:
        """Sort items by size and prepare each small batch."""
        order = sorted(range(len(items)), key=lambda row: self.size(items[row]))
        parts = [order[start : start + SORTED_TOGETHER] for start in range(0, len(order), SORTED_TOGETHER)]
        return order, [self._encoder.prepare([items[row] for row in part]) for part in parts]

    def embed(self, prepared: tuple[list[int], list[Any]]) -> NDArray[np.float32]:
        """Return (n, dimensions) embeddings, in the order of the items."""
        order, parts = prepared
        found = np.concatenate([self._encoder.embed(part) for part in parts])
        embedded = np.empty_like(found)
        embedded[order] = found
        return embedded


def make(recipe: Recipe, task: Task, products: Products) -> Path:
    """Make the encoder, embed what the head learns from or searches, and fit the head."""
    if recipe.kind not in ("classification", "retrieval"):
        raise SpecError(f"{recipe.model} cannot do {recipe.kind}; a frozen encoder does classification or retrieval.")
    made = optimised.make(recipe, task, products)
    embedder = Embedder(recipe, made.folder, identity(recipe, task), products, _load_encoder)
    facts: tuple[str, ...]
    if recipe.kind == "retrieval":
        documents = task.documents
        embedded = embedder.of(documents, "corpus documents")
        facts = (content(documents), identity(recipe, task))
        step, count = "index the corpus", len(documents)
    else:
        chosen = task.first("fit", recipe.fit_items)
        embedded = embedder.of(task.items.take(chosen), "fit items")
        facts = (task.sha256,)
        step, count = "fit the head", len(chosen)

    def write(folder: Path) -> None:
        if recipe.kind == "retrieval":
            heads.save(CosineSearch.over(embedded), folder)
        else:
            heads.save(heads.fit(recipe.settings, embedded, task.labels[chosen], len(task.classes)), folder)
        if not made.published:
            link(made.folder, folder / OPTIMISED)

    # The fit has one optimum: where nothing else depends on the seed, seeds share it.
    seed = recipe.seed if recipe.settings.get("steps") else 0
    return products.make(replace(recipe, seed=seed).key(LAYOUT, *facts, *networks.device_key()), step, count, write)


def load(recipe: Recipe, folder: Path) -> Predictor:
    """Load the encoder and the head that `make` left in `folder`."""
    files = tuple(folder.glob("*.safetensors"))
    if (folder / OPTIMISED).is_dir():
        files += tuple(path for path in (folder / OPTIMISED).rglob("*") if path.is_file())
    else:
        files += tuple(_place(recipe, folder) / name for name in recipe.weights_sha256)
    return EncoderPredictor(_load_encoder(recipe, _place(recipe, folder)), heads.load(folder), files)


def facts(predictor: EncoderPredictor, item: Any, folder: Path) -> Facts:
    """Count the encoder and what stands on it; `item` is the request whose operations are counted."""
    arrays = predictor.head.arrays.values()
    learnt = sum(array.size for array in arrays) if isinstance(predictor.head, LogisticHead) else 0
    products = sum(array.size for array in arrays if array.ndim == 2)
    parameters, tensor_bytes = predictor.encoder.count()
    flops = predictor.encoder.flops(item)
    return Facts(
        parameters=parameters + learnt,
        tensor_bytes=tensor_bytes + sum(array.nbytes for array in arrays),
        weight_bytes=sum(path.stat().st_size for path in predictor.files),
        flops=None if flops is None else flops + 2 * products,
    )


def predict(recipe: Recipe, folder: Path, task: Task, indices: NDArray[np.int64], products: Products) -> NDArray[Any]:
    """Predict items in batches of like size, in the order of `indices`; their embeddings are kept."""
    embedder = Embedder(recipe, _place(recipe, folder), identity(recipe, task), products, _load_encoder)
    return heads.load(folder).answer(embedder.of(task.items.take(indices), "items to score"))


def _place(recipe: Recipe, folder: Path) -> Path:
    """Where the encoder of a product lies: in it, or with the published files."""
    if (folder / OPTIMISED).is_dir():
        return folder / OPTIMISED
    return originals.weights_of(recipe)


def _load_encoder(recipe: Recipe, place: Path) -> Encoder:
    match runtime(recipe.settings):
        case "torch":
            encoder: Encoder = originals.original(recipe, place)
        case "model2vec":
            encoder = StaticEncoder(place, recipe.settings)
        case _:
            encoder = GraphEncoder(place, recipe.settings, lambda: _counted(recipe))
    return InSmallBatches(encoder) if recipe.settings.get("padding") == "sorted" else encoder


def _counted(recipe: Recipe) -> originals.TorchEncoder:
    """Load the PyTorch module that operations of a graph are counted on."""
    return originals.of_this_shape(recipe, originals.weights_of(recipe))
