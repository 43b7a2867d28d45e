"""The quantities of claims: each read off a comparison with its interval, or with the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from scipy import special

from effkit.analysis.claim_figures import (
    NO_DIFFERENCE,
    TOO_FEW,
    Difference,
    Figure,
    LogRatio,
    counted,
    of_gap,
    settled,
    through_reference,
    to_reference,
)
from effkit.analysis.claim_pairs import Comparison
from effkit.analysis.claim_terms import Condition, Quantity
from effkit.analysis.cost import Basis, machines, provision
from effkit.analysis.rates import whatever_process
from effkit.analysis.statistics import FEWEST_GENERATIONS
from effkit.analysis.verdict import LEAST_GAIN
from effkit.record import Estimate, Memory, PercentileRecord, origin_of

NO_QUALITY = "its quality was not compared"
NO_INTERVAL = "how many machines it takes has no interval"
MODELLED = "more than a tenth of its energy is modelled, a power times time, and no second witness"
TELLING = ("worse", "better", "no difference shown")
"""Verdicts of groups with items enough to bear one."""


def read(comparison: Comparison, condition: Condition) -> Figure:
    """Read a claim's quantity off a comparison."""
    if condition.quantity == "machines":
        assert condition.at_per_s is not None
        return _machines(comparison, condition.at_per_s)
    return _READERS[condition.quantity](comparison)


def _latency(comparison: Comparison) -> Figure:
    if comparison.link is not None:
        return settled(comparison.link.latency, _untimed(comparison))
    if comparison.one is None or comparison.base is None:
        return Figure(None, why=_untimed(comparison))
    return through_reference(
        comparison.one, comparison.base, lambda each: each.latency.ratio if each.latency else None, "was not timed"
    )


def _untimed(comparison: Comparison) -> str:
    missing = comparison.name if comparison.one is None else comparison.before
    return f"{missing} was not timed: only candidates are"


def _latency_per_operation(comparison: Comparison) -> Figure:
    latency, operations = _latency(comparison), _operations(comparison)
    if operations.value is None or latency.value is None:
        return Figure(None, why=operations.why or latency.why)
    ends = [None if end is None else end / operations.value for end in (latency.low, latency.high)]
    return Figure(latency.value / operations.value, ends[0], ends[1], latency.noise, latency.why)


def _energy(comparison: Comparison) -> Figure:
    one, base, link = comparison.one, comparison.base, comparison.link
    if one is None or base is None or one.energy is None or base.energy is None:
        return Figure(None, why="its energy is not known")
    if any(each.energy.rank and origin_of(each.energy.rank) == "modelled" for each in (one, base) if each.energy):
        return Figure(None, why=MODELLED)
    if link is not None:
        return settled(link.energy, "its energy is not known")
    return through_reference(one, base, lambda each: each.energy.ratio if each.energy else None, "has no energy")


def _size(comparison: Comparison) -> Figure:
    if comparison.link is not None:
        return counted(comparison.link.size, "its size is not known")
    memories = [each.memory if each else None for each in (comparison.one, comparison.base)]
    for kind in ("tensor_bytes", "weight_bytes"):
        ratio = _over(*(getattr(memory, kind, None) for memory in memories))
        if ratio:
            return counted(ratio, "")
    return Figure(None, why="its size is not known")


def _parameters(comparison: Comparison) -> Figure:
    counts = [each.parameters if each else None for each in (comparison.one, comparison.base)]
    return counted(_over(*counts), "its parameters were not counted")


def _operations(comparison: Comparison) -> Figure:
    counts = [each.operations.flops if each and each.operations else None for each in (comparison.one, comparison.base)]
    return counted(_over(*counts), "its operations cannot be counted")


def _peak_memory(comparison: Comparison) -> Figure:
    """The largest of all generations: it has no interval, and what is nearer than 5 % to a bound is left open."""
    peaks = [_peak(each.memory) if each else None for each in (comparison.one, comparison.base)]
    ratio = _over(*peaks)
    if ratio is None:
        return Figure(None, why="its peak memory is not known")
    return Figure(ratio, ratio, ratio, noise=math.log1p(LEAST_GAIN))


def _peak(memory: Memory | None) -> float | None:
    return memory.added_bytes if memory and memory.added_bytes > 0 else None


def _over(one: float | None, base: float | None) -> float | None:
    return one / base if one is not None and base else None


def _machines(comparison: Comparison, requests_per_s: float) -> Figure:
    spec = comparison.record.spec
    numbers: list[Estimate] = []
    bases: set[Basis] = set()
    generations: list[int] = []
    for each in (comparison.one, comparison.base):
        served = provision(each, requests_per_s, carbon=spec.carbon, cost=spec.cost) if each else None
        if each is None or served is None:
            return Figure(None, why="how many machines it takes is not known")
        numbers.append(machines(requests_per_s, whatever_process(served.capacity), served.workers))
        bases.add(served.capacity.basis)
        # A load test's own n is of batches or repetitions in one worker.
        generations.append(each.latency.mean_s.n if each.latency else 0)
    if len(bases) > 1:
        return Figure(None, why="their rates rest on different tests")
    one, base = numbers
    ratio = one.value / base.value
    why = TOO_FEW if min(generations) < FEWEST_GENERATIONS else ""
    if one.low is None or one.high is None or base.low is None or base.high is None:
        return Figure(ratio, why=why or NO_INTERVAL)
    return Figure(ratio, one.low / base.high, one.high / base.low, why=why)


