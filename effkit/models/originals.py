"""The PyTorch networks that encoders are: as published, or as a step left them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from effkit.models import efficientnet, networks, squeezenet, surgery
from effkit.models.base import Recipe, product_key
from effkit.models.image_encoder import ImageEncoder
from effkit.models.networks import Traceable
from effkit.models.products import Products
from effkit.models.sentence import SentenceEncoder
from effkit.spec import SpecError


class TorchEncoder(Protocol):
    """An encoder that is a PyTorch module."""

    @property
    def network(self) -> Any:
        """The module."""
        ...

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

    def traceable(self) -> Traceable:
        """Return the network as it can be traced."""
        ...

    def write_front(self, folder: Path) -> dict[str, Any]:
        """Write what must stand before a graph of it, and return what must be known beside that."""
        ...


def published(recipe: Recipe, products: Products) -> Path:
    """Return the folder of the published network; one that is published as a pickle is converted first, once.

    Raises:
        SpecError: when its files have not been fetched.
    """
    weights = weights_of(recipe)
    if not is_converted(recipe):
        return weights
    key = product_key(dict(recipe.weights_sha256))
    return products.make(key, "convert the weights", 0, lambda folder: squeezenet.convert(weights, folder))


def weights_of(recipe: Recipe) -> Path:
    """Return the folder of the published files.

    Raises:
        SpecError: when they have not been fetched.
    """
    if recipe.weights is None:
        raise SpecError(f"{recipe.model} needs its files: fetch them and give their folder in the recipe's `weights`.")
    return recipe.weights


def is_converted(recipe: Recipe) -> bool:
    """Whether its published files are a pickle that has to be converted."""
    return recipe.builder == "vision.squeezenet"


def original(recipe: Recipe, source: Path) -> TorchEncoder:
    """Load an encoder's PyTorch module.

    Args:
        recipe: of the candidate.
        source: what `published` returned, or what a step left.
    """
    networks.use_threads()
    if recipe.builder == "text.encoder":
        return SentenceEncoder(source, recipe.settings)
    return ImageEncoder(open_network(recipe, source), recipe.settings)


def of_this_shape(recipe: Recipe, source: Path) -> TorchEncoder:
    """Load an encoder and cut out of it what the recipe's steps cut out, whatever they learnt, to count on it."""
    encoder = original(recipe, source)
    for step in recipe.settings.get("steps", ()):
        if step["step"] in surgery.CUTS:
            surgery.CUTS[step["step"]](encoder.network, step)
    return encoder


def open_network(recipe: Recipe, source: Path) -> Any:
    """Open an encoder's PyTorch module as it lies there, before the settings change anything in it."""
    if recipe.builder == "text.encoder":
        return surgery.open_sentences(source)
    if recipe.builder == "vision.squeezenet":
        return squeezenet.load(source)
    return efficientnet.load(source, recipe.settings["variant"], int(recipe.settings["resolution"]))


def save_network(recipe: Recipe, network: Any, folder: Path) -> None:
    """Write a module that a step changed, for `open_network` to open."""
    if recipe.builder == "text.encoder":
        surgery.save_sentences(network, folder)
        return
    efficientnet.save(network, folder)
