"""Steps: what a chain leaves in an encoder's recipe, for its builder to follow in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from effkit.models.base import Recipe

LEARNING = ("distil", "heal", "tune", "int8", "mixed")
"""Steps that look at items, and so depend on where these are cut."""


def with_step(recipe: Recipe, name: str, **parameters: Any) -> Recipe:
    """Add a step to a recipe.

    Args:
        recipe: of an encoder.
        name: of the step.
        parameters: of the step.
    """
    if name in LEARNING and "max_tokens" in recipe.settings:
        # Later in the chain texts may be cut shorter, which is not what this step saw.
        parameters["max_tokens"] = recipe.settings["max_tokens"]
    steps = [*recipe.settings.get("steps", ()), {"step": name, **parameters}]
    return replace(recipe, settings={**recipe.settings, "steps": steps})


def with_graph(recipe: Recipe) -> Recipe:
    """Export it, where it is no graph yet."""
    return recipe if any(step["step"] == "export" for step in _steps(recipe)) else with_step(recipe, "export")


def runtime(settings: Mapping[str, Any]) -> str | None:
    """What runs the graph that steps have made so far; None where there is no graph."""
    named = [step["runtime"] for step in settings.get("steps", ()) if "runtime" in step]
    exported = any(step["step"] == "export" for step in settings.get("steps", ()))
    return named[-1] if named else ("onnxruntime" if exported else None)


def _steps(recipe: Recipe) -> tuple[Mapping[str, Any], ...]:
    return tuple(recipe.settings.get("steps", ()))
