"""What one run finds out, from preparing to measuring, before it becomes a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effkit import record, resolve
from effkit.analysis.comparison import QualityTest
from effkit.analysis.links import link_energy, link_latency
from effkit.analysis.paired import PairedSamples
from effkit.bench import host
from effkit.bench.energy import EnergyMeter
from effkit.bench.measurements import Measurements
from effkit.bench.prepare import Prepared
from effkit.bench.schedule import COUNTED, block_items
from effkit.catalogue import cache_dir
from effkit.spec import StudySpec
from effkit.tasks import METRICS, Task

COUNTED_ITEMS = 16

Ends = tuple[record.CandidateRecord, record.CandidateRecord]
"""Two that were measured: one, and the other that it is held against."""


@dataclass(frozen=True)
class CurveResult:
    """One point of a learning curve, predicted but not yet scored."""

    model: str
    fit_items: int
    predictions: NDArray[Any]
    making_s: float


@dataclass
class Findings:
    """Everything one run found out, as it came.

    Attributes:
        test: item indices that were predicted.
        fit_items: training items by candidate.
        prepared: by candidate; those that failed are missing.
        steps: beginnings of chains that are no candidates, by name; predicted and not timed.
        failures: why, by candidate or step.
    """

    spec: StudySpec
    task: Task
    test: NDArray[np.int64]
    meter: EnergyMeter
    started_at: datetime
    started_s: float
    load_before: float | None
    models: dict[str, resolve.Model] = field(default_factory=dict)
    fit_items: dict[str, int] = field(default_factory=dict)
    prepared: dict[str, Prepared] = field(default_factory=dict)
    steps: dict[str, Prepared] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    curve: list[CurveResult] = field(default_factory=list)
    measured: Measurements = field(default_factory=Measurements)
    windows: list[record.Window] = field(default_factory=list)

    @cached_property
    def sizes(self) -> NDArray[np.float64]:
        """(n,) sizes of the test items as requests, bytes."""
        return np.array([self.task.request_bytes(self.test[place : place + 1]) for place in range(len(self.test))])

    @cached_property
    def task_folder(self) -> Path:
        """Where workers find the task."""
        return self.task.saved_below(cache_dir() / "loaded")

    @cached_property
    def products(self) -> Path:
        """Where what is made is kept for other runs."""
        return host.products_folder(cache_dir(), self.spec.protocol.device)

    @cached_property
    def counted(self) -> list[int]:
        """Test items of all sizes, over which operations are counted."""
        chosen = block_items(self.test, self.sizes, COUNTED_ITEMS, seed=self.spec.seed, number=COUNTED)
        return [int(item) for item in chosen]

    @property
    def labels(self) -> NDArray[Any]:
        """Labels of the test items."""
        return self.task.labels[self.test]

    @cached_property
    def clusters(self) -> NDArray[np.int64] | None:
        """To which cluster each test item belongs; None where they are independent."""
        return None if self.task.clusters is None else self.task.clusters[self.test]

    @property
    def wall_s(self) -> float:
        """How long the run has taken until now."""
        return host.since_start_s() - self.started_s

    @property
    def measuring_s(self) -> float:
        """How long of that it held the host's measuring slot."""
        return sum(window.end_s - window.start_s for window in self.windows)

    def scores(self, predictions: NDArray[Any], metric: str | None = None) -> NDArray[np.float64]:
        """Score predictions item by item."""
        return METRICS[metric or self.task.metric].score(predictions, self.labels)

    def by_seed(self, prepared: Prepared) -> tuple[NDArray[np.float64], ...]:
        """The scores of each training seed."""
        return tuple(self.scores(each) for each in prepared.predictions)


@dataclass(frozen=True)
class Compared:
    """The candidates of a run as they are held against each other, and not against the reference alone.

    Attributes:
        found: what the run found out.
        paired: its samples.
        test: the study's test of quality.
        candidates: what is known of each by itself, by name.
        cores: of the machine, over which a power model spreads its load.
    """

    found: Findings
    paired: PairedSamples
    test: QualityTest
    candidates: Mapping[str, record.CandidateRecord]
    cores: int

    @cached_property
    def measured(self) -> dict[str, record.CandidateRecord]:
        """Those that did not fail."""
        return {name: each for name, each in self.candidates.items() if each.status == "ok"}

    def ends(self, one: str, other: str) -> Ends | None:
        """Return what is known of two candidates; None unless both were measured."""
        return (self.measured[one], self.measured[other]) if {one, other} <= self.measured.keys() else None

    def latency(self, one: str, other: str) -> record.Ratio | None:
        """Return the latency of one over that of the other; None unless both were measured."""
        return link_latency(self.paired, one, other) if self.ends(one, other) else None

    def energy(self, one: str, other: str) -> record.Ratio | None:
        """Return the energy of a request of one over that of the other; None unless both were measured."""
        ends = self.ends(one, other)
        return link_energy(self.paired, *ends, cores=self.cores) if ends else None
