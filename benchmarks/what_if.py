"""How long one change of a slider takes: in Python, from the moved slider to the new front, table and sentence.

Run as `python -m benchmarks.what_if results`. Every slider of each study's newest run is moved over all its
values. What the browser takes to show it comes on top and is not in it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import effkit
from benchmarks.summary import host_line, table
from effkit import store
from effkit.record import Record


def times_s(record: Record) -> list[float]:
    """Seconds of each change."""
    panel = effkit.what_if(record)
    found = []
    for name, values in panel.values.items():
        for value in values:
            start = time.perf_counter()
            panel.move(**{name: value})
            found.append(time.perf_counter() - start)
        panel.reset()
    return found


def main() -> None:
    """Print a table, a row for each study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="folder with runs")
    rows = []
    for run in store.newest(store.load_all(parser.parse_args().results)):
        found = times_s(run.record)
        ms = [f"{1000 * each:.1f} ms" for each in (statistics.median(found), max(found))]
        rows.append([run.record.spec.name, str(len(run.record.candidates)), str(len(found)), *ms])
    print(f"{host_line()}\n\n{table(['study', 'candidates', 'changes', 'median', 'worst'], rows)}")


if __name__ == "__main__":
    main()
