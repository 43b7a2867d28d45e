"""What a candidate saves against the reference, in words that its verdicts allow."""

from __future__ import annotations

import math
from dataclasses import dataclass

from effkit.analysis.verdict import LEAST_GAIN
from effkit.record import COUNTED, CandidateRecord, Ratio
from effkit.report.units import DASH, factor, share, times
from effkit.report.values import KeyFigure, Tone
from effkit.report.view import View, taken_bytes
from effkit.report.words import GAP_TONES


@dataclass(frozen=True)
class Said:
    """What may be said of a ratio; as text the interval stands behind the words: "8.2× faster [7.9, 8.5]".

    Attributes:
        words: such as "8.2× faster", or why nothing is claimed; empty where there is no ratio.
        ends: the interval in brackets; empty where none is shown.
    """

    words: str
    ends: str = ""

    def __str__(self) -> str:
        return f"{self.words} {self.ends}".rstrip()


def clause(view: View, candidate: CandidateRecord) -> str:
    """The end of the answer: " and answers 8.2× faster [7.9, 8.5] with 1/12 of the memory"."""
    ratio = candidate.latency.ratio if candidate.latency else None
    memory = _memory(view, candidate)
    match ratio.verdict if ratio else None:
        case "lower":
            assert ratio is not None
            return f" and answers {_factor(ratio, 'faster')}{' with ' + memory if memory else ''}"
        case "higher":
            assert ratio is not None
            return f", but answers {_factor(ratio, 'slower')}{' with ' + memory if memory else ''}"
        case "within noise":
            return f", and is as fast as far as the noise lets one see{', with ' + memory if memory else ''}"
        case _:
            return f" and takes {memory}" if memory else ""


def would_be(view: View, candidate: CandidateRecord) -> list[str]:
    """What it would save if it were good enough."""
    ratio = candidate.latency.ratio if candidate.latency else None
    if ratio is None or ratio.verdict != "lower":
        return []
    memory = _memory(view, candidate)
    return [f"It would answer {_factor(ratio, 'faster')}{' with ' + memory if memory else ''}."]


def speed(ratio: Ratio | None) -> Said:
    """What may be said of a latency ratio: "8.2× faster [7.9, 8.5]", "none shown, within noise"."""
    return _said(ratio, "faster", "slower")


def energy(ratio: Ratio | None) -> Said:
    """What may be said of an energy ratio."""
    if ratio is not None and ratio.verdict == "within noise" and beyond_noise(ratio):
        return Said("not claimed: modelled power")
    return _said(ratio, "less", "more")


def throughput(ratio: Ratio | None) -> Said:
    """What may be said of a throughput ratio, where more is better."""
    if ratio is None:
        return Said("")
    turned = ratio.model_copy(
        update={
            "value": 1 / ratio.value,
            "low": None if ratio.high is None else 1 / ratio.high,
            "high": None if ratio.low is None else 1 / ratio.low,
            "verdict": {"lower": "higher", "higher": "lower"}.get(ratio.verdict, ratio.verdict),
        }
    )
    return _said(turned, "more", "fewer")


def key_figures(view: View, candidate: CandidateRecord) -> tuple[KeyFigure, ...]:
    """Quality, speed and memory of the candidate that the answer speaks of, each fit for a headline."""
    figures = []
    gap = candidate.gap
    if gap is not None:
        unit = "per cent" if view.lower_is_better else "points"
        what = "error saved" if view.lower_is_better else view.metric
        tone: Tone = GAP_TONES.get(gap.verdict, "warn")
        figures.append(KeyFigure(view.gap_value(gap.difference), f"{unit} of {what}", tone))
    ratio = candidate.latency.ratio if candidate.latency else None
    if ratio is not None:
        figures.append(_speed_figure(ratio))
    taken = _process_ratio(view, candidate)
    if taken is not None:
        what = "of the memory" if taken < 1 else "the memory"
        figures.append(KeyFigure(share(taken), what, "good" if taken < 1 - LEAST_GAIN else ""))
    used, base = candidate.energy, view.reference.energy
    counted = used is not None and base is not None and {used.rank, base.rank} <= set(COUNTED)
    if used is not None and used.ratio is not None and counted and used.ratio.verdict == "lower":
        figures.append(KeyFigure(f"{times(1 / used.ratio.value)}", "less energy", "good"))
    return tuple(figures)


def _speed_figure(ratio: Ratio) -> KeyFigure:
    match ratio.verdict:
        case "lower":
            return KeyFigure(times(1 / ratio.value), "faster", "good")
        case "higher":
            return KeyFigure(times(ratio.value), "slower", "bad")
        case "within noise":
            return KeyFigure(DASH, "no difference in speed shown", "muted")
        case "unstable":
            return KeyFigure("?", "speed: unstable noise", "warn")
        case "not resolvable":
            return KeyFigure("?", "speed: not resolvable", "warn")
        case _:
            return KeyFigure(f"~{times(max(ratio.value, 1 / ratio.value))}", _towards(ratio) + ", indicative", "muted")


def _towards(ratio: Ratio) -> str:
    return "faster" if ratio.value < 1 else "slower"


def _said(ratio: Ratio | None, lower: str, higher: str) -> Said:
    if ratio is None:
        return Said("")
    match ratio.verdict:
        case "lower":
            return _factor(ratio, lower)
        case "higher":
            return _factor(ratio, higher)
        case "within noise":
            return Said("none shown, within noise")
        case "unstable":
            return Said("not claimed: unstable")
        case "not resolvable":
            return Said("not resolvable: disturbed")
        case _:
            word = lower if ratio.value < 1 else higher
            return Said(f"~{times(max(ratio.value, 1 / ratio.value))} {word}, indicative")


def beyond_noise(ratio: Ratio) -> bool:
    """Whether the interval by itself lies beyond the noise: then it is a power model that forbids the claim."""
    low, high = ratio.low, ratio.high
    return (
        low is not None
        and high is not None
        and bool(math.log(high) < -ratio.threshold or math.log(low) > ratio.threshold)
    )


def _factor(ratio: Ratio, word: str) -> Said:
    number, ends = factor(ratio, inverted=ratio.value < 1)
    return Said(f"{number} {word}", ends)


def _memory(view: View, candidate: CandidateRecord) -> str:
    ratio = _process_ratio(view, candidate)
    if ratio is None:
        return ""
    if 1 - LEAST_GAIN <= ratio <= 1 + LEAST_GAIN:
        return "about the same memory"
    return f"{share(ratio)} {'of ' if ratio < 1 else ''}the memory"


def _process_ratio(view: View, candidate: CandidateRecord) -> float | None:
    mine, theirs = taken_bytes(candidate), taken_bytes(view.reference)
    return mine / theirs if mine and theirs else None
