"""Resolution: smaller images cost less, by the square of their side."""

from __future__ import annotations

from pydantic import Field

from effkit.models.base import Recipe
from effkit.spec import Frozen
from effkit.techniques.base import Target, Technique

LEAST_PIXELS, MOST_PIXELS = 32, 512


class ResolutionParameters(Frozen):
    """What `resolution` may be given."""

    pixels: int = Field(ge=LEAST_PIXELS, le=MOST_PIXELS, description="width and height of the network's input")


def words(parameters: ResolutionParameters) -> str:
    """Say it behind a model's title: "EfficientNet-Lite0 at 128 px"."""
    return f"at {parameters.pixels} px"


def apply(recipe: Recipe, parameters: ResolutionParameters) -> Recipe:
    """Resize every image to this many pixels, in training and in use; the head is fitted anew."""
    return recipe.with_settings(resolution=parameters.pixels)


def refuse(target: Target, parameters: ResolutionParameters) -> str | None:
    """Refuse all but images, and models that take no resolution."""
    if target.modality != "vision":
        return f"it is for images, and this task is {target.modality}"
    return None if target.builder.startswith("vision.") else f"`{target.builder}` has no resolution to set"


RESOLUTION = Technique(
    name="resolution",
    needs="A vision model whose network takes images of any size.",
    parameters=ResolutionParameters,
    words=words,
    takes=("32-bit PyTorch module", "16-bit PyTorch module", "other"),
    refuse=refuse,
    apply=apply,
)
