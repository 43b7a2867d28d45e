"""The coordinator: fresh workers in every generation, visited in randomised blocks.

A process keeps its own luck of some per cent for life, so every candidate is measured in several
processes. The reference is entered twice, and what the two differ by is the noise of the run.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from effkit.bench import host
from effkit.bench.energy import EnergyMeter, Window
from effkit.bench.latency import WARM_UP_ITEMS
from effkit.bench.process import WorkerFailed, WorkerProcess
from effkit.bench.schedule import Entry, block_items, calls_per_visit, entries, order
from effkit.models import Recipe
from effkit.spec import Protocol

log = logging.getLogger(__name__)
QUIET_S = 0.05
MEMORY_SHARE = 0.8

Progress = Callable[[float, str], None]
"""Told the share of measuring that is done, and what is done now."""


@dataclass(frozen=True)
class Built:
    """A candidate that has been made: what a worker needs to load it, and what it takes in memory."""

    recipe: Recipe
    folder: Path
    peak_bytes: int


@dataclass
class Start:
    """What one fresh worker told before it was visited."""

    entry: Entry
    generation: int
    import_s: float
    load_s: float
    first_call_s: float
    steady: bool
    warm_up_calls: int
    floor_bytes: int
    threads: dict[str, int]
    peak_bytes: int = 0


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


@dataclass
class Measurements:
    """Everything the coordinator saw, in the order in which it saw it."""

    starts: list[Start] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    throughput: list[tuple[Entry, int, float]] = field(default_factory=list)
    idle: list[Window] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    cores: host.Cores | None = None
    resident_together: bool = True


@dataclass
class Bench:
    """Measures the built candidates of one study.

    Attributes:
        built: candidates by name.
        reference: the name that is entered twice.
        task: folder of the saved task.
        products: folder of cached products.
        test: item indices that may be drawn.
        sizes: (n,) size of each of them as a request, bytes.
    """

    built: dict[str, Built]
    reference: str
    protocol: Protocol
    task: Path
    products: Path
    test: NDArray[np.int64]
    sizes: NDArray[np.float64]
    seed: int
    meter: EnergyMeter
    progress: Progress = lambda share, text: None

    def run(self) -> Measurements:
        """Carry out the schedule. A candidate that fails is left out from there on."""
        result = Measurements(cores=host.choose_cores(self.protocol.threads))
        result.resident_together = self._fit_in_memory()
        with _on_cores(result.cores):
            for generation in range(self.protocol.generations):
                self._generation(generation, result)
        self.progress(1.0, "measured")
        return result

    def _fit_in_memory(self) -> bool:
        needed = sum(built.peak_bytes for built in self.built.values()) + self.built[self.reference].peak_bytes
        return needed < MEMORY_SHARE * psutil.virtual_memory().available

    def _generation(self, generation: int, result: Measurements) -> None:
        lines = {entry.name: entry for entry in entries(list(self.built), self.reference)}
        with ExitStack() as stack:
            resident: dict[str, WorkerProcess] = {}
            starts: dict[str, Start] = {}

            def start(name: str, stack: ExitStack) -> WorkerProcess:
                worker, seen = self._start(lines[name], generation, result, stack)
                starts.setdefault(name, seen)
                return worker

            names = order(list(lines), seed=self.seed, generation=generation, block=len(lines))
            for number, name in enumerate(names if result.resident_together else ()):
                self._tell(generation, 0.3 * number / len(names), f"starting {name}")
                with self._forgive(lines[name], result):
                    resident[name] = start(name, stack)
            self._idle(result)
            for block in range(self.protocol.blocks):
                items = block_items(
                    self.test, self.sizes, self.protocol.block_items,
                    seed=self.seed, generation=generation, block=block,
                )  # fmt: skip
                names = order(list(lines), seed=self.seed, generation=generation, block=block)
                for position, name in enumerate(names):
                    if lines[name].candidate in result.failures:
                        continue
                    done = 0.3 + 0.6 * (block + position / len(names)) / self.protocol.blocks
                    self._tell(generation, done, f"visiting {name}")
                    with self._forgive(lines[name], result), ExitStack() as visiting:
                        worker = resident.get(name) or start(name, visiting)
                        others = [each for each in resident.values() if each is not worker]
                        result.visits.append(
                            self._visit(lines[name], worker, others, generation, block, position, items)
                        )
                        if block == self.protocol.blocks - 1:
                            self._throughput(lines[name], worker, generation, result)
                            starts[name].peak_bytes = worker.ask("memory")["peak_bytes"]
            self._idle(result)
            result.starts += [seen for seen in starts.values() if seen.peak_bytes]

    def _tell(self, generation: int, share: float, text: str) -> None:
        generations = self.protocol.generations
        self.progress((generation + share) / generations, f"generation {generation + 1}/{generations}: {text}")

    @contextmanager
    def _forgive(self, entry: Entry, result: Measurements) -> Iterator[None]:
        """Note a candidate's failure and go on without it."""
        try:
            yield
        except WorkerFailed as failure:
            log.warning("%s failed while it was measured: %s", entry.name, failure)
            result.failures.setdefault(entry.candidate, str(failure))

    def _start(
        self, entry: Entry, generation: int, result: Measurements, stack: ExitStack
    ) -> tuple[WorkerProcess, Start]:
        """Start a fresh worker, load its candidate (cold start) and warm it up."""
        if entry.candidate in result.failures:
            raise WorkerFailed(result.failures[entry.candidate])
        assert result.cores is not None
        built = self.built[entry.candidate]
        worker = stack.enter_context(WorkerProcess(threads=self.protocol.threads, cores=result.cores.workers))
        opened = worker.ask("open", recipe=built.recipe.to_json(), task=str(self.task), products=str(self.products))
        loaded = worker.ask("load", folder=str(built.folder))
        items = block_items(
            self.test, self.sizes, WARM_UP_ITEMS, seed=self.seed, generation=generation, block=self.protocol.blocks
        )
        warm = worker.ask("warm_up", items=items.tolist(), protocol=self.protocol.model_dump())
        if not warm["steady"]:
            log.info("%s was not steady after %d warm-up calls", entry.name, warm["calls"])
        return worker, Start(
            entry=entry,
            generation=generation,
            import_s=worker.started_s + opened["import_s"],
            load_s=loaded["load_s"],
            first_call_s=warm["first_call_s"],
            steady=warm["steady"],
            warm_up_calls=warm["calls"],
            floor_bytes=opened["floor_bytes"],
            threads=opened["threads"],
        )

    def _visit(
        self,
        entry: Entry,
        worker: WorkerProcess,
        others: Sequence[WorkerProcess],
        generation: int,
        block: int,
        position: int,
        items: NDArray[np.int64],
    ) -> Visit:
        _wait_until_still(others)
        ours = [psutil.Process(), worker.psutil, *(other.psutil for other in others)]
        before, started = host.activity(ours), time.perf_counter()
        with self.meter.window() as energy:
            answer = worker.ask(
                "visit",
                items=items.tolist(),
                least_calls=calls_per_visit(self.protocol, entry.workers),
                least_s=self.protocol.visit_s,
            )
        after, length_s = host.activity(ours), time.perf_counter() - started
        foreign_s = (after.busy_s - before.busy_s) - (after.ours_s - before.ours_s)
        return Visit(
            entry=entry,
            generation=generation,
            block=block,
            position=position,
            items=[int(items[index]) for index in answer["item"]],
            prepare_s=answer["prepare_s"],
            infer_s=answer["infer_s"],
            mean_prepare_s=answer["mean_prepare_s"],
            mean_infer_s=answer["mean_infer_s"],
            calls=answer["calls"],
            cpu_s=answer["cpu_s"],
            wall_s=answer["wall_s"],
            energy=energy[0] if energy else None,
            others_share=max(0.0, foreign_s / length_s),
            steal_share=max(0.0, (after.steal_s - before.steal_s) / length_s),
        )

    def _throughput(self, entry: Entry, worker: WorkerProcess, generation: int, result: Measurements) -> None:
        batch = min(self.protocol.batch, len(self.test))
        items = block_items(
            self.test, self.sizes, batch, seed=self.seed, generation=generation, block=self.protocol.blocks + 1
        )
        answer = worker.ask("throughput", items=items.tolist(), least_s=self.protocol.throughput_s)
        result.throughput.append((entry, generation, answer["items_per_s"]))

    def _idle(self, result: Measurements) -> None:
        """Read the machine's idle energy while all workers are resident and asleep."""
        if self.protocol.idle_s and self.meter.unavailable is None:
            with self.meter.window() as window:
                time.sleep(self.protocol.idle_s / 2)
            result.idle += window


def _wait_until_still(workers: Sequence[WorkerProcess], patience_s: float = 2.0) -> None:
    """Wait until the other workers' CPU time stands still for 50 ms."""
    deadline = time.perf_counter() + patience_s
    before: list[Any] = []
    while time.perf_counter() < deadline:
        now = [host.process_cpu_s(worker.psutil) for worker in workers]
        if now == before:
            return
        before = now
        time.sleep(QUIET_S)


@contextmanager
def _on_cores(cores: host.Cores | None) -> Iterator[None]:
    """Keep this process off the workers' cores while measuring."""
    if cores is None or not cores.pinned:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores.coordinator)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
