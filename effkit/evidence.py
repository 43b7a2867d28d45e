"""Evidence: a number with its interval, how it came to be, and what may be said of it.

The parts of a record that every measurement shares. `effkit.record` is their door.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field

from effkit.spec import Frozen

Origin = Literal["measured", "counted", "modelled"]
"""How a number came to be: read off an instrument, counted exactly, or computed from a model."""

Rank = Literal["metered", "counter", "modelled-tdp", "modelled-declared", "modelled-generic"]
"""How far an energy figure can be trusted, best first. No power can be declared; its rank is kept to read records."""

RANKS: tuple[Rank, ...] = ("metered", "counter", "modelled-tdp", "modelled-declared", "modelled-generic")
COUNTED: tuple[Rank, ...] = ("metered", "counter")
"""Ranks of what was read off an instrument; all others rest on a model of power."""

Apart = Literal["memory", "GPU memory", "GPU exclusive"]
"""Why workers were started for each visit: too little free memory of a kind, or a GPU for one process at a time."""

Verdict = Literal["lower", "higher", "within noise", "indicative", "unstable", "not resolvable"]
"""What may be said of a ratio to the reference."""

QualityVerdict = Literal["superior", "non-inferior", "inferior", "inconclusive"]


def weakest_rank(joules: Mapping[Rank, float]) -> Rank | None:
    """Return the weakest rank among those that carry more than a tenth of the energy; None without any."""
    total_j = sum(joules.values())
    return weakest(rank for rank, energy_j in joules.items() if total_j > 0 and energy_j > 0.1 * total_j)


def weakest(ranks: Iterable[Rank | None]) -> Rank | None:
    """Return the weakest of the ranks that are known; None without any."""
    return max((rank for rank in ranks if rank), key=RANKS.index, default=None)


def origin_of(rank: Rank | None) -> Literal["measured", "modelled"]:
    """How an energy of this rank came to be; of an unknown one nothing better is said than that it was modelled."""
    return "measured" if rank in COUNTED else "modelled"


class Estimate(Frozen):
    """A number with its interval and its origin."""

    value: float = Field(description="the estimate, in the unit that the field's name says")
    low: float | None = Field(default=None, description="lower end of the interval; None when there is none")
    high: float | None = Field(default=None, description="upper end of the interval")
    n: int = Field(description="how many independent values the interval rests on")
    origin: Origin = "measured"


class Ratio(Frozen):
    """A candidate's value divided by the reference's, and what may be said of it."""

    value: float
    low: float | None = Field(default=None, description="95 % interval by Student t over generations")
    high: float | None = None
    n: int = Field(description="generations")
    verdict: Verdict
    threshold: float = Field(description="half-width inside which nothing is claimed, as a share of 1")
    undisturbed: Verdict | None = Field(
        default=None, description="the verdict without disturbed visits; where the two differ it is `not resolvable`"
    )
    as_seen: Estimate | None = Field(
        default=None, description="the same ratio without allowing for the core's own speed, by the yardstick"
    )


class PercentileRecord(Frozen):
    """One percentile of latency."""

    level: float = Field(description="99 for p99")
    value_s: float | None = Field(description="None when the calls are too few")
    low_s: float | None = None
    high_s: float | None = Field(
        default=None, description="upper end; where there is no value, the longest of enough calls to bound it"
    )
    n: int = Field(description="calls")
    n_effective: float = Field(description="calls, after allowing for their dependence")
    reason: str | None = Field(default=None, description="why there is no value")


def percentile_of(found: Iterable[PercentileRecord], level: float) -> PercentileRecord | None:
    """Return one percentile of those that were told, whether or not it has a value; None where it is not among them."""
    return next((each for each in found if each.level == level), None)


class Latency(Frozen):
    """End-to-end latency at batch 1: preparing one item, then inferring."""

    mean_s: Estimate = Field(description="mean time of a call, over generations")
    prepare_s: Estimate = Field(description="the part spent tokenising, decoding, resizing, encoding")
    infer_s: Estimate = Field(description="the part spent in the model")
    percentiles: tuple[PercentileRecord, ...]
    prepare_percentiles: tuple[PercentileRecord, ...] = ()
    infer_percentiles: tuple[PercentileRecord, ...] = ()
    ratio: Ratio | None = Field(description="to the mean of both reference workers; None for the reference")
    cpu_s: Estimate | None = Field(description="CPU time of the worker in a call")
    calls: int
    outlier_share: float | None = Field(
        default=None,
        description="share of calls that took half as long again as others of the same item, or far longer where these "
        "spread; they are kept. None where no item was called twice in a visit, and in older records",
    )
    steady: bool = Field(description="False where the warm-up test did not pass in most of its processes")


class Throughput(Frozen):
    """Items a second at one batch size."""

    batch: int
    items_per_s: Estimate
    ratio: Ratio | None


class ColdStart(Frozen):
    """From a fresh process to the first answer."""

    import_s: Estimate
    load_s: Estimate
    first_call_s: Estimate


class NoiseCheck(Frozen):
    """The reference measured against itself (A/A)."""

    metric: Literal["latency", "throughput", "energy"]
    ratio: float
    low: float | None = None
    high: float | None = None
    n: int
    threshold: float = Field(description="half-width inside which nothing is claimed")
    unstable: bool
    assessed: bool = Field(description="False with fewer than five generations")
    as_seen: Estimate | None = Field(
        default=None, description="the same ratio without allowing for the core's own speed, by the yardstick"
    )


class Window(Frozen):
    """A stretch of time in which this run, and no other of its host, was measured."""

    clock: str = Field(description="one start of one host; windows of the same clock can be compared, others cannot")
    start_s: float = Field(description="seconds since the host started, which nobody can set")
    end_s: float


class Contention(Frozen):
    """What disturbed the visits, and what was done about it."""

    visits: int = Field(description="visits of the schedule")
    repeated: int = Field(description="visits that were made again")
    disturbed: int = Field(description="visits whose last attempt was disturbed all the same")
    others_limit: float = Field(description="a visit is disturbed beyond this share of a core taken by others")
    steal_limit: float = Field(
        description="or beyond this share of the workers' cores, and one tick, taken by the hypervisor"
    )
    slowdown: float | None = Field(
        default=None, description="95th over 5th percentile of the yardstick: how far the core's own speed changed"
    )


class Constant(Frozen):
    """What giving one answer to every test item scores: a margin that it keeps within tells nothing of a model."""

    answer: str = Field(description="the class that is most frequent among the items to fit, or their median")
    value: float = Field(description="in the metric's unit")


class ClassItems(Frozen):
    """How many test items a class has."""

    name: str
    n: int
    clusters: int | None = Field(default=None, description="that these items come in; None where each is on its own")


class Making(Frozen):
    """What it took to make one part of a candidate: embedding, training, predicting."""

    step: str
    time_s: float
    energy_j: float | None
    rank: Rank | None
    items: int
    reused: bool = Field(description="made by an earlier run and taken from the cache")
    product: str = Field(default="", description="hash of what determines what was made; empty in older records")


LEVEL = 0.025
"""One-sided, of every test of non-inferiority; where there are several, of all of them together."""


class Gap(Frozen):
    """Paired quality difference, candidate − reference; positive is better."""

    difference: float = Field(description="in the metric's unit; errors are negated so that more is better")
    low: float = Field(description="two-sided 95 % interval")
    high: float
    margin: float = Field(description="in the same unit")
    verdict: QualityVerdict = Field(description="after Holm over all candidates and over seeds")
    verdict_alone: QualityVerdict = Field(description="of this one test, before Holm and seeds")
    p_value: float = Field(description="one-sided, of inferiority by the margin")
    p_holm: float
    mcnemar_p: float | None = Field(description="exact; None where items are not right or wrong, or not independent")
    discordant: int | None
    n: int
    items_needed: int | None = Field(
        description="test items that would give 80 % power with each training seed, if more could help"
    )
    enough_from: float | None = Field(
        default=None,
        description="smallest margin at which it is not worse, after Holm and over seeds; None in older records",
    )
    worse_below: float | None = Field(
        default=None, description="largest margin at which it is worse, 0 where at none; None in older records"
    )

    @property
    def undecided_by(self) -> Literal["items", "candidates", "seeds"]:
        """What leaves an inconclusive verdict open: too few items, the others that were tried, or the seed."""
        if self.verdict_alone == "inconclusive":
            return "items"
        return "candidates" if self.verdict_alone != "inferior" and self.p_holm > LEVEL else "seeds"


class LayerCost(Frozen):
    """What one layer of a network loses when it alone is put into few bits."""

    layer: str
    cost: float = Field(description="mean rise of log-loss on `select` items; below 0 where it fell by chance")
    bytes_saved: int = Field(description="weights of the layer before, less those in few bits")
    bits: int = Field(description="what the layer was given in the end")


class Payback(Frozen):
    """After how many requests a making has paid for itself."""

    outcome: Literal["after", "at once", "never", "not resolvable"] = Field(
        description="`at once` where nothing was made, `never` where it costs more instead"
    )
    requests: Estimate | None = Field(default=None, description="None unless `after`")
    reason: str = Field(default="", description="why there is no number")


class Link(Frozen):
    """One technique of a candidate's chain, against the same chain without it."""

    technique: dict[str, dict[str, Any]] = Field(description="its name and parameters, as given")
    words: str = Field(description="what follows the model's title, as in `in bf16`")
    name: str = Field(description="the chain up to here, as a candidate would be called")
    before: str = Field(description="the chain without this technique")
    gap: Gap | None = Field(description="to `before` on the same items; None where one of the two failed")
    latency: Ratio | None = Field(default=None, description="to `before`; None unless both are candidates")
    size: float | None = Field(default=None, description="weights in memory over those of `before`, or on disk")
    peak: float | None = Field(default=None, description="peak memory above the libraries' over that of `before`")
    energy: Ratio | None = Field(default=None, description="of a request to `before`; None where not measurable")
    energy_rank: Rank | None = Field(default=None, description="how far that can be trusted")
    making_s: float | None = Field(default=None, description="making what `before` did not need, embedding included")
    making_j: float | None = Field(default=None, description="its energy; None where a part of it is not known")
    time_payback: Payback | None = Field(default=None, description="in the link's own time; None where it failed")
    energy_payback: Payback | None = Field(default=None, description="in its own energy, gross")
    sensitivity: tuple[LayerCost, ...] = Field(default=(), description="by which mixed precision chose its bits")
    error: str | None = Field(default=None, description="why the chain up to here failed")


