"""What a claim may say: a closed vocabulary, checked when it is read.

A claim is data. There is no expression in it to be evaluated: it names candidates or techniques to compare, what is
looked at, and between which bounds that should lie.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any, Literal

import yaml
from pydantic import Field, PositiveFloat, ValidationError, model_validator

from effkit.analysis.family import Family
from effkit.spec import Frozen, SpecError, nearest

Quantity = Literal[
    "latency",
    "latency_per_operation",
    "energy",
    "size",
    "parameters",
    "operations",
    "peak_memory",
    "machines",
    "quality_points",
    "quality_percent",
    "quality_margins",
    "group_points",
    "p99_over_p50",
    "later_gain_points",
]
"""What is looked at. Ratios are of the one to the other; quality is the one's less the other's, more is better."""

COUNTED: frozenset[str] = frozenset({"size", "parameters", "operations"})
"""Exact, so that a claim may say by them what it applies to."""
_ALONE = {"each": "p99_over_p50", "ladder": "later_gain_points"}
"""Selectors that compare nothing in pairs, and the one quantity of each."""


class _Term(Frozen):
    """A part of a claim; a wrong key is answered with those there are."""

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        for key in value:
            if key not in cls.model_fields:
                known = list(cls.model_fields)
                raise ValueError(f"`{key}` is not a known key.{nearest(str(key), known)} Known: {', '.join(known)}")
        return value


class Span(_Term):
    """Bounds; one of them is enough."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Span:
        low, high = self.at_least, self.at_most
        if low is None and high is None:
            raise ValueError("give `at_least`, `at_most` or both")
        if low is not None and high is not None and low > high:
            raise ValueError(f"`at_least` {low:g} is above `at_most` {high:g}")
        return self

    def holds(self, low: float, high: float) -> bool | None:
        """True where a whole interval lies inside, False where it lies wholly outside on one side, else None."""
        floor = -float("inf") if self.at_least is None else self.at_least
        ceiling = float("inf") if self.at_most is None else self.at_most
        if floor <= low and high <= ceiling:
            return True
        return False if high < floor or low > ceiling else None


class Condition(Span):
    """A quantity and the bounds between which it should lie."""

    quantity: Quantity
    at_per_s: PositiveFloat | None = Field(default=None, description="requests a second, for `machines` alone")

    @model_validator(mode="after")
    def _traffic(self) -> Condition:
        if (self.quantity == "machines") != (self.at_per_s is not None):
            raise ValueError("`at_per_s` belongs to the quantity `machines`, which needs it")
        return self


class Pattern(_Term):
    """A technique, by its name and as many of its parameters as matter."""

    name: str
    parameters: dict[str, Span | str | float | int | bool] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _as_in_parameter_files(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, Mapping) and len(value) == 1:
            name, parameters = next(iter(value.items()))
            return {"name": name, "parameters": parameters or {}}
        return value

    def matches(self, technique: Mapping[str, Mapping[str, Any]]) -> bool:
        """Whether a technique of a chain is this one."""
        name, given = next(iter(technique.items()))
        return name == self.name and all(
            key in given and _same(given[key], wanted) for key, wanted in self.parameters.items()
        )


def _same(given: Any, wanted: Span | str | float) -> bool:
    if isinstance(wanted, Span):
        is_number = isinstance(given, int | float) and not isinstance(given, bool)
        return is_number and wanted.holds(given, given) is True
    return bool(given == wanted)


class Chosen(_Term):
    """Candidates, by what they are; what is not said does not matter."""

    models: tuple[str, ...] = Field(default=(), description="names of models; none stands for all")
    families: tuple[Family, ...] = Field(default=(), description="by what the catalogue says of the model")
    techniques: tuple[Pattern, ...] | None = Field(
        default=None, description="the whole chain, in order; `[]` is a model as it is"
    )
    has: tuple[Pattern, ...] = Field(default=(), description="all of which stand somewhere in the chain")
    cascade: bool | None = Field(default=None, description="whether it asks one model first and another if need be")
    enough: bool | None = Field(default=None, description="whether it is shown not to be worse by the margin")


