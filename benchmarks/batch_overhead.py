"""What a run of a sweep takes beside preparing and measuring, and where that goes.

Runs `params/sweeps/smoke.yaml` twice into an empty folder and looks at the second time, when everything that can be
kept is kept. `python -m benchmarks.batch_overhead` prints a table in Markdown: medians over the runs, seconds.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from benchmarks.summary import host_line
from effkit import attempts, index, store
from effkit.bench.host import since_start_s

ROOT = Path(__file__).parents[1]
SWEEP = ROOT / "params" / "sweeps" / "smoke.yaml"


def main() -> None:
    """Run the sweep twice and print where the time of the second went."""
    with tempfile.TemporaryDirectory(prefix="effkit-") as folder:
        results = Path(folder)
        command = [sys.executable, "-m", "effkit.cli", "run", str(SWEEP), "--results", folder, "--rerun", "all"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        for _ in range(2):
            began = time.time()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=environment)
            took_s = time.time() - began
        runs = [run for run in index.read(results).runs if run.started_at.timestamp() > began]
        parts = [_parts(results / run.folder) for run in runs]
    print(f"## What a run takes beside preparing and measuring\n\n{host_line()}\n")
    print(f"{len(runs)} runs in {took_s:.0f} s, report included.\n\n| part of a run | median, s |\n|---|---|")
    for name in parts[0]:
        print(f"| {name} | {statistics.median(each[name] for each in parts):.2f} |")
    beside = [sum(part for name, part in each.items() if not name.endswith("*")) for each in parts]
    print(f"| **beside what is marked \\*** | **{statistics.median(beside):.2f}** |")


def _parts(folder: Path) -> dict[str, float]:
    """Split a run's time by what it left: the request first, the lines of the log, the record, the notebook last."""
    record = store.load(folder).record
    lines = (folder / store.LOG).read_text(encoding="utf-8").splitlines()
    offset_s = time.time() - since_start_s()  # from the host's clock to the time of day
    measured = [offset_s + record.windows[0].start_s, offset_s + record.windows[-1].end_s]
    asked, studied = (folder / attempts.REQUEST).stat().st_mtime, _time(lines[0])
    saved, executed = (folder / store.RECORD).stat().st_mtime, (folder / store.NOTEBOOK).stat().st_mtime
    return {
        "start: process, papermill, kernel, imports, the notebook's own plan": studied - asked,
        "preparing: data, training or what is kept of it, quality *": measured[0] - studied,
        "measuring *": measured[1] - measured[0],
        "estimates, record, samples, predictions": saved - measured[1],
        "the notebook's tables and figures, its last save": executed - saved,
        "end of the kernel, putting in place": folder.stat().st_ctime - executed,
    }


def _time(line: str) -> float:
    return datetime.strptime(" ".join(line.split(" ")[:2]), "%Y-%m-%d %H:%M:%S,%f").timestamp()


if __name__ == "__main__":
    main()
