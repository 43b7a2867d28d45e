"""The coordinator: fresh workers in every generation, visited in randomised blocks.

A process keeps its own luck of some per cent for life, so every candidate is measured in several
processes. The reference is entered twice, and what the two differ by is the noise of the run.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from effkit.analysis.contention import has_company, is_disturbed
from effkit.bench import host, nvml
from effkit.bench.company import strangers
from effkit.bench.cores import Cores, choose_cores
from effkit.bench.energy import EnergyMeter
from effkit.bench.latency import WARM_UP_ITEMS
from effkit.bench.measurements import NOWHERE, Batches, Built, Measurements, Start, Visit
from effkit.bench.memory import room
from effkit.bench.process import WorkerFailed, WorkerProcess
from effkit.bench.schedule import (
    STARTS,
    THROUGHPUT,
    VISITS,
    WARM_UP,
    Entry,
    block_items,
    calls_per_visit,
    entries,
    kept_calls_per_visit,
    order,
    order_number,
)
from effkit.models.base import CPU
from effkit.progress import Progress
from effkit.record import Apart
from effkit.spec import Protocol

log = logging.getLogger(__name__)
QUIET_S = 0.05
MEMORY_SHARE = 0.8
CONTEXT_BYTES = 600_000_000
"""What a process takes on a GPU before its first tensor, roughly: its context and its libraries' kernels."""
GPU_POLL_S, GPU_PATIENCE_S = 0.1, 3.0
REPEATED_SHARE = 0.5
"""Visits that may be repeated, as a share of those planned so far: a busy host must not triple a run."""


