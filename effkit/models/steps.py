"""The steps of an encoder's recipe: what techniques ask for, in order, and what determines what they leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from effkit.models import networks
from effkit.models.base import Recipe, product_key
from effkit.models.heads import HEAD_SETTINGS
from effkit.tasks.base import Task

LEARNING = frozenset({"distil", "heal", "tune", "int8", "mixed"})
"""Steps that look at items of the task: their products belong to it."""
CUTTING = frozenset({"layers", "neurons", "heads", "sparse", "channels"})
"""Steps that take something out of a network, without a look at an item."""
SHAPING = CUTTING | {"distil", "heal", "tune"}
"""Steps that leave a PyTorch module."""
SERVING = frozenset({"compile", "attention", "padding", "precision", "integers", "on_gpu"})
"""Settings of how a module is served: no step looks at them."""
SEEN = ("max_tokens", "resolution")
"""Settings of what an encoder is given: a step that learns keeps those it has seen, whatever comes after it."""

Step = Mapping[str, Any]
"""`step`, its name, and its parameters."""


def steps_of(recipe: Recipe) -> tuple[Step, ...]:
    """Return the steps of a recipe; 16 bits are stored as such where the encoder is a folder that can be.

    Not where a transform comes before them: it runs on the loaded module, in 32 bits.
    """
    steps = tuple(recipe.settings.get("steps", ()))
    transformed = bool(recipe.settings.get("transforms"))
    if recipe.builder == "text.encoder" and "precision" in recipe.settings and not transformed:
        steps += ({"step": "precision", "type": recipe.settings["precision"]},)
    return steps


def identity(recipe: Recipe, task: Task) -> str:
    """Hash of what determines the encoder: for embeddings to be kept by."""
    return key_of(recipe, steps_of(recipe), task)


def runtime(settings: Mapping[str, Any]) -> str:
    """Name what serves an encoder: torch, onnxruntime, openvino or model2vec."""
    served = "torch"
    for step in settings.get("steps", ()):
        served = {"export": "onnxruntime", "static": "model2vec"}.get(step["step"], step.get("runtime", served))
    return served


def key_of(recipe: Recipe, steps: tuple[Step, ...], task: Task) -> str:
    """Hash of what determines what a recipe's first steps leave."""
    facts: list[Any] = [recipe.builder, dict(recipe.weights_sha256), steps]
    # Where a module is cut and taught no transform has run: those run whenever it is loaded.
    loaded = any(step["step"] not in SHAPING for step in steps)
    facts.append(recipe.settings.get("transforms", ()) if loaded else ())
    if recipe.builder != "text.encoder":  # a graph of images is for one size of them
        left_out = SERVING | {"steps", "transforms", *HEAD_SETTINGS}
        facts.append({key: value for key, value in recipe.settings.items() if key not in left_out})
    if any(step["step"] in LEARNING for step in steps):
        teacher = None if recipe.teacher is None else recipe.teacher.key()
        facts += [task.sha256, recipe.fit_items, recipe.seed, teacher, *networks.device_key()]
    if any(step["step"] == "mixed" for step in steps):  # which judges by the head
        facts.append({key: recipe.settings.get(key) for key in HEAD_SETTINGS})
    return product_key(*facts)
