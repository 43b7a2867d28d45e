"""One sequence of requests: MLPerf LoadGen, in a process of its own, sends them and notes when each is answered."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from effkit.bench import slot
from effkit.bench.generator import WORKER_ENDED
from effkit.bench.process import WorkerFailed, WorkerProcess, environment
from effkit.bench.serving import ENDED, LAST_REQUEST
from effkit.secrecy import without_secrets
from effkit.spec import LoadSpec

FEWEST_QUERIES = 20
SLACK_S = 60.0
Scenario = Literal["Offline", "Server"]
SAMPLE = re.compile(
    rb'"name":\s*"Sample".*?"sample_seq":\s*(\d+).*?"sample_idx":\s*(\d+)'
    rb'.*?"issue_start_ns":\s*(\d+).*?"complete_ns":\s*(\d+)'
)
"""An event of LoadGen's trace, which is no valid JSON. Both times count from the scheduled arrival: the second
is `issue_delay + issue_to_done` of the counter event beside it, which does not say whose it is."""


class GeneratorFailed(RuntimeError):
    """The load generator itself went wrong; nothing is said about the candidate. What it says goes into the record."""

    def __init__(self, said: str) -> None:
        super().__init__(without_secrets(said))


@dataclass(frozen=True)
class Trace:
    """What LoadGen noted of a sequence, in order of scheduled arrival.

    Attributes:
        position: (n,) place of the item that was sent among those it may choose from.
        delay_s: (n,) how late the generator issued the request.
        latency_s: (n,) from the scheduled arrival to the answer.
    """

    position: NDArray[np.int64]
    delay_s: NDArray[np.float64]
    latency_s: NDArray[np.float64]


def settings(scenario: Scenario, rate_per_s: float, load: LoadSpec, items: int, seeds: Sequence[int]) -> dict[str, Any]:
    """Return what the generator is told, cut so that a sequence lasts no longer than it may.

    Args:
        scenario: "Offline", a queue that never empties, or "Server", Poisson arrivals.
        rate_per_s: mean rate of arrivals, or the rate that is expected of a queue that never empties.
        load: how many requests, and how long at most.
        items: from how many items to choose.
        seeds: of arrivals and of the choice of items.
    """
    return {
        "scenario": scenario,
        "rate_per_s": rate_per_s,
        "queries": max(FEWEST_QUERIES, min(load.queries, int(rate_per_s * load.most_s))),
        "items": items,
        "seed": int(np.random.SeedSequence(seeds).generate_state(1)[0]),
    }


def sequence(worker: WorkerProcess, told: dict[str, Any]) -> Trace:
    """Have one sequence of requests answered, and read what LoadGen saw.

    Args:
        worker: it has taken the items that may be asked for.
        told: from `settings`.

    Raises:
        WorkerFailed: when the candidate fails, within seconds.
        GeneratorFailed: when LoadGen does.
    """
    with _generators_own(), tempfile.TemporaryDirectory(prefix="effkit-") as folder:
        requests, answers = worker.lend_pipes("serve_load")
        code, trouble = _generate({**told, "folder": folder, "requests": requests, "answers": answers})
        if code == WORKER_ENDED:
            worker.take_back("serve_load")  # which says why
            raise WorkerFailed("the worker stopped answering")
        # What a generator that failed has sent is answered still; then the worker can be asked again.
        worker.take_back("serve_load", end=LAST_REQUEST, ended=ENDED, within_s=_patience_s(told))
        if trouble:
            raise GeneratorFailed(trouble)
        return _read(Path(folder), told["queries"])


@contextmanager
def _generators_own() -> Iterator[None]:
    """A full disk or a log cut short is the generator's trouble: nothing that was measured may be lost by it."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise GeneratorFailed(f"the load generator's files: {error}") from error


def _patience_s(told: dict[str, Any]) -> float:
    """How long all requests may take to be answered."""
    return float(SLACK_S + 3 * told["queries"] / told["rate_per_s"])


def _generate(told: dict[str, Any]) -> tuple[int | None, str]:
    """Run the generator in a process of its own; return its exit code, None where it has none, and its trouble."""
    patience_s = _patience_s(told)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "effkit.bench.generator", json.dumps(told)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=told["folder"],
            env=environment(threads=1),
            pass_fds=(told["requests"], told["answers"], *slot.descriptors()),
            start_new_session=True,
            timeout=patience_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WorkerFailed(f"not all requests were answered within {patience_s:.0f} s") from None
    except OSError as error:
        return None, f"the load generator was not started: {error}"
    if not done.returncode:
        return 0, ""
    said = "".join(done.stderr.decode(errors="replace").strip().splitlines()[-1:]) or "it said nothing"
    return done.returncode, f"the load generator ended with exit code {done.returncode}: {said}"


def _read(folder: Path, queries: int) -> Trace:
    for line in (folder / "mlperf_log_detail.txt").read_text(encoding="utf-8", errors="replace").splitlines():
        event = json.loads(line.removeprefix(":::MLLOG"), strict=False) if line.startswith(":::MLLOG") else {}
        if event.get("metadata", {}).get("is_error"):
            raise GeneratorFailed(f"LoadGen: {event['key']}: {event['value']}")
    events = SAMPLE.findall((folder / "mlperf_log_trace.json").read_bytes())
    if len(events) != queries:
        raise GeneratorFailed(f"LoadGen's trace tells of {len(events)} requests, and {queries} were asked for")
    found = np.array([[int(number) for number in event] for event in events], dtype=np.int64)
    found = found[np.argsort(found[:, 0])]
    return Trace(position=found[:, 1], delay_s=found[:, 2] / 1e9, latency_s=found[:, 3] / 1e9)
