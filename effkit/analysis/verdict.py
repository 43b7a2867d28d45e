"""Whether a technique is worth it: from its quality gap and what it saves against the chain without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from effkit.record import Link, Ratio, Verdict

Worth = Literal["worth it", "not worth it", "not resolvable"]

LEAST_GAIN = 0.05
"""Less than this share of time or memory is no saving."""


def worth(link: Link) -> tuple[Worth, str]:
    """Return whether a technique is worth it, and the reason in a few words.

    It is worth it where the link is not worse than the one before it by the margin and answers faster, or answers
    as fast and is better, smaller or takes less energy. It is not where it failed, is worse by the margin, is
    slower whatever it gives in return, or gives nothing. All else is not resolvable.
    """
    gap, speed = link.gap, link.latency
    gains = list(_gains(link))
    if link.error is not None:
        return "not worth it", "it failed"
    if gap is not None and gap.verdict == "inferior":
        return "not worth it", "it is worse by more than the margin"
    if speed is not None and speed.verdict == "higher":
        return "not worth it", _though("it is slower", gains)
    if speed is not None and not gains and _saves_nothing(speed):
        return "not worth it", f"it saves less than {100 * LEAST_GAIN:.0f} % of the time, if anything"
    if gap is None:
        return "not resolvable", "the chain before it failed"
    if gap.verdict == "inconclusive":
        return "not resolvable", "these items cannot tell whether it is worse by the margin"
    quality = "better" if gap.verdict == "superior" else "not worse by the margin"
    if speed is None:
        return "not resolvable", f"it is {quality}, and its speed is not known: only candidates are timed"
    if speed.verdict == "lower":
        return "worth it", _though(f"it is faster and {quality}", list(_losses(link)))
    if gains and _loses_nothing(speed):
        others = [each for each in gains if each != "better"]
        return "worth it", _though(f"it is as fast, {', '.join((*others, f'and {quality}'))}", list(_losses(link)))
    return "not resolvable", f"it is {quality}, and {_WHY_NOT[speed.verdict]}"


_WHY_NOT: Mapping[Verdict, str] = {
    "indicative": "fewer than five generations claim no speed",
    "within noise": "its speed is within the noise",
    "unstable": "the noise of the run is unstable",
    "not resolvable": "disturbed visits decide its speed",
}


def shown_faster(speed: Ratio | None) -> bool:
    """Whether a ratio to the reference is shown to be lower; with fewer generations than claim any, looks a gain."""
    if speed is None:
        return False
    return speed.verdict == "lower" or (speed.verdict == "indicative" and speed.value < 1 - LEAST_GAIN)


def _saves_nothing(speed: Ratio) -> bool:
    return speed.verdict == "within noise" and speed.low is not None and speed.low > 1 - LEAST_GAIN


def _loses_nothing(speed: Ratio) -> bool:
    return speed.verdict == "within noise" and speed.high is not None and speed.high < 1 + LEAST_GAIN


def _gains(link: Link) -> Iterator[str]:
    """What else than time it saves. Fewer bytes of weights count where the memory taken is smaller too."""
    if link.gap is not None and link.gap.verdict == "superior":
        yield "better"
    least = 1 - LEAST_GAIN
    if link.size is not None and link.size <= least and (link.peak is None or link.peak <= least):
        yield f"smaller ({100 * link.size:.0f} % of the weights)"
    if link.energy is not None and link.energy.verdict == "lower":
        yield "takes less energy"


def _losses(link: Link) -> Iterator[str]:
    """What a faster technique takes in return."""
    if link.peak is not None and link.peak >= 1 + LEAST_GAIN:
        yield f"takes {link.peak:.2g} times the memory"
    if link.energy is not None and link.energy.verdict == "higher":
        yield "takes more energy"


def _though(said: str, other: list[str]) -> str:
    return f"{said}, though it {' and '.join(_verb(each) for each in other)}" if other else said


def _verb(words: str) -> str:
    return words if words.startswith("takes") else f"is {words}"
