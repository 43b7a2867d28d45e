"""A/A: two copies of one model, compared by effkit and by other tools in the same minutes.

The model is MiniLM, or a few milliseconds of NumPy; each copy is loaded by itself. The true ratio is 1, so whatever
is seen is error. For effkit a pair is the reference's two lines in one measurement of one candidate: the ratio over
its generations.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks import cases, contest
from benchmarks.summary import Row, bootstrap_interval, host_line, percent, read, rms, table

MODELS = {"minilm": "MiniLM", "matrix": "two to four milliseconds of NumPy"}
AIM = {"quiet": 0.003, "noisy": 0.006}


def summary(rows: list[Row], model: str) -> str:
    """Return the part of the report: one line a tool, time and noise."""
    lines = []
    for noise, tool, mode, found in _with_as_seen(rows):
        logs = np.log([row["ratios"]["second"] for row in found])
        error = float(rms(logs))
        low, high = bootstrap_interval(logs, rms) if len(logs) > 1 else (0.0, float("inf"))
        interval = f"{percent(low)} to {percent(high)}" if len(logs) > 1 else "–"
        aim = ""
        if tool == contest.EFFKIT:
            verdict = "met" if high <= AIM[noise] else "missed" if low > AIM[noise] else "not decided"
            aim = f"≤ {percent(AIM[noise], 1)}: {verdict}"
        worst = float(np.max(np.abs(np.expm1(logs))))
        seconds = float(np.mean([row["seconds"] for row in found]))
        lines.append(
            [noise, tool, mode, str(len(logs)), percent(error), interval, aim, percent(worst), f"{seconds:.0f}"]
        )
    header = ["noise", "tool", "time", "pairs", "RMS of log ratio", "95 %", "aim", "worst pair off by", "s a pair"]
    return "\n\n".join(
        [
            f"## A/A: two copies of {MODELS[model]}",
            host_line(rows),
            contest.settings_line(rows),
            table(header, lines),
        ]
    )


def _with_as_seen(rows: list[Row]) -> Iterator[tuple[str, str, str, list[Row]]]:
    """The groups, and effkit's own again without the yardstick: what its pairing alone is worth."""
    for noise, tool, mode, found in contest.groups(rows):
        yield noise, tool, mode, found
        plain = [{**row, "ratios": {"second": row["a_a_as_seen"]}} for row in found if row.get("a_a_as_seen")]
        if plain:
            yield noise, f"{tool}, without its yardstick", mode, plain


def main() -> None:
    """Measure the pairs that are missing and print the summary."""
    options = contest.parser(__doc__, count="pairs", default=30, visit_s=2.0)
    options.add_argument("--model", choices=tuple(MODELS), default="minilm")
    given = options.parse_args()
    if given.count:
        contest.run({"minilm": cases.minilm, "matrix": cases.matrix}[given.model](), given)
    print(summary(read(given.out), given.model))


if __name__ == "__main__":
    main()
