"""Ten thousand runs: how long `effkit status`, `report` and `audit` take, and how much memory.

A report writes the table of all runs too.
The records are synthetic: one record of the tests, copied under other names, times, identities and measured windows.
`first` is the first command that sees them, without an index; `later` the same command with one. `python -m
benchmarks.many_runs` prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.summary import host_line, in_short

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden" / "record-v3.json"
LIMIT_S, LIMIT_BYTES = 5.0, 10**9


def main() -> None:
    """Make the records, time the commands, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--studies", type=int, default=4)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="effkit-") as folder:
        results = Path(folder)
        record_bytes = make(results, chosen.runs, chosen.studies)
        effkit = [sys.executable, "-m", "effkit.cli"]
        timed = {
            "`effkit status`, first": _timed([*effkit, "status", "--results", folder]),
            "`effkit status`, later": _timed([*effkit, "status", "--results", folder]),
            "`effkit report`, later": _timed([*effkit, "report", "--results", folder]),
            "`effkit audit`, later": _timed([*effkit, "audit", "--results", folder]),
        }
        index_bytes = (results / ".index.jsonl").stat().st_size
    slow = [f"{name} {took_s:.1f} s" for name, (took_s, _) in timed.items() if took_s > LIMIT_S]
    large = [f"{name} {peak / 1e9:.1f} GB" for name, (_, peak) in timed.items() if peak > LIMIT_BYTES]
    print(f"## Thousands of runs\n\n{host_line()}\n")
    met = f"missed by {', '.join(slow + large)}" if slow or large else "met"
    aim = f"aim for each command at most {LIMIT_S:g} s and {LIMIT_BYTES / 1e9:g} GB: {met}"
    print(in_short(f"{chosen.runs:,} runs, {aim}."))
    print(f"\n{chosen.runs:,} runs of {chosen.studies} studies, {record_bytes / 1e3:.0f} kB a record; ", end="")
    print(f"the index has {index_bytes / 1e6:.0f} MB.\n\n| | s | peak, MB |\n|---|---|---|")
    for name, (took_s, peak_bytes) in timed.items():
        print(f"| {name} | {took_s:.1f} | {peak_bytes / 1e6:.0f} |")


def make(results: Path, runs: int, studies: int) -> int:
    """Write synthetic runs and return the size of one record."""
    raw = json.loads(GOLDEN.read_text(encoding="utf-8"))
    began = datetime(2026, 1, 1, tzinfo=UTC)
    size = 0
    for number in range(runs):
        started_at = began + timedelta(seconds=60 * number)
        run = f"{started_at:%Y%m%dT%H%M%S}-{number:08x}"
        study = f"synthetic-{number % studies}"
        window = {"clock": "synthetic", "start_s": 60.0 * number, "end_s": 60.0 * number + 50}
        raw |= {
            "run": run, "started_at": started_at.isoformat(), "identity": f"1-{number:032x}", "windows": [window],
            "interactive": False,
        }  # fmt: skip
        raw["spec"]["name"] = study
        folder = results / study / run
        folder.mkdir(parents=True)
        size = (folder / "record.json").write_text(json.dumps(raw), encoding="utf-8")
    return size


def _timed(command: list[str]) -> tuple[float, int]:
    """Run a command to its end; return its wall time in seconds and its peak resident memory in bytes."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    took_s = time.perf_counter() - started
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return took_s, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
