"""Figures: a number with its interval, and how those of two candidates are put together.

Where neither of two candidates is the reference, both are compared through it. What each has against the reference
is not independent of the other, and how far is not in the record. So their half-widths are added: the standard error
of a difference is at most the sum of both, however they depend on each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from effkit.analysis.claim_terms import Condition
from effkit.analysis.statistics import FEWEST_GENERATIONS
from effkit.record import CandidateRecord, Gap, Ratio

TOO_FEW = "fewer than five generations claim no speed"
_UNSETTLED = {
    "indicative": TOO_FEW,
    "unstable": "the noise of the run is unstable",
    "not resolvable": "disturbed visits decide it",
}


@dataclass(frozen=True)
class Figure:
    """A number with its 95 % interval, or why there is none that could decide.

    Attributes:
        value: None where nothing was measured.
        low: Lower end; `value` itself where it was counted.
        high: Upper end.
        noise: Log half-width of the run's own noise, by which both ends are moved out before a verdict.
        why: Why it decides nothing; empty where it may.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    noise: float = 0.0
    why: str = ""

    def holds(self, condition: Condition) -> bool | None:
        """Whether it lies between the bounds: None where its interval cannot tell."""
        if self.why or self.low is None or self.high is None:
            return None
        return condition.holds(*widened(self.low, self.high, self.noise))


@dataclass(frozen=True)
class LogRatio:
    """A log ratio with its half-widths below and above, and the log half-width of the run's noise."""

    value: float
    below: float
    above: float
    noise: float

    @classmethod
    def of(cls, ratio: float, low: float, high: float, noise: float = 0.0) -> LogRatio:
        """Of a ratio and the ends of its interval."""
        value = math.log(ratio)
        return cls(value, value - math.log(low), math.log(high) - value, noise)

    def over(self, other: LogRatio) -> LogRatio:
        """The ratio of two ratios, half-widths added."""
        return LogRatio(
            self.value - other.value,
            self.below + other.above,
            self.above + other.below,
            max(self.noise, other.noise),
        )

    @property
    def figure(self) -> Figure:
        """As a ratio."""
        low, high = math.exp(self.value - self.below), math.exp(self.value + self.above)
        return Figure(math.exp(self.value), low, high, self.noise)


@dataclass(frozen=True)
class Difference:
    """A quality difference with its half-widths below and above, more is better."""

    value: float
    below: float
    above: float

    @classmethod
    def of(cls, value: float, low: float, high: float) -> Difference:
        """Of a difference and the ends of its interval."""
        return cls(value, value - low, high - value)

    def less(self, other: Difference) -> Difference:
        """The difference of two differences, half-widths added."""
        return Difference(self.value - other.value, self.below + other.above, self.above + other.below)

    def times(self, factor: float) -> Difference:
        """In another unit, or turned round."""
        below, above = (self.below, self.above) if factor >= 0 else (self.above, self.below)
        return Difference(factor * self.value, abs(factor) * below, abs(factor) * above)

    def figure(self, factor: float = 1.0) -> Figure:
        """As a number in another unit."""
        scaled = self.times(factor)
        return Figure(scaled.value, scaled.value - scaled.below, scaled.value + scaled.above)


NO_DIFFERENCE = Difference(0.0, 0.0, 0.0)
"""Of the reference to itself."""


def widened(low: float, high: float, noise: float) -> tuple[float, float]:
    """An interval with both ends moved out by a log half-width, as around 1 so around any bound."""
    return (low * math.exp(-noise), high * math.exp(noise)) if noise else (low, high)


def through_reference(
    one: CandidateRecord, base: CandidateRecord, ratio: Callable[[CandidateRecord], Ratio | None], missing: str
) -> Figure:
    """The ratio of two candidates by what each has to the reference, whose own ratio is 1.

    Args:
        one: The numerator.
        base: The denominator.
        ratio: A candidate's ratio to the reference.
        missing: What to say of a candidate that has none.
    """
    logs = []
    for each in (one, base):
        if each.reference and each.status == "ok":
            logs.append(LogRatio(0.0, 0.0, 0.0, 0.0))
            continue
        found = ratio(each)
        figure = settled(found, f"{each.name} {missing}")
        if figure.why or found is None or found.low is None or found.high is None:
            return Figure(None, why=figure.why)
        logs.append(LogRatio.of(found.value, found.low, found.high, found.threshold))
    return logs[0].over(logs[1]).figure


def settled(ratio: Ratio | None, missing: str) -> Figure:
    """A ratio as a figure, and what speaks against deciding by it; `missing` says why there is none."""
    if ratio is None:
        return Figure(None, why=missing)
    why = _UNSETTLED.get(ratio.verdict, "")
    if ratio.low is None or ratio.high is None or ratio.n < FEWEST_GENERATIONS:
        why = TOO_FEW
    return Figure(ratio.value, ratio.low, ratio.high, ratio.threshold, why)


def of_gap(gap: Gap | None) -> Difference | None:
    """A paired quality gap as a difference, in the metric's unit."""
    return None if gap is None else Difference.of(gap.difference, gap.low, gap.high)


def to_reference(candidate: CandidateRecord | None) -> Difference | None:
    """A candidate's quality less the reference's; None where it failed or was not compared."""
    if candidate is None or candidate.status == "failed":
        return None
    return NO_DIFFERENCE if candidate.reference else of_gap(candidate.gap)


def counted(value: float | None, missing: str) -> Figure:
    """An exact number; `missing` says why there is none."""
    return Figure(None, why=missing) if value is None else Figure(value, value, value)
