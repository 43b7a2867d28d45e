"""What a parameter file may say.

One file is one study. Everything here is plain data: it is checked before anything is downloaded
or loaded, and an error names the key, what it got, what it may be and the nearest valid name.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from effkit.frozen import Frozen
from effkit.production import Budget, CarbonSpec, CostSpec, LoadSpec

__all__ = [
    "FEWEST_TO_ADAPT", "TIERS", "Budget", "CandidateSpec", "CarbonSpec", "CostSpec", "Frozen", "ItemCount",
    "ItemsSpec", "LearningCurveSpec", "LoadSpec", "Protocol", "SpecError", "StudySpec", "nearest", "unknown_name",
]  # fmt: skip

ItemCount = PositiveInt | Literal["all"]
"""A number of items, or every one there is."""


class SpecError(ValueError):
    """A parameter file, or a study built in Python, says something it may not say."""


def nearest(given: str, allowed: Iterable[str]) -> str:
    """Return " Did you mean `x`?" for the valid name closest to `given`, or an empty string."""
    match = difflib.get_close_matches(given, list(allowed), n=1, cutoff=0.5)
    return f" Did you mean `{match[0]}`?" if match else ""


def unknown_name(what: str, given: str, allowed: Iterable[str]) -> SpecError:
    """Build the error for a name that is not in a list: what it is, what it may be, the nearest one."""
    names = sorted(allowed)
    return SpecError(f"`{given}` is not a known {what}.{nearest(given, names)} Known: {', '.join(names)}.")


Score = Literal["margin", "log_probability", "entropy"]
"""How sure an answer is: the likeliest class before the second, its log-probability, or minus the entropy."""

Calibration = Literal["temperature", "isotonic"]
"""How a confidence is held against the truth on `calibrate`: one temperature, or any rising curve."""

Share = Annotated[float, Field(ge=0, le=1)]

THEN = "-then-"
"""Between the stages of a cascade in its name, which is fit for a file's name too."""


