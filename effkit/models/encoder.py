"""Frozen encoders of texts and images, with a logistic head or a corpus to search.

Embeddings are products of their own, keyed by the encoder and by what is embedded: fewer labels
reuse a prefix of them, and every head on one encoder shares those of the test items.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from effkit.models import heads, networks, optimised
from effkit.models.base import BUILDER_VERSION, MANIFEST, Facts, Predictor, Recipe
from effkit.models.heads import CosineSearch, Head, LogisticHead
from effkit.models.images import ImageInput
from effkit.models.products import Products
from effkit.spec import SpecError
from effkit.tasks.base import Task

if TYPE_CHECKING:
    from torch import Tensor, nn

HEAD_SETTINGS = ("C", "max_iter")
BOUNDARIES = (0, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
"""Embeddings are stored in chunks that end here, so that the usual label counts share them."""
BATCH = 32
OPTIMISED = "encoder"
"""Folder of a product that holds the encoder where techniques have made another of it."""


def libraries(recipe: Recipe) -> tuple[str, ...]:
    """Name what a fresh worker must import before it can load this model."""
    if optimised.on_onnx(recipe):
        return ("onnxruntime", "tokenizers")
    further = {
        "text.encoder": ("sentence_transformers",),
        "vision.efficientnet_lite": ("PIL.Image", "efficientnet_lite_pytorch"),
        "vision.squeezenet": ("PIL.Image", "safetensors.torch"),
    }
    return ("torch", *further[recipe.builder])


class Encoder(Protocol):
    """Items to embeddings."""

    @property
    def batch(self) -> int:
        """How many items to embed together."""
        ...

    def size(self, item: Any) -> int:
        """Return what the time of an item grows with."""
        ...

    def prepare(self, items: list[Any]) -> Any:
        """Turn raw items into the network's input."""
        ...

    def embed(self, prepared: Any) -> NDArray[np.float32]:
        """Return (n, dimensions) embeddings."""
        ...

    def count(self) -> tuple[int, int]:
        """Count parameters, and bytes of weights in memory."""
        ...

    def flops(self, item: Any) -> float | None:
        """Count the operations of one item; None where they are none of floating point."""
        ...


class ImageEncoder:
    """Images to embeddings: a convolutional network without its classifier."""

    batch = BATCH

    def __init__(self, network: nn.Module, images: ImageInput, settings: Mapping[str, Any]) -> None:
        self._precision = networks.precision(settings)
        self.network = networks.on_device(networks.transformed(network, settings).to(self._precision))
        self._images = images

    def size(self, item: bytes) -> int:
        """Return what the time of an item grows with: all images are resized to one size."""
        return 0

    def prepare(self, items: list[bytes]) -> Tensor:
        """Decode, resize and normalise."""
        return self._images.prepare(items)

    def embed(self, prepared: Tensor) -> NDArray[np.float32]:
        """Return (n, dimensions) embeddings."""
        import torch

        with torch.inference_mode():
            return networks.to_array(self.network(networks.on_device(prepared).to(self._precision)))

    def count(self) -> tuple[int, int]:
        """Count parameters, and bytes of weights in memory."""
        return networks.parameters(self.network), networks.tensor_bytes(self.network)

    def flops(self, item: bytes) -> float:
        """Count the operations of one image."""
        return networks.flops(lambda: self.embed(self.prepare([item])))


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


def make(recipe: Recipe, task: Task, products: Products) -> Path:
    """Embed what the head learns from or searches, and fit the head."""
    if recipe.kind not in ("classification", "retrieval"):
        raise SpecError(f"{recipe.model} cannot do {recipe.kind}; a frozen encoder does classification or retrieval.")
    converted = _converted(recipe, products)
    embedder = _Embedder(recipe, converted, products)
    if recipe.kind == "retrieval":
        documents = task.documents
        embedded = embedder.of(documents, "corpus documents")
        facts = (_content(documents),)
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
            options = {key: recipe.settings[key] for key in HEAD_SETTINGS if key in recipe.settings}
            heads.save(LogisticHead.fit(embedded, task.labels[chosen], len(task.classes), **options), folder)
        if converted is not None and recipe.builder == "text.encoder":
            shutil.copytree(converted, folder / OPTIMISED, ignore=shutil.ignore_patterns(MANIFEST))
        elif converted is not None:
            for file in converted.glob("*.safetensors"):
                shutil.copy(file, folder)

    # The fit has one optimum: seeds share it.
    return products.make(replace(recipe, seed=0).key(*facts, *networks.device_key()), step, count, write)


def load(recipe: Recipe, folder: Path) -> Predictor:
    """Load the encoder and the head that `make` left in `folder`."""
    files = tuple(path for path in folder.glob("*.safetensors"))
    if (folder / OPTIMISED).is_dir():
        files += tuple(path for path in (folder / OPTIMISED).rglob("*") if path.is_file())
    elif recipe.builder != "vision.squeezenet":  # which was converted into `folder`
        files += tuple(_weights(recipe) / name for name in recipe.weights_sha256)
    return EncoderPredictor(_load_encoder(recipe, folder), heads.load(folder), files)


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
    embedded = _Embedder(recipe, folder, products).of(task.items.take(indices), "items to score")
    return heads.load(folder).answer(embedded)


