"""A candidate under load: requests that arrive whether or not the last one is answered.

First `Offline`, a queue that never empties, for the saturation rate; then `Server`, Poisson arrivals at
shares of it. Both are MLPerf LoadGen's, and the worker answers both under the same batching policy.
"""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from numpy.typing import NDArray

from effkit.analysis.contention import STEAL_TICK_S
from effkit.bench import host
from effkit.bench.company import strangers
from effkit.bench.latency import WARM_UP_ITEMS
from effkit.bench.measurements import Built
from effkit.bench.process import WorkerFailed, WorkerProcess
from effkit.bench.samples import COLUMNS, NONE
from effkit.bench.schedule import TURNS, order
from effkit.bench.sequence import GeneratorFailed, Scenario, Trace, sequence, settings
from effkit.progress import Progress
from effkit.secrecy import without_secrets
from effkit.spec import LoadSpec, Protocol, SpecError

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)
LATENCY, DELAY, SATURATION = "load_latency_s", "load_delay_s", "saturation_per_s"
OTHERS, STEAL, STRANGERS = "load_others_share", "load_steal_share", "load_strangers"
CHILDREN_COUNT = sys.platform == "linux"
"""Whether a process's CPU time holds that of children which have ended, such as the load generator."""


@dataclass(frozen=True)
class Company:
    """Who else was there during a sequence.

    Attributes:
        others_share: CPU time of other processes, as a share of one core; NaN where that is not known.
        steal_share: what the hypervisor took, likewise.
        strangers: other processes that worked on the GPU; NaN where that cannot be told, None where it used none.
    """

    others_share: float
    steal_share: float
    strangers: float | None


@dataclass(frozen=True)
class Arrivals:
    """One sequence of requests, in order of their scheduled arrival.

    Attributes:
        share: of the saturation rate.
        seed: number of the sequence; the same number is the same pattern of arrivals for every candidate.
        asked_per_s: mean rate of arrivals that was asked for.
        item: (n,) item of the task that was sent.
        delay_s: (n,) how late the generator issued it.
        latency_s: (n,) from the scheduled arrival to the answer.
        company: who else was there meanwhile.
    """

    share: float
    seed: int
    asked_per_s: float
    item: NDArray[np.int64]
    delay_s: NDArray[np.float64]
    latency_s: NDArray[np.float64]
    company: Company


@dataclass(frozen=True)
class LoadRun:
    """All that one candidate's worker was asked.

    Attributes:
        saturation_per_s: one value a repetition.
        saturation_company: who else was there during each.
        sequences: every rate with every seed.
    """

    saturation_per_s: tuple[float, ...]
    saturation_company: tuple[Company, ...]
    sequences: tuple[Arrivals, ...]


def check_installed() -> None:
    """Refuse a load test where there is no load generator.

    Raises:
        SpecError: saying how to install it.
    """
    if find_spec("mlperf_loadgen") is None:
        raise SpecError(
            "`load` asks for a load test, and MLPerf LoadGen is not installed here. Install it with "
            "`pip install -c constraints.txt -e '.[load]'` (Linux on x86-64 or macOS on arm64, Python 3.11 to 3.13), "
            "or leave `load` out."
        )


