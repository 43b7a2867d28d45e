"""A candidate under load: requests that arrive whether or not the last one is answered.

First `Offline`, a queue that never empties, for the saturation rate; then `Server`, Poisson arrivals at
shares of it. Both are MLPerf LoadGen's, and the worker answers both under the same batching policy.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from effkit.bench import slot
from effkit.bench.generator import WORKER_ENDED
from effkit.bench.latency import WARM_UP_ITEMS
from effkit.bench.measurements import Built
from effkit.bench.process import WorkerFailed, WorkerProcess, environment
from effkit.bench.samples import COLUMNS, NONE
from effkit.bench.serving import ENDED, LAST_REQUEST
from effkit.spec import LoadSpec, Protocol, SpecError

if TYPE_CHECKING:
    import pandas as pd

FEWEST_QUERIES = 20
SLACK_S = 60.0
LATENCY, DELAY, SATURATION = "load_latency_s", "load_delay_s", "saturation_per_s"
SAMPLE = re.compile(
    rb'"name":\s*"Sample".*?"sample_seq":\s*(\d+).*?"sample_idx":\s*(\d+)'
    rb'.*?"issue_start_ns":\s*(\d+).*?"complete_ns":\s*(\d+)'
)
"""An event of LoadGen's trace, which is no valid JSON. Both times count from the scheduled arrival: the second
is `issue_delay + issue_to_done` of the counter event beside it, which does not say whose it is."""

Tell = Callable[[str], None]
"""Told what is done now."""


class GeneratorFailed(RuntimeError):
    """The load generator itself went wrong; nothing is said about the candidate."""


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
    """

    share: float
    seed: int
    asked_per_s: float
    item: NDArray[np.int64]
    delay_s: NDArray[np.float64]
    latency_s: NDArray[np.float64]


@dataclass(frozen=True)
class LoadRun:
    """All that one candidate's worker was asked.

    Attributes:
        saturation_per_s: one value a repetition.
        sequences: every rate with every seed.
    """

    saturation_per_s: tuple[float, ...]
    sequences: tuple[Arrivals, ...]


@dataclass(frozen=True)
class _Trace:
    position: NDArray[np.int64]
    delay_s: NDArray[np.float64]
    latency_s: NDArray[np.float64]


def check_installed() -> None:
    """Refuse a load test where there is no load generator.

    Raises:
        SpecError: saying how to install it.
    """
    if sys.platform == "win32" or find_spec("mlperf_loadgen") is None:
        raise SpecError(
            "`load` asks for a load test, and MLPerf LoadGen is not installed here. Install it with "
            "`pip install -c constraints.txt -e '.[load]'` (Linux on x86-64 or macOS on arm64, Python 3.11 to 3.13), "
            "or leave `load` out."
        )


def measure(
    built: Built,
    load: LoadSpec,
    protocol: Protocol,
    *,
    task: Path,
    products: Path,
    items: Sequence[int],
    cores: Sequence[int],
    seed: int,
    tell: Tell = lambda text: None,
) -> LoadRun:
    """Put a candidate under load in a fresh worker, loaded and warmed up as for a visit.

    Args:
        built: the candidate.
        load: rates, sequences and batching policy.
        protocol: threads, device and warm-up of the worker.
        task: folder of the saved task.
        products: folder of cached products.
        items: of the task, that are sent.
        cores: to pin the worker to.
        seed: of all arrivals and of the choice of items; the same for all candidates.
        tell: told what is done now.

    Raises:
        WorkerFailed: when the candidate fails, within seconds.
        GeneratorFailed: when LoadGen does.
    """
    with WorkerProcess(threads=protocol.threads, cores=cores, device=protocol.device) as worker:
        worker.ask("open", recipe=built.recipe.to_json(), task=str(task), products=str(products))
        worker.ask("load", folder=str(built.folder))
        worker.ask("warm_up", items=list(items)[:WARM_UP_ITEMS], protocol=protocol.model_dump())
        return drive(worker, load, items, seed=seed, tell=tell)


