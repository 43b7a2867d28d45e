"""The record: everything one run measured, typed and versioned.

Reports read records and nothing else. `None` means "not measurable here" and never becomes 0.
SI units stand in the field names: `_s`, `_j`, `_w`, `_bytes`.

History of the schema:
    1  first version
    2  the yardstick, contention, the second estimate without disturbed visits, envelopes of modelled power, load tests
    3  the margins from which a gap is enough and below which it is worse, percentiles of preparing and of inferring,
       cascades, what identifies a run, the windows in which it was measured, the name of its host
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from effkit.evidence import (
    COUNTED,
    RANKS,
    Apart,
    ClassItems,
    ColdStart,
    Constant,
    Contention,
    Estimate,
    Gap,
    Latency,
    LayerCost,
    Link,
    Load,
    LoadPoint,
    Making,
    NoiseCheck,
    Origin,
    Payback,
    PercentileRecord,
    QualityVerdict,
    Rank,
    Ratio,
    Throughput,
    Verdict,
    Window,
    origin_of,
    percentile_of,
    weakest,
    weakest_rank,
)  # fmt: skip
from effkit.routing import AlarmBand, Cascade, CascadePoint, CascadeStage, CostKind, Mix, Recovered
from effkit.spec import Frozen, StudySpec

__all__ = [
    "COUNTED", "RANKS", "SCHEMA_VERSION", "AlarmBand", "Apart", "CandidateRecord", "Cascade", "CascadePoint",
    "CascadeStage", "ClassItems", "Code", "ColdStart", "Constant", "Contention", "CostKind", "CurvePoint", "Energy",
    "EnergyComponent", "Estimate", "Gap", "GroupQuality", "Host", "KitFootprint", "Latency", "LayerCost", "Link",
    "Load", "LoadPoint", "Making", "Memory", "Mix", "NoiseCheck", "Operations", "Origin", "Payback",
    "PercentileRecord", "PowerForm", "Quality", "QualityVerdict", "Rank", "Ratio", "Record", "Recovered", "TaskFacts",
    "Throughput", "Verdict", "Window", "origin_of", "percentile_of", "weakest",
    "weakest_rank",
]  # fmt: skip

SCHEMA_VERSION = 3


class Memory(Frozen):
    """What a worker takes."""

    weight_bytes: int | None = Field(description="model files on disk")
    tensor_bytes: int | None = Field(description="weights in memory, where they can be counted")
    floor_bytes: int = Field(description="the fresh process, its libraries imported and no model loaded")
    peak_bytes: int = Field(description="highest resident memory, less the floor, largest generation")
    device_allocated_bytes: int | None = Field(default=None, description="highest that tensors took on a GPU")
    device_reserved_bytes: int | None = Field(default=None, description="highest that PyTorch held there for them")

    @property
    def added_bytes(self) -> int:
        """What the model adds to its libraries: in the host's memory, and on the GPU, where its weights then lie."""
        return self.peak_bytes + (self.device_reserved_bytes or 0)

    @property
    def taken_bytes(self) -> int:
        """What the whole worker takes, its libraries with it: the one sum that memory is judged by."""
        return self.floor_bytes + self.added_bytes


class EnergyComponent(Frozen):
    """Energy of one part of the machine."""

    component: Literal["cpu", "memory", "gpu"]
    energy_j: float = Field(description="per request")
    rank: Rank
    method: str = Field(description="how CodeCarbon came by it, in its own words")
    tdp_w: float | None = Field(default=None, description="rated power that a modelled CPU figure is built on")


class PowerForm(Frozen):
    """The energy ratio under one form of power model, fed with the worker's own CPU load."""

    form: str = Field(description="cubic, linear or constant in load, and the CPU's share of the power")
    value: float
    low: float | None = None
    high: float | None = None


class Energy(Frozen):
    """Energy of one request at batch 1, gross."""

    request_j: Estimate | None = Field(description="None where it is not resolvable: `note` says why")
    net_j: float | None = Field(description="less the idle machine's share")
    idle_w: float | None = Field(description="power of the idle machine, all workers resident")
    components: tuple[EnergyComponent, ...]
    rank: Rank | None = Field(description="the weakest component above a tenth of the total")
    window_s: float = Field(description="summed length of the windows")
    note: str | None = Field(default=None, description="why it is not resolvable, or only indicative")
    ratio: Ratio | None
    envelope: tuple[PowerForm, ...] = Field(
        default=(),
        description="where it or the reference's is modelled: `less` is claimed only where every form agrees",
    )


class Operations(Frozen):
    """Floating-point operations of one request, counted on the model's graph; never ranks speed."""

    flops: float
    label: Literal["analytic"] = "analytic"


class GroupQuality(Frozen):
    """Quality inside one group of items, and its paired gap to the reference."""

    group: str = Field(description="column=value, as in sex=Female")
    n: int
    value: float | None
    difference: float | None
    low: float | None
    high: float | None
    verdict: str
    units: int | None = Field(default=None, description="clusters where given, else items; None in older records")


class Quality(Frozen):
    """How well it does the task, item by item."""

    metric: str
    value: Estimate
    seed_values: tuple[float, ...] = Field(description="one value a training seed, the first is the one used")
    secondary: dict[str, float] = Field(default_factory=dict, description="further metrics, without a verdict")
    groups: tuple[GroupQuality, ...] = ()


