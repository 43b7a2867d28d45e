"""From a parameter file to the study it describes, or to an error that a person can act on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import BaseModel, ValidationError

from effkit.spec import (
    Budget,
    CandidateSpec,
    CarbonSpec,
    CostSpec,
    ItemsSpec,
    LearningCurveSpec,
    LoadSpec,
    Protocol,
    SpecError,
    StudySpec,
    nearest,
)  # fmt: skip

_PARTS: Mapping[str, type[BaseModel]] = {
    "protocol": Protocol,
    "items": ItemsSpec,
    "budget": Budget,
    "carbon": CarbonSpec,
    "cost": CostSpec,
    "load": LoadSpec,
    "candidates": CandidateSpec,
    "learning_curve": LearningCurveSpec,
}
"""The keys of a study that hold mappings, or lists of them."""


def _describe(error: Mapping[str, Any]) -> str:
    """One pydantic error as one line for a person."""
    key = _key(error["loc"])
    given = error.get("input")
    match error["type"]:
        case "extra_forbidden":
            *outer, last = error["loc"]  # the last is as the file has it, be it with a hyphen
            key = f"{_key(tuple(outer))}.{last}" if outer else str(last)
            allowed = _keys_at(error["loc"])
            return f"`{key}` is not a known key.{nearest(str(last), allowed)} Known: {', '.join(allowed)}."
        case "missing":
            return f"`{key}` is missing: {_description(error['loc'])}."
        case "value_error":
            return f"{error['msg'].removeprefix('Value error, ')}." + (f" (at `{key}`)" if error["loc"] else "")
        case "tuple_type":
            return f"`{key}` got {given!r}: give a list, as in [{given}]."
        case "string_pattern_mismatch":
            return f"`{key}` got {given!r}: small letters, digits and hyphens, a letter or digit first."
        case "model_type" if key == "protocol":
            return f"`{key}` got {given!r}: it may be smoke, standard, rigorous, or a mapping of its fields."
        case "model_type" if (part := _PARTS.get(str(error["loc"][0]))) is not None:
            name = "a model's name, or " if part is CandidateSpec else ""
            fields = ", ".join(part.model_fields)
            return f"`{key}` got {given!r}: give {name}a mapping, of {fields}."
        case "literal_error" | "int_parsing" | "int_type" if key.startswith("items") or "fit_items" in key:
            return f"`{key}` got {given!r}: give a whole number above 0, or `all`."
        case _:
            return f"`{key}` got {given!r} ({type(given).__name__}): {error['msg']}."


def _key(loc: tuple[int | str, ...]) -> str:
    """Where an error is, as the file has it: without pydantic's names for the members of a union."""
    parts = [str(part) for part in loc if isinstance(part, int) or part.isidentifier()]
    return ".".join(parts) or "the study"


def _told(errors: Iterable[Mapping[str, Any]]) -> list[str]:
    """The errors in words, each once; that a list is too short is not told where what is in it is wrong."""
    found = [dict(each) for each in errors]
    inner = {_key(each["loc"][:1]) for each in found if len(each["loc"]) > 1}
    kept = [each for each in found if not (each["type"] == "too_short" and _key(each["loc"]) in inner)]
    return list(dict.fromkeys(_describe(each) for each in kept))


def _model_at(loc: tuple[int | str, ...]) -> type[BaseModel]:
    """The model whose key stands at the end of a pydantic location."""
    return _PARTS.get(str(loc[0]), StudySpec) if len(loc) > 1 else StudySpec


def _keys_at(loc: tuple[int | str, ...]) -> list[str]:
    return list(_model_at(loc).model_fields)


def _description(loc: tuple[int | str, ...]) -> str:
    field = _model_at(loc).model_fields.get(str(loc[-1]))
    return (field.description if field else None) or "it is required"


def given_keys(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that say something: a key without a value takes its default."""
    return {key: value for key, value in params.items() if value is not None}


def parse(params: Mapping[str, Any], source: str = "the study") -> StudySpec:
    """Check parameters and return the study they describe.

    Args:
        params: the keys of a parameter file.
        source: where they come from, for the error's first words.

    Raises:
        SpecError: naming every key that is wrong, what it got and what it may be.
    """
    try:
        return StudySpec.model_validate(given_keys(params))
    except ValidationError as error:
        raise SpecError(f"{source}: " + " ".join(_told(error.errors()))) from None


def read(path: Path | str) -> dict[str, Any]:
    """Read a parameter file without checking its keys.

    Raises:
        SpecError: when the file is missing, is not YAML or is not a mapping.
    """
    path = Path(path)
    if not path.is_file():
        near = nearest(path.name, (each.name for each in path.parent.glob("*.yaml")))
        raise SpecError(f"There is no parameter file {path} in {Path.cwd()}.{near}")
    try:
        params = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, OSError) as error:  # ValueError: another encoding, a date that is none
        raise SpecError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(params, dict) or not all(isinstance(key, str) for key in params):
        raise SpecError(f"{path} must be a mapping of keys to values, as params/text.yaml is.")
    return params


def assigned(assignments: Iterable[str]) -> dict[str, Any]:
    """Return the keys and values of `key=value` assignments; values are YAML.

    Raises:
        SpecError: when an assignment has no `=` or its value is no YAML.
    """
    found: dict[str, Any] = {}
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        if not separator or not key:
            raise SpecError(f"--set takes key=value, as in margin_points=2; got {assignment!r}.")
        try:
            found[key] = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError):
            raise SpecError(f"--set {key}: {text!r} is not valid YAML.") from None
    return found


def override(params: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters with some keys changed; dotted keys reach inside mappings.

    A whole key is changed before what reaches inside it, in whatever order they are given. Another tier of the protocol
    takes the place of all that is asked of it, but for the threads and the device.

    Raises:
        SpecError: when a key reaches into something that is not a mapping.
    """
    result = dict(params)
    for key, value in sorted(values.items(), key=lambda each: each[0].count(".")):
        *outer, last = key.split(".")
        target = result
        for part in outer:
            inner = target.get(part)
            if inner is None:
                inner = {}
            if part == "protocol" and isinstance(inner, str):
                inner = {"base": inner}
            if not isinstance(inner, Mapping):
                raise SpecError(
                    f"`{key}` reaches into `{part}`, which is {inner!r} and not a mapping: name a key of it."
                )
            target[part] = dict(inner)
            target = target[part]
        target[last] = _tier(value, params.get(key)) if key == "protocol" else value
    return result


def _tier(asked: Any, before: Any) -> Any:
    """A tier by name, on the threads and the device of what it replaces, or it would rehearse something else."""
    if not isinstance(asked, str) or not isinstance(before, Mapping):
        return asked
    return {"base": asked, **{key: before[key] for key in ("threads", "device") if key in before}}


def plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as a file holds them: they are written beside the record, after everything is measured.

    Args:
        params: keys with values of Python, NumPy or effkit itself.

    Raises:
        SpecError: for a value that no file holds.
    """
    return {str(key): _plain(value, str(key)) for key, value in params.items()}


def _plain(value: Any, key: str) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True)
    if isinstance(value, Mapping):
        return {each: _plain(part, f"{key}.{each}") for each, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(part, f"{key}.{number}") for number, part in enumerate(value)]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise SpecError(f"`{key}` got {value!r} ({type(value).__name__}): give a number, a text, a list or a mapping.")