class _Embedder:
    """Embeds items in cached chunks, and loads the encoder only where one is missing."""

    def __init__(self, recipe: Recipe, folder: Path | None, products: Products) -> None:
        self._recipe, self._folder, self._products = recipe, folder, products

    @cached_property
    def _encoder(self) -> Encoder:
        return _load_encoder(self._recipe, self._folder)

    def of(self, items: Sequence[Any], what: str) -> NDArray[np.float32]:
        """Return (n, dimensions) embeddings of all items."""
        ends = [end for end in BOUNDARIES if end < len(items)] + [len(items)]
        chunks = [
            self._chunk(list(items[start:stop]), f"embed {what} {start}–{stop}") for start, stop in pairwise(ends)
        ]
        return np.concatenate(chunks)

    def _chunk(self, items: list[Any], step: str) -> NDArray[np.float32]:
        recipe = self._recipe
        settings = {key: value for key, value in recipe.settings.items() if key not in HEAD_SETTINGS}
        facts = [BUILDER_VERSION, recipe.builder, dict(recipe.weights_sha256), settings, _content(items)]
        key = hashlib.sha256(
            json.dumps([*facts, *networks.device_key()], sort_keys=True, default=str).encode()
        ).hexdigest()[:32]

        def write(folder: Path) -> None:
            np.save(folder / "embeddings.npy", _embed(self._encoder, items))

        stored: NDArray[np.float32] = np.load(self._products.make(key, step, len(items), write) / "embeddings.npy")
        return stored


def _embed(encoder: Encoder, items: Sequence[Any]) -> NDArray[np.float32]:
    order = sorted(range(len(items)), key=lambda row: encoder.size(items[row]), reverse=True)
    batches = [order[start : start + encoder.batch] for start in range(0, len(order), encoder.batch)]
    rows = [encoder.embed(encoder.prepare([items[row] for row in batch])) for batch in batches]
    embedded = np.empty((len(items), rows[0].shape[1]), np.float32)
    embedded[order] = np.concatenate(rows)
    return embedded


def _content(items: Sequence[str | bytes]) -> str:
    """Hash of texts or images, in order."""
    digest = hashlib.sha256()
    for item in items:
        raw = item if isinstance(item, bytes) else item.encode()
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest()


def _weights(recipe: Recipe) -> Path:
    if recipe.weights is None:
        raise SpecError(f"{recipe.model} needs its files: fetch them and give their folder in the recipe's `weights`.")
    return recipe.weights


def _converted(recipe: Recipe, products: Products) -> Path | None:
    """Convert weights that are published as a pickle, and make what techniques ask for, once."""
    if recipe.builder == "text.encoder":
        return optimised.make(recipe, _weights(recipe), products)
    if recipe.builder != "vision.squeezenet":
        return None
    from effkit.models import squeezenet

    weights = _weights(recipe)
    key = hashlib.sha256(json.dumps([BUILDER_VERSION, dict(recipe.weights_sha256)]).encode()).hexdigest()[:32]
    return products.make(key, "convert the weights", 0, lambda folder: squeezenet.convert(weights, folder))


def _load_encoder(recipe: Recipe, folder: Path | None) -> Encoder:
    if not optimised.on_onnx(recipe):  # which would load PyTorch for nothing
        networks.use_threads()
    return _LOADERS[recipe.builder](recipe, folder)


def _sentence(recipe: Recipe, folder: Path | None) -> Encoder:
    made = folder / OPTIMISED if folder is not None and (folder / OPTIMISED).is_dir() else folder
    if optimised.on_onnx(recipe):
        from effkit.models.graphs import OnnxEncoder

        assert made is not None
        return OnnxEncoder(made, recipe.settings, lambda: optimised.like_the_graph(recipe, _weights(recipe)))
    rewritten = made is not None and any(key in recipe.settings for key in optimised.WRITTEN)
    return optimised.original(recipe, made if rewritten and made is not None else _weights(recipe))


def _efficientnet(recipe: Recipe, folder: Path | None) -> Encoder:
    from effkit.models import efficientnet

    images = ImageInput.of(recipe.settings)
    network = efficientnet.load(_weights(recipe), recipe.settings["variant"], images.resolution)
    return ImageEncoder(network, images, recipe.settings)


def _squeezenet(recipe: Recipe, folder: Path | None) -> Encoder:
    from effkit.models import squeezenet

    assert folder is not None
    return ImageEncoder(squeezenet.load(folder), ImageInput.of(recipe.settings), recipe.settings)


_LOADERS: dict[str, Callable[[Recipe, Path | None], Encoder]] = {
    "text.encoder": _sentence,
    "vision.efficientnet_lite": _efficientnet,
    "vision.squeezenet": _squeezenet,
}
