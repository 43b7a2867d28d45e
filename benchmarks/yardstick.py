"""Does the yardstick read the core, or the model that has just run?

A candidate that made the yardstick slower after its own calls (caches, branch predictors, a lowered clock) would be
flattered by it, and A/A could not see that. So it is read right after a call, and again after a pause of plain
Python that lets the core forget; the median difference of the logs should be nothing. Pairs of readings are some
milliseconds apart, and which kind of work comes next is drawn at random.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.stats import bootstrap
from threadpoolctl import threadpool_limits

from benchmarks import cases
from benchmarks.summary import host_line, in_short, percent, table
from effkit.bench.cores import choose_cores
from effkit.bench.slot import measuring_slot
from effkit.bench.yardstick import reading_s

PAUSE_S = 0.003
LARGE = 8_000_000


def work() -> dict[str, Callable[[], Any]]:
    """Kinds of work that use a core differently."""
    case = cases.minilm()
    predictor, item = case.load(case.reference), case.typical_item()
    rng = np.random.default_rng(1)
    square = rng.random((384, 384), dtype=np.float32)
    large, places = rng.random(LARGE), rng.integers(0, LARGE, 100_000)
    words = {f"word {number}": number for number in range(200_000)}
    asked = [f"word {number}" for number in rng.integers(0, 200_000, 5_000)]
    return {
        "MiniLM, one review": lambda: predictor.infer(predictor.prepare([item])),
        "matrix product": lambda: square @ square,
        "random gather from 64 MB": lambda: large[places].sum(),
        "5,000 dictionary look-ups": lambda: [words[each] for each in asked],
        "sleep of 3 ms": lambda: time.sleep(0.003),
        "nothing": lambda: None,
    }


def pause() -> None:
    """Plain Python for a while."""
    until, total = time.perf_counter() + PAUSE_S, 0
    while time.perf_counter() < until:
        total ^= 1


def main() -> None:
    """Measure and print the part of the report."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=400, help="pairs of each kind of work")
    given = options.parse_args()
    kinds, where = work(), host_line()
    differences: dict[str, list[float]] = {name: [] for name in kinds}
    rng = np.random.default_rng(1)
    torch.set_num_threads(1)
    with threadpool_limits(1), measuring_slot(lambda text: print(text, file=sys.stderr)):  # as in a worker
        cores = choose_cores(1)
        if cores.pinned:
            os.sched_setaffinity(0, cores.workers)
        for _ in range(given.rounds):
            for name in rng.permutation(list(kinds)):
                kinds[name]()
                after = reading_s()
                pause()
                differences[name].append(float(np.log(after / reading_s())))
    lines = []
    for name, logs in differences.items():
        low, high = bootstrap((logs,), np.median, method="percentile", rng=1).confidence_interval
        lines.append([name, str(len(logs)), percent(float(np.median(logs))), f"{percent(low)} to {percent(high)}"])
    header = ["right before the reading", "pairs", "median offset", "95 %"]
    text = (
        "Offset of a reading right after this work from one after 3 ms of plain Python. An offset *d* would shift a "
        "candidate's ratio by about −*d*."
    )
    worst = max(lines, key=lambda line: abs(float(line[2].removesuffix(" %"))))
    short = in_short(
        f"most after {worst[0]}: {worst[2]} ({worst[3]}). Its ratio to what leaves the yardstick alone would be off by "
        "as much, the other way."
    )
    print("\n\n".join(["## What the yardstick reads", where, short, text, table(header, lines)]))


if __name__ == "__main__":
    main()
