"""A candidate as a decision sees it: each number that a budget can ask of, in plain floats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Literal

import numpy as np

from effkit.analysis.cost import BEST_FIRST, HEAD_ROOM, capacity, kept_bytes, moved_bytes
from effkit.analysis.family import Family, family, is_own
from effkit.analysis.groups import judged
from effkit.analysis.joules import above_idle_j
from effkit.analysis.load import crossing, rising
from effkit.analysis.luck import process_luck
from effkit.analysis.power import off_by, off_words
from effkit.analysis.rates import Rate, Service, rate, scaled, usable
from effkit.analysis.statistics import FEWEST_GENERATIONS
from effkit.analysis.verdict import LEAST_GAIN, shown_faster
from effkit.record import CandidateRecord, ColdStart, Energy, Estimate, PercentileRecord, QualityVerdict, Rank, Record
from effkit.spec import StudySpec

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Known:
    """A number with its interval; None where it is not known, and then why.

    Attributes:
        value: as measured; `low` and `high` are the ends of its interval, equal to it where it is exact, and None
            where one generation gives none: a limit is then neither met nor missed.
        why: the reason where there is no value; with one, what it is of where that is not what was asked for.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    why: str = ""


@dataclass(frozen=True)
class GroupLoss:
    """The paired gap of one group, with its 95 % interval."""

    group: str
    low: float
    high: float


@dataclass(frozen=True)
class Contender(Service):
    """What is known of one candidate, beside how it serves. Times are seconds, ratios are to the reference.

    Attributes:
        name: the candidate's.
        reference: whether it is the reference.
        family: how simple it is.
        system: what it is apart from the number of labels it learnt from.
        quality: mean score.
        difference: candidate − reference, positive where it is better.
        enough_from: smallest margin at which it is not worse; None where a record does not tell.
        worse_below: largest margin at which it is worse.
        margin: at which `verdict` was reached.
        verdict: quality's, at `margin`.
        items_needed: test items that would give 80 % power.
        groups: gaps of the groups with enough items.
        time: mean latency over the reference's; `faster` tells whether that is shown to be less.
        p99_s: of a whole call on the machine, with the parts below.
        peak_bytes: of the whole worker, on a GPU too.
        weight_bytes: of the model's files on disk.
        cold_start_s: from a fresh process to its first answer.
        items_per_s: throughput in the protocol's batches, or in those that it was measured in.
        energy_j: of a request, gross, its interval as wide as a modelled power may be off.
        rank: how far the energy can be trusted.
    """

    name: str
    reference: bool
    family: Family
    system: str
    quality: float
    difference: float
    enough_from: float | None
    worse_below: float | None
    margin: float
    verdict: QualityVerdict
    items_needed: int | None
    groups: tuple[GroupLoss, ...]
    time: float
    faster: bool
    p99_s: Known
    prepare_p99_s: Known
    infer_p99_s: Known
    peak_bytes: Known
    weight_bytes: Known
    cold_start_s: Known
    items_per_s: Known
    energy_j: Known
    rank: Rank | None

    @property
    def preferred(self) -> bool:
        """Whether it is the reference or shown to be better: a gap that may be chance prefers nothing."""
        return self.reference or self.verdict == "superior"

    @property
    def loaded(self) -> bool:
        """Whether it was put under load: else nothing is known of how long its requests wait for one another."""
        return self.saturation_per_s is not None

    @property
    def serves(self) -> bool:
        """Whether a rate is known at which it serves, under some limit or none."""
        return self.usable_per_s is not None or self.loaded

    def smaller_than(self, reference: Contender) -> bool:
        """Whether it is shown to take less time, or takes less memory by a share that is worth a word."""
        mine, theirs = self.peak_bytes.value, reference.peak_bytes.value
        return self.faster or (mine is not None and theirs is not None and mine < (1 - LEAST_GAIN) * theirs)

    def shown_within(self, limit_s: float) -> bool:
        """Whether its load test shows a rate at which p99 on the machine keeps within a limit: the lowest, if any."""
        return self.tail_high_s is not None and self.tail_high_s <= limit_s

    def usable_within(self, limit_s: float | None) -> Rate | None:
        """Requests a second that one worker is given where p99 on the machine must keep within a limit.

        The study's own limit has the rate of the record. For another, the load test's percentiles tell between which of
        its rates the limit is crossed, and these two enclose it; without one, saturation tells.

        Returns:
            What is known, and what it may be at most: more where every rate whose p99 is known keeps the limit. None
            where not even the lowest does.
        """
        if limit_s is None and self.saturation_per_s is not None:
            ends = scaled(self.saturation_ends_per_s or (None, None), HEAD_ROOM)
            return rate(HEAD_ROOM * self.saturation_per_s, None, ends, self.luck)
        tested = self.loaded or self.tails or self.bounded
        if limit_s is None or not tested or (limit_s == self.own_limit_s and self.usable_per_s is not None):
            return rate(self.usable_per_s, self.most_per_s, self.usable_ends_per_s, self.luck)
        kept = [each for each, _ in takewhile(lambda each: each[1] <= limit_s, (*self.tails, *self.bounded))]
        if not kept:
            return None
        if len(kept) >= len(self.tails):  # a bound beyond the limit shows no rate to be too much
            return rate(kept[-1], self.saturation_per_s, None, self.luck)
        rates, tails_s = np.array(self.tails).T
        crossed, _ = crossing(rates, tails_s, limit_s, self.saturation_per_s)
        within = max(each for each, tail_s in self.tails if tail_s <= limit_s)
        beyond = min(each for each, tail_s in self.tails if tail_s > limit_s)
        return rate(crossed, None, (within, beyond), self.luck)