def measure(
    built: Mapping[str, Built],
    load: LoadSpec,
    protocol: Protocol,
    *,
    task: Path,
    products: Path,
    items: Sequence[int],
    cores: Sequence[int],
    seed: int,
    tell: Progress = lambda share, text: None,
) -> tuple[dict[str, LoadRun], dict[str, str]]:
    """Put candidates under load in turn, each in a fresh worker of its own, loaded and warmed up as for a visit.

    Sequence by sequence they take turns, in random order, so that a change of the host falls on all of them. The
    workers of the others stay, and sleep.

    Args:
        built: the candidates.
        load: rates, sequences and batching policy.
        protocol: threads, device and warm-up of the workers.
        task: folder of the saved task.
        products: folder of cached products.
        items: of the task, that are sent.
        cores: to pin the workers to.
        seed: of all arrivals and of the choice of items; the same for all candidates.
        tell: told what is done now.

    Returns:
        The runs, and why a candidate has none: it failed, or the load generator did twice in one sequence.
    """
    failures: dict[str, str] = {}
    workers: dict[str, WorkerProcess] = {}
    driven: dict[str, Driven] = {}

    def attempt(name: str, what: Callable[[], None]) -> None:
        try:
            _tried(name, what)
        except (WorkerFailed, GeneratorFailed, OSError) as failure:  # the last where the system starts no process more
            failures[name] = without_secrets(str(failure))
            driven.pop(name, None)
            if name in workers:
                workers[name].close()  # it may be busy still, beside the others

    with ExitStack() as stack:

        def start(name: str) -> None:
            worker = stack.enter_context(WorkerProcess(threads=protocol.threads, cores=cores, device=protocol.device))
            workers[name] = worker
            recipe, folder = built[name].recipe.to_json(), str(built[name].folder)
            worker.ask("open", recipe=recipe, task=str(task), products=str(products))
            worker.ask("load", folder=folder)
            worker.ask("warm_up", items=list(items)[:WARM_UP_ITEMS], protocol=protocol.model_dump())
            driven[name] = Driven(worker, load, items, seed=seed, cores=cores, resident=workers.values())

        for name in built:
            tell(0.0, f"{name}: starting")
            attempt(name, partial(start, name))
        turns = list(steps(load))
        for turn, (step, words) in enumerate(turns):
            names = order(sorted(driven), seed=seed, what=TURNS, number=turn)
            for place, name in enumerate(names):
                tell((turn + place / len(names)) / len(turns), f"{name}: {words}")
                attempt(name, partial(step, driven[name]))
    return {name: each.run for name, each in driven.items()}, failures


def _tried(name: str, step: Callable[[], None]) -> None:
    """Take a step; where the load generator fails, once more with the same arrivals, since its trouble may pass.

    Raises:
        WorkerFailed: at once: no other worker would go on where this one was.
        GeneratorFailed: when it fails again.
    """
    try:
        step()
    except GeneratorFailed as failure:
        log.warning("%s under load: %s; the sequence is sent once more", name, failure)
        try:
            step()
        except GeneratorFailed as again:
            raise GeneratorFailed(f"{again}; tried twice") from failure


class Driven:
    """A worker under load, sequence by sequence.

    Args:
        worker: it has loaded its candidate.
        load: rates, sequences and batching policy.
        items: of the task, that are sent.
        seed: of all arrivals and of the choice of items.
        cores: the worker's.
        resident: workers that stay, and sleep: on a GPU they are no strangers.

    Raises:
        WorkerFailed: when the candidate fails, within seconds.
        GeneratorFailed: when LoadGen does.
    """

    def __init__(
        self,
        worker: WorkerProcess,
        load: LoadSpec,
        items: Sequence[int],
        *,
        seed: int,
        cores: Sequence[int] = (),
        resident: Collection[WorkerProcess] = (),
    ) -> None:
        self._worker, self._load, self._items, self._seed, self._cores = worker, load, items, seed, cores
        self._resident = resident
        warm = worker.ask("take_load", items=list(items), max_batch=load.max_batch)
        self._expected_per_s, self._on_gpu = float(warm["per_s"]), bool(warm["on_gpu"])
        self._saturation: list[tuple[float, Company]] = []
        self._sequences: list[Arrivals] = []

    def saturate(self, number: int) -> None:
        """Keep its queue from emptying, for the rate that it can take."""
        trace, company = self._watched("Offline", self._expected_per_s, [self._seed, 0, number])
        self._saturation.append((len(trace.latency_s) / float(trace.latency_s.max()), company))

    def serve(self, number: int, place: int) -> None:
        """Send one sequence of arrivals at one share of that rate."""
        share = self._load.shares[place]
        rate_per_s = share * float(np.exp(np.mean([np.log(each) for each, _ in self._saturation])))
        trace, company = self._watched("Server", rate_per_s, [self._seed, place + 1, number])
        sent = np.asarray(self._items, dtype=np.int64)[trace.position]
        self._sequences.append(Arrivals(share, number, rate_per_s, sent, trace.delay_s, trace.latency_s, company))

    @property
    def run(self) -> LoadRun:
        """What was seen."""
        rates, company = zip(*self._saturation, strict=True)
        return LoadRun(rates, company, tuple(self._sequences))

    def _watched(self, scenario: Scenario, rate_per_s: float, seeds: Sequence[int]) -> tuple[Trace, Company]:
        ours = [psutil.Process(), *self._worker.family]  # the generator too, once it has ended
        since_us = int(time.time() * 1e6)
        before, started = host.activity(ours, self._cores), time.perf_counter()
        trace = sequence(self._worker, settings(scenario, rate_per_s, self._load, len(self._items), seeds))
        after, length_s = host.activity(ours, self._cores), time.perf_counter() - started
        others_share, steal_share = after.since(before, length_s)
        others_share = others_share if CHILDREN_COUNT else math.nan
        steal_share = max(0.0, steal_share - STEAL_TICK_S / length_s)
        on_gpu = strangers([self._worker, *self._resident], since_us, used=self._on_gpu)
        return trace, Company(others_share, steal_share, on_gpu)


