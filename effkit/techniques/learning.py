"""Learning again: from a teacher, from the network before it was cut, or from the labels."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from effkit.models.base import Recipe
from effkit.models.steps import CUTTING
from effkit.spec import Frozen
from effkit.techniques.base import MODULE, Target, Technique
from effkit.techniques.steps import with_step

TRAINED_HERE = ("vision.cnn", "tabular.lightgbm", "tabular.logreg")
"""Students that are trained on what the teacher says from the start; an encoder goes on from its weights."""

LEARNT = 3
"""Learning from an item takes about as long as embedding three."""
USUAL_LABELS = 3000
"""For planning, where the number of labels is the study's."""


class DistilParameters(Frozen):
    """What `distil` may be given."""

    teacher: str = Field(description="the catalogue's model to learn from")
    layers: int | None = Field(default=None, ge=1, le=48, description="encoder layers that the student keeps")
    labels: Literal["soft", "hard"] = Field(
        default="soft", description="soft: the teacher's probabilities; hard: the class it finds likeliest"
    )
    temperature: float = Field(default=2.0, ge=0.5, le=20.0, description="by which soft labels are flattened")
    items: int = Field(default=5000, ge=100, le=1_000_000, description="`fit` items to ask the teacher about")
    epochs: int = Field(default=2, ge=1, le=100, description="passes over them, of an encoder")


class HealParameters(Frozen):
    """What `heal` may be given."""

    items: int = Field(default=5000, ge=100, le=1_000_000, description="`fit` items, whose labels it does not use")
    epochs: int = Field(default=1, ge=1, le=100, description="passes over them")


class TuneParameters(Frozen):
    """What `tune` may be given."""

    items: int | None = Field(
        default=None, ge=100, le=1_000_000, description="labelled `fit` items, at most those of the study"
    )
    epochs: int = Field(default=2, ge=1, le=100, description="passes over them")


def _distil(recipe: Recipe, parameters: DistilParameters) -> Recipe:
    asked = parameters.model_dump(exclude={"teacher", "layers"})
    if recipe.builder in TRAINED_HERE:
        return recipe.with_settings(distil=asked)
    if parameters.layers is not None:
        recipe = with_step(recipe, "layers", keep=parameters.layers)
    return with_step(recipe, "distil", **asked)


def _no_layers(target: Target, parameters: DistilParameters) -> str | None:
    if parameters.layers is not None and target.builder in TRAINED_HERE:
        return f"`layers` is for encoders, and this model is `{target.builder}`; leave it out"
    return None


def _nothing_to_heal(target: Target, parameters: HealParameters) -> str | None:
    steps = [step["step"] for step in target.settings.get("steps", ())]
    learnt = next((step for step in steps if step in ("distil", "tune")), None)
    if learnt:
        return f"it learns the published encoder's embeddings again, and would undo `{learnt}`; put it before that"
    return None if CUTTING.intersection(steps) else "nothing was cut out of the encoder before it"


def _said(parameters: DistilParameters) -> str:
    layers = "" if parameters.layers is None else f" into {parameters.layers} layers"
    hard = " on hard labels" if parameters.labels == "hard" else ""
    return f"taught by {parameters.teacher}{layers}{hard}"


DISTIL = Technique(
    name="distil",
    needs="A text encoder as a PyTorch module in 32 bits, a small CNN, LightGBM or a linear model; a teacher of the "
    "catalogue for the same task; and `fit` items, of whose labels it uses no more than the study's.",
    parameters=DistilParameters,
    words=_said,
    takes=(MODULE, "boosted trees", "other"),
    builders=("text.encoder", *TRAINED_HERE),
    refuse=_no_layers,
    apply=_distil,
    teacher=lambda parameters: str(parameters.teacher),
    embeddings=lambda parameters: LEARNT * parameters.items * parameters.epochs,
)
HEAL = Technique(
    name="heal",
    needs="An encoder as a PyTorch module in 32 bits that something was cut out of, and `fit` items: it learns to "
    "give the embeddings that the uncut encoder gives.",
    parameters=HealParameters,
    words=lambda parameters: "healed",
    builders=("text.encoder", "vision.efficientnet_lite"),
    refuse=_nothing_to_heal,
    apply=lambda recipe, parameters: with_step(recipe, "heal", **parameters.model_dump()),
    embeddings=lambda parameters: parameters.items * (1 + LEARNT * parameters.epochs),
)
TUNE = Technique(
    name="tune",
    needs="A text encoder as a PyTorch module in 32 bits, and labelled `fit` items. What `distil` is compared with: "
    "the same student without a teacher.",
    parameters=TuneParameters,
    words=lambda parameters: "fine-tuned" + (f" on at most {parameters.items:,} labels" if parameters.items else ""),
    builders=("text.encoder",),
    apply=lambda recipe, parameters: with_step(
        recipe, "tune", items=min(parameters.items or recipe.fit_items, recipe.fit_items), epochs=parameters.epochs
    ),
    embeddings=lambda parameters: LEARNT * (parameters.items or USUAL_LABELS) * parameters.epochs,
)
