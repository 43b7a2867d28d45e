"""What techniques make of a published encoder, step by step.

Each step is a product of its own, made once and keyed by what determines it alone: a shorter text or another head
needs no new export.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from effkit.models import originals
from effkit.models.base import Recipe
from effkit.models.making import STEPS, Workbench
from effkit.models.products import Products
from effkit.models.steps import SHAPING, key_of, steps_of
from effkit.tasks.base import Task


@dataclass(frozen=True)
class Made:
    """What the steps of a recipe left.

    Attributes:
        folder: of the encoder.
        published: it is as its publisher gave it.
    """

    folder: Path
    published: bool


def make(recipe: Recipe, task: Task, products: Products) -> Made:
    """Follow the steps of a recipe, each from what the one before it left.

    Raises:
        SpecError: when the encoder cannot be changed like that.
    """
    source = module = originals.published(recipe, products)
    steps = steps_of(recipe)
    for number, step in enumerate(steps):
        before = recipe.with_settings(steps=list(steps[:number]))
        said, items, write = STEPS[step["step"]](Workbench(before, source, module, task, products), step)
        source = products.make(key_of(recipe, steps[: number + 1], task), said, items, write)
        if step["step"] in SHAPING:
            module = source
    return Made(source, published=not steps and not originals.is_converted(recipe))