def contenders(record: Record) -> tuple[Contender, ...]:
    """Return the candidates that worked, in the order of the parameter file."""
    able = [each for each in record.candidates if each.status == "ok" and each.quality]
    found = tuple(_contender(each, record.reference, record.spec) for each in able)
    bases = {each.name: served.basis for each in able if (served := capacity(each)) is not None}
    # Rates that rest on different tests are not held against one another: the best tested have theirs. A load test that
    # shows no rate within the study's limit may do so within another: beside it nobody has one by latency alone.
    tests = [basis for basis in BEST_FIRST if basis != "latency" or not any(each.loaded for each in found)]
    best = next((basis for basis in tests if basis in bases.values()), None)
    return tuple(
        replace(
            each,
            usable_per_s=each.usable_per_s if bases.get(each.name) == best else None,
            untested=not (each.tails or each.bounded) and bases.get(each.name) != "load test",
        )
        for each in found
    )


def unwaited(known: Sequence[Contender]) -> tuple[Contender, ...]:
    """Return the candidates as they are where no request waits for another, if none of them was put under load.

    A traffic that is only tried is asked of these. Who tells what comes of it says that waiting was not measured.
    """
    loaded = any(each.loaded for each in known)
    return tuple(each if loaded else replace(each, untested=False) for each in known)


def _contender(candidate: CandidateRecord, reference: CandidateRecord, spec: StudySpec) -> Contender:
    assert candidate.quality is not None
    gap, energy, served = candidate.gap, candidate.energy, capacity(candidate)
    per_worker = usable(served)
    latency = candidate.latency
    memory, above = candidate.memory, above_idle_j(candidate)
    saturation = candidate.load.saturation_per_s if candidate.load else None
    return Contender(
        name=candidate.name,
        reference=candidate.reference,
        family=family(candidate),
        system=f"{candidate.model} {candidate.techniques}",
        quality=candidate.quality.value.value,
        difference=gap.difference if gap else 0.0,
        enough_from=gap.enough_from if gap else 0.0,
        worse_below=gap.worse_below if gap else 0.0,
        margin=gap.margin if gap else 0.0,
        verdict=gap.verdict if gap else "non-inferior",
        items_needed=gap.items_needed if gap else None,
        groups=tuple(
            GroupLoss(each.group, each.low, each.high)
            for each in candidate.quality.groups
            if judged(each.n, each.units) and each.low is not None and each.high is not None
        ),
        time=_time(candidate, reference),
        faster=shown_faster(latency.ratio if latency else None),
        p99_s=_p99(latency.percentiles if latency else ()),
        prepare_p99_s=_part(candidate, "prepare"),
        infer_p99_s=_part(candidate, "infer"),
        peak_bytes=_exact(memory.taken_bytes if memory else None, NOT_MEASURED),
        weight_bytes=_exact(memory.weight_bytes if memory else None, "not counted"),
        cold_start_s=_cold_start(candidate.cold_start),
        items_per_s=_throughput(candidate, spec.protocol.batch),
        energy_j=_joules(energy),
        rank=energy.rank if energy else None,
        usable_per_s=served.usable_per_s if served else None,
        most_per_s=served.most_usable_per_s if served and served.at_least else None,
        usable_ends_per_s=(per_worker.low, per_worker.high) if per_worker else None,
        saturation_per_s=saturation.value if saturation else None,
        saturation_ends_per_s=(saturation.low, saturation.high) if saturation else None,
        luck=process_luck(candidate),
        own_limit_s=spec.budget.on_machine_s(moved_bytes(candidate)),
        repeated=latency is not None and latency.mean_s.low is not None,
        assessed=latency is not None and latency.mean_s.n >= FEWEST_GENERATIONS,
        tails=_tails(candidate),
        bounded=_bounded(candidate),
        tail_high_s=_tail_high_s(candidate),
        untested=False,
        idle_w=energy.idle_w if energy else None,
        above_idle_j=above.value if above else None,
        above_idle_ends_j=(above.low, above.high) if above else (None, None),
        energy_off=off_by(energy.rank if energy else None),
        moved_bytes=moved_bytes(candidate),
        kept_bytes=kept_bytes(candidate),
    )


