"""Steps: what a chain leaves in an encoder's recipe, for its builder to follow in order."""

from __future__ import annotations

from typing import Any

from effkit.models.base import Recipe
from effkit.models.steps import LEARNING, SEEN


def with_step(recipe: Recipe, name: str, **parameters: Any) -> Recipe:
    """Add a step to a recipe.

    Args:
        recipe: of an encoder.
        name: of the step.
        parameters: of the step.
    """
    if name in LEARNING:
        # Later in the chain texts may be cut shorter, which is not what this step saw.
        parameters |= {key: recipe.settings[key] for key in SEEN if key in recipe.settings}
    steps = [*recipe.settings.get("steps", ()), {"step": name, **parameters}]
    return recipe.with_settings(steps=steps)


def with_graph(recipe: Recipe) -> Recipe:
    """Export it, where it is no graph yet."""
    steps = recipe.settings.get("steps", ())
    return recipe if any(step["step"] == "export" for step in steps) else with_step(recipe, "export")
