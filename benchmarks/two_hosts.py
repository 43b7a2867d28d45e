"""How much sooner a sweep is done on two hosts than on one.

Twelve runs through Dask, on one host and on two, in turns, `--trials` times each. There is one machine here: a host is
a name and a core of its own (`EFFKIT_HOST`, `taskset`), and what is measured is a function that waits for 20 ms and
computes nothing, so that the hosts share the machine as little as two machines would. The clock runs from the first
order to the last outcome; the report, which is written once whatever the number of hosts, is left out.
`python -m benchmarks.two_hosts` prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.summary import host_line, in_short
from effkit import index
from effkit.analysis.windows import audited
from effkit.batch import Cluster, points
from effkit.bench.slot import SLOT_VARIABLE, measuring_slot
from tests.batch.clusters import Site, site
from tests.batch.sweeps import project, sweep
from tests.conftest import SLOT_FOLDER

RUNS = 12
AIM = 1.9
WAITS = """
def waits(rows):
    import time
    time.sleep(0.02)
    return [0] * len(rows)

study.add("waits", waits)
"""
PROTOCOL: dict[str, Any] = {
    "base": "smoke", "calls": 100, "visit_s": 1.0, "warm_up_s": 0.5, "warm_up_fast_s": 0.5, "warm_up_most_s": 1.0,
    "throughput_s": 0.1, "idle_s": 1.0, "resamples": 200,
}  # fmt: skip


def main() -> None:
    """Run the sweep on one host and on two, and print how long each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2)
    trials = parser.parse_args().trials
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("Two hosts need two cores: there is one.")
    if SLOT_FOLDER is not None:
        del os.environ[SLOT_VARIABLE]  # the tests take turns among themselves, and this with all of the machine
    with (
        tempfile.TemporaryDirectory(prefix="effkit-") as name,
        measuring_slot(lambda text: print(text, file=sys.stderr)),
    ):
        folder = Path(name)
        params = project(folder, WAITS, "study.run()", "study.save()", protocol=PROTOCOL)
        took_s: dict[int, list[float]] = {1: [], 2: []}
        with site(folder / "dask") as dask:
            _hire(dask, "a", cores[-1])
            dask.wait(1)
            _time(dask, sweep(params, "warm", matrix={"seed": list(range(RUNS))}), folder / "warm")  # fills the cache
            for trial in range(trials):
                for hosts in (1, 2) if trial % 2 == 0 else (2, 1):
                    if hosts == 2:
                        _hire(dask, "b", cores[-2])
                    dask.wait(hosts)
                    path = sweep(params, f"on-{hosts}-{trial}", matrix={"seed": list(range(RUNS))})
                    took_s[hosts].append(_time(dask, path, folder / path.stem))
                    if hosts == 2:
                        dask.workers["b"].terminate()
    print(f"## A sweep of {RUNS} runs on one host and on two\n\n{host_line([])}\n")
    print(
        f"Both hosts are this machine, by name, pinned to a core each; what is measured waits and does not compute. "
        f"{trials} trial{'s' * (trials != 1)} of each, in turns.\n"
    )
    print("| hosts | seconds, each trial | median |\n|---|---|---|")
    for hosts, each in took_s.items():
        print(f"| {hosts} | {', '.join(f'{one:.0f}' for one in each)} | {statistics.median(each):.0f} |")
    speed_up = statistics.median(took_s[1]) / statistics.median(took_s[2])
    met = [one / two >= AIM for one, two in zip(took_s[1], took_s[2], strict=True)]
    verdict = "reached" if all(met) else "not decided" if any(met) else "not reached"
    print(
        "\n"
        + in_short(
            f"{speed_up:.2f}× on two hosts in {trials} trial{'s' * (trials != 1)}, aim {AIM}× in each: {verdict}."
        )
    )


def _hire(dask: Site, host: str, core: int) -> None:
    """Start a worker on a host of one core; what it starts inherits that."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        dask.hire(host, host)
    finally:
        os.sched_setaffinity(0, mine)


def _time(dask: Site, path: Path, results: Path) -> float:
    began = time.monotonic()
    cluster = Cluster(results, dask.address)
    outcomes = list(cluster.run(points(path), again=False, watch=lambda point, line: None))
    took_s = time.monotonic() - began
    runs = index.read(results).runs
    proof = audited({run.folder: run.windows for run in runs})
    if len(runs) != RUNS or proof.overlaps or any(each.status != "done" for each in outcomes):
        sys.exit(f"The sweep did not go as it should: {[each.sentence for each in outcomes]}, {proof.overlaps}")
    return took_s


if __name__ == "__main__":
    main()
