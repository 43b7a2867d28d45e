"""What a simulation found, beside what it should have found, as a row of a Markdown table."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import stats

SEED = 20_261
COVERS = (0.93, 0.97)
"""Share of 95 % intervals that should hold the truth."""
MET, OPEN, CHANCE = "yes", "not decided", "within chance"
MISSED, CAUTIOUS, UNTRIED = "**no**", "no: wider than needed", "no trials"
HEADER = ("what", "nominal", "observed (its own 95 % interval)", "trials", "aim", "met", "note")


@dataclass(frozen=True)
class Row:
    """One simulated claim.

    Attributes:
        section: heading of the table it belongs to.
        what: setting, in words.
        nominal: what theory promises.
        hits: trials in which it happened.
        trials: all trials.
        aim: lowest and highest share that is good; None where a row is shown for comparison only.
        note: what the reader must know beside it.
    """

    section: str
    what: str
    nominal: str
    hits: int
    trials: int
    aim: tuple[float, float] | None = COVERS
    note: str = ""

    @property
    def share(self) -> float:
        """Observed share; NaN without trials."""
        return self.hits / self.trials if self.trials else float("nan")

    @property
    def bounds(self) -> tuple[float, float]:
        """Clopper-Pearson 95 % interval of the share."""
        if not self.trials:
            return 0.0, 1.0
        found = stats.binomtest(self.hits, self.trials).proportion_ci(0.95, method="exact")
        return float(found.low), float(found.high)

    @property
    def met(self) -> str:
        """Whether the aim is met: by the whole interval, or else by a share that chance might put in or out."""
        if self.aim is None:
            return "–"
        if not self.trials:
            return UNTRIED
        (least, most), (low, high) = self.aim, self.bounds
        if least <= low and high <= most:
            return MET
        if least <= self.share <= most:
            return OPEN
        if low <= most and high >= least:
            return CHANCE
        # Where even 1 is the promise kept, too many is caution and too few is a lie.
        return CAUTIOUS if least > 0.5 and self.share > most else MISSED


def rng_for(*what: object) -> np.random.Generator:
    """A generator of its own for each row, so that no row's numbers depend on which others run."""
    return np.random.default_rng([SEED, zlib.crc32(" ".join(map(str, what)).encode())])


def markdown(rows: Iterable[Row]) -> str:
    """Tables by section, in the order in which each is first met."""
    sections: dict[str, list[Row]] = {}
    for row in rows:
        sections.setdefault(row.section, []).append(row)
    parts = []
    for section, group in sections.items():
        lines = [f"| {' | '.join(HEADER)} |", "|" + "---|" * len(HEADER), *map(_line, group)]
        parts.append(f"### {section}\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def _line(row: Row) -> str:
    low, high = row.bounds
    observed = f"{row.share:.2%} ({low:.2%} to {high:.2%})" if row.trials else "–"
    cells = (row.what, row.nominal, observed, f"{row.trials:,}", _aim(row.aim), row.met, row.note)
    return f"| {' | '.join(cells)} |"


def _aim(aim: tuple[float, float] | None) -> str:
    if aim is None:
        return "–"
    least, most = aim
    if least == 0:
        return f"≤ {most:.1%}"
    return f"≥ {least:.0%}" if most == 1 else f"{least:.0%} to {most:.0%}"
