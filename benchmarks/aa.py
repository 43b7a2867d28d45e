"""A/A: two copies of one model, each loaded by itself, as the contest's rows have them.

The true ratio is 1, so whatever is seen is error. For effkit a pair is the reference's two workers in one measurement:
the ratio over its generations.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks import contest
from benchmarks.cases import SECOND
from benchmarks.contender import DEFAULT, EFFKIT
from benchmarks.summary import Row, host_line, in_short, percent, read, spread, table, verdict
from effkit.analysis.statistics import mean_interval_over_generations

OURS = EFFKIT, DEFAULT
AIM = {"quiet": 0.003, "noisy": 0.006}
HEADER = (
    "noise", "tool", "time", "other copies", "pairs", "RMS off by", "95 %", "aim", "mean", "median off by",
    "worst off by", "interval holds 1", "smallest claim, median (most)", "s a trial",
)  # fmt: skip
COLUMNS = (
    "Time: as each tool is used by default, or (equal) again and again for as long as effkit took. Off by: the ratio "
    "of the two copies, whose truth is 1; the root mean square is that of its logarithm, and the mean, with its 95 %, "
    "tells whether one copy is favoured. Other copies: those in the same trial that are truly slower. Smallest claim: "
    "no difference below it is claimed in that run. The intervals of the other tools are too short where a tool is off "
    "by a factor now and then."
)


def summary(rows: list[Row], model: str) -> str:
    """Return the part of the report: one line a tool, time, noise and company."""
    groups = list(_groups(rows))
    ours = [_short(noise, found) for noise, tool, mode, found in groups if (tool, mode) == OURS]
    lines = [_line(*group) for group in groups]
    title = f"## A/A: two copies of {model}"
    short = [in_short(f"{'; '.join(ours)}.")] if ours else []
    return "\n\n".join([title, host_line(rows), contest.protocol_line(rows), *short, table(HEADER, lines)])


def _groups(rows: list[Row]) -> Iterator[tuple[str, str, str, list[Row]]]:
    """The rows by noise, tool, time and company; effkit's own again as the clock saw it: what pairing alone does."""
    for noise, tool, mode, found in contest.groups(rows):
        for shares in sorted({tuple(row["shares"]) for row in found}):
            alike = [row for row in found if tuple(row["shares"]) == shares]
            yield noise, tool, mode, alike
            if tool == EFFKIT:
                plain = [{**row, "ratios": {SECOND: row["a_a_as_seen"]}} for row in alike if row["a_a_as_seen"]]
                yield noise, f"{tool}, as the clock saw it", mode, plain


def _line(noise: str, tool: str, mode: str, found: list[Row]) -> list[str]:
    size, ends = _error(found)
    off = np.abs(np.array([row["ratios"][SECOND] for row in found]) - 1)
    ours = tool == EFFKIT
    return [
        noise, tool, mode, _company(found), str(len(found)), percent(size), ends, _aim(noise, found) if ours else "",
        _mean(found), percent(float(np.median(off))), percent(float(off.max())),
        *(_promised(found) if ours else ("", "")), f"{np.mean([row['seconds'] for row in found]):.0f}",
    ]  # fmt: skip


def _promised(found: list[Row]) -> tuple[str, str]:
    """How often the run's own interval holds the truth, and what it would not have claimed."""
    ends = [row["intervals"][SECOND] for row in found]
    held = sum(low <= 1 <= high for low, high in ends)
    least = [row["threshold"] for row in found]
    return f"{held} of {len(ends)}", f"{percent(float(np.median(least)))} ({percent(max(least))})"


def _short(noise: str, found: list[Row]) -> str:
    size, ends = _error(found)
    beside = f" beside {_company(found)} copies" if found[0]["shares"] else ""
    return f"{noise}{beside} {percent(size)} apart (RMS, {len(found)} pairs; 95 %: {ends}), aim {_aim(noise, found)}"


def _error(found: list[Row]) -> tuple[float, str]:
    """The root mean square of the log ratio, and its interval in words."""
    if len(found) < 2:
        return abs(_logs(found)[0]), "–"
    size, low, high = spread(_logs(found), about=0.0)
    return size, f"{percent(low)} to {percent(high)}"


def _mean(found: list[Row]) -> str:
    """The mean of the log ratio, 0 where no copy is favoured, with Student's interval."""
    seen = mean_interval_over_generations(_logs(found))
    if seen is None:
        return "–"
    return f"{100 * seen.estimate:+.2f} [{100 * seen.low:+.2f}, {100 * seen.high:+.2f}] %"


def _aim(noise: str, found: list[Row]) -> str:
    """The aim, and whether the interval says that it is met."""
    _, low, high = spread(_logs(found), about=0.0) if len(found) > 1 else (0.0, 0.0, float("inf"))
    return f"≤ {percent(AIM[noise], 1)}: {verdict(low, high, AIM[noise])}"


def _logs(found: list[Row]) -> list[float]:
    return [float(np.log(row["ratios"][SECOND])) for row in found]


def _company(found: list[Row]) -> str:
    slower = len(found[0]["shares"])
    return f"{slower} slower" if slower else "none"


def main() -> None:
    """Print the part of the report."""
    print(contest.by_model(read(contest.ROWS), summary, COLUMNS))


if __name__ == "__main__":
    main()
