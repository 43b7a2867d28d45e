"""Techniques: functions from one candidate to another, checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from effkit.models.base import Recipe
from effkit.spec import Frozen, SpecError, nearest, unknown_name
from effkit.techniques.base import Technique
from effkit.techniques.resolution import RESOLUTION

TECHNIQUES: Mapping[str, Technique] = {each.name: each for each in (RESOLUTION,)}
"""Every technique, by name."""

Chain = Iterable[tuple[str, Mapping[str, Any]]]
"""Techniques and their parameters, in the order in which they are applied."""


def check(chain: Chain, modality: str, builder: str) -> None:
    """Check that each technique exists, fits the model and has sound parameters.

    Args:
        chain: as `CandidateSpec.chain` gives it.
        modality: of the task.
        builder: of the model.

    Raises:
        SpecError: naming the technique, what it was given and what it may be.
    """
    for name, given in chain:
        technique = _technique(name)
        reason = technique.refuse(modality, builder)
        if reason is not None:
            raise SpecError(f"`{name}` cannot be applied here: {reason}. {technique.needs}")
        _parameters(technique, given)


def apply_chain(recipe: Recipe, chain: Chain) -> Recipe:
    """Apply techniques to a recipe, in order.

    Raises:
        SpecError: as `check` does for names and parameters.
    """
    for name, given in chain:
        technique = _technique(name)
        recipe = technique.apply(recipe, _parameters(technique, given))
    return recipe


def words(chain: Chain) -> str:
    """Return what follows a model's title; empty without techniques.

    Raises:
        SpecError: as `check` does for names and parameters.
    """
    chosen = ((_technique(name), given) for name, given in chain)
    return " ".join(technique.words(_parameters(technique, given)) for technique, given in chosen)


def _technique(name: str) -> Technique:
    if name not in TECHNIQUES:
        raise unknown_name("technique", name, TECHNIQUES)
    return TECHNIQUES[name]


def _parameters(technique: Technique, given: Mapping[str, Any]) -> Frozen:
    try:
        return technique.parameters.model_validate(dict(given), strict=True)
    except ValidationError as error:
        lines = [_describe(technique, dict(each)) for each in error.errors()]
        raise SpecError(" ".join(lines)) from None


def _describe(technique: Technique, error: Mapping[str, Any]) -> str:
    """One wrong parameter as one line for a person."""
    name = ".".join(str(part) for part in error["loc"])
    key, fields = f"{technique.name}.{name}", technique.parameters.model_fields
    match error["type"]:
        case "extra_forbidden":
            return f"`{key}` is not a known key.{nearest(name, fields)} Known: {', '.join(fields)}."
        case "missing":
            return f"`{key}` is missing: {fields[name].description}."
        case _:
            given = error["input"]
            field = fields.get(name)
            bounds = "" if field is None else _bounds(field.metadata)
            return f"`{key}` got {given!r} ({type(given).__name__}): {error['msg']}.{bounds}"


def _bounds(metadata: Iterable[Any]) -> str:
    least = [each.ge for each in metadata if hasattr(each, "ge")]
    most = [each.le for each in metadata if hasattr(each, "le")]
    return f" It may be {least[0]} to {most[0]}." if least and most else ""


__all__ = ["TECHNIQUES", "Chain", "Technique", "apply_chain", "check", "words"]