class LoadPoint(Frozen):
    """One rate of the load test: all its arrival sequences together."""

    share: float = Field(description="of the saturation rate")
    asked_per_s: float = Field(description="mean rate of arrivals that was asked for")
    queries: int
    percentiles: tuple[PercentileRecord, ...] = Field(description="of latency from the scheduled arrival")
    delay_p99_s: float = Field(description="99th percentile of how late the generator issued a request")
    generator_limited: bool = Field(description="the generator's delay is over a tenth of the latency's p99")


class Load(Frozen):
    """What a candidate does under load, one worker serving (MLPerf LoadGen, Offline and Server)."""

    max_batch: int
    saturation_per_s: Estimate = Field(description="requests a second with a queue that never empties (Offline)")
    points: tuple[LoadPoint, ...]
    highest_per_s: Estimate | None = Field(
        default=None,
        description="highest rate whose p99 meets the budget, the network's part taken off, from an isotonic fit; None "
        "without a budget, or where no p99 is borne or bounded that could be held against it",
    )
    bound: Literal["within", "at least", "below", "unknown"] | None = Field(
        default=None,
        description="whether the rates measured enclose `highest_per_s`, or only bound it; unknown where no p99 is "
        "borne, None without a budget",
    )
    others_share: float | None = Field(
        default=None, description="most that other processes took of one core during a sequence of requests"
    )
    steal_share: float | None = Field(default=None, description="most that the hypervisor took, likewise")
    gpu_strangers: float | None = Field(
        default=None,
        description="most other processes that worked on the GPU during one; None where it used none, or where that "
        "cannot be told",
    )
