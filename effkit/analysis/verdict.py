"""Whether a technique is worth it: from its quality gap and its speed against the chain without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from effkit.record import Link, Verdict

Worth = Literal["worth it", "not worth it", "not resolvable"]

LEAST_GAIN = 0.05
"""A technique whose interval rules out even this share of the time saved is not worth it."""


def worth(link: Link) -> tuple[Worth, str]:
    """Return whether a technique is worth it, and the reason in a few words.

    It is worth it where the link is not worse than the one before it by the margin and answers faster; it is not
    where it is worse by the margin, is slower, or can save no more than a twentieth of the time.
    """
    gap, speed = link.gap, link.latency
    if link.error is not None:
        return "not worth it", "it failed"
    if gap is not None and gap.verdict == "inferior":
        return "not worth it", "it is worse by more than the margin"
    if speed is not None and speed.verdict == "higher":
        return "not worth it", "it is slower"
    if speed is not None and speed.verdict == "within noise" and speed.low is not None and speed.low > 1 - LEAST_GAIN:
        return "not worth it", f"it saves less than {100 * LEAST_GAIN:.0f} % of the time, if anything"
    if gap is None:
        return "not resolvable", "the chain before it failed"
    if gap.verdict == "inconclusive":
        return "not resolvable", "these items cannot tell whether it is worse by the margin"
    if speed is None:
        return "not resolvable", f"its speed is not known: make {link.before} and {link.name} candidates"
    if speed.verdict != "lower":
        return "not resolvable", _WHY_NOT[speed.verdict]
    return "worth it", "it is faster and not worse by the margin"


_WHY_NOT: Mapping[Verdict, str] = {
    "indicative": "fewer than five generations claim no speed",
    "within noise": "its speed is within the noise",
    "unstable": "the noise of the run is unstable",
    "not resolvable": "disturbed visits decide its speed",
}
