"""Do effkit's intervals and verdicts hold what they promise? Prints Markdown.

python -m benchmarks.coverage                    by simulation, somewhat more than an hour of one core
python -m benchmarks.coverage --results results  and on real runs, taken as the truth
python -m benchmarks.coverage --scale 0.1        a tenth of the trials
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks import (
    coverage_load,
    coverage_quality,
    coverage_real,
    coverage_speed,
    coverage_tails,
    coverage_time,
)
from benchmarks.rows import CAUTIOUS, CHANCE, MET, MISSED, OPEN, SEED, UNTRIED, Row, markdown
from benchmarks.summary import host_line, in_short

SIMULATED = (
    coverage_time.rows,
    *coverage_tails.PARTS,
    coverage_load.rows,
    *coverage_speed.PARTS,
    coverage_quality.rows,
)


def rows(results: Path | None, scale: float) -> Iterator[Row]:
    """Every row, simulated ones first; nothing is timed, so that the parts run side by side."""
    parts: list[Callable[[], Iterator[Row]]] = [partial(part, scale) for part in SIMULATED]
    if results is not None:
        parts.append(partial(coverage_real.rows, results, scale))
    with ProcessPoolExecutor() as pool:
        for found in pool.map(_listed, parts):
            yield from found


def _listed(part: Callable[[], Iterator[Row]]) -> list[Row]:
    return list(part())


def report(made: Iterable[Row]) -> str:
    """The page: how it was done, what missed its aim, the tables."""
    where = host_line()  # before the hour that the rows may take, in which the code may change
    found = list(made)
    missed = [row for row in found if row.met == MISSED]
    lines = [
        "## Coverage",
        "",
        where,
        "",
        f"Simulated with seed {SEED}. Aims: 95 % intervals hold the truth in 93 to 97 % "
        "of trials; a false claim is no more frequent than its level. An aim is met where the simulation's own 95 % "
        "interval lies within it, and not decided where only the observed share does; “within chance” is outside by "
        "less than that interval: 800 trials cannot tell 92 % from 93 %. Wider than needed is safe, and costs power. "
        f"Quality trials use {coverage_quality.RESAMPLES:,} bootstrap draws where a run uses 10,000. The simulated "
        "core behaves as the analysis supposes: that a real one does, only the contest can show.",
        "",
        in_short(_short(found)),
        "",
        *(f"- {row.section}: {row.what}: {row.share:.2%}" for row in missed),
    ]
    return "\n".join(lines).rstrip() + "\n\n" + markdown(found)


def _short(found: list[Row]) -> str:
    """How many rows meet their aim."""
    met = Counter(row.met for row in found if row.aim is not None)
    untried = met.pop(UNTRIED, 0)
    return (
        f"of {met.total()} rows with an aim and trials {met[MET]} meet it, {met[OPEN]} are not decided, "
        f"{met[CHANCE]} lie outside it and may do so by chance, {met[CAUTIOUS]} are wider than needed, "
        f"{met[MISSED] or 'none'} {'are' if met[MISSED] > 1 else 'is'} shown to miss it; {untried} had no trial, "
        "since no gate opened."
    )


def main(arguments: list[str] | None = None) -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("--results", type=Path, help="folder of real runs")
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of trials")
    given = parser.parse_args(arguments)
    if given.results is not None and not given.results.is_dir():
        sys.exit(f"--results {given.results}: there is no such folder; give one of runs, as `effkit run` writes it.")
    print(report(rows(given.results, given.scale)))


if __name__ == "__main__":
    main()
