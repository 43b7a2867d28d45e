"""A/A: two copies of one model, each loaded by itself, as the contest's rows have them.

The true ratio is 1, so whatever is seen is error. For effkit a pair is the reference's two workers in one measurement:
the ratio over its generations.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks import contest
from benchmarks.cases import SECOND
from benchmarks.summary import Row, bootstrap_interval, host_line, percent, read, rms, table

MODELS = {"minilm": "MiniLM", "matrix": "a few milliseconds of NumPy"}
AIM = {"quiet": 0.003, "noisy": 0.006}


def summary(rows: list[Row], model: str) -> str:
    """Return the part of the report: one line a tool, time and noise."""
    lines = []
    for noise, tool, mode, found in _with_as_seen(rows):
        logs = np.log([row["ratios"][SECOND] for row in found])
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
    header = ["noise", "tool", "time", "pairs", "RMS of log ratio", "95 %", "aim", "worst pair off by", "s a trial"]
    alone = sum(not row["shares"] for row in rows if row["tool"] == contest.EFFKIT)
    of = sum(row["tool"] == contest.EFFKIT for row in rows)
    return "\n\n".join(
        [
            f"## A/A: two copies of {MODELS[model]}",
            host_line(rows),
            contest.settings_line(rows),
            f"In {alone} of {of} trials of effkit the two copies were alone, in the others three slower ones were "
            "measured beside them (A/B, below).",
            table(header, lines),
        ]
    )


def _with_as_seen(rows: list[Row]) -> Iterator[tuple[str, str, str, list[Row]]]:
    """The groups, and effkit's own again without the yardstick: what its pairing alone is worth."""
    for noise, tool, mode, found in contest.groups(rows):
        yield noise, tool, mode, found
        plain = [{**row, "ratios": {SECOND: row["a_a_as_seen"]}} for row in found if row.get("a_a_as_seen")]
        if plain:
            yield noise, f"{tool}, without its yardstick", mode, plain


def main() -> None:
    """Print the part of the report."""
    rows = read(contest.ROWS)
    by_model = {model: [row for row in rows if row["model"] == model] for model in MODELS}
    print("\n\n".join(summary(found, model) for model, found in by_model.items() if found))


if __name__ == "__main__":
    main()