class CandidateRecord(Frozen):
    """All that is known of one candidate."""

    name: str
    model: str
    title: str
    builder: str | None = Field(default=None, description="what builds its model; None in older records")
    techniques: tuple[dict[str, dict[str, Any]], ...] = ()
    reference: bool = False
    status: Literal["ok", "failed"] = "ok"
    error: str | None = Field(default=None, description="why it failed, in a sentence")
    fit_items: int | None = Field(default=None, description="training items really used")
    parameters: int | None = None
    licence: str | None = None
    quality: Quality | None = None
    gap: Gap | None = None
    latency: Latency | None = None
    throughput: tuple[Throughput, ...] = ()
    cold_start: ColdStart | None = None
    memory: Memory | None = None
    operations: Operations | None = None
    energy: Energy | None = None
    load: Load | None = None
    load_failure: str | None = Field(default=None, description="why it has no load test, where it was to have one")
    making: tuple[Making, ...] = ()
    links: tuple[Link, ...] = Field(default=(), description="one for each technique of its chain, in order")
    cascade: Cascade | None = Field(default=None, description="how it came to its answers, where stages took turns")
    request_bytes: float | None = Field(default=None, description="mean size of one item as sent")
    response_bytes: float | None = Field(default=None, description="mean size of one answer as sent")
    weights_sha256: dict[str, str] = Field(
        default_factory=dict, description="by file; of stages and of a teacher by `model: file`"
    )
    functions_sha256: dict[str, str] = Field(
        default_factory=dict, description="of functions of one's own, as they were packed for workers, by model"
    )
    threads_read_back: dict[str, int] = Field(default_factory=dict)

    def throughput_at(self, batch: int) -> Throughput | None:
        """Return its throughput in batches of a size, or in the largest there are: few test items are one batch."""
        return max(self.throughput, key=lambda each: (each.batch == batch, each.batch), default=None)


class CurvePoint(Frozen):
    """Quality of one model at one number of training items."""

    model: str
    fit_items: int
    value: Estimate
    making_s: float


class Host(Frozen):
    """The machine, as far as it shows itself."""

    cpu: str
    cores: int
    sockets: int | None
    hypervisor: str | None
    cgroup_cpus: float | None = Field(description="CPU quota of the container; None when unlimited")
    governor: str | None
    memory_bytes: int
    gpus: tuple[str, ...] = ()
    gpu: str | None = Field(default=None, description="the one that was used, and what drove it; None where none was")
    gpu_strangers: float | None = Field(
        default=None, description="other processes that worked on it during visits; None where that cannot be told"
    )
    system: str
    name: str | None = Field(default=None, description="as EFFKIT_HOST or the host itself calls it")
    python: str
    load_before: float | None = Field(description="one-minute load average as the run began")
    others_share: float | None = Field(
        description="other processes' CPU during visits, as a share of one core; None when unknown"
    )
    steal_share: float | None
    pinned: bool
    worker_cores: tuple[int, ...] = ()
    coordinator_shares_core: bool
    resident_together: bool = Field(description="False when workers were started and stopped for each visit")
    apart: Apart | None = Field(default=None, description="why they were; None in older records")


class Code(Frozen):
    """What was run."""

    versions: dict[str, str]
    git_commit: str | None
    git_dirty: bool | None
    params_sha256: str
    notebook_sha256: str | None


class TaskFacts(Frozen):
    """The task as it was used."""

    name: str
    title: str
    kind: Literal["classification", "regression", "retrieval"]
    modality: str
    metric: str
    licence: str | None
    sha256: str = Field(description="over items, labels and splits")
    split_items: dict[str, int] = Field(description="items of each of the four disjoint splits")
    fit_used: int
    test_used: int
    clusters: int | None = Field(default=None, description="groups of dependent test items, if any")
    constant: Constant | None = Field(default=None, description="one answer to everything; None where unknown")
    rarest: ClassItems | None = Field(default=None, description="class with the fewest test items; None where unknown")
    repeated: int | None = Field(default=None, description="test items that an item to fit repeats; None where unknown")


class KitFootprint(Frozen):
    """What the kit itself took."""

    wall_s: float
    measuring_s: float
    coordinator_cpu_s: float
    peak_bytes: int | None


class Record(Frozen):
    """One run of one study."""

    schema_version: int = SCHEMA_VERSION
    run: str = Field(description="the run's folder name: time of start and a short hash of the parameters")
    identity: str | None = Field(
        default=None, description="hash of all that changes results; None for a task or model of the user's own"
    )
    replicate: int = Field(default=1, description="number of this repetition of the same identity but for it")
    sweep: str | None = Field(default=None, description="the sweep that asked for the run")
    own_entries: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="entries of one's own catalogue that were used, by name; without the folders of the host",
    )
    windows: tuple[Window, ...] = Field(
        default=(), description="when this run held the host's measuring slot; empty in older records"
    )
    started_at: datetime
    finished_at: datetime
    interactive: bool = Field(description="run by hand in a notebook, not by `effkit run`")
    spec_passed: dict[str, Any] = Field(description="the parameters as they were given")
    spec: StudySpec = Field(description="the parameters with every default filled in")
    task: TaskFacts
    host: Host
    code: Code
    candidates: tuple[CandidateRecord, ...]
    noise: tuple[NoiseCheck, ...]
    contention: Contention | None = Field(default=None, description="None where a record does not tell")
    curve: tuple[CurvePoint, ...] = ()
    footprint: KitFootprint

    @property
    def reference(self) -> CandidateRecord:
        """The candidate that all others are compared with."""
        return next(candidate for candidate in self.candidates if candidate.reference)

    @property
    def failed(self) -> tuple[CandidateRecord, ...]:
        """The candidates that could not be measured."""
        return tuple(candidate for candidate in self.candidates if candidate.status == "failed")

    def candidate(self, name: str) -> CandidateRecord:
        """Return one candidate by its name.

        Raises:
            KeyError: naming the candidates there are.
        """
        for candidate in self.candidates:
            if candidate.name == name:
                return candidate
        raise KeyError(f"`{name}` is not in this record; it has {', '.join(c.name for c in self.candidates)}")
