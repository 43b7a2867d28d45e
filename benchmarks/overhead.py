"""What effkit's measuring costs: per call, the energy tracker's share, the coordinator's.

A call's cost is the difference between a visit, asked for through the worker's pipe, and a bare
`perf_counter` loop in another process on the same core, both over a model that does nothing. What the
coordinator burns is its own CPU time over wall time: from one visit's start to the next, where `Bench` tells
its progress, and within visits alone, while a model is being measured. The tracker's share is what the former
is more with the real meter than with one that reads nothing.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import threading
import time

import numpy as np

from benchmarks import cases
from benchmarks.cases import Case
from benchmarks.summary import host_line, in_short, mean_text, table, verdict
from effkit.analysis.interval import Floats
from effkit.analysis.statistics import mean_interval_over_generations
from effkit.bench.cores import choose_cores
from effkit.bench.energy import EnergyMeter, NoMeter
from effkit.bench.process import WorkerProcess
from effkit.bench.schedule import kept_calls_per_visit
from effkit.bench.slot import measuring_slot
from effkit.spec import Protocol

STANDARD = Protocol()
CALLS, ITEMS, KEPT = 100_000, STANDARD.block_items, kept_calls_per_visit(STANDARD)
TYPICAL_CALL_S = 0.003
TYPICAL_CALLS = math.ceil(STANDARD.visit_s / TYPICAL_CALL_S / ITEMS) * ITEMS
"""Calls of a visit of `standard` to such a model, in whole passes over the items of a block."""
VISIT_S, VISITS = STANDARD.visit_s, 16


WITHIN_S = (0.2, 0.45)
"""After `Bench` tells of a visit it waits 0.05 s and more for the others to be still; then the visit's 0.5 s begin."""


class Marks:
    """Progress as `Bench` tells it, each visit with this process's CPU time and the wall clock."""

    def __init__(self) -> None:
        self._visits: list[tuple[float, float]] = []
        self._within: list[tuple[float, float]] = []

    def __call__(self, share: float, text: str) -> None:
        """Note the start of a visit, and look twice while its model is being measured."""
        if "visiting" in text:
            self._visits.append(_now())
            threading.Thread(target=self._look).start()

    def _look(self) -> None:
        time.sleep(WITHIN_S[0])
        cpu_s, wall_s = _now()
        time.sleep(WITHIN_S[1] - WITHIN_S[0])
        later_cpu_s, later_wall_s = _now()
        self._within.append((later_cpu_s - cpu_s, later_wall_s - wall_s))

    def cpu_share(self) -> float:
        """CPU time over wall time from the first visit's start to the last one's, as a share of one core."""
        (first_cpu_s, first_wall_s), (last_cpu_s, last_wall_s) = self._visits[0], self._visits[-1]
        return (last_cpu_s - first_cpu_s) / (last_wall_s - first_wall_s)

    def cpu_share_within(self) -> float:
        """CPU time over wall time while models are being measured, with what looking at it takes."""
        return sum(cpu_s for cpu_s, _ in self._within) / sum(wall_s for _, wall_s in self._within)


def _now() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def bare(direct: bool) -> float:
    """Seconds a call in a loop around a model that does nothing, or around the bare function within it."""
    case = cases.nothing()
    predictor, function, item = case.load(case.reference), cases.Nothing(), case.typical_item()
    call = function if direct else predictor.infer
    clock, times = time.perf_counter, []
    began = clock()
    for _ in range(CALLS):
        start = clock()
        call([item])
        times.append(clock() - start)
    return (clock() - began) / CALLS


