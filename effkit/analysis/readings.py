"""A candidate's numbers one by one: the measured ones with their degrees of freedom, and the exact ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from effkit.analysis.paired import NoiseMetric
from effkit.record import CandidateRecord, Estimate, PercentileRecord, Ratio
from effkit.spec import StudySpec

Unit = Literal["s", "items/s", "j", "bytes", "×"]
"""As a report shows it; "×" for a ratio."""

GAP = "gap to the reference"


@dataclass(frozen=True)
class Reading:
    """One measured number.

    Attributes:
        name: for people.
        unit: of its values.
        estimate: with its interval, if it has one.
        freedom: degrees of freedom that the interval rests on; 0 where there is none.
        energy: whether it is one, so that rank and host count.
        to_reference: whether it is a ratio to the reference.
        latency: whether it is a time of one request, unloaded.
        noise: by which of the reference's differences from itself it is judged; None where none is its own.
        one_worker: whether a single worker stands behind it, so that its interval leaves out that process's luck.
    """

    name: str
    unit: Unit
    estimate: Estimate
    freedom: int
    energy: bool = False
    to_reference: bool = False
    latency: bool = False
    noise: NoiseMetric | None = None
    one_worker: bool = False


def readings(candidate: CandidateRecord, spec: StudySpec) -> tuple[Reading, ...]:
    """Return every measured number of a candidate but its quality, which is compared item by item."""
    return (*_latency(candidate, spec), *_throughput(candidate, spec), *_energy(candidate, spec),
            *_start(candidate, spec), *_memory(candidate), *_load(candidate))  # fmt: skip


def counted(candidate: CandidateRecord) -> dict[str, float]:
    """Return every number that follows from data, weights and code alone, by its name."""
    found: dict[str, float | None] = {}
    if (quality := candidate.quality) is not None:
        found[quality.metric] = quality.value.value
        found |= {f"{quality.metric}, training {number}": value for number, value in enumerate(quality.seed_values, 1)}
        found |= quality.secondary
    if candidate.gap is not None:
        found[GAP] = candidate.gap.difference
    found["parameters"] = candidate.parameters
    if candidate.memory is not None:
        found["bytes of the weights on disk"] = candidate.memory.weight_bytes
        found["bytes of the weights in memory"] = candidate.memory.tensor_bytes
    found["operations"] = candidate.operations.flops if candidate.operations else None
    return {name: value for name, value in found.items() if value is not None}


def _latency(candidate: CandidateRecord, spec: StudySpec) -> Iterator[Reading]:
    if (latency := candidate.latency) is None:
        return
    yield _reading("mean latency", "s", latency.mean_s, spec, noise="latency", latency=True)
    for each in latency.percentiles:
        if (estimate := _percentile(each, latency.mean_s.n)) is not None:
            # Whatever the run's stopping rule, its generations were resampled, all of them.
            freedom = max(estimate.n - 1, 0)
            yield Reading(f"p{each.level:g} latency", "s", estimate, freedom, latency=True, noise="latency")
    yield from _ratio("mean latency to the reference", latency.ratio, spec, noise="latency")


def _throughput(candidate: CandidateRecord, spec: StudySpec) -> Iterator[Reading]:
    for each in candidate.throughput:
        yield _reading(f"throughput at batch {each.batch}", "items/s", each.items_per_s, spec, noise="throughput")
        yield from _ratio(f"throughput at batch {each.batch} to the reference", each.ratio, spec, noise="throughput")


def _energy(candidate: CandidateRecord, spec: StudySpec) -> Iterator[Reading]:
    if candidate.energy is None or candidate.energy.request_j is None:
        return
    yield _reading("energy of a request", "j", candidate.energy.request_j, spec, noise="energy", energy=True)
    yield from _ratio("energy to the reference", candidate.energy.ratio, spec, noise="energy", energy=True)


def _start(candidate: CandidateRecord, spec: StudySpec) -> Iterator[Reading]:
    if (start := candidate.cold_start) is None:
        return
    yield _reading("cold start: imports", "s", start.import_s, spec)
    yield _reading("cold start: loading", "s", start.load_s, spec)
    yield _reading("cold start: first call", "s", start.first_call_s, spec)


def _memory(candidate: CandidateRecord) -> Iterator[Reading]:
    if candidate.memory is None:
        return
    peak = candidate.memory.taken_bytes
    yield Reading("peak memory of the process", "bytes", Estimate(value=peak, n=1), freedom=0)


def _load(candidate: CandidateRecord) -> Iterator[Reading]:
    """One worker serves under load: batches of its requests tell nothing of what another process would do."""
    if (load := candidate.load) is None:
        return
    yield Reading("saturation", "items/s", load.saturation_per_s, freedom=0, one_worker=True)
    for point in load.points:
        for each in point.percentiles:
            if (estimate := _percentile(each, each.n)) is not None:
                name = f"p{each.level:g} latency at {100 * point.share:g} % load"
                yield Reading(name, "s", estimate, freedom=0, one_worker=True)


def _reading(
    name: str, unit: Unit, estimate: Estimate, spec: StudySpec, *, noise: NoiseMetric | None = None, **about: bool
) -> Reading:
    return Reading(name, unit, estimate, _freedom(estimate.n, spec), noise=noise, **about)


def _ratio(
    name: str, ratio: Ratio | None, spec: StudySpec, *, noise: NoiseMetric, energy: bool = False
) -> Iterator[Reading]:
    if ratio is not None:
        estimate = Estimate(value=ratio.value, low=ratio.low, high=ratio.high, n=ratio.n)
        yield _reading(name, "×", estimate, spec, noise=noise, energy=energy, to_reference=True)


def _percentile(found: PercentileRecord, n: int) -> Estimate | None:
    if found.value_s is None:
        return None
    return Estimate(value=found.value_s, low=found.low_s, high=found.high_s, n=n)


def _freedom(generations: int, spec: StudySpec) -> int:
    """Where a run could go on, its intervals rest on the generations that the decision rested on."""
    first = spec.protocol.generations if spec.protocol.interval is not None else generations
    return max(min(generations, first) - 1, 0)
