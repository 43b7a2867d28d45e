"""What a process's luck is made of: fresh pairs of pinned workers, started in several ways, interleaved.

Two workers with the same weights and code differ for life. If where things lie in memory is the cause, a fixed layout
makes the pairs alike; what lies where follows from where the system puts the heap and from the seed of Python's
hashes, which decides the order of allocations. Nothing of effkit is changed: what is tried is inherited by the workers
(environment, `personality`, `prctl`). Linux only.

A pair's luck is read from its undisturbed calls: of each item the tenth quantile of its times. What the means of the
same visits differ by stands beside it; in so short a pair the host's own moods are most of that.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import MODELS, Case
from benchmarks.summary import Row, append, host_line, host_text, percent, read, spread, table
from effkit.analysis.interval import Floats
from effkit.bench.cores import choose_cores
from effkit.bench.process import WorkerProcess
from effkit.bench.slot import measuring_slot
from effkit.spec import Protocol

ADDR_NO_RANDOMIZE, READ_PERSONALITY = 0x0040000, 0xFFFFFFFF
PR_SET_THP_DISABLE = 41
ROWS = Path(__file__).parent / "measured" / "luck.jsonl"
ITEMS, PASSES = 16, 5
"""Of a visit at least."""
UNDISTURBED = 0.1


@dataclass(frozen=True)
class Condition:
    """How a pair of workers is started."""

    name: str
    fixed: bool = False
    no_huge_pages: bool = False
    environment: dict[str, str] = field(default_factory=dict)


HASHES = {"PYTHONHASHSEED": "1"}
CONDITIONS = (
    Condition("all random, as effkit starts them"),
    Condition("fixed heap", fixed=True),
    Condition("fixed hashes", environment=HASHES),
    Condition("fixed heap and hashes", fixed=True, environment=HASHES),
    Condition("malloc huge pages", environment={"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}),
    Condition("no huge pages", no_huge_pages=True),
)


@contextmanager
def started_under(condition: Condition) -> Iterator[None]:
    """Let workers that are started meanwhile inherit a condition. This process's own memory stays as it is."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = {name: os.environ.get(name) for name in condition.environment}
    personality = libc.personality(READ_PERSONALITY)
    os.environ.update(condition.environment)
    if condition.fixed:
        libc.personality(personality | ADDR_NO_RANDOMIZE)
    if condition.no_huge_pages:
        libc.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.personality(personality)
        libc.prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def check(worker: WorkerProcess, condition: Condition) -> None:
    """Make sure that a worker is what its condition says.

    Raises:
        RuntimeError: when the system did not do as asked.
    """
    process = Path("/proc") / str(worker.psutil.pid)
    fixed = bool(int((process / "personality").read_text(), 16) & ADDR_NO_RANDOMIZE)
    disabled = "THP_enabled:\t0" in (process / "status").read_text()
    inherited = condition.environment.items() <= worker.psutil.environ().items()
    if (fixed, disabled, inherited) != (condition.fixed, condition.no_huge_pages, True):
        raise RuntimeError(
            f"a worker under `{condition.name}` has fixed layout {fixed}, no huge pages {disabled}, "
            f"its environment {inherited}"
        )


def pair(case: Case, condition: Condition, number: int, *, blocks: int, visit_s: float) -> dict[str, Any]:
    """Start two workers on one copy each, visit them in blocks, and return the log ratios over the blocks."""
    (built,), cores = case.built.values(), choose_cores(1)
    rng = np.random.default_rng(number)
    items = rng.choice(case.test, ITEMS, replace=False).tolist()
    with ExitStack() as stack:
        workers = []
        with started_under(condition):
            for _ in range(2):
                worker = stack.enter_context(WorkerProcess(threads=1, cores=cores.workers))
                check(worker, condition)
                workers.append(worker)
        for worker in workers:
            worker.ask("open", recipe=built.recipe.to_json(), task=str(case.task), products=str(built.folder))
            worker.ask("load", folder=str(built.folder))
            worker.ask("warm_up", items=items, protocol=Protocol().model_dump())
        calls_s: list[list[Floats]] = [[], []]
        mean_s = np.empty((blocks, 2))
        for block in range(blocks):
            for which in rng.permutation(2):
                answer = workers[which].ask("visit", items=items, least_calls=PASSES * ITEMS, least_s=visit_s)
                call_s = np.array(answer["prepare_s"]) + np.array(answer["infer_s"])
                calls_s[which].append(call_s.reshape(-1, ITEMS))
                mean_s[block, which] = answer["mean_prepare_s"] + answer["mean_infer_s"]
    first_s, second_s = (np.quantile(np.concatenate(each), UNDISTURBED, axis=0) for each in calls_s)
    return {
        "log_ratio": float(np.mean(np.log(second_s / first_s))),
        "log_ratio_of_means": float(np.mean(np.log(mean_s[:, 1] / mean_s[:, 0]))),
        "mean_s": mean_s.mean(axis=0).tolist(),
    }


def summary(rows: Sequence[Row]) -> str:
    """Return the part of the report: a table a host, one line a model and condition."""
    hosts = dict.fromkeys(row["host"] for row in rows)
    sections = [_section([row for row in rows if row["host"] == one]) for one in hosts]
    return "\n\n".join(["## A process's luck", *sections])


def _section(rows: Sequence[Row]) -> str:
    lines = []
    for model in dict.fromkeys(row["model"] for row in rows):
        for condition in CONDITIONS:
            kept = [row for row in rows if (row["model"], row["condition"]) == (model, condition.name)]
            if len(kept) < 2:
                continue
            found, seen = ([row[key] for row in kept] for key in ("log_ratio", "log_ratio_of_means"))
            sd, low, high = spread(found)
            lines.append([
                model, condition.name, str(len(kept)), percent(sd), f"{percent(low)} to {percent(high)}",
                percent(float(np.max(np.abs(found)))), percent(spread(seen)[0]),
            ])  # fmt: skip
    header = [
        "model", "workers started with", "pairs", "sd of log ratio", "95 %", "largest, either way",
        "sd of the means' log ratio",
    ]  # fmt: skip
    return "\n\n".join([host_line(rows), table(header, lines)])


def main() -> None:
    """Measure the pairs that are missing and print the summary."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pairs", type=int, default=16, help="those that are there already are not made again")
    options.add_argument("--models", nargs="+", choices=tuple(MODELS), default=tuple(MODELS))
    options.add_argument("--blocks", type=int, default=2)
    options.add_argument("--visit-s", type=float, default=0.6)
    given = options.parse_args()
    ready = {model: MODELS[model]() for model in given.models} if given.pairs else {}
    here = [row for row in read(ROWS) if row["host"] == host_text()]
    done = {(row["model"], row["condition"], row["number"]) for row in here}
    with measuring_slot(lambda text: print(text, file=sys.stderr)):
        for number in range(given.pairs):
            for model, case in ready.items():
                for condition in random.Random(number).sample(CONDITIONS, len(CONDITIONS)):
                    if (model, condition.name, number) in done:
                        continue
                    found = pair(case, condition, number, blocks=given.blocks, visit_s=given.visit_s)
                    append(ROWS, {"model": model, "condition": condition.name, "number": number, **found})
                    print(f"{number + 1} {model} {condition.name}: {found['log_ratio']:+.4f}", file=sys.stderr)
    print(summary(read(ROWS)))


if __name__ == "__main__":
    main()