def steps(load: LoadSpec) -> Iterator[tuple[Callable[[Driven], None], str]]:
    """All sequences in order, with words: saturation first, then every rate in turn."""
    for number in range(load.seeds):
        yield partial(Driven.saturate, number=number), f"saturation, {number + 1} of {load.seeds}"
    for number in range(load.seeds):
        for place, share in enumerate(load.shares):
            words = f"{100 * share:.0f} % of saturation, {number + 1} of {load.seeds}"
            yield partial(Driven.serve, number=number, place=place), words


def table(runs: Mapping[str, LoadRun], shares: Sequence[float]) -> pd.DataFrame:
    """Return load tests by candidate as rows like those of `samples.table`.

    `generation` is the number of the sequence, `block` the rate's place among `shares` (-1: saturation), and
    `position` the order of arrival, or -1 throughout where it does not fit. Rows are in order of arrival.
    """
    import pandas as pd

    parts = []
    for name, run in runs.items():
        for number, (rate, company) in enumerate(zip(run.saturation_per_s, run.saturation_company, strict=True)):
            parts.append(_rows(name, number, NONE, SATURATION, np.array([rate])))
            parts += _company(name, number, NONE, company)
        for each in run.sequences:
            place = shares.index(each.share)
            parts.append(_rows(name, each.seed, place, LATENCY, each.latency_s, each.item))
            parts.append(_rows(name, each.seed, place, DELAY, each.delay_s, each.item))
            parts += _company(name, each.seed, place, each.company)
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def _company(name: str, generation: int, block: int, seen: Company) -> list[pd.DataFrame]:
    told = {OTHERS: seen.others_share, STEAL: seen.steal_share}
    if seen.strangers is not None:
        told[STRANGERS] = seen.strangers
    return [_rows(name, generation, block, metric, np.array([value])) for metric, value in told.items()]


def _rows(
    name: str,
    generation: int,
    block: int,
    metric: str,
    values: NDArray[np.float64],
    item: NDArray[np.int64] | int = NONE,
) -> pd.DataFrame:
    import pandas as pd

    fits = block != NONE and len(values) <= np.iinfo(np.int16).max
    columns: dict[str, Any] = dict.fromkeys(COLUMNS, NONE)
    columns |= {"candidate": name, "twin": "", "generation": generation, "block": block, "metric": metric}
    return pd.DataFrame(
        {**columns, "position": np.arange(len(values)) if fits else NONE, "item": item, "value": values}
    )
