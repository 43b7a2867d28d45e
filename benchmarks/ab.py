"""A/B: copies that are truly 2, 5 and 10 % slower, and how often each tool says so.

`--model matrix` (the default, for its speed) repeats a known share of its own work: 4, 10 or 20 of 200
equal matrix products again. `--model minilm` spins after each call for a share of that very call's CPU
time. Both hold by construction and need no calibration; see `benchmarks.cases`.

By default effkit stops after five generations. Whoever wants to tell 5 % apart on a busy host asks for it
(`protocol.interval`, here `--interval 0.015`), and it goes on until it is known that well; those rows are "asked".

effkit claims "slower", "faster" or neither, and is right with "slower". torch.utils.benchmark is read by its
own rule (medians to their significant figures), the others by the direction of their ratio, which is all
that they show; since that says "slower" of half of all equal pairs, |ratio − 1| > 1 % is counted too.
"""

from __future__ import annotations

import numpy as np

from benchmarks import cases, contest
from benchmarks.summary import Row, host_line, percent, read, share_interval, table

SHARES = (0.02, 0.05, 0.10)
BEYOND = 0.01


def summary(rows: list[Row]) -> str:
    """Return the part of the report: one line a tool, time, noise and slow-down."""
    lines = []
    for noise, tool, mode, group in contest.groups(rows):
        for name in dict.fromkeys(name for row in group for name in row["ratios"]):
            found = [row for row in group if name in row["ratios"]]
            ratios = np.array([row["ratios"][name] for row in found])
            claims = [row["claims"][name] for row in found]
            true = 1 + float(name.strip("+ %")) / 100
            right = claims.count("slower" if true > 1 else "same")
            low, high = share_interval(right, len(found))
            wrong = claims.count("faster") + (claims.count("slower") if true == 1 else 0)
            beyond = np.mean(ratios > 1 + BEYOND) if true > 1 else np.mean(np.abs(ratios - 1) <= BEYOND)
            lines.append(
                [
                    noise, name, tool, mode, str(len(found)),
                    f"{percent(right / len(found), 0)} ({percent(low, 0)} to {percent(high, 0)})",
                    str(wrong), str(len(found) - right - wrong), percent(float(beyond), 0),
                    percent(float(np.sqrt(np.mean(np.log(ratios / true) ** 2)))),
                    f"{np.mean([row['seconds'] for row in found]):.0f}",
                ]
            )  # fmt: skip
    header = [
        "noise", "slower by", "tool", "time", "trials", "right (95 %)", "wrong direction", "no claim",
        "right by more than 1 %", "RMS error", "s a trial",
    ]  # fmt: skip
    order = {noise: place for place, noise in enumerate(("quiet", "noisy"))}
    lines.sort(key=lambda line: (order[line[0]], float(line[1].strip("+ %"))))
    title = "## A/B: a true slow-down"
    aim = "Aim: 5 % found in at least 95 % of noisy trials, the wrong direction never. A trial holds all slow-downs."
    return "\n\n".join([title, host_line(rows), contest.settings_line(rows), aim, table(header, lines)])


def main() -> None:
    """Measure the trials that are missing and print the summary."""
    options = contest.parser(__doc__, count="trials", default=20, visit_s=2.0)
    options.add_argument("--model", choices=("matrix", "minilm"), default="matrix")
    options.add_argument("--shares", type=float, nargs="+", default=SHARES, help="true slow-downs; 0 may be one")
    given = options.parse_args()
    if given.count:
        contest.run(cases.slowed(given.model, given.shares), given)
    print(summary(read(given.out)))


if __name__ == "__main__":
    main()
