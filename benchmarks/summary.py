"""Rows that are kept while a benchmark runs, and what is said of them: intervals, tables, the host."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from effkit.analysis.statistics import mean_interval_over_generations
from effkit.bench import host

Row = dict[str, Any]
Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From (…, n) values to (…) figures, over the last axis."""

RESAMPLES = 10_000


def append(path: Path, row: Row) -> None:
    """Add a row with host, time and version of now to a JSON-lines file; who is interrupted loses one row at most."""
    path.parent.mkdir(parents=True, exist_ok=True)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    made = {"at": at, "host": host_text(), "effkit": host.versions()["effkit"]}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**made, **row}) + "\n")


def write(path: Path, rows: Sequence[Row]) -> None:
    """Write rows anew, as they are, in the place of those that are there."""
    part = path.with_suffix(".part")
    part.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    part.replace(path)


def read(path: Path) -> list[Row]:
    """Return the rows of a JSON-lines file; none where there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def rms(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Root mean square over the last axis."""
    return np.asarray(np.sqrt(np.mean(np.square(values), axis=-1)))


def sd(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation over the last axis, with n - 1."""
    return np.asarray(np.std(values, axis=-1, ddof=1))


def bootstrap_interval(values: ArrayLike, statistic: Statistic, *, seed: int = 1) -> tuple[float, float]:
    """95 % percentile bootstrap of a statistic over independent values.

    Args:
        values: (n,) at least two; below ten or so the interval is too narrow.
        statistic: such as `rms`.
        seed: of the resampling.
    """
    given = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(given), size=(RESAMPLES, len(given)))
    low, high = np.percentile(statistic(given[drawn]), (2.5, 97.5))
    return float(low), float(high)


def share_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share. *Clopper & Pearson (1934).*"""
    found = stats.binomtest(successes, trials).proportion_ci(method="exact")
    return float(found.low), float(found.high)


def mean_text(values: ArrayLike, unit: str, digits: int = 2) -> str:
    """A mean with its 95 % Student interval over repetitions, as text."""
    found = mean_interval_over_generations(values)
    if found is None:
        return f"{float(np.mean(values)):.{digits}f} {unit}"
    return f"{found.estimate:.{digits}f} {unit} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def percent(share: float, digits: int = 2) -> str:
    """A share as per cent."""
    return f"{100 * share:.{digits}f} %"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def host_text() -> str:
    """Describe this host and what measures on it: processor, cores, system and packages, effkit's version left out."""
    versions = host.versions()
    packages = ", ".join(f"{name} {versions[name]}" for name in ("torch", "numpy") if name in versions)
    on = "" if host.hypervisor() is None else f" under {host.hypervisor()}"
    return (
        f"{host.cpu_name()}, {len(os.sched_getaffinity(0))} cores{on}, "
        f"{platform.system()} {platform.release().partition('-')[0]}, Python {versions['python']}, {packages}"
    )


def host_line(rows: Sequence[Row] = ()) -> str:
    """Say where, with what and when: of the rows, or here and now."""
    times = sorted(row["at"] for row in rows) or [datetime.now(UTC).isoformat()]
    days = dict.fromkeys((times[0][:10], times[-1][:10]))
    hosts = dict.fromkeys(row["host"] for row in rows if "host" in row) or [host_text()]
    versions = sorted({row["effkit"] for row in rows if "effkit" in row}) or [host.versions()["effkit"]]
    return f"Host: {' and '.join(hosts)}; effkit {' and '.join(versions)}; {' to '.join(days)}."
