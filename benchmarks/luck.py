"""What a process's luck is made of: fresh pairs of pinned workers under several layouts of memory, interleaved.

Two workers with the same weights and code differ for life. If where things lie in memory is the cause, a
fixed layout makes the pairs alike; since one layout may favour one candidate, several, each the same for
both of a pair, are the honest way to use that. Nothing of effkit is changed: what is tried is inherited by
the workers (environment, `personality`, `prctl`), and a launcher holds the padding. Linux only.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import random
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import cases
from benchmarks.cases import Case
from benchmarks.summary import Row, append, bootstrap_interval, host_line, percent, read, sd, table
from effkit.analysis.yardstick import Floats, Stretches, factors, slopes
from effkit.bench import host
from effkit.bench.latency import WARM_UP_ITEMS
from effkit.bench.process import WorkerProcess
from effkit.bench.slot import measuring_slot
from effkit.spec import Protocol

ADDR_NO_RANDOMIZE, READ_PERSONALITY = 0x0040000, 0xFFFFFFFF
PR_SET_THP_DISABLE = 41
MOST_PAGES = 1024
BLOCK_ITEMS = 16


@dataclass(frozen=True)
class Condition:
    """How a pair of workers is started."""

    name: str
    fixed: bool = False
    padded: bool = False
    no_huge_pages: bool = False
    environment: dict[str, str] = field(default_factory=dict)


CONDITIONS = (
    Condition("random layout"),
    Condition("fixed layout", fixed=True),
    Condition("fixed layout, padded", fixed=True, padded=True),
    Condition("malloc huge pages", environment={"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}),
    Condition("no huge pages", no_huge_pages=True),
)


@contextmanager
def started_under(condition: Condition, pages: int) -> Iterator[None]:
    """Let workers that are started meanwhile inherit a condition. This process's own memory stays as it is."""
    libc = ctypes.CDLL(None, use_errno=True)
    environment = {**condition.environment, "BENCHMARK_PAGES": str(pages if condition.padded else 0)}
    before, interpreter = {name: os.environ.get(name) for name in environment}, sys.executable
    personality = libc.personality(READ_PERSONALITY)
    with tempfile.TemporaryDirectory(prefix="effkit-") as folder:
        launcher = Path(folder) / "python"
        launcher.write_text(f'#!/bin/sh\nexec "{interpreter}" "{Path(__file__).parent / "launcher.py"}" "$@"\n')
        launcher.chmod(stat.S_IRWXU)
        os.environ.update(environment)
        sys.executable = str(launcher)
        if condition.fixed:
            libc.personality(personality | ADDR_NO_RANDOMIZE)
        if condition.no_huge_pages:
            libc.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
        try:
            yield
        finally:
            libc.personality(personality)
            libc.prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0)
            sys.executable = interpreter
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
    if (fixed, disabled) != (condition.fixed, condition.no_huge_pages):
        raise RuntimeError(f"a worker under `{condition.name}` has fixed layout {fixed}, no huge pages {disabled}")


def pair(case: Case, condition: Condition, number: int, *, blocks: int, visit_s: float) -> dict[str, Any]:
    """Start two workers on one copy each, visit them in blocks, and return the log ratio over the blocks."""
    (built,), cores = case.built.values(), host.choose_cores(1)
    rng = np.random.default_rng(number)
    pages = int(rng.integers(1, MOST_PAGES))
    with ExitStack() as stack:
        workers = []
        with started_under(condition, pages):
            for _ in range(2):
                worker = stack.enter_context(WorkerProcess(threads=1, cores=cores.workers))
                check(worker, condition)
                workers.append(worker)
        warm = rng.choice(case.test, WARM_UP_ITEMS, replace=False).tolist()
        for worker in workers:
            worker.ask("open", recipe=built.recipe.to_json(), task=str(case.task), products=str(built.folder))
            worker.ask("load", folder=str(built.folder))
            worker.ask("warm_up", items=warm, protocol=Protocol().model_dump())
        mean_s, parts = np.empty((blocks, 2)), []
        for block in range(blocks):
            items = rng.choice(case.test, BLOCK_ITEMS, replace=False).tolist()
            for which in rng.permutation(2):
                answer = workers[which].ask("visit", items=items, least_calls=BLOCK_ITEMS, least_s=visit_s)
                mean_s[block, which] = answer["mean_prepare_s"] + answer["mean_infer_s"]
                stretches = zip(
                    *(answer[f"stretch_{name}"] for name in ("calls", "call_s", "cpu_s", "wait_s", "yard_s")),
                    strict=True,
                )
                parts += [(2 * block + which, block, *stretch) for stretch in stretches]
    even_s = mean_s * _factors(parts).reshape(blocks, 2)
    return {
        "log_ratio": float(np.mean(np.log(even_s[:, 1] / even_s[:, 0]))),
        "log_ratio_as_seen": float(np.mean(np.log(mean_s[:, 1] / mean_s[:, 0]))),
        "mean_s": mean_s.mean(axis=0).tolist(),
        "pages": pages,
    }


