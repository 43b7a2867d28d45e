"""Smaller: fewer layers, shorter texts, fewer trees."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from effkit.models.base import Recipe
from effkit.spec import Frozen
from effkit.techniques.base import MODULE, Target, Technique

USUAL_TREES = 100


class LayersParameters(Frozen):
    """What `layers` may be given."""

    keep: int = Field(ge=1, le=48, description="encoder layers that stay, evenly spaced from the first to the last")


class TokensParameters(Frozen):
    """What `tokens` may be given."""

    most: int = Field(ge=8, le=8192, description="tokens beyond which a text is cut")


class TreesParameters(Frozen):
    """What `trees` may be given."""

    most: int = Field(ge=1, le=100_000, description="boosting rounds, or trees of a forest")


def _keep_layers(recipe: Recipe, parameters: LayersParameters) -> Recipe:
    return replace(recipe, settings={**recipe.settings, "layers": parameters.keep})


def _cut_texts(recipe: Recipe, parameters: TokensParameters) -> Recipe:
    return replace(recipe, settings={**recipe.settings, "max_tokens": parameters.most})


def _as_short(target: Target, parameters: TokensParameters) -> str | None:
    most = target.settings.get("max_tokens")
    return None if most is None or parameters.most < most else f"texts are cut at {most} tokens already"


def _grow_fewer(recipe: Recipe, parameters: TreesParameters) -> Recipe:
    return replace(recipe, settings={**recipe.settings, "n_estimators": parameters.most})


def _as_few(target: Target, parameters: TreesParameters) -> str | None:
    most = target.settings.get("n_estimators", USUAL_TREES)
    return None if parameters.most < most else f"it has {most} trees already"


LAYERS = Technique(
    name="layers",
    needs="A text encoder as a PyTorch module, with more layers than are kept.",
    parameters=LayersParameters,
    words=lambda parameters: f"with {parameters.keep} {'layer' if parameters.keep == 1 else 'layers'}",
    takes=(MODULE, "16-bit PyTorch module"),
    builders=("text.encoder",),
    apply=_keep_layers,
)
TOKENS = Technique(
    name="tokens",
    needs="A text encoder that is given longer texts than that.",
    parameters=TokensParameters,
    words=lambda parameters: f"cut at {parameters.most} tokens",
    takes=(MODULE, "16-bit PyTorch module", "ONNX graph"),
    builders=("text.encoder",),
    refuse=_as_short,
    apply=_cut_texts,
)
TREES = Technique(
    name="trees",
    needs="LightGBM or a forest, with more trees than that; it is trained anew with fewer.",
    parameters=TreesParameters,
    words=lambda parameters: f"with {parameters.most} {'tree' if parameters.most == 1 else 'trees'}",
    takes=("boosted trees", "forest"),
    refuse=_as_few,
    apply=_grow_fewer,
)
