"""What the coordinator goes in with and comes out with: built candidates, and everything that was seen of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from effkit.bench.cores import Cores
from effkit.bench.energy import Window
from effkit.bench.schedule import Entry
from effkit.models import Recipe
from effkit.record import Apart

NOWHERE = -1
"""The place of a worker that was started for its visits alone, in no order."""


@dataclass(frozen=True)
class Built:
    """A candidate that has been made: what a worker needs to load it, and what it takes in memory."""

    recipe: Recipe
    folder: Path
    peak_bytes: int
    device_bytes: int = 0
    """The same on the GPU: what PyTorch held there."""


@dataclass
class Start:
    """What one fresh worker told before it was visited."""

    entry: Entry
    generation: int
    place: int
    """In the order of the generation's starts, or `NOWHERE`."""
    import_s: float
    load_s: float
    first_call_s: float
    steady: bool
    warm_up_calls: int
    floor_bytes: int
    threads: dict[str, int]
    gpu: str | None = None
    """Which GPU it has, and what drives that; None without one."""
    memory: dict[str, int | None] = field(default_factory=dict)
    """Peaks by name, as the worker tells them when all its visits are made; empty where it failed before."""


@dataclass(frozen=True)
class Visit:
    """One measured visit: batch-1 calls, their CPU time and the machine's energy meanwhile."""

    entry: Entry
    generation: int
    block: int
    position: int
    items: list[int]
    prepare_s: list[float]
    infer_s: list[float]
    mean_prepare_s: float
    mean_infer_s: float
    calls: int
    cpu_s: float
    wall_s: float
    energy: Window | None
    others_share: float
    steal_share: float
    attempt: int = 0
    strangers: float | None = None
    """Other processes that worked on the GPU meanwhile; NaN where that cannot be told, None where it used none."""
    stretch_calls: tuple[int, ...] = ()
    stretch_call_s: tuple[float, ...] = ()
    stretch_cpu_s: tuple[float, ...] = ()
    stretch_wait_s: tuple[float, ...] = ()
    stretch_yard_s: tuple[float, ...] = ()


@dataclass(frozen=True)
class Batches:
    """Whole batches of one fresh worker: the time of each, and the yardstick's readings beside it."""

    entry: Entry
    generation: int
    items: int
    batch_s: list[float]
    yard_s: list[float]


@dataclass
class Measurements:
    """Everything the coordinator saw, in the order in which it saw it."""

    starts: list[Start] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    throughput: list[Batches] = field(default_factory=list)
    idle: list[Window] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    cores: Cores | None = None
    apart: Apart | None = None
    """Why workers were started for each visit; None where all stayed."""

    @property
    def resident_together(self) -> bool:
        """Whether all workers of a generation lived at the same time."""
        return self.apart is None