def _factors(parts: list[tuple[int, int, int, float, float, float, float]]) -> Floats:
    """By which each visit's mean time becomes that of the pair's mean speed; both workers share one slope."""
    visit, block, calls, call_s, cpu_s, wait_s, yard_s = (np.array(column) for column in zip(*parts, strict=True))
    same = np.zeros(visit.size, dtype=np.intp)
    seen = Stretches(same, visit, block, same, calls.astype(float), call_s, cpu_s, wait_s, yard_s)
    mean_s = float(np.exp(np.mean(np.log(yard_s))))
    return factors(seen, slopes(seen, mean_s), mean_s)


def summary(rows: Sequence[Row]) -> str:
    """Return the part of the report: one line a model and condition."""
    lines = []
    for model in dict.fromkeys(row["model"] for row in rows):
        for condition in CONDITIONS:
            kept = [row for row in rows if (row["model"], row["condition"]) == (model, condition.name)]
            if len(kept) < 2:
                continue
            found, seen = ([row[key] for row in kept] for key in ("log_ratio", "log_ratio_as_seen"))
            low, high = bootstrap_interval(found, sd)
            spread = [percent(float(sd(np.array(found)))), f"{percent(low)} to {percent(high)}"]
            largest = percent(float(np.max(np.abs(found))))
            lines.append([model, condition.name, str(len(kept)), *spread, largest, percent(float(sd(np.array(seen))))])
    header = [
        "model", "workers started with", "pairs", "sd of log ratio", "95 %", "largest, either way",
        "sd as seen, without the yardstick",
    ]  # fmt: skip
    return "\n\n".join(["## A process's luck", host_line(rows), table(header, lines)])


def main() -> None:
    """Measure the pairs that are missing and print the summary."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, required=True, help="JSON lines; what is there already is not redone")
    options.add_argument("--pairs", type=int, default=12, help="0 only prints the summary")
    options.add_argument("--models", nargs="+", choices=("minilm", "matrix"), default=("minilm", "matrix"))
    options.add_argument("--blocks", type=int, default=4)
    options.add_argument("--visit-s", type=float, default=1.0)
    given = options.parse_args()
    made = {"minilm": cases.minilm, "matrix": cases.matrix}
    ready = {model: made[model]() for model in given.models} if given.pairs else {}
    done = {(row["model"], row["condition"], row["number"]) for row in read(given.out)}
    with measuring_slot(lambda text: print(text, file=sys.stderr)):
        for number in range(given.pairs):
            for model, case in ready.items():
                for condition in random.Random(number).sample(CONDITIONS, len(CONDITIONS)):
                    if (model, condition.name, number) in done:
                        continue
                    found = pair(case, condition, number, blocks=given.blocks, visit_s=given.visit_s)
                    append(given.out, {"model": model, "condition": condition.name, "number": number, **found})
                    print(f"{number + 1} {model} {condition.name}: {found['log_ratio']:+.4f}", file=sys.stderr)
    print(summary(read(given.out)))


if __name__ == "__main__":
    main()
