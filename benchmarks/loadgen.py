"""Is the load test right? A model that does nothing, one whose queue is known by formula, and a real one.

The model that does nothing shows what the generator and the pipes take. The one that spins for a fixed time makes an
M/D/1 queue: requests arrive at random, one worker answers them one by one, each in the same time. What is put into
the formula is measured apart from what it is held against: the service time is the inverse of the saturation rate, and
a request that finds the worker idle takes longer by what waking up and the way there and back cost, the median at a
twentieth of saturation less the service time. A queue whose first customer takes longer is Welch's; where nothing wakes
up it is Erlang's. The formula describes a queue that has run for ever; every sequence here starts with an empty one,
whose first requests `effkit.analysis.load` leaves out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import cases
from benchmarks.cases import Case
from benchmarks.summary import host_line, in_short, percent, table
from effkit.analysis.interval import Floats
from effkit.analysis.load import LEVELS, SETTLING, load_of
from effkit.bench import host
from effkit.bench import load as bench
from effkit.bench.cores import choose_cores
from effkit.bench.measure import on_cores
from effkit.bench.measurements import Built
from effkit.bench.schedule import LOAD, block_items
from effkit.bench.slot import measuring_slot
from effkit.catalogue import cache_dir
from effkit.models import Recipe
from effkit.models.own import Packed
from effkit.record import Load, LoadPoint, PercentileRecord
from effkit.report.units import DASH, interval, show
from effkit.spec import LoadSpec, Protocol
from effkit.tasks import Task
from effkit.under_load import ITEMS

SERVICE_S = 0.005
STEPS, LONGEST = 1000, 60
"""Of the formula: steps in a service time, and the most work that waits, in service times."""
IDLE = LoadSpec(shares=(0.05,), queries=300, seeds=1)
"""At so low a rate nearly every request finds the worker idle."""


class Spin:
    """A model whose every call takes the same time on the clock."""

    def __call__(self, items: list[Any]) -> list[int]:
        """Spin, then answer."""
        until = time.perf_counter() + SERVICE_S
        while time.perf_counter() < until:
            pass
        return [0] * len(items)


@cache
def sojourns(load: float, wake: float = 0.0) -> tuple[Floats, Floats]:
    """Times from arrival to answer in a queue of fixed service times, and the share of requests within each.

    Args:
        load: arrival rate times service time, below 1.
        wake: what a request takes longer that finds none before it; 0 makes it M/D/1. In service times, as all here.

    Source:
        Welch (1964), On a generalized M/G/1 queuing process in which the first customer of each busy period receives
        exceptional service. The density v of the work that waits crosses every level as often upwards as downwards:
        v(x) = load · (idle · [x < first service] + integral of v from x − 1 to x).
    """
    idle = (1 - load) / (1 + load * wake)
    work = np.arange(LONGEST * STEPS + 1) / STEPS
    density, below = np.zeros_like(work), np.zeros_like(work)
    # The first service's end lies within a step: it counts by its share of that.
    first = idle * np.clip((1 + wake - work) * STEPS + 0.5, 0, 1)
    density[0], half = load * idle, 0.5 / STEPS
    for at in range(1, len(work)):
        so_far = below[at - 1] + density[at - 1] * half
        density[at] = load * (first[at] + so_far - below[max(0, at - STEPS)]) / (1 - load * half)
        below[at] = so_far + density[at] * half
    # Who finds work waits for it and is served; who finds none wakes the worker.
    return 1 + work, below + np.where(work >= wake, idle, 0.0)


def sojourn_s(level: float, load: float, service_s: float, wake_s: float = 0.0) -> float:
    """Percentile of waiting and service together, seconds; arguments as for `sojourns`."""
    times, share = sojourns(load, wake_s / service_s)
    return float(service_s * times[np.searchsorted(share, level / 100)])


def driven(case: Case, spec: LoadSpec) -> Load:
    """Put a case's reference under load, with items drawn as a run draws them, and read what was seen."""
    built, cores = case.built[case.reference], choose_cores(1)
    task = Task.load(case.task)
    test = task.splits["test"]
    sizes = np.array([task.request_bytes(test[row : row + 1]) for row in range(len(test))])
    items = block_items(test, sizes, ITEMS, seed=1, number=LOAD).tolist()
    with on_cores(cores):
        runs, failures = bench.measure(
            {case.reference: built}, spec, Protocol(), task=case.task, products=host.products_folder(cache_dir()),
            items=items, cores=cores.workers, seed=1, tell=lambda _, text: print(text, file=sys.stderr),
        )  # fmt: skip
    if failures:
        raise RuntimeError(failures[case.reference])
    return load_of(bench.table(runs, spec.shares), spec, budget_s=None, seed=1)


def spin(folder: Path) -> Case:
    """The model of a fixed service time."""
    task = Task.load(cases.nothing().task)
    recipe = Recipe("spin", "own", task.kind, fit_items=0, seed=1, settings=Packed.of(Spin()).settings(task, folder))
    return Case({"spin": Built(recipe, folder, cases.OWN_BYTES)}, "spin", task.saved_below(cache_dir() / "loaded"))