def _gap(comparison: Comparison) -> Difference | None:
    if comparison.link is not None:
        return of_gap(comparison.link.gap)
    one, base = to_reference(comparison.one), to_reference(comparison.base)
    return None if one is None or base is None else one.less(base)


def _quality_points(comparison: Comparison) -> Figure:
    if comparison.record.task.kind == "regression":
        return Figure(None, why="an error has no points")
    gap = _gap(comparison)
    return Figure(None, why=NO_QUALITY) if gap is None else gap.figure(100)


def _quality_percent(comparison: Comparison) -> Figure:
    gap, base = _gap(comparison), _base_quality(comparison)
    return Figure(None, why=NO_QUALITY) if gap is None or not base else gap.figure(100 / base)


def _base_quality(comparison: Comparison) -> float | None:
    """Quality of what is compared with; where that was only predicted, by the gap to it."""
    if comparison.base is not None and comparison.base.quality is not None:
        return comparison.base.quality.value.value
    one, gap = comparison.one, _gap(comparison)
    if one is None or one.quality is None or gap is None:
        return None
    errors = comparison.record.task.kind == "regression"
    return one.quality.value.value + (gap.value if errors else -gap.value)


def _quality_margins(comparison: Comparison) -> Figure:
    gap, margin = _gap(comparison), _margin(comparison)
    return Figure(None, why=NO_QUALITY) if gap is None or margin is None else gap.figure(1 / margin)


def _margin(comparison: Comparison) -> float | None:
    """The study's margin in the metric's unit, which every gap carries."""
    return next((each.gap.margin for each in comparison.record.candidates if each.gap), None)


def _group_points(comparison: Comparison) -> Figure:
    """How much more is lost in the worst group than overall; below 0 where some group loses more.

    The groups are looked at together, so that the interval of each is Bonferroni's.
    """
    if comparison.record.task.kind == "regression":
        return Figure(None, why="an error has no points")
    one, base = comparison.one, comparison.base
    if one is None or one.quality is None or one.gap is None or base is None or not base.reference:
        return Figure(None, why="groups are compared with the reference alone")
    overall = of_gap(one.gap)
    groups = [
        Difference.of(each.difference, each.low, each.high)
        for each in one.quality.groups
        if each.verdict in TELLING and each.difference is not None and each.low is not None and each.high is not None
    ]
    if not groups or overall is None:
        return Figure(None, why="no group has enough items on which the two differ")
    wider = float(special.ndtri(1 - 0.025 / len(groups)) / special.ndtri(0.975))
    more = [Difference(each.value, wider * each.below, wider * each.above).less(overall).figure(100) for each in groups]
    return Figure(*(min(end for end in ends if end is not None) for ends in zip(*map(_ends, more), strict=True)))


def _ends(figure: Figure) -> tuple[float | None, float | None, float | None]:
    return figure.value, figure.low, figure.high


def _p99_over_p50(comparison: Comparison) -> Figure:
    one = comparison.one
    levels = {each.level: each for each in one.latency.percentiles} if one and one.latency else {}
    ends = [_log_percentile(levels.get(level)) for level in (99.0, 50.0)]
    if ends[0] is None or ends[1] is None:
        missing = levels.get(99.0)
        return Figure(None, why=(missing.reason if missing else None) or "its p99 is not known")
    figure = ends[0].over(ends[1]).figure
    figure = replace(figure, low=max(1.0, figure.low or 1.0))  # a later percentile is never the lower one
    few = one is None or one.latency is None or one.latency.mean_s.n < FEWEST_GENERATIONS
    return replace(figure, why=TOO_FEW) if few else figure


def _log_percentile(found: PercentileRecord | None) -> LogRatio | None:
    if found is None or found.value_s is None or found.low_s is None or found.high_s is None:
        return None
    return LogRatio.of(found.value_s, found.low_s, found.high_s)


def _later_gain_points(comparison: Comparison) -> Figure:
    """Points that a doubling of parameters gains from the middle on, less those that it gained up to there."""
    steps = (comparison.base, comparison.middle, comparison.one)
    if comparison.record.task.kind == "regression":
        return Figure(None, why="an error has no points")
    gaps = [to_reference(each) for each in steps]
    counts = [each.parameters if each else None for each in steps]
    if any(gap is None for gap in gaps) or not all(counts):
        return Figure(None, why=NO_QUALITY)
    small, middle, large = (math.log2(count) for count in counts if count)
    if not small < middle < large:
        return Figure(None, why="they do not rise in size")
    first, second = 1 / (middle - small), 1 / (large - middle)
    weights = (first, -first - second, second)
    total = NO_DIFFERENCE
    for gap, weight in zip(gaps, weights, strict=True):
        assert gap is not None
        total = total.less(gap.times(-weight))
    return total.figure(100)


_READERS: Mapping[Quantity, Callable[[Comparison], Figure]] = {
    "latency": _latency,
    "latency_per_operation": _latency_per_operation,
    "energy": _energy,
    "size": _size,
    "parameters": _parameters,
    "operations": _operations,
    "peak_memory": _peak_memory,
    "quality_points": _quality_points,
    "quality_percent": _quality_percent,
    "quality_margins": _quality_margins,
    "group_points": _group_points,
    "p99_over_p50": _p99_over_p50,
    "later_gain_points": _later_gain_points,
}
