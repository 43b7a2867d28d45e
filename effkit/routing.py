"""What a record keeps of a cascade: its stages, its gates, the curve it stands on, and what other traffic would do.

`effkit.record` is the door to these. Shares are of items, from 0 to 1; quality is in the metric's own unit.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from effkit.evidence import Estimate, Gap, Ratio
from effkit.spec import Calibration, Frozen, Score

CostKind = Literal["time", "operations"]
"""What the cost of stages is compared by: their own measured latency, or the operations counted on them."""


class CascadeStage(Frozen):
    """One stage of a cascade, or one part of a network with exits."""

    name: str = Field(description="as a candidate would be called; of a part, where it leaves the network")
    title: str
    quality: Estimate = Field(description="if it answered all test items alone")
    answered: Estimate = Field(description="share of the test items whose answer is this stage's; Wilson's interval")
    cost: float | None = Field(description="of an item that it is asked about, over one of the last stage alone")
    threshold: float | None = Field(description="below this confidence an item goes on; None of the last stage")
    temperature: float | None = Field(description="by which its probabilities are flattened; None where isotonic")
    ece_before: float = Field(description="expected calibration error on `select`, as the stage came")
    ece_after: float = Field(description="the same after calibrating on `calibrate`")


class CascadePoint(Frozen):
    """One point of the curve: every stage passes on the same share of what reaches it."""

    passed_on: float = Field(description="the share that each stage but the last passes on")
    escalated: float = Field(description="share of the test items that a later stage than the first answers")
    quality: Estimate = Field(description="of these answers, with a bootstrap interval; origin `modelled`")
    cost: float | None = Field(description="mean of an item, over one of the last stage alone; modelled")


class Recovered(Frozen):
    """How much of the way from the first stage to the last a router goes, on average over the share it passes on."""

    value: Estimate | None = Field(description="0 as the first stage, 0.5 as routing at random, 1 as the last stage")
    reason: str = Field(default="", description="why there is no number")


class Mix(Frozen):
    """What the cascade does where all traffic is of one kind."""

    kind: str = Field(description="class=name, or column=value")
    n: int = Field(description="test items of this kind")
    escalated: Estimate = Field(description="share of them that goes on from the first stage; Wilson's interval")
    quality: float | None = Field(description="None with too few items")
    gap: Estimate | None = Field(description="to the last stage on the same items; None with too few")
    verdict: str = Field(description="after Holm over all kinds of the cascade, or why there is none")


class AlarmBand(Frozen):
    """How many of a number of requests go on while the traffic stays as the test items are."""

    requests: int
    fewest: int
    most: int
    level: float = Field(description="probability of a count inside, while nothing has changed")


class Cascade(Frozen):
    """How a cascade came to its answers. Its own quality, time and energy stand where every candidate's do."""

    stages: tuple[CascadeStage, ...]
    score: Score
    calibration: Calibration
    chosen: bool = Field(description="thresholds were chosen on `select`; False where the study fixes the shares")
    accept_points: float | None = Field(description="what it might lose there, at its bound; None where not chosen")
    calibrate_items: int = Field(description="items of `calibrate` that confidences were fitted on")
    select_items: int = Field(description="items of `select` that thresholds were chosen on")
    select_gap: float = Field(description="to the last stage on those items: what choosing promised")
    escalated: Estimate = Field(description="share of the test items that goes on from the first stage")
    gap: Gap | None = Field(description="to the last stage on the test items, at the study's margin")
    latency: Ratio | None = Field(description="mean of an item over the last stage's, measured; None if it was not")
    energy: Ratio | None = Field(description="the same of energy")
    cost: float | None = Field(description="what the stages' own costs and shares would make of it; modelled")
    cost_kind: CostKind | None
    curve: tuple[CascadePoint, ...]
    recovered: Recovered
    mixes: tuple[Mix, ...] = Field(description="the worst first; those with too few items last")
    alarm: AlarmBand | None = Field(description="None where items depend on each other: the next may do so otherwise")
