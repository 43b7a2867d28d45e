"""Smaller: shorter texts, fewer trees or columns, and for texts a table of word vectors in place of a network."""

from __future__ import annotations

from pydantic import Field

from effkit.spec import Frozen
from effkit.techniques.base import CHANGED, GRAPHS, HALF, MODULE, QUANTISED, TABULAR, Target, Technique
from effkit.techniques.steps import with_step

USUAL_TREES = 100


class TokensParameters(Frozen):
    """What `tokens` may be given."""

    most: int = Field(ge=8, le=8192, description="tokens beyond which a text is cut")


class StaticParameters(Frozen):
    """What `static` may be given."""

    dimensions: int = Field(default=256, ge=8, le=1024, description="of a word's vector")


class TreesParameters(Frozen):
    """What `trees` may be given."""

    most: int = Field(ge=1, le=100_000, description="boosting rounds, or trees of a forest")


class FeaturesParameters(Frozen):
    """What `features` may be given."""

    most: int = Field(ge=1, le=10_000, description="columns that stay, those that the model would miss most")


def _as_short(target: Target, parameters: TokensParameters) -> str | None:
    most = target.settings.get("max_tokens")
    return None if most is None or parameters.most < most else f"texts are cut at {most} tokens already"


def _as_few(target: Target, parameters: TreesParameters) -> str | None:
    most = target.settings.get("n_estimators", USUAL_TREES)
    return None if parameters.most < most else f"it has {most} trees already"


TOKENS = Technique(
    name="tokens",
    needs="A text encoder that is given longer texts than that.",
    parameters=TokensParameters,
    words=lambda parameters: f"cut at {parameters.most} tokens",
    takes=(MODULE, CHANGED, HALF, *GRAPHS, QUANTISED, "table of word vectors"),
    builders=("text.encoder",),
    refuse=_as_short,
    apply=lambda recipe, parameters: recipe.with_settings(max_tokens=parameters.most),
)
STATIC = Technique(
    name="static",
    needs="A text encoder as a PyTorch module in 32 bits, and model2vec: every word gets one vector, whatever stands "
    "around it, and a text the mean of its words'. The extreme of distillation; it needs no items.",
    parameters=StaticParameters,
    words=lambda parameters: f"as {parameters.dimensions} numbers a word",
    gives="table of word vectors",
    builders=("text.encoder",),
    runtime=lambda parameters: ("model2vec", "skeletoken"),
    apply=lambda recipe, parameters: with_step(recipe, "static", dimensions=parameters.dimensions),
)
FEATURES = Technique(
    name="features",
    needs="A tabular model with more columns than that, and `select` items: each column is shuffled there, those whose "
    "loss it raises most stay, and the model is trained anew on them.",
    parameters=FeaturesParameters,
    words=lambda parameters: f"on {parameters.most} {'column' if parameters.most == 1 else 'columns'}",
    takes=(MODULE, "boosted trees", "forest", "other"),
    builders=TABULAR,
    apply=lambda recipe, parameters: recipe.with_settings(features=parameters.most),
)
TREES = Technique(
    name="trees",
    needs="LightGBM or a forest, with more trees than that; it is trained anew with fewer.",
    parameters=TreesParameters,
    words=lambda parameters: f"with {parameters.most} {'tree' if parameters.most == 1 else 'trees'}",
    takes=("boosted trees", "forest"),
    refuse=_as_few,
    apply=lambda recipe, parameters: recipe.with_settings(n_estimators=parameters.most),
)
