"""Were runs measured one at a time? A proof from the windows in their records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from effkit.record import Window


@dataclass(frozen=True)
class Overlap:
    """Two runs that were measured at once.

    Attributes:
        length_s: for how long.
    """

    first: str
    second: str
    length_s: float


@dataclass(frozen=True)
class Proof:
    """What the windows of many runs show.

    Attributes:
        runs: that tell when they were measured.
        windows: of them all.
        clocks: how many starts of hosts they lie in; only windows of one can overlap.
        overlaps: none where each was measured alone.
        silent: runs that do not tell.
    """

    runs: int
    windows: int
    clocks: int
    overlaps: tuple[Overlap, ...]
    silent: tuple[str, ...]


def audited(windows: Mapping[str, Sequence[Window]]) -> Proof:
    """Look for windows of one clock that overlap.

    Args:
        windows: of each run, by its name.
    """
    by_clock: dict[str, list[tuple[float, float, str]]] = {}
    for run, held in windows.items():
        for window in held:
            by_clock.setdefault(window.clock, []).append((window.start_s, window.end_s, run))
    return Proof(
        runs=sum(bool(held) for held in windows.values()),
        windows=sum(map(len, windows.values())),
        clocks=len(by_clock),
        overlaps=tuple(each for spans in by_clock.values() for each in _overlaps(spans)),
        silent=tuple(run for run, held in windows.items() if not held),
    )


def _overlaps(spans: Sequence[tuple[float, float, str]]) -> list[Overlap]:
    """Compare each span with the one that lasts longest of those begun before it."""
    found: list[Overlap] = []
    last_end_s, last_run = float("-inf"), ""
    for start_s, end_s, run in sorted(spans):
        if start_s < last_end_s:
            found.append(Overlap(last_run, run, min(end_s, last_end_s) - start_s))
        if end_s > last_end_s:
            last_end_s, last_run = end_s, run
    return found
