"""A/A: two copies of one model, each loaded by itself, as the contest's rows have them.

The true ratio is 1, so whatever is seen is error. For effkit a pair is the reference's two workers in one measurement:
the ratio over its generations.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks import contest
from benchmarks.cases import SECOND
from benchmarks.summary import Row, host_line, percent, read, spread, table

AIM = {"quiet": 0.003, "noisy": 0.006}


def summary(rows: list[Row], model: str) -> str:
    """Return the part of the report: one line a tool, time, noise and company."""
    lines = [_line(*group) for group in _groups(rows)]
    header = [
        "noise", "tool", "time", "copies", "pairs", "RMS of log ratio", "95 %", "aim", "worst pair off by", "s a trial",
    ]  # fmt: skip
    title = f"## A/A: two copies of {model}"
    return "\n\n".join([title, host_line(rows), contest.settings_line(rows), table(header, lines)])


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
    logs = np.log([row["ratios"][SECOND] for row in found])
    size, low, high = spread(logs, about=0.0) if len(logs) > 1 else (abs(float(logs[0])), 0.0, float("inf"))
    aim = ""
    if tool == contest.EFFKIT:
        verdict = "met" if high <= AIM[noise] else "missed" if low > AIM[noise] else "not decided"
        aim = f"≤ {percent(AIM[noise], 1)}: {verdict}"
    slower = len(found[0]["shares"])
    return [
        noise, tool, mode, f"beside {slower} slower" if slower else "alone", str(len(logs)),
        percent(size), f"{percent(low)} to {percent(high)}" if len(logs) > 1 else "–", aim,
        percent(float(np.max(np.abs(np.expm1(logs))))), f"{np.mean([row['seconds'] for row in found]):.0f}",
    ]  # fmt: skip


def main() -> None:
    """Print the part of the report."""
    print(contest.by_model(read(contest.ROWS), summary))


if __name__ == "__main__":
    main()