def of_calls(repeats: int) -> list[list[str]]:
    """Measure what a call costs over a bare loop, repetitions of both in turn."""
    case, cores = cases.nothing(), choose_cores(1)
    items = case.test[:ITEMS].tolist()
    (built,) = case.built.values()
    looped: list[float] = []
    direct: list[float] = []
    long_s, fixed_s = [], []
    with WorkerProcess(threads=1, cores=cores.workers) as worker:
        worker.ask("open", recipe=built.recipe.to_json(), task=str(case.task), products=str(built.folder))
        worker.ask("load", folder=str(built.folder))
        for _ in range(repeats):
            for kind, found in (("--bare", looped), ("--direct", direct)):
                command = [sys.executable, "-m", "benchmarks.overhead", kind]
                found.append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
            start = time.perf_counter()
            answer = worker.ask("visit", items=items, least_calls=CALLS, least_s=0.0, most_kept=KEPT)
            long_s.append((time.perf_counter() - start) / answer["calls"])
            start = time.perf_counter()
            answer = worker.ask("visit", items=items, least_calls=TYPICAL_CALLS, least_s=0.0, most_kept=KEPT)
            fixed_s.append(time.perf_counter() - start - answer["wall_s"])
    more_us = 1e6 * (np.array(long_s) - np.array(looped))
    whole_us = 1e6 * (np.array(long_s) - np.array(direct))
    share_us = 1e6 * np.array(fixed_s) / TYPICAL_CALLS
    return [
        _row("a call in the bare loop, which tells the host's pace", 1e6 * np.array(looped), "µs"),
        _row(f"a call, in a visit of {CALLS:,} calls: clocks, yardstick, lists", more_us, "µs"),
        _row("a visit, once, outside all latencies: the pipe, JSON, the items", 1e3 * np.array(fixed_s), "ms"),
        _row(f"a call of a model, with its share of a visit of {TYPICAL_CALLS} calls", more_us + share_us, "µs", 5),
        _row("checks of what a function of one's own answers, within its latency", whole_us - more_us, "µs"),
        _row("a call of a function of one's own, the same and checked", whole_us + share_us, "µs", 5),
    ]


def of_host(repeats: int) -> list[list[str]]:
    """Measure the coordinator's CPU while workers are visited, with energy and without, in turn."""
    case: Case = cases.products()
    protocol = Protocol(
        generations=1, blocks=VISITS, visit_s=VISIT_S, idle_s=0.0, batch=1, throughput_s=0.01, retries=0
    )
    meters = {"with": EnergyMeter(), "without": NoMeter()}
    shares: dict[str, list[float]] = {name: [] for name in meters}
    within: list[float] = []
    for repeat in range(repeats):
        for name, meter in meters.items():
            marks = Marks()
            case.bench(protocol, repeat, meter, marks).run()
            shares[name].append(marks.cpu_share())
            if name == "with":
                within.append(marks.cpu_share_within())
    percent = {name: 100 * np.array(each) for name, each in shares.items()}
    tracker = percent["with"] - percent["without"]
    return [
        _row("the energy tracker, share of a core", tracker, "%", most=0.5),
        _row("the coordinator within visits, with the tracker, share of a core", 100 * np.array(within), "%", most=0.2),
        _row("the same from visit to visit, without the tracker", percent["without"], "%", most=0.2),
        _row("the same from visit to visit, with the tracker", percent["with"], "%"),
    ]


def _row(what: str, values: Floats, unit: str, most: float | None = None) -> list[str]:
    """What was found over repetitions, and whether it is within the aim."""
    aim = ""
    if most is not None:
        found = mean_interval_over_generations(values)
        low, high = (0.0, float("inf")) if found is None else (found.low, found.high)
        aim = f"≤ {most:g} {unit}: {verdict(low, high, most)}"
    return [what, mean_text(values, unit, 3 if unit == "%" else 2), aim]


def main() -> None:
    """Print the part of the report, or what a bare loop took."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--repeats", type=int, default=8)
    options.add_argument("--bare", action="store_true", help="print the seconds of a call in a bare loop")
    options.add_argument("--direct", action="store_true", help="the same around the function itself")
    given = options.parse_args()
    if given.bare or given.direct:
        os.sched_setaffinity(0, choose_cores(1).workers)
        print(bare(given.direct))
        return
    with measuring_slot(lambda text: print(text, file=sys.stderr)):
        rows = [*of_calls(given.repeats), *of_host(given.repeats)]
    header = ["what", f"mean [95 %] of {given.repeats} repetitions", "aim"]
    short = in_short(f"{'; '.join(f'{what} {found}, aim {aim}' for what, found, aim in rows if aim)}.")
    print("\n\n".join(["## Overhead", host_line(), short, table(header, rows)]))


if __name__ == "__main__":
    main()