class CandidateSpec(Frozen):
    """A model, the techniques applied to it in order, and how many labels it learns from; or a cascade of such."""

    model: str = Field(default="", description="name in the catalogue, or given to `study.add`; empty for a cascade")
    techniques: tuple[dict[str, dict[str, Any]], ...] = Field(
        default=(), description="one-key mappings, technique to its parameters, in order"
    )
    fit_items: ItemCount | None = Field(default=None, description="training items; None takes the study's `items.fit`")
    cascade: tuple[CandidateSpec, ...] = Field(
        default=(), description="candidates that are asked in turn, each only where the one before was not sure"
    )
    score: Score | None = Field(default=None, description="of a cascade: how sure an answer is; None takes `margin`")
    calibration: Calibration | None = Field(
        default=None, description="of a cascade: how confidences are calibrated; None takes `temperature`"
    )
    escalate: tuple[Share, ...] | None = Field(
        default=None, description="of a cascade: the share that each stage but the last passes on; None has it chosen"
    )
    accept_points: NonNegativeFloat | None = Field(
        default=None,
        description="of a cascade: points it may lose on `select`, at its bound; None takes half the margin",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"model": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_kind(self) -> CandidateSpec:
        only_cascades = ("score", "calibration", "escalate", "accept_points")
        if not self.cascade:
            if not self.model:
                raise ValueError("a candidate needs `model`, a name, or `cascade`, a list of two candidates or more")
            wrong = [key for key in only_cascades if getattr(self, key) is not None]
            if wrong:
                raise ValueError(f"`{wrong[0]}` is said of a cascade, and `{self.model}` is one model; leave it out")
            return self
        wrong = [key for key in ("model", "techniques", "fit_items") if getattr(self, key)]
        if wrong:
            raise ValueError(f"a cascade takes no `{wrong[0]}`: give it to one of its stages")
        if len(self.cascade) < 2:
            raise ValueError("a cascade needs two stages or more, the smallest first; got one: name the large one too")
        if any(stage.cascade for stage in self.cascade):
            raise ValueError("a stage of a cascade cannot be a cascade itself; write all stages into one list")
        names = [stage.name for stage in self.cascade]
        if len(set(names)) < len(names):
            raise ValueError(f"a cascade asks each stage once; got {', '.join(names)}")
        if self.escalate is not None and len(self.escalate) != len(names) - 1:
            raise ValueError(f"`escalate` gives a share for each stage but the last: {len(names) - 1} of them")
        if self.escalate is not None and self.accept_points is not None:
            raise ValueError(
                "give one of `escalate`, which fixes the shares, and `accept_points`, by which they are chosen"
            )
        return self

    @model_validator(mode="after")
    def _one_key_each(self) -> CandidateSpec:
        for technique in self.techniques:
            if len(technique) != 1:
                raise ValueError(
                    f"each technique is a mapping with one key, its name; got {sorted(technique) or 'none'}"
                )
        return self

    @property
    def chain(self) -> tuple[tuple[str, dict[str, Any]], ...]:
        """The techniques as (name, parameters) pairs, in order."""
        return tuple(next(iter(technique.items())) for technique in self.techniques)

    @property
    def name(self) -> str:
        """How tables and plots call it: `efficientnet-lite2+resolution-128`, `tfidf-logreg@all`, `a-then-b`."""
        if self.cascade:
            return THEN.join(stage.name for stage in self.cascade) + "".join(f"+{said}" for said in self.how)
        parts = [self.model]
        for technique, parameters in self.chain:
            values = "-".join(_said(value) for value in parameters.values())
            parts.append(f"{technique}-{values}" if values else technique)
        labels = "" if self.fit_items is None else f"@{self.fit_items}"
        return "+".join(parts) + labels

    @property
    def parts(self) -> tuple[CandidateSpec, ...]:
        """The stages of a cascade, or the candidate itself."""
        return self.cascade or (self,)

    @property
    def how(self) -> tuple[str, ...]:
        """How a cascade escalates, where that is not left to effkit: its score, calibration, shares or loss."""
        said = [each.replace("_", "-") for each in (self.score, self.calibration) if each is not None]
        if self.escalate is not None:
            said.append("escalate-" + _said(self.escalate))
        if self.accept_points is not None:
            said.append(f"accept-{self.accept_points:g}")
        return tuple(said)


def _said(value: Any) -> str:
    """A parameter's value in a name; a list by its members."""
    return "-".join(map(_said, value)) if isinstance(value, (list, tuple)) else str(value)


class LearningCurveSpec(Frozen):
    """Quality of one model against the number of labels it learns from: data as the third lever."""

    model: str = Field(description="a model that is trained on the task")
    fit_items: tuple[ItemCount, ...] = Field(min_length=2, description="training items of each point")


class ItemsSpec(Frozen):
    """How many items the `standard` protocol uses; `smoke` uses fewer and `rigorous` all."""

    fit: ItemCount = Field(default="all", description="training items")
    test: ItemCount = Field(default="all", description="test items")


class Protocol(Frozen):
    """How measuring is done. Defaults are the `standard` tier."""

    base: Literal["smoke", "standard", "rigorous"] = Field(
        default="standard", description="the tier whose values are taken where none is given"
    )
    generations: PositiveInt = Field(default=10, description="fresh workers of each candidate, one after the other")
    blocks: PositiveInt = Field(
        default=4, description="randomised blocks in a generation; each visits every candidate once"
    )
    block_items: PositiveInt = Field(
        default=30,
        description="test items drawn for each block; forty blocks carry a p99 even where calls depend on each other",
    )
    calls: PositiveInt = Field(default=1200, description="batch-1 calls of each candidate over all blocks")
    visit_s: PositiveFloat = Field(default=0.5, description="shortest measured part of a visit, seconds")
    warm_up_calls: PositiveInt = Field(default=10, description="fewest warm-up calls of a fresh worker")
    warm_up_s: PositiveFloat = Field(default=3.0, description="shortest warm-up of a fresh worker, seconds")
    warm_up_fast_s: PositiveFloat = Field(default=1.0, description="the same where a call is under 5 ms")
    warm_up_most_calls: PositiveInt = Field(default=300, description="gives up after so many calls and `warm_up_s`")
    warm_up_most_s: PositiveFloat = Field(default=20.0, description="gives up after so many seconds and two passes")
    batch: PositiveInt = Field(default=32, description="batch size at which throughput is measured")
    throughput_s: PositiveFloat = Field(default=1.0, description="shortest throughput window, seconds")
    idle_s: NonNegativeFloat = Field(
        default=5.0, description="idle window of a generation, half before and half after its blocks"
    )
    threads: PositiveInt = Field(default=1, description="threads of every library in every worker")
    device: Literal["cpu", "cuda"] = Field(
        default="cpu", description="where PyTorch models run; all others run on the CPU"
    )
    retries: NonNegativeInt = Field(default=2, description="most repeats of a visit that something disturbed")
    interval: PositiveFloat | None = Field(
        default=None,
        description="go on after `generations` until every latency ratio is known this well: half of its 95 % "
        "interval, as a share (0.02 is ±2 %); None stops at `generations`",
    )
    most_generations: PositiveInt = Field(default=30, description="where `interval` is asked, no more than these")
    seeds: PositiveInt = Field(default=5, description="training seeds of candidates that are cheap to train")
    items: Literal["few", "asked", "all"] = Field(
        default="asked", description="few: 300 to fit and 200 to test; asked: the study's; all: all"
    )
    resamples: PositiveInt = Field(default=10_000, description="bootstrap resamples for quality")

    @model_validator(mode="before")
    @classmethod
    def _from_tier(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {"base": value}
        if not isinstance(value, Mapping):
            return value
        tier = value.get("base", "standard")
        if not isinstance(tier, str) or tier not in TIERS:
            raise ValueError(f"`{tier}` is not a protocol.{nearest(str(tier), TIERS)} It may be {', '.join(TIERS)}")
        by_device = ON_GPU if value.get("device") == "cuda" else {}
        return {**by_device, **TIERS[tier], **value, "base": tier}

    @model_validator(mode="after")
    def _enough_to_adapt(self) -> Protocol:
        if self.interval is not None and not FEWEST_TO_ADAPT <= self.generations <= self.most_generations:
            raise ValueError(
                f"`protocol.interval` needs at least {FEWEST_TO_ADAPT} `generations` to judge the noise by, and at "
                f"most `most_generations`; got {self.generations} and {self.most_generations}"
            )
        return self

    @property
    def rehearsal(self) -> bool:
        """Whether it only tries that everything works: `smoke`, whatever is changed of it."""
        return self.base == "smoke"


FEWEST_TO_ADAPT = 5
TIERS: dict[str, dict[str, Any]] = {
    "smoke": {
        "generations": 1,
        "blocks": 2,
        "calls": 64,
        "block_items": 16,
        "visit_s": 0.5,
        "warm_up_s": 0.5,
        "warm_up_fast_s": 0.2,
        "warm_up_most_calls": 60,
        "warm_up_most_s": 5.0,
        "idle_s": 2.0,
        "throughput_s": 0.3,
        "seeds": 1,
        "items": "few",
    },
    "standard": {},
    "rigorous": {"generations": 20, "items": "all"},
}
"""What each tier changes; everything else is a default of `Protocol`."""
LOAD_OF_TIER: dict[str, dict[str, Any]] = {
    "rigorous": {"shares": (0.3, 0.6, 0.8, 0.9), "queries": 10_000, "most_s": 300.0}
}
"""What a load test asks for in a tier where the study does not: queues at 0.9 of saturation take long to tell of."""
ON_GPU: dict[str, Any] = {"blocks": 1, "block_items": 120, "visit_s": 2.0}
"""What else is other there: windows of energy must be as long as NVML's counter needs."""


class StudySpec(Frozen):
    """A task, its candidates, a protocol and a budget."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="the study's folder under results/")
    task: str = Field(description="name in the catalogue, or the name of your own task")
    reference: str = Field(description="the candidate that all others are compared with; never inferred")
    candidates: Annotated[tuple[CandidateSpec, ...], Field(min_length=1)]
    margin_points: PositiveFloat | None = Field(
        default=None, description="how much worse is still good enough, in points (1.0 = one in a hundred)"
    )
    margin_percent: PositiveFloat | None = Field(
        default=None, description="for regression: the same in per cent of the reference's mean error"
    )
    margin_reason: str = Field(min_length=1, description="why this margin; fixed before measuring")
    protocol: Protocol = Field(default_factory=Protocol)
    items: ItemsSpec = Field(default_factory=ItemsSpec)
    learning_curve: tuple[LearningCurveSpec, ...] = ()
    budget: Budget = Field(default_factory=Budget)
    carbon: CarbonSpec = Field(default_factory=CarbonSpec)
    cost: CostSpec | None = Field(default=None, description="None counts machines and names no money")
    traffic: tuple[PositiveFloat, ...] = Field(
        default=(1.0, 100.0, 10_000.0), min_length=1, description="requests a second at which cost is told"
    )
    load: LoadSpec | None = Field(default=None, description="None runs no load test")
    seed: int = Field(default=1, ge=0, description="seeds the splits, the schedule, training and the bootstrap")

    @model_validator(mode="before")
    @classmethod
    def _load_of_tier(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or not isinstance(value.get("load"), Mapping):
            return value
        protocol = value.get("protocol")
        tier = protocol.get("base") if isinstance(protocol, Mapping) else getattr(protocol, "base", protocol)
        return {**value, "load": {**LOAD_OF_TIER.get(str(tier), {}), **value["load"]}}

    @property
    def with_curves(self) -> tuple[CandidateSpec, ...]:
        """Its candidates, and the first point of each learning curve."""
        points = (CandidateSpec(model=curve.model, fit_items=curve.fit_items[0]) for curve in self.learning_curve)
        return (*self.candidates, *points)

    @model_validator(mode="after")
    def _consistent(self) -> StudySpec:
        names = [candidate.name for candidate in self.candidates]
        if self.reference not in names:
            raise ValueError(
                f"`reference` is `{self.reference}`, which is not among the candidates."
                f"{nearest(self.reference, names)} It may be {', '.join(names)}, or a model of your own that "
                "`Study.from_params` is given by `own`"
            )
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"`candidates` names {', '.join(twice)} twice; give each once")
        if (self.margin_points is None) == (self.margin_percent is None):
            raise ValueError(
                "give one of `margin_points` (classification, retrieval) and `margin_percent` (regression)"
            )
        if self.budget.money_per_thousand is not None and self.cost is None:
            raise ValueError("`budget.money_per_thousand` needs a price: give `cost`, since effkit knows none")
        return self
