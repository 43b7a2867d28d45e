"""Techniques: functions from one candidate to another, checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any

from pydantic import ValidationError

from effkit.models.base import CPU, Recipe
from effkit.spec import CandidateSpec, Frozen, SpecError, nearest
from effkit.techniques.base import CHANGED, FORMS, Form, NoParameters, Target, Technique, with_article
from effkit.techniques.exits import ExitsParameters
from effkit.techniques.precision import ENCODERS
from effkit.techniques.registry import TECHNIQUES, address, find, register

Chain = Iterable[tuple[str, Mapping[str, Any]]]
"""Techniques and their parameters, in the order in which they are applied."""


def check(
    chain: Chain, modality: str, builder: str, settings: Mapping[str, Any] | None = None, *, device: str = CPU
) -> None:
    """Check that each technique exists, fits what the ones before it leave, and has sound parameters.

    Args:
        chain: as `CandidateSpec.chain` gives it.
        modality: of the task.
        builder: of the model.
        settings: of the model, as the catalogue has them.
        device: where PyTorch would run it, "cpu" or "cuda".

    Raises:
        SpecError: naming the technique, what it was given and what it may be.
    """
    form, before = FORMS.get(builder, "other"), ""
    recipe = Recipe("", builder, "", 0, 0, dict(settings or {}))
    seen: set[str] = set()
    for name, given in chain:
        technique = find(name)
        parameters = _parameters(technique, given)
        target = Target(modality, builder, recipe.settings, device)
        reason = _misfit(technique, builder, form, before) or technique.refuse(target, parameters)
        if name in seen:
            reason = "it is in the chain twice"
        if reason is not None:
            raise SpecError(f"`{name}` cannot be applied here: {reason}. {technique.needs}")
        seen.add(name)
        done, recipe = recipe, _applied(recipe, technique, parameters)
        if (lost := _lost(done, recipe)) is not None:
            raise SpecError(f"`{name}` undoes `{lost}`: a graph is exported from the plain module. Leave one out.")
        form, before = technique.gives or (CHANGED if technique.transform is not None else form), name


def check_runtimes(chains: Iterable[Chain]) -> None:
    """Check that what techniques run on is installed.

    Raises:
        SpecError: naming the package and the fix.
    """
    for chain in chains:
        for name, given in chain:
            technique = find(name)
            packages = technique.runtime(_parameters(technique, given))
            missing = [package for package in packages if find_spec(package) is None]
            if missing:
                raise SpecError(
                    f"`{name}` needs {' and '.join(missing)}, which is not installed here: "
                    "pip install -c constraints.txt -e '.[compress]', or leave the candidates that use it out."
                )


def apply_chain(recipe: Recipe, chain: Chain) -> Recipe:
    """Apply techniques to a recipe, in order.

    Raises:
        SpecError: as `check` does for names and parameters.
    """
    for name, given in chain:
        technique = find(name)
        recipe = _applied(recipe, technique, _parameters(technique, given))
    return recipe


def teacher_of(chain: Chain) -> str | None:
    """Return the catalogue's model that a chain learns from, or None.

    Raises:
        SpecError: as `check` does for names and parameters; when a chain names two teachers.
    """
    chosen = ((find(name), given) for name, given in chain)
    named = {technique.teacher(_parameters(technique, given)) for technique, given in chosen} - {None}
    if len(named) > 1:
        raise SpecError(f"A chain has one teacher; this one names {' and '.join(sorted(filter(None, named)))}.")
    return named.pop() if named else None


def models_of(candidate: CandidateSpec) -> tuple[str, ...]:
    """Name the models that a candidate needs: its own or its stages', and those that they learn from.

    Raises:
        SpecError: as `teacher_of` does.
    """
    names = [name for part in candidate.parts for name in (part.model, teacher_of(part.chain))]
    return tuple(name for name in names if name is not None)


def embeddings(chain: Chain) -> tuple[float, int]:
    """Return how many items making a chain embeds beyond the candidate's own, and how many its teacher embeds.

    Raises:
        SpecError: as `check` does for names and parameters.
    """
    chosen = [(technique, _parameters(technique, given)) for technique, given in ((find(n), g) for n, g in chain)]
    taught = [parameters.model_dump()["items"] for technique, parameters in chosen if technique.teacher(parameters)]
    return sum(technique.embeddings(parameters) for technique, parameters in chosen), sum(taught)


def start_s(chain: Chain) -> tuple[float, float]:
    """Return the nominal seconds that a chain adds to the first start of a worker, and to every later one.

    Raises:
        SpecError: naming a technique that nobody declared.
    """
    first_s, later_s = zip((0.0, 0.0), *(find(name).start_s for name, _ in chain), strict=True)
    return sum(first_s), sum(later_s)


def exits_of(chain: Chain) -> tuple[int, ...]:
    """Return the layers after which an item may leave early; none without such a technique.

    Raises:
        SpecError: as `check` does for names and parameters.
    """
    for name, given in chain:
        parameters = _parameters(find(name), given)
        if isinstance(parameters, ExitsParameters):
            return tuple(parameters.layers)
    return ()


def words(chain: Chain) -> str:
    """Return what follows a model's title; empty without techniques.

    Raises:
        SpecError: as `check` does for names and parameters.
    """
    chosen = ((find(name), given) for name, given in chain)
    said: list[str] = []
    for technique, given in chosen:
        part = technique.words(_parameters(technique, given))
        for before in said:  # "on OpenVINO, in INT8 on OpenVINO" says it once
            part = part.removesuffix(f" {before}")
        said.append(part)
    return ", ".join(said)


def _misfit(technique: Technique, builder: str, form: Form, before: str) -> str | None:
    """Why a technique does not fit what stands before it in the chain."""
    acts_on = technique.builders or (ENCODERS if technique.transform is not None else ())
    if acts_on and builder not in acts_on:
        return f"it acts on {', '.join(acts_on)}, and this model is `{builder}`"
    if form in technique.takes:
        return None
    left = f"`{before}` leaves" if before else f"`{builder}` gives"
    fix = "; put it earlier in the chain, or leave one of the two out" if before else ""
    takes = " or ".join(map(with_article, _within_reach(technique, builder)))
    return f"it takes {takes}, and {left} {with_article(form)}{fix}"


def _lost(before: Recipe, after: Recipe) -> str | None:
    """What a module was served by, and a graph of it is not."""
    exported = any(step["step"] == "export" for step in after.settings.get("steps", ()))
    return next((key for key in ("compile", "attention") if exported and key in before.settings), None)


def _within_reach(technique: Technique, builder: str) -> tuple[Form, ...]:
    """What a technique takes, without what only other builders give; all of it where nothing is left."""
    others = {*FORMS.values(), "other"} - {FORMS.get(builder, "other")}
    return tuple(form for form in technique.takes if form not in others) or technique.takes


def _applied(recipe: Recipe, technique: Technique, parameters: Frozen) -> Recipe:
    if technique.apply is not None:
        recipe = technique.apply(recipe, parameters)
    if technique.transform is None:
        return recipe
    own = {"technique": technique.name, "parameters": parameters.model_dump(), **address(technique.transform)}
    return recipe.with_settings(transforms=[*recipe.settings.get("transforms", ()), own])


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
            known = f"Known: {', '.join(fields)}." if fields else "It takes none: write {}."
            return f"`{key}` is not a known key.{nearest(name, fields)} {known}"
        case "missing":
            return f"`{key}` is missing: {fields[name].description or 'it is required'}."
        case _:
            given = error["input"]
            field = fields.get(name)
            bounds = "" if field is None else _bounds(field.metadata)
            return f"`{key}` got {given!r} ({type(given).__name__}): {error['msg']}.{bounds}"


def _bounds(metadata: Iterable[Any]) -> str:
    least = [each.ge for each in metadata if hasattr(each, "ge")]
    most = [each.le for each in metadata if hasattr(each, "le")]
    return f" It may be {least[0]} to {most[0]}." if least and most else ""


__all__ = [
    "TECHNIQUES", "Chain", "NoParameters", "Target", "Technique", "apply_chain", "check", "check_runtimes",
    "embeddings", "exits_of", "models_of", "register", "start_s", "teacher_of", "words",
]  # fmt: skip
