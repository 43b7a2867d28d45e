"""A/A: two copies of one model, each loaded by itself, as the contest's rows have them.

The true ratio is 1, so whatever is seen is error. For effkit a pair is the reference's two workers in one measurement:
the ratio over its generations.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks import contest
from benchmarks.cases import SECOND
from benchmarks.summary import Row, host_line, in_short, percent, read, spread, table, verdict

OURS = contest.EFFKIT, contest.DEFAULT
AIM = {"quiet": 0.003, "noisy": 0.006}


def summary(rows: list[Row], model: str) -> str:
    """Return the part of the report: one line a tool, time, noise and company."""
    groups = list(_groups(rows))
    ours = [_short(noise, found) for noise, tool, mode, found in groups if (tool, mode) == OURS]
    lines = [_line(*group) for group in groups]
    header = [
        "noise", "tool", "time", "copies", "pairs", "RMS of log ratio", "95 %", "aim", "worst pair off by", "s a trial",
    ]  # fmt: skip
    title = f"## A/A: two copies of {model}"
    short = [in_short(f"{'; '.join(ours)}.")] if ours else []
    return "\n\n".join([title, host_line(rows), *short, contest.settings_line(rows), table(header, lines)])


def _groups(rows: list[Row]) -> Iterator[tuple[str, str, str, list[Row]]]:
    """The rows by noise, tool, time and company; effkit's own again without the yardstick: what pairing alone does."""
    for noise, tool, mode, found in contest.groups(rows):
        for shares in sorted({tuple(row["shares"]) for row in found}):
            alike = [row for row in found if tuple(row["shares"]) == shares]
            yield noise, tool, mode, alike
            if tool == contest.EFFKIT:
                plain = [{**row, "ratios": {SECOND: row["a_a_as_seen"]}} for row in alike if row["a_a_as_seen"]]
                yield noise, f"{tool}, without its yardstick", mode, plain


def _line(noise: str, tool: str, mode: str, found: list[Row]) -> list[str]:
    size, ends = _error(found)
    worst = max(abs(row["ratios"][SECOND] - 1) for row in found)
    return [
        noise, tool, mode, _company(found), str(len(found)), percent(size), ends,
        _aim(noise, found) if tool == contest.EFFKIT else "", percent(worst),
        f"{np.mean([row['seconds'] for row in found]):.0f}",
    ]  # fmt: skip


def _short(noise: str, found: list[Row]) -> str:
    size, ends = _error(found)
    aim = _aim(noise, found)
    return f"{noise}, {_company(found)}, {percent(size)} ({ends}) over {len(found)} pairs, aim {aim}"


def _error(found: list[Row]) -> tuple[float, str]:
    """The root mean square of the log ratio, and its interval in words."""
    if len(found) < 2:
        return abs(_logs(found)[0]), "–"
    size, low, high = spread(_logs(found), about=0.0)
    return size, f"{percent(low)} to {percent(high)}"


def _aim(noise: str, found: list[Row]) -> str:
    """The aim, and whether the interval says that it is met."""
    _, low, high = spread(_logs(found), about=0.0) if len(found) > 1 else (0.0, 0.0, float("inf"))
    return f"≤ {percent(AIM[noise], 1)}: {verdict(low, high, AIM[noise])}"


def _logs(found: list[Row]) -> list[float]:
    return [float(np.log(row["ratios"][SECOND])) for row in found]


def _company(found: list[Row]) -> str:
    slower = len(found[0]["shares"])
    return f"beside {slower} slower" if slower else "alone"


def main() -> None:
    """Print the part of the report."""
    print(contest.by_model(read(contest.ROWS), summary))


if __name__ == "__main__":
    main()
