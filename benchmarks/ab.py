"""A/B: copies that are truly slower by a known share, and how often each tool says so.

effkit claims "slower", "faster" or neither. torch.utils.benchmark is read by its own rule (medians to the significant
figures that both have), the others by the direction of their ratio, which is all that they show; since that says
"slower" of half of all equal pairs, |ratio − 1| > 1 % is counted too.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks import contest
from benchmarks.cases import SECOND
from benchmarks.contender import DEFAULT, EFFKIT, TORCH
from benchmarks.summary import Row, host_line, in_short, percent, read, share_interval, table

BEYOND = 0.01
HEADER = (
    "noise", "slower by", "tool", "time", "trials", "right (95 %)", "wrong direction", "no claim",
    "right by more than 1 %", "RMS error", "interval holds the truth", "s a trial",
)  # fmt: skip
LEAST, OF = 0.95, "+5 %"
AIM = (
    "Aim: +5 % found in at least 95 % of noisy trials, the wrong direction never. A trial holds all slow-downs. A tool "
    "that gives no verdict is read by its ratio, which says “slower” of half of all equal pairs: hence “right by more "
    "than 1 %”. torch.utils.benchmark is read by the significant figures of its medians, and by its ratio in rows "
    "that do not have them: all from before 28 November 2026, 22:00."
)


def summary(rows: list[Row], model: str) -> str:
    """Return the part of the report: one line a tool, time, noise and slow-down."""
    lines = [
        _line(noise, tool, mode, name, [row for row in group if name in row["ratios"]])
        for noise, tool, mode, group in contest.groups(rows)
        for name in dict.fromkeys(name for row in group for name in row["ratios"] if name != SECOND)
    ]
    order = {noise: place for place, noise in enumerate(("quiet", "noisy"))}
    lines.sort(key=lambda line: (order[line[0]], float(line[1].strip("+ %"))))
    title = f"## A/B: a true slow-down of {model}"
    short = in_short(_short(rows))
    return "\n\n".join([title, host_line(rows), contest.protocol_line(rows), short, AIM, table(HEADER, lines)])


def _short(rows: list[Row]) -> str:
    """How often effkit is right, by noise and slow-down."""
    said = []
    for noise, tool, mode, found in contest.groups(rows):
        if (tool, mode) != (EFFKIT, DEFAULT):
            continue
        claims: dict[str, list[str]] = {}
        for row in found:
            for name, claim in row["claims"].items():
                claims.setdefault(name, []).append(claim)
        del claims[SECOND]
        right = ", ".join(f"{name} in {each.count('slower')} of {len(each)}" for name, each in claims.items())
        wrong = sum(each.count("faster") for each in claims.values())
        said.append(f"{noise}: found {right} trials; wrong direction {wrong or 'never'}{_aim(noise, claims)}")
    return f"{'. '.join(said)}."


def _aim(noise: str, claims: Mapping[str, list[str]]) -> str:
    """Whether the share that is aimed at is shown, by its interval."""
    if noise != "noisy" or OF not in claims:
        return ""
    found = claims[OF]
    low, high = share_interval(found.count("slower"), len(found))
    met = "met" if low >= LEAST else "missed" if high < LEAST else "not decided"
    return f"; aim for {OF} at least {percent(LEAST, 0)}, shown {percent(low, 0)} to {percent(high, 0)}: {met}"


def _claim(row: Row, name: str) -> str:
    """What a tool says.

    Rows of torch.utils.benchmark from before 28 November 2026, 22:00, had medians at two precisions compared and keep
    none to compare anew: they are read by their ratio, as the other tools' are.
    """
    if row["tool"] == TORCH and "figures" not in row:
        return "slower" if row["ratios"][name] > 1 else "faster"
    return str(row["claims"][name])


def _line(noise: str, tool: str, mode: str, name: str, found: list[Row]) -> list[str]:
    true = 1 + float(name.strip("+ %")) / 100
    ratios = np.array([row["ratios"][name] for row in found])
    claims = [_claim(row, name) for row in found]
    right, wrong = claims.count("slower"), claims.count("faster")
    low, high = share_interval(right, len(found))
    ends = [row["intervals"][name] for row in found if "intervals" in row]
    held = sum(low <= true <= high for low, high in ends)
    return [
        noise, name, tool, mode, str(len(found)),
        f"{percent(right / len(found), 0)} ({percent(low, 0)} to {percent(high, 0)})",
        str(wrong), str(len(found) - right - wrong), percent(float(np.mean(ratios > 1 + BEYOND)), 0),
        percent(float(np.sqrt(np.mean(np.log(ratios / true) ** 2)))),
        f"{held} of {len(ends)}" if ends else "",
        f"{np.mean([row['seconds'] for row in found]):.0f}",
    ]  # fmt: skip


def main() -> None:
    """Print the part of the report."""
    print(contest.by_model([row for row in read(contest.ROWS) if row["shares"]], summary))


if __name__ == "__main__":
    main()
