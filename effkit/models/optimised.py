"""What techniques make of a published text encoder: fewer layers, another precision, another runtime.

Each is a product of its own, made once and keyed by what determines it alone: a shorter text or another head
needs no new export.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effkit.models import graphs, networks
from effkit.models.base import BUILDER_VERSION, Recipe
from effkit.models.products import Products
from effkit.spec import SpecError

if TYPE_CHECKING:
    from effkit.models.sentence import SentenceEncoder

ONNX_RUNTIME = "onnxruntime"
WRITTEN = ("layers", "precision")
"""Settings that change the stored weights. `transforms` change the loaded module."""


def on_onnx(recipe: Recipe) -> bool:
    """Whether ONNX Runtime serves it, so that a worker needs no PyTorch."""
    return bool(recipe.settings.get("runtime") == ONNX_RUNTIME)


def make(recipe: Recipe, weights: Path, products: Products) -> Path | None:
    """Make what the techniques of a text encoder ask for; None where it is used as published.

    Args:
        recipe: of the candidate.
        weights: the published files.
        products: where it is kept.

    Raises:
        SpecError: when the encoder cannot be changed like that.
    """
    asked = {key: recipe.settings[key] for key in WRITTEN if key in recipe.settings}
    folder = None
    if asked:
        said = ", ".join(f"{key} {value}" for key, value in asked.items())
        folder = products.make(_key(recipe, asked), f"rewrite the encoder: {said}", 0, _rewriting(weights, asked))
    if not on_onnx(recipe):
        return folder
    asked |= {"transforms": recipe.settings.get("transforms", ()), "runtime": ONNX_RUNTIME}
    source = folder or weights

    def export(place: Path) -> None:
        graphs.export(original(recipe, source), place)

    exported = products.make(_key(recipe, asked), "export to ONNX", 0, export)
    if "quantise" not in recipe.settings:
        return exported
    asked["quantise"] = recipe.settings["quantise"]
    return products.make(_key(recipe, asked), "quantise to INT8", 0, lambda place: graphs.quantise(exported, place))


def original(recipe: Recipe, folder: Path) -> SentenceEncoder:
    """Load the PyTorch module from published or rewritten files."""
    from effkit.models.sentence import SentenceEncoder

    networks.use_threads()
    return SentenceEncoder(folder, recipe.settings)


def like_the_graph(recipe: Recipe, weights: Path) -> SentenceEncoder:
    """Load the PyTorch module that a graph was exported from, for its operations to be counted."""
    encoder = original(recipe, weights)
    if "layers" in recipe.settings:
        keep_layers(encoder.network[0].auto_model, recipe.settings["layers"])
    return encoder


def _rewriting(weights: Path, asked: dict[str, Any]) -> Callable[[Path], None]:
    def write(place: Path) -> None:
        from effkit.models.sentence import SentenceEncoder

        network = SentenceEncoder(weights, {}).network
        if "layers" in asked:
            keep_layers(network[0].auto_model, asked["layers"])
        network.to(networks.precision(asked)).save(str(place), create_model_card=False)

    return write


def keep_layers(transformer: Any, keep: int) -> None:
    """Keep some layers of a BERT-like module, evenly spaced from the first to the last, in place.

    Raises:
        SpecError: when it has no more layers than that.
    """
    import numpy as np
    from torch import nn

    layers = transformer.encoder.layer
    if keep >= len(layers):
        raise SpecError(f"`layers.keep` got {keep}, and this encoder has {len(layers)} layers: keep fewer.")
    kept = np.linspace(0, len(layers) - 1, keep).round().astype(int)
    transformer.encoder.layer = nn.ModuleList(layers[index] for index in kept)
    transformer.config.num_hidden_layers = keep


def _key(recipe: Recipe, asked: dict[str, Any]) -> str:
    facts = [BUILDER_VERSION, "optimised", dict(recipe.weights_sha256), asked]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:32]