@dataclass(frozen=True)
class _Turn:
    """One worker's turn in a block, while the others are still."""

    entry: Entry
    worker: WorkerProcess
    others: Sequence[WorkerProcess]
    generation: int
    block: int
    position: int
    items: NDArray[np.int64]


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
        more: asked once, after the protocol's generations, how many there shall be in all.
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
    more: Callable[[Measurements], int] | None = None
    _wanted: int = field(default=0, init=False)
    _repeats_left: float = field(default=0.0, init=False)
    _this: psutil.Process = field(default_factory=psutil.Process, init=False)

    def run(self) -> Measurements:
        """Carry out the schedule. A candidate that fails is left out from there on; with the reference all ends."""
        result = Measurements(cores=choose_cores(self.protocol.threads))
        result.apart = self._apart()
        if result.apart is not None:
            log.info("workers are started for each visit: %s", result.apart)
        with on_cores(result.cores):
            generation, self._wanted = 0, self.protocol.generations
            while generation < self._wanted and self.reference not in result.failures:
                self._generation(generation, result)
                generation += 1
                if generation == self.protocol.generations and self.more is not None:
                    self._wanted = self.more(result)
        self.progress(1.0, "measured")
        return result

    def _apart(self) -> Apart | None:
        """Why not all workers of a generation can live at the same time; None where they can."""
        workers = [*self.built.values(), self.built[self.reference]]
        if sum(each.peak_bytes for each in workers) >= MEMORY_SHARE * room().free_bytes:
            return "memory"
        if self.protocol.device == CPU:
            return None
        if nvml.is_exclusive():
            return "GPU exclusive"
        on_gpu = [each.device_bytes + CONTEXT_BYTES for each in workers if each.device_bytes]
        free = nvml.free_bytes()
        return "GPU memory" if free is not None and sum(on_gpu) >= MEMORY_SHARE * free else None

    def _generation(self, generation: int, result: Measurements) -> None:
        lines = {entry.name: entry for entry in entries(list(self.built), self.reference)}
        with ExitStack() as stack:
            resident: dict[str, WorkerProcess] = {}
            starts: dict[str, Start] = {}

            def start(name: str, stack: ExitStack, place: int = NOWHERE) -> WorkerProcess:
                with ExitStack() as coming_up:  # one that fails on its way does not stay beside the others
                    worker, seen = self._start(lines[name], generation, place, result, coming_up)
                    stack.enter_context(coming_up.pop_all())
                starts.setdefault(name, seen)
                return worker

            names = order(list(lines), seed=self.seed, what=STARTS, number=generation)
            for number, name in enumerate(names if result.resident_together else ()):
                if self._is_over(lines[name], result):
                    continue
                self._tell(generation, 0.3 * number / len(names), f"starting {name}")
                with self._forgive(lines[name], result, resident):
                    resident[name] = start(name, stack, number)
            self._idle(result)
            self._repeats_left += REPEATED_SHARE * self.protocol.blocks * len(lines)
            for block in range(self.protocol.blocks):
                number = generation * self.protocol.blocks + block
                items = block_items(self.test, self.sizes, self.protocol.block_items, seed=self.seed, number=number)
                turn_number = order_number(generation, block, self.protocol.blocks)
                names = order(list(lines), seed=self.seed, what=VISITS, number=turn_number)
                for position, name in enumerate(names):
                    if self._is_over(lines[name], result):
                        continue
                    done = 0.3 + 0.6 * (block + position / len(names)) / self.protocol.blocks
                    self._tell(generation, done, f"visiting {name}")
                    with self._forgive(lines[name], result, resident), ExitStack() as visiting:
                        worker = resident.get(name) or start(name, visiting)
                        others = [each for each in resident.values() if each is not worker]
                        turn = _Turn(lines[name], worker, others, generation, block, position, items)
                        self._visit_until_quiet(turn, result)
                        if block == self.protocol.blocks - 1:
                            self._throughput(lines[name], worker, generation, result)
                            starts[name].memory = worker.ask("memory")
            self._idle(result)
            result.starts += starts.values()

    def _tell(self, generation: int, share: float, text: str) -> None:
        self.progress((generation + share) / self._wanted, f"generation {generation + 1}/{self._wanted}: {text}")

    def _is_over(self, entry: Entry, result: Measurements) -> bool:
        """Whether this candidate has failed, or the reference, and all ends with it."""
        return not result.failures.keys().isdisjoint({entry.candidate, self.reference})

    @contextmanager
    def _forgive(self, entry: Entry, result: Measurements, resident: dict[str, WorkerProcess]) -> Iterator[None]:
        """Note a candidate's failure and go on without its worker, which may hold memory and be busy still."""
        try:
            yield
        except WorkerFailed as failure:
            log.warning("%s failed while it was measured: %s", entry.name, failure)
            result.failures.setdefault(entry.candidate, str(failure))
            if entry.name in resident:
                resident.pop(entry.name).close()

    def _start(
        self, entry: Entry, generation: int, place: int, result: Measurements, stack: ExitStack
    ) -> tuple[WorkerProcess, Start]:
        """Start a fresh worker, load its candidate (cold start) and warm it up."""
        assert result.cores is not None
        built = self.built[entry.candidate]
        worker = stack.enter_context(
            WorkerProcess(threads=self.protocol.threads, cores=result.cores.workers, device=self.protocol.device)
        )
        opened = worker.ask("open", recipe=built.recipe.to_json(), task=str(self.task), products=str(self.products))
        loaded = worker.ask("load", folder=str(built.folder))
        items = block_items(self.test, self.sizes, WARM_UP_ITEMS, seed=self.seed, number=WARM_UP + generation)
        warm = worker.ask("warm_up", items=items.tolist(), protocol=self.protocol.model_dump())
        if not warm["steady"]:
            log.info("%s was not steady after %d warm-up calls", entry.name, warm["calls"])
        return worker, Start(
            entry=entry,
            generation=generation,
            place=place,
            import_s=worker.started_s + opened["import_s"],
            load_s=loaded["load_s"],
            first_call_s=warm["first_call_s"],
            steady=warm["steady"],
            warm_up_calls=warm["calls"],
            floor_bytes=opened["floor_bytes"],
            threads=warm["threads"],
            gpu=warm["gpu"],
        )

    def _visit_until_quiet(self, turn: _Turn, result: Measurements) -> None:
        """Visit, and visit again while something else disturbed it; every attempt is kept."""
        for attempt in range(1 + self.protocol.retries):
            visit = self._visit(turn, attempt, result.cores)
            first = [each for each in result.visits if each.attempt == 0]
            disturbed = is_disturbed(
                visit.others_share,
                visit.steal_share,
                visit.wall_s,
                [each.others_share for each in first],
                [each.steal_share for each in first],
            )
            disturbed = disturbed or has_company(visit.strangers)
            result.visits.append(visit)
            if not disturbed or self._repeats_left < 1:
                return
            if attempt < self.protocol.retries:
                self._repeats_left -= 1

    def _visit(self, turn: _Turn, attempt: int, cores: Cores | None) -> Visit:
        _wait_until_still(turn.others)
        self._wait_for_gpu()
        worker, items = turn.worker, turn.items
        ours = [self._this, *worker.family]  # the other workers are to stand still: what they take disturbs
        watched = cores.workers if cores else ()
        since_us = int(time.time() * 1e6)
        helped_s = host.started_cpu_s(worker.family)
        before, started = host.activity(ours, watched), time.perf_counter()
        with self.meter.window() as energy:
            answer = worker.ask(
                "visit",
                items=items.tolist(),
                least_calls=calls_per_visit(self.protocol, turn.entry.workers),
                least_s=self.protocol.visit_s,
                most_kept=kept_calls_per_visit(self.protocol),
            )
        after, length_s = host.activity(ours, watched), time.perf_counter() - started
        helped_s = host.started_cpu_s(worker.family) - helped_s
        others_share, steal_share = after.since(before, length_s)
        return Visit(
            entry=turn.entry,
            generation=turn.generation,
            block=turn.block,
            position=turn.position,
            items=[int(items[index]) for index in answer["item"]],
            prepare_s=answer["prepare_s"],
            infer_s=answer["infer_s"],
            mean_prepare_s=answer["mean_prepare_s"],
            mean_infer_s=answer["mean_infer_s"],
            calls=answer["calls"],
            cpu_s=answer["cpu_s"] + max(0.0, helped_s),
            wall_s=answer["wall_s"],
            energy=energy[0] if energy else None,
            others_share=others_share,
            steal_share=steal_share,
            attempt=attempt,
            strangers=strangers([worker, *turn.others], since_us, used=answer["on_gpu"], counted=self.meter.reads_gpu),
            stretch_calls=tuple(answer["stretch_calls"]),
            stretch_call_s=tuple(answer["stretch_call_s"]),
            stretch_cpu_s=tuple(answer["stretch_cpu_s"]),
            stretch_wait_s=tuple(answer["stretch_wait_s"]),
            stretch_yard_s=tuple(answer["stretch_yard_s"]),
        )

    def _throughput(self, entry: Entry, worker: WorkerProcess, generation: int, result: Measurements) -> None:
        batch = min(self.protocol.batch, len(self.test))
        items = block_items(self.test, self.sizes, batch, seed=self.seed, number=THROUGHPUT + generation)
        answer = worker.ask("throughput", items=items.tolist(), least_s=self.protocol.throughput_s)
        result.throughput.append(Batches(entry, generation, batch, answer["batch_s"], answer["yard_s"]))

    def _idle(self, result: Measurements) -> None:
        """Read the machine's idle energy while all workers are resident and asleep."""
        if self.protocol.idle_s and self.meter.unavailable is None:
            self._wait_for_gpu()
            with self.meter.window() as window:
                time.sleep(self.protocol.idle_s / 2)
            result.idle += window

    def _wait_for_gpu(self) -> None:
        """Wait until the GPU rests from the visit before: its clocks and its power fall only then."""
        deadline = time.perf_counter() + GPU_PATIENCE_S
        while self.protocol.device != CPU and nvml.is_busy() and time.perf_counter() < deadline:
            time.sleep(GPU_POLL_S)


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
def on_cores(cores: Cores | None) -> Iterator[None]:
    """Keep this process, a notebook's kernel with all its threads, off the workers' cores while measuring."""
    if cores is None or not cores.pinned:
        yield
        return
    before = os.sched_getaffinity(0)
    _move(cores.coordinator)
    try:
        yield
    finally:
        _move(before)


def _move(cores: Iterable[int]) -> None:
    """Let every thread of this process run on these cores."""
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it has just ended
            os.sched_setaffinity(int(thread.name), cores)
