"""Models: how each kind is made, loaded and asked."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from effkit.models.base import RETRIEVED, Facts, Predictor, Recipe
from effkit.models.products import Products
from effkit.spec import unknown_name

BUILDERS = {
    "tabular.logreg": "effkit.models.tabular",
    "tabular.tree": "effkit.models.tabular",
    "tabular.forest": "effkit.models.tabular",
    "tabular.lightgbm": "effkit.models.tabular",
    "tabular.mlp": "effkit.models.mlp",
    "text.tfidf": "effkit.models.tfidf",
    "text.encoder": "effkit.models.encoder",
    "vision.squeezenet": "effkit.models.encoder",
    "vision.efficientnet_lite": "effkit.models.encoder",
    "vision.cnn": "effkit.models.cnn",
    "own": "effkit.models.own",
    "cascade": "effkit.models.cascade",
}
"""The module of each builder. A module has `libraries(recipe)`, `make(recipe, task, products) -> Path`,
`load(recipe, folder) -> Predictor`, `facts(predictor, item, folder) -> Facts` and
`predict(recipe, folder, task, indices, products) -> array`; where that makes products, `PREDICTS_BY_STEPS` is true."""


def builder(name: str) -> ModuleType:
    """Return the module that makes and loads models of one builder.

    Raises:
        SpecError: for an unknown builder, naming the nearest.
    """
    if name not in BUILDERS:
        raise unknown_name("builder", name, BUILDERS)
    return import_module(BUILDERS[name])


__all__ = ["BUILDERS", "RETRIEVED", "Facts", "Predictor", "Products", "Recipe", "builder"]
