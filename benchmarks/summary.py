"""Rows that are kept while a benchmark runs, and what is said of them: intervals, tables, the host."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from effkit.analysis.statistics import mean_interval_over_generations
from effkit.bench import host

Row = dict[str, Any]
IN_SHORT = "**In short:** "


def append(path: Path, row: Row) -> None:
    """Add a row with host, time and version of now to a JSON-lines file; who is interrupted loses one row at most."""
    path.parent.mkdir(parents=True, exist_ok=True)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    made = {"at": at, "host": host_text(), "effkit": host.versions()["effkit"], "commit": commit()}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**made, **row}) + "\n")


def commit() -> str:
    """The commit that measures, with a plus where files differ from it; empty outside a checkout or without Git.

    Rows that were measured before, and what is told of them, are no difference.
    """
    if shutil.which("git") is None:
        return ""
    named = _git("rev-parse", "--short=10", "HEAD").stdout.strip()
    changed = _git("diff", "--quiet", "HEAD", "--", ":/", *(f":(exclude){path}" for path in ("measured", "*.md")))
    return f"{named}+" if named and changed.returncode else named


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    here = Path(__file__).parent
    return subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=False)


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


def spread(values: ArrayLike, about: float | None = None) -> tuple[float, float, float]:
    """Root mean square of independent values about a known centre, or their standard deviation, with its 95 % interval.

    The interval is that of χ², with fewer degrees of freedom where the values have heavy tails: as many as make the
    squares' mean as uncertain as it is seen to be (*Satterthwaite, 1946*). Simulated, it holds the truth in 96 % of
    samples that are normal and in 88 to 92 % of Student's with 5 degrees, be they of 3, 9 or 30 values; a percentile
    bootstrap in 64, 83 and 89 %, and in 55, 73 and 81 %. Where one value in ten is fifteen times wider, it holds the
    truth in 45, 65 and 76 % of samples of 10, 20 and 30: few values do not show what they have not met.

    Args:
        values: (n,) at least two.
        about: the centre; None for their own mean, which costs a degree of freedom.
    """
    given = np.asarray(values, dtype=np.float64)
    squares = np.square(given - (given.mean() if about is None else about))
    freedom = len(given) - (about is None)
    mean = squares.sum() / freedom
    uncertainty = squares.var(ddof=1)
    seen = float(min(freedom, max(1.0, 2 * freedom * mean**2 / uncertainty)) if uncertainty > 0 else freedom)
    low, high = (float(np.sqrt(mean * seen / stats.chi2.ppf(tail, seen))) for tail in (0.975, 0.025))
    return float(np.sqrt(mean)), low, high


def share_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share. *Clopper & Pearson (1934).*"""
    found = stats.binomtest(successes, trials).proportion_ci(method="exact")
    return float(found.low), float(found.high)


def verdict(low: float, high: float, most: float) -> str:
    """Whether an interval lies below the most that is aimed at: met, missed, or not decided."""
    return "met" if high <= most else "missed" if low > most else "not decided"


def mean_text(values: ArrayLike, unit: str, digits: int = 2) -> str:
    """A mean with its 95 % Student interval over repetitions, as text."""
    found = mean_interval_over_generations(values)
    if found is None:
        return f"{float(np.mean(np.asarray(values, float))):.{digits}f} {unit}"
    return f"{found.estimate:.{digits}f} {unit} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def in_short(text: str) -> str:
    """A part's main finding, which `benchmarks.report` repeats at the top of the page."""
    return f"{IN_SHORT}{text}"


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
    cores = len(os.sched_getaffinity(0))
    return (
        f"{host.cpu_name()}, {cores} {'core' if cores == 1 else 'cores'}{on}, "
        f"{platform.system()} {platform.release().partition('-')[0]}, Python {versions['python']}, {packages}"
    )


def host_line(rows: Sequence[Row] = ()) -> str:
    """Say where, with what and when: of the rows, or here and now."""
    times = sorted(row["at"] for row in rows) or [datetime.now(UTC).isoformat()]
    days = dict.fromkeys((times[0][:10], times[-1][:10]))
    hosts = dict.fromkeys(row["host"] for row in rows if "host" in row) or [host_text()]
    versions = sorted({row["effkit"] for row in rows if "effkit" in row}) or [host.versions()["effkit"]]
    return f"Host: {' and '.join(hosts)}; effkit {' and '.join(versions)}, {_commits(rows)}; {' to '.join(days)}."


def _commits(rows: Sequence[Row]) -> str:
    """Which code measured, and which judged anew."""
    if not rows:
        return f"commit {commit() or 'unknown'}"
    unnamed = sum(not row.get("commit") for row in rows)
    named = [
        *sorted({row["commit"] for row in rows if row.get("commit")}),
        *[f"unknown of {unnamed} rows"] * (unnamed > 0),
    ]
    again = sorted({row["judged"] for row in rows if row.get("judged")})
    return f"commit {', '.join(named)}" + (f", judged anew by {', '.join(again)}" if again else "")
