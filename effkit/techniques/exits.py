"""Early exits: an item leaves a network as soon as a head on an early layer is sure of it."""

from __future__ import annotations

from pydantic import Field, field_validator

from effkit.models.base import Recipe
from effkit.spec import Calibration, Frozen, Score
from effkit.techniques.base import MODULE, WITH_EXITS, Target, Technique


class ExitsParameters(Frozen):
    """What `exits` may be given."""

    layers: list[int] = Field(
        min_length=1, description="encoder layers, or blocks of a small CNN, after which an item may leave; rising"
    )
    score: Score = Field(default="margin", description="how sure an answer is, as of a cascade")
    calibration: Calibration = Field(default="temperature", description="as of a cascade")
    accept_points: float | None = Field(
        default=None,
        ge=0.0,
        le=100.0,
        description="points it may lose to the network that runs to its end, bounded on `select`; half the margin "
        "when not given",
    )

    @field_validator("layers")
    @classmethod
    def _rising(cls, value: list[int]) -> list[int]:
        if value != sorted(set(value)) or value[0] < 1:
            raise ValueError(f"layers are counted from 1 and rise, as in [2, 4]; got {value}")
        return value


def _with_exits(recipe: Recipe, parameters: ExitsParameters) -> Recipe:
    asked = parameters.model_dump(exclude={"layers"})
    settings = {**asked, "exits": parameters.layers, "escalate": None, "seeded": [True]}
    return Recipe(
        model=recipe.model,
        builder="cascade",
        kind=recipe.kind,
        fit_items=recipe.fit_items,
        seed=recipe.seed,
        settings=settings,
        weights_sha256=recipe.weights_sha256,
        stages=(recipe,),
    )


def _sorted(target: Target, parameters: ExitsParameters) -> str | None:
    if target.settings.get("padding") == "sorted":
        return "`batching` sorts a batch into small ones, and items that leave early have no place in that"
    return None


def _said(parameters: ExitsParameters) -> str:
    *first, last = map(str, parameters.layers)
    return f"with exits after {', '.join(first)} and {last}" if first else f"with an exit after {last}"


EXITS = Technique(
    name="exits",
    needs="A text encoder as a PyTorch module in 32 bits, or a small CNN, that classifies, and `calibrate` and "
    "`select` items: a logistic head is fitted on each exit, and an item goes on only where the head is not sure.",
    parameters=ExitsParameters,
    words=_said,
    takes=(MODULE,),
    gives=WITH_EXITS,
    builders=("text.encoder", "vision.cnn"),
    refuse=_sorted,
    apply=_with_exits,
)