def _tails(candidate: CandidateRecord) -> tuple[tuple[float, float], ...]:
    borne = [(rate, found.value_s) for rate, found in _under_load(candidate)]
    # A higher rate of which more is known than of a lower one bears nothing about all rates.
    known = _as_far_as_known(borne)
    if not known:
        return ()
    rates, tails_s = zip(*known, strict=True)
    return tuple(zip(rates, rising(tails_s).tolist(), strict=True))


def _bounded(candidate: CandidateRecord) -> tuple[tuple[float, float], ...]:
    beyond = _under_load(candidate)[len(_tails(candidate)) :]
    return tuple(_as_far_as_known([(rate, found.high_s) for rate, found in beyond]))


def _as_far_as_known(found: Sequence[tuple[float, float | None]]) -> list[tuple[float, float]]:
    return [(rate, tail_s) for rate, tail_s in takewhile(lambda each: each[1] is not None, found) if tail_s is not None]


def _under_load(candidate: CandidateRecord) -> list[tuple[float, PercentileRecord]]:
    """The p99 at each rate of its load test."""
    points = candidate.load.points if candidate.load else ()
    return [(point.asked_per_s, each) for point in points for each in point.percentiles if each.level == 99]


def _tail_high_s(candidate: CandidateRecord) -> float | None:
    lowest = candidate.load.points[:1] if candidate.load else ()
    return next((each.high_s for point in lowest for each in point.percentiles if each.level == 99), None)


def _time(candidate: CandidateRecord, reference: CandidateRecord) -> float:
    """The paired ratio, which allows for the core's speed, and not the means."""
    mine, theirs = candidate.latency, reference.latency
    if candidate.reference:
        return 1.0
    if mine is None or theirs is None:
        return float("inf")
    return mine.ratio.value if mine.ratio else mine.mean_s.value / theirs.mean_s.value


def _exact(value: float | None, missing: str) -> Known:
    return Known(value, value, value, missing if value is None else "")


def _estimated(estimate: Estimate | None, missing: str = NOT_MEASURED) -> Known:
    return Known(None, why=missing) if estimate is None else Known(estimate.value, estimate.low, estimate.high)


def _joules(energy: Energy | None) -> Known:
    """Of a request, with an interval as wide as the power may be off where that is modelled."""
    known = _estimated(energy.request_j if energy else None, (energy and energy.note) or NOT_MEASURED)
    if energy is None or known.value is None:
        return known
    off = off_by(energy.rank)
    low, high = known.low and known.low / off, known.high and known.high * off
    return Known(known.value, low, high, off_words(energy.rank))


def _cold_start(start: ColdStart | None) -> Known:
    """Of all its parts: the sums of their ends are no nearer than the ends of their sum, however they hang together."""
    if start is None:
        return Known(None, why=NOT_MEASURED)
    parts = (start.import_s, start.load_s, start.first_call_s)
    value = sum(each.value for each in parts)
    ends = [(each.low, each.high) for each in parts if each.low is not None and each.high is not None]
    if len(ends) < len(parts):
        return Known(value)
    return Known(value, sum(low for low, _ in ends), sum(high for _, high in ends))


def _throughput(candidate: CandidateRecord, batch: int) -> Known:
    """Throughput, with the size of batches where that is not the protocol's."""
    found = candidate.throughput_at(batch)
    known = _estimated(found.items_per_s if found else None)
    return known if found is None or found.batch == batch else replace(known, why=f"in batches of {found.batch}")


def _p99(percentiles: tuple[PercentileRecord, ...], missing: str = NOT_MEASURED) -> Known:
    """The 99th percentile; where it is not known, the lower end of the highest that is bounds it from below."""
    found = next((each for each in percentiles if each.level == 99), None)
    if found is None:
        return Known(None, why=missing)
    if found.value_s is None:
        below = [each.low_s for each in percentiles if each.low_s is not None]
        return Known(None, max(below, default=None), found.high_s, found.reason or "n too small")
    return Known(found.value_s, found.low_s, found.high_s)


def _part(candidate: CandidateRecord, part: Literal["prepare", "infer"]) -> Known:
    """P99 of a part of the latency, where the two are told apart: a function of one's own, and the later stages of
    several models, prepare while they infer."""
    latency = candidate.latency
    if latency is None:
        return Known(None, why=NOT_MEASURED)
    if is_own(candidate) or family(candidate) in ("cascade", "unknown"):
        return Known(None, why="its preparing and inferring are not told apart")
    percentiles = latency.prepare_percentiles if part == "prepare" else latency.infer_percentiles
    return _p99(percentiles, "this record is older than the percentiles of its parts")