def _measured(found: PercentileRecord) -> str:
    if found.value_s is None:
        bound = "" if found.high_s is None else f", at most {show(found.high_s, 's')}"
        return f"n too small ({found.n_effective:.0f}){bound}"
    ends = interval(found.low_s, found.high_s, "s", found.value_s) or f"≥ {show(found.low_s, 's')}"
    return f"{show(found.value_s, 's')} {ends}"


def _inside(found: PercentileRecord, theory_s: float) -> str:
    if found.value_s is None or found.low_s is None:
        return ""
    inside = found.low_s <= theory_s and (found.high_s is None or theory_s <= found.high_s)
    off = percent(found.value_s / theory_s - 1, 1)
    return f"{'yes' if inside else 'no'} ({off})"


def _against_theory(load: Load, wake_s: float) -> list[list[str]]:
    service_s = 1 / load.saturation_per_s.value
    return [
        [
            percent(point.share, 0),
            f"p{found.level:g}",
            show(sojourn_s(found.level, point.share, service_s), "s"),
            show(theory_s := sojourn_s(found.level, point.share, service_s, wake_s), "s"),
            _measured(found),
            _inside(found, theory_s),
        ]
        for point in load.points
        for found in point.percentiles
    ]


def _errors(load: Load, wake_s: float) -> str:
    """How far percentiles are off, at most, at each rate."""
    said = []
    for point in load.points:
        seen = [each for each in point.percentiles if each.value_s is not None]
        theory_s = [sojourn_s(each.level, point.share, 1 / load.saturation_per_s.value, wake_s) for each in seen]
        off = [each.value_s / theory - 1 for each, theory in zip(seen, theory_s, strict=True) if each.value_s]
        said.append(f"{percent(min(off), 1)} to {percent(max(off), 1)} at {percent(point.share, 0)} of saturation")
    return ", ".join(said)


def _row(name: str, load: Load, point: LoadPoint) -> list[str]:
    limited = ", generator-limited" if point.generator_limited else ""
    return [
        name,
        show(load.saturation_per_s.value, "items/s"),
        percent(point.share, 0),
        f"{point.queries:,}",
        *(_measured(each) for each in point.percentiles),
        f"{show(point.delay_p99_s, 's')}{limited}",
        DASH if load.others_share is None else percent(load.others_share, 1),
    ]


def main() -> None:
    """Print the part of the report."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--queries", type=int, default=3000, help="requests of one sequence")
    options.add_argument("--seeds", type=int, default=5, help="sequences at each rate")
    given = options.parse_args()
    spec = LoadSpec(queries=given.queries, seeds=given.seeds)
    bench.check_installed()
    with (
        tempfile.TemporaryDirectory(prefix="effkit-") as folder,
        measuring_slot(lambda text: print(text, file=sys.stderr)),
    ):
        all_cases = {"nothing": cases.nothing(), "spin of 5 ms": spin(Path(folder)), "MiniLM": cases.minilm()}
        idle = driven(all_cases["spin of 5 ms"], IDLE)
        loads = {name: driven(case, spec) for name, case in all_cases.items()}
    known = loads["spin of 5 ms"]
    median_s = idle.points[0].percentiles[0].value_s
    assert median_s is not None, "a median is of any sample"
    wake_s = median_s - 1 / idle.saturation_per_s.value
    rows = _against_theory(known, wake_s)
    answers = [row[-1] for row in rows if row[-1]]
    inside = sum(answer.startswith("yes") for answer in answers)
    own_share = 1 - SERVICE_S * known.saturation_per_s.value
    about = (
        f"{given.seeds} sequences of at most {given.queries:,} requests and {spec.most_s:g} s at each rate; the "
        f"first {SETTLING} are left out. The 5 ms model saturates at "
        f"{show(known.saturation_per_s.value, 'items/s')}: pipes and effkit take {percent(own_share, 1)} of its time. "
        f"A request that finds it idle takes {show(wake_s, 's')} longer. effkit measures both for the formula: what is "
        "wrong in them and in the percentiles alike is not seen."
    )
    short = in_short(
        f"percentiles of a queue of fixed service times are off the formula by {_errors(known, wake_s)}; it lies in "
        f"their intervals in {inside} of {len(answers)} cells, those of one rate from the same requests."
    )
    header = ["rate", "percentile", "M/D/1", "with waking up", "effkit [95 %]", "formula inside (effkit's error)"]
    all_rows = [_row(name, load, point) for name, load in loads.items() for point in load.points]
    columns = [
        "model",
        "saturation",
        "rate",
        "requests",
        *(f"p{level:g}" for level in LEVELS),
        "issued late, p99",
        "others took, at most",
    ]
    print("\n\n".join(["## Load generator", host_line(), short, about, table(header, rows), table(columns, all_rows)]))


if __name__ == "__main__":
    main()