class Pairs(_Term):
    """Every candidate of one kind against each of another, within a study."""

    of: Chosen
    against: Chosen | Literal["reference", "teacher"]
    same: Literal["model"] | None = None


class Links(_Term):
    """Candidates against the same chain without its last techniques."""

    added: tuple[tuple[Pattern, ...], ...] = Field(min_length=1, description="alternatives, each a list in order")
    models: tuple[str, ...] = ()
    families: tuple[Family, ...] = ()


class Ladder(_Term):
    """Three candidates of one study, by rising size."""

    small: Chosen
    middle: Chosen
    large: Chosen


class Selector(_Term):
    """What is compared; exactly one of these."""

    links: Links | None = None
    pairs: Pairs | None = None
    each: Chosen | None = None
    ladder: tuple[Ladder, ...] = ()

    @model_validator(mode="after")
    def _one(self) -> Selector:
        if sum(map(bool, (self.links, self.pairs, self.each, self.ladder))) != 1:
            raise ValueError(f"give exactly one of {', '.join(type(self).model_fields)}")
        return self

    @property
    def kind(self) -> str:
        """Which of them it is."""
        return next(name for name in type(self).model_fields if getattr(self, name))


class Claim(_Term):
    """A statement of the literature, and what would bear it out on a host."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    statement: str = Field(min_length=1, description="one sentence")
    source: str = Field(min_length=1, description="who says so, with the year, and in what words")
    reading: str = Field(min_length=1, description="how the words were made numbers")
    of: Selector
    where: tuple[Condition, ...] = Field(default=(), description="counted quantities: what it applies to")
    expect: tuple[Condition, ...] = Field(min_length=1, description="all of which a comparison must meet")
    holds: Literal["all", "most", "some"] = Field(
        default="all", description="for every comparison, for more than half of them, or for at least one"
    )
    tested_by: str = Field(min_length=1, description="a parameter file, or what to do where there is none")

    @model_validator(mode="after")
    def _fitting(self) -> Claim:
        loose = sorted({each.quantity for each in self.where} - COUNTED)
        if loose:
            raise ValueError(f"`where` takes {', '.join(sorted(COUNTED))}, which are exact; got {', '.join(loose)}")
        only = _ALONE.get(self.of.kind)
        for each in (*self.where, *self.expect):
            if only is not None and each.quantity != only:
                raise ValueError(f"`{self.of.kind}` has the quantity {only} alone; got {each.quantity}")
            if only is None and each.quantity in _ALONE.values():
                raise ValueError(f"`{each.quantity}` is not a quantity of `{self.of.kind}`")
        return self


def known_claims() -> tuple[Claim, ...]:
    """The claims that come with effkit, in the order of their file."""
    return read_claims(resources.files("effkit.analysis").joinpath("claims.yaml").read_text(encoding="utf-8"))


def read_claims(text: str) -> tuple[Claim, ...]:
    """Read a list of claims from YAML.

    Raises:
        SpecError: naming the claim, the key that is wrong, what it got and what it may be.
    """
    found = []
    for number, each in enumerate(yaml.safe_load(text), start=1):
        name = each.get("id", f"number {number}") if isinstance(each, Mapping) else f"number {number}"
        try:
            found.append(Claim.model_validate(each))
        except ValidationError as error:
            told = dict.fromkeys(_told(detail) for detail in error.errors())
            raise SpecError(f"The claim `{name}`: {' '.join(told)}") from None
    ids = [each.id for each in found]
    twice = sorted({each for each in ids if ids.count(each) > 1})
    if twice:
        raise SpecError(f"The claims have the id {', '.join(twice)} twice; give each its own.")
    return tuple(found)


def _told(detail: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in detail["loc"]) or "the claim"
    said = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "missing":
        return f"`{place}` is missing."
    return f"{said} (at `{place}`, which got {detail['input']!r})."