def drive(
    worker: WorkerProcess, load: LoadSpec, items: Sequence[int], *, seed: int, tell: Tell = lambda text: None
) -> LoadRun:
    """Put a worker under load that has loaded its candidate. Arguments and errors as for `measure`."""
    warm = worker.ask("take_load", items=list(items), max_batch=load.max_batch)
    expected_per_s = len(items) / warm["pass_s"]
    saturation_per_s = []
    for number in range(load.seeds):
        tell(f"saturation, {number + 1} of {load.seeds}")
        asked = _asked("Offline", expected_per_s, load, len(items), [seed, 0, number])
        trace = _sequence(worker, asked)
        saturation_per_s.append(len(trace.latency_s) / float(trace.latency_s.max()))
    mean_per_s = float(np.exp(np.mean(np.log(saturation_per_s))))
    sequences = []
    for number in range(load.seeds):  # every rate in turn, so that a drift of the host falls on all of them
        for place, share in enumerate(load.shares):
            tell(f"{100 * share:.0f} % of saturation, {number + 1} of {load.seeds}")
            asked = _asked("Server", share * mean_per_s, load, len(items), [seed, place + 1, number])
            trace = _sequence(worker, asked)
            sent = np.asarray(items, dtype=np.int64)[trace.position]
            sequences.append(Arrivals(share, number, share * mean_per_s, sent, trace.delay_s, trace.latency_s))
    return LoadRun(tuple(saturation_per_s), tuple(sequences))


def _asked(
    scenario: Literal["Offline", "Server"], rate_per_s: float, load: LoadSpec, items: int, seeds: Sequence[int]
) -> dict[str, Any]:
    """What the generator is told, cut so that a sequence lasts no longer than it may."""
    return {
        "scenario": scenario,
        "rate_per_s": rate_per_s,
        "queries": max(FEWEST_QUERIES, min(load.queries, int(rate_per_s * load.most_s))),
        "items": items,
        "seed": int(np.random.SeedSequence(seeds).generate_state(1)[0]),
    }


def _sequence(worker: WorkerProcess, asked: dict[str, Any]) -> _Trace:
    """Have one sequence of requests answered, and read what LoadGen saw."""
    with tempfile.TemporaryDirectory(prefix="effkit-") as folder:
        requests, answers = worker.lend_pipes("serve_load")
        code, said = _generate({**asked, "folder": folder, "requests": requests, "answers": answers})
        if code == WORKER_ENDED:
            worker.take_back("serve_load")  # which says why
            raise WorkerFailed("the worker stopped answering")
        if code:
            raise GeneratorFailed(f"the load generator ended with exit code {code}: {said or 'it said nothing'}")
        worker.take_back("serve_load", end=LAST_REQUEST, ended=ENDED)
        return _read(Path(folder), asked["queries"])


def _generate(asked: dict[str, Any]) -> tuple[int, str]:
    """Run the generator in a process of its own; return its exit code and its last words."""
    patience_s = SLACK_S + 10 * asked["queries"] / asked["rate_per_s"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "effkit.bench.generator", json.dumps(asked)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=asked["folder"],
            env=environment(threads=1),
            pass_fds=(asked["requests"], asked["answers"], *slot.descriptors()),
            start_new_session=True,
            timeout=patience_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WorkerFailed(f"not all requests were answered within {patience_s:.0f} s") from None
    return done.returncode, "".join(done.stderr.decode(errors="replace").strip().splitlines()[-1:])


def _read(folder: Path, queries: int) -> _Trace:
    for line in (folder / "mlperf_log_detail.txt").read_text(encoding="utf-8", errors="replace").splitlines():
        event = json.loads(line.removeprefix(":::MLLOG"), strict=False) if line.startswith(":::MLLOG") else {}
        if event.get("metadata", {}).get("is_error"):
            raise GeneratorFailed(f"LoadGen: {event['key']}: {event['value']}")
    events = SAMPLE.findall((folder / "mlperf_log_trace.json").read_bytes())
    if len(events) != queries:
        raise GeneratorFailed(f"LoadGen's trace tells of {len(events)} requests, and {queries} were asked for")
    found = np.array([[int(number) for number in event] for event in events], dtype=np.int64)
    found = found[np.argsort(found[:, 0])]
    return _Trace(position=found[:, 1], delay_s=found[:, 2] / 1e9, latency_s=found[:, 3] / 1e9)


def table(runs: Mapping[str, LoadRun], shares: Sequence[float]) -> pd.DataFrame:
    """Return load tests by candidate as rows like those of `samples.table`.

    `generation` is the number of the sequence, `block` the rate's place among `shares` (-1: saturation), and
    `position` the order of arrival, or -1 throughout where it does not fit. Rows are in order of arrival.
    """
    import pandas as pd

    parts = []
    for name, run in runs.items():
        for number, rate in enumerate(run.saturation_per_s):
            parts.append(_rows(name, number, NONE, SATURATION, np.array([rate])))
        for each in run.sequences:
            place = shares.index(each.share)
            parts.append(_rows(name, each.seed, place, LATENCY, each.latency_s, each.item))
            parts.append(_rows(name, each.seed, place, DELAY, each.delay_s, each.item))
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


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
