"""Sweeps: a base study and what is varied of it, spelt out into the points that are run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import Field, PositiveFloat, PositiveInt, ValidationError

from effkit import params, resolve, store
from effkit.batch.notebooks import notebook_for
from effkit.identity import identity
from effkit.spec import Frozen, SpecError, StudySpec, nearest

BASE = "base"
"""The key that a sweep has and a study has not."""
LONGEST_NAME = 100
_VARIED = object()


class SweepSpec(Frozen):
    """A base study and what is varied of it."""

    base: str = Field(description="path of a study's parameter file, from the sweep's own folder")
    matrix: dict[str, tuple[Any, ...]] = Field(
        default_factory=dict, description="values by key, dots reaching inside; every combination is a point"
    )
    include: tuple[dict[str, Any], ...] = Field(
        default=(),
        description="more points, each the keys it changes; what has one value in `matrix` holds for them too",
    )
    exclude: tuple[dict[str, Any], ...] = Field(
        default=(), description="combinations to leave out: every point that has all the values of an entry"
    )
    replicates: PositiveInt = Field(default=1, description="how often each point is measured")
    timeout_s: PositiveFloat | None = Field(
        default=None, description="longest a run may take, waiting for the measuring slot left out"
    )
    memory_bytes: PositiveInt | None = Field(
        default=None, description="most that a run's processes may hold together, shared pages left out"
    )


@dataclass(frozen=True)
class Point:
    """One run that is asked for.

    Attributes:
        params: the keys of its parameter file.
        spec: checked.
        notebook: that tells it.
        identity: of its results.
        replicate: from 1.
        sweep: that it belongs to; None for a study that was named itself.
    """

    params: Mapping[str, Any]
    spec: StudySpec
    notebook: Path
    identity: str
    replicate: int = 1
    sweep: str | None = None
    timeout_s: float | None = None
    memory_bytes: int | None = None

    @property
    def title(self) -> str:
        """What lists call it: the study's name, and the number of a replicate."""
        return self.spec.name + (f" #{self.replicate}" if self.replicate > 1 else "")


def points(path: Path, changes: Mapping[str, Any] | None = None) -> list[Point]:
    """Read a study or a sweep and return what is to be run, each identity once.

    Args:
        path: a parameter file.
        changes: new values by key, of the study, or of the sweep's base before it is varied.

    Raises:
        SpecError: when anything in it is wrong; nothing is loaded before this.
    """
    read = params.read(path)
    if BASE not in read:
        return [point(params.override(read, changes or {}), path)]
    sweep = _parsed(read, path)
    source = path.parent / sweep.base
    base = params.override(params.read(source), changes or {})
    found: dict[str, Point] = {}
    for varied in _combinations(sweep):
        name = _name(str(base.get("name", source.stem)), varied, sweep)
        keys = params.override(base, {**varied, "name": name})
        for replicate in range(1, sweep.replicates + 1):
            each = replace(
                point(keys, source, replicate),
                sweep=path.stem, timeout_s=sweep.timeout_s, memory_bytes=sweep.memory_bytes,
            )  # fmt: skip
            found.setdefault(each.identity, each)
    if not found:
        raise SpecError(f"{path}: `exclude` leaves no point.")
    return list(found.values())


def point(keys: Mapping[str, Any], source: Path, replicate: int = 1) -> Point:
    """Check the keys of a study and return the one point that it is.

    Args:
        keys: of its parameter file, changes applied.
        source: the file, beside whose folder the notebooks are.
        replicate: from 1.

    Raises:
        SpecError: when a key is wrong or there is no notebook; nothing is loaded before this.
    """
    keys = params.given_keys(keys)
    spec = params.parse(keys, str(source))
    resolve.check(spec, {}, None)
    modality = resolve.task_kind(spec.task, None).modality
    return Point(keys, spec, notebook_for(modality, source), identity(spec, replicate), replicate)


def _parsed(read: Mapping[str, Any], path: Path) -> SweepSpec:
    try:
        sweep = SweepSpec.model_validate(read)
    except ValidationError as error:
        raise SpecError(f"{path}: " + " ".join(_told(each) for each in error.errors())) from None
    for key, values in sweep.matrix.items():
        if not values:
            raise SpecError(f"{path}: `matrix.{key}` has no values; give at least one, or leave it out.")
    for entry in sweep.exclude:
        for key in entry:
            if key not in sweep.matrix:
                raise SpecError(f"{path}: `exclude` names `{key}`, which is not varied.{nearest(key, sweep.matrix)}")
    return sweep


def _told(error: Any) -> str:
    key = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        known = list(SweepSpec.model_fields)
        return f"`{key}` is not a key of a sweep.{nearest(key, known)} Known: {', '.join(known)}."
    if error["type"] == "tuple_type":
        return f"`{key}` got {error['input']!r}: give a list, as in [{error['input']}]."
    return f"`{key}` got {error['input']!r}: {error['msg']}."


def _combinations(sweep: SweepSpec) -> Iterable[dict[str, Any]]:
    for values in product(*sweep.matrix.values()):
        changes = dict(zip(sweep.matrix, values, strict=True))
        if not any(all(changes[key] == value for key, value in entry.items()) for entry in sweep.exclude):
            yield changes
    for entry in sweep.include:
        yield {**{key: value for key, value in _single(sweep).items() if not _within(key, entry)}, **entry}


def _single(sweep: SweepSpec) -> dict[str, Any]:
    """What has one value for all points."""
    return {key: values[0] for key, values in sweep.matrix.items() if len(values) == 1}


def _within(key: str, entry: Mapping[str, Any]) -> bool:
    """Whether an entry says a dotted key within a mapping, as `protocol: {threads: 4}` says `protocol.threads`."""
    outer, _, last = key.rpartition(".")
    inner = entry.get(outer)
    return isinstance(inner, Mapping) and last in inner


def _name(base: str, changes: Mapping[str, Any], sweep: SweepSpec) -> str:
    """A study's name that tells a point from its sisters: what has one value for all is left out."""
    told = [
        f"{key.rpartition('.')[2]}-{_word(value)}"
        for key, value in changes.items()
        if _single(sweep).get(key, _VARIED) != value
    ]
    name = re.sub(r"[^a-z0-9]+", "-", "-".join([base, *told]).lower()).strip("-")
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 9].strip('-')}-{_digest(changes)}"


def _word(value: Any) -> str:
    return str(value) if isinstance(value, (str, int, float)) and str(value).strip("-.") else _digest(value)


def _digest(value: Any) -> str:
    return store.params_hash(value)[:8]
