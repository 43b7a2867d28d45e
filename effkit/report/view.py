"""One record, seen as a reader sees it: names for people, quality in points, ratios in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from effkit.analysis.asked import Asked, asked
from effkit.analysis.contenders import Contender, contenders
from effkit.analysis.decide import Decision, decide
from effkit.analysis.statistics import FEWEST_GENERATIONS
from effkit.record import (
    COUNTED,
    CandidateRecord,
    EnergyComponent,
    Estimate,
    Gap,
    PercentileRecord,
    Record,
    percentile_of,
)
from effkit.report.units import NBSP, brackets, interval, show, signed, signed_interval
from effkit.report.words import WAITING

_METRIC_TITLES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "absolute_error": "mean absolute error",
    "recall_at_1": "recall at 1",
    "reciprocal_rank": "mean reciprocal rank",
}


@dataclass(frozen=True)
class View:
    """A record with the words that belong to it."""

    record: Record

    @cached_property
    def contenders(self) -> tuple[Contender, ...]:
        """The candidates as a decision sees them."""
        return contenders(self.record)

    @cached_property
    def asked(self) -> Asked:
        """Margin, limits, traffic and prices of the study."""
        return asked(self.record)

    @cached_property
    def decision(self) -> Decision:
        """What is chosen under them; the reference must have worked."""
        return decide(self.contenders, self.asked)

    @cached_property
    def _titles(self) -> Counter[str]:
        return Counter(candidate.title for candidate in self.record.candidates)

    def label(self, candidate: CandidateRecord) -> str:
        """The candidate's title, or its name where two share a title."""
        return candidate.title if self._titles[candidate.title] == 1 else candidate.name

    def short(self, candidate: CandidateRecord) -> str:
        """A label for figures: a chain by its techniques alone where all chains are of one model."""
        if not candidate.techniques:
            return self.label(candidate)
        chained = {each.model for each in self.record.candidates if each.techniques}
        parts = candidate.name.split("+")
        return " + ".join(parts[1:] if len(chained) == 1 else parts)

    @property
    def reference(self) -> CandidateRecord:
        """The candidate that all others are compared with."""
        return self.record.reference

    @cached_property
    def measured(self) -> tuple[CandidateRecord, ...]:
        """The candidates that worked, in the order of the parameter file."""
        return tuple(c for c in self.record.candidates if c.status == "ok")

    @property
    def generations(self) -> int:
        """How many sets of fresh workers the protocol asked for."""
        return self.record.spec.protocol.generations

    @property
    def ran(self) -> int:
        """How many sets of fresh workers there were: where an interval was asked for, as many as that took."""
        if self.record.spec.protocol.interval is None:
            return self.generations
        return max((each.latency.mean_s.n for each in self.measured if each.latency), default=self.generations)

    @property
    def indicative(self) -> bool:
        """Whether there were too few generations for any claim on speed."""
        return self.generations < FEWEST_GENERATIONS

    @property
    def rehearsal(self) -> bool:
        """Whether it only shows that everything works."""
        return self.record.spec.protocol.rehearsal

    @cached_property
    def waiting(self) -> str:
        """What is to be said of a choice at a traffic under a p99 limit; nothing where a load test was made."""
        return "" if any(each.loaded for each in self.contenders) else WAITING

    @property
    def energy_is_time(self) -> bool:
        """Whether modelled energy is about a constant times time: no part was counted, and no power was read."""
        parts = self._energy_parts
        return not any(part.rank in COUNTED or part.component == "gpu" or _is_read(part) for part in parts)

    @property
    def energy_is_read(self) -> bool:
        """Whether what was not counted is a power that was read once a second, and no part is assumed."""
        modelled = [part for part in self._energy_parts if part.rank not in COUNTED]
        return bool(modelled) and all(_is_read(part) for part in modelled)

    @property
    def _energy_parts(self) -> list[EnergyComponent]:
        return [part for each in self.measured if each.energy for part in each.energy.components]

    @property
    def lower_is_better(self) -> bool:
        """Whether the metric is an error."""
        return self.record.task.kind == "regression"

    @property
    def metric(self) -> str:
        """The metric's title."""
        name = self.record.task.metric
        return _METRIC_TITLES.get(name, name.replace("_", " "))

    @property
    def margin(self) -> str:
        """The margin with its unit: "1 point", "2 % of the reference's error"."""
        if self.record.spec.margin_percent is not None:
            return f"{self.record.spec.margin_percent:g}{NBSP}%"
        points = self.record.spec.margin_points or 0.0
        return f"{points:g}{NBSP}{'point' if points == 1 else 'points'}"

    @property
    def decimals(self) -> int:
        """Decimals of a gap: two where the margin is finer than half a point."""
        margin = self.record.spec.margin_points
        return 2 if margin is not None and 0 < margin < 0.5 else 1

    def quality(self, value: float) -> str:
        """A value of the metric: a share in per cent, an error in the target's own unit, scaled as the reference's."""
        if self.lower_is_better:
            return show(value, "count", self._error)
        return f"{100 * value:.{self.decimals}f}{NBSP}%"

    @property
    def _error(self) -> float | None:
        """The reference's error, whose thousands or millions all errors stand in."""
        return self.reference.quality.value.value if self.reference.quality else None

    def scaled(self, value: float) -> float:
        """A value of the metric as figures draw it: a share in per cent, an error in its own unit."""
        return value if self.lower_is_better else 100 * value

    @property
    def y_label(self) -> str:
        """What the axis of the metric is called."""
        return f"{self.metric} (lower is better)" if self.lower_is_better else f"{self.metric}, %"

    def quality_interval(self, found: Estimate) -> str:
        """The interval of such a value, without its unit."""
        if found.low is None or found.high is None:
            return ""
        if self.lower_is_better:
            return interval(found.low, found.high, "count", found.value, self._error)
        return brackets(100 * found.low, 100 * found.high, self.decimals)

    def points(self, difference: float) -> float | None:
        """A gap in points, or in per cent of the reference's error; None where that is not known."""
        if not self.lower_is_better:
            return 100 * difference
        quality = self.reference.quality
        return 100 * difference / quality.value.value if quality and quality.value.value else None

    def size(self, difference: float) -> str:
        """How large a gap is, without its sign: "1.1 points", "2.3 %"."""
        points = self.points(difference)
        if points is None:
            return show(abs(difference), "count")
        text = f"{abs(points):.{self.decimals}f}"
        return f"{text}{NBSP}%" if self.lower_is_better else f"{text} {'point' if float(text) == 1 else 'points'}"

    def of(self, name: str) -> str:
        """The label of a candidate by its name."""
        return self.label(self.record.candidate(name))

    def margin_value(self, margin: float) -> str:
        """A margin in the metric's unit as people say it: "1 point", "2 %"."""
        points = self.points(margin)
        if points is None:
            return show(margin, "count")
        text = f"{points:,.0f}" if points >= 100 else f"{points:.3g}"
        return f"{text}{NBSP}{'%' if self.lower_is_better else 'point' if text == '1' else 'points'}"

    def often(self, candidate: CandidateRecord) -> str:
        """How often as many items as a gap asks for would decide: where seeds differ, for each of them by itself."""
        seeds = max(len(each.quality.seed_values) if each.quality else 1 for each in (candidate, self.reference))
        together = " (for one training seed; for all of them together less often)" if seeds > 1 else ""
        return f"in 80 % of such runs{together}"

    def seed_spread(self, values: Sequence[float]) -> str:
        """Half the distance between the best and the worst training seed, in points or the target's unit."""
        half = (max(values) - min(values)) / 2
        return show(half, "count") if self.lower_is_better else f"{100 * half:.{self.decimals}f}"

    def gap(self, gap: Gap) -> str:
        """The gap with its interval: "−0.1 [−0.3, +0.1]"."""
        return f"{self.gap_value(gap.difference)}{NBSP}{self.gap_interval(gap.low, gap.high)}"

    def gap_value(self, difference: float) -> str:
        """The gap with its sign."""
        points = self.points(difference)
        return signed(difference if points is None else points, self.decimals)

    def gap_interval(self, low: float | None, high: float | None) -> str:
        """The gap's interval; nothing where there is none. An end that would read as the margin has a decimal more."""
        if low is None or high is None:
            return ""
        scaled = [self.points(end) for end in (low, high)]
        ends = [end if point is None else point for end, point in zip((low, high), scaled, strict=True)]
        return signed_interval(ends[0], ends[1], self.decimals + any(map(self._reads_as_margin, ends)))

    def _reads_as_margin(self, end: float) -> bool:
        """Whether rounding would hide on which side of the margin an end lies."""
        spec = self.record.spec
        margin = spec.margin_points if spec.margin_percent is None else spec.margin_percent
        if margin is None or end == -margin:
            return False
        return signed(end, self.decimals) == signed(-margin, self.decimals)


def percentile(candidate: CandidateRecord, level: float) -> PercentileRecord | None:
    """One percentile of a candidate's latency, if the record has it."""
    return percentile_of(candidate.latency.percentiles, level) if candidate.latency else None


def taken_bytes(candidate: CandidateRecord) -> int | None:
    """Peak of the whole worker: what the libraries take and what the model adds, here and on a GPU."""
    memory = candidate.memory
    return None if memory is None else memory.taken_bytes


def _is_read(part: EnergyComponent) -> bool:
    """Whether a part's power was read once a second: it has that rank, and no rated power to model it by."""
    return part.rank == "modelled-tdp" and part.tdp_w is None
