"""Gates: which answers of a stage stand, and which items go on to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effkit.models.confidence import Confidence

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

ALL_GO_ON, NONE_GOES_ON = 2.0, -1e3
"""Thresholds above and below every confidence: a margin or a probability is at most 1, a logarithm at most 0."""
ONE_SIDED = 1.645
"""Standard errors to a bound that is one-sided at 95 %."""


@dataclass(frozen=True)
class Gate:
    """Behind a stage: an item goes on where the confidence is below the threshold."""

    confidence: Confidence
    threshold: float

    def goes_on(self, shares: NDArray[Any]) -> NDArray[np.bool_]:
        """Return (n,) whether each of (n, classes) answers is too unsure to stand."""
        return np.asarray(self.confidence.of(shares) < self.threshold)


def run(gates: Sequence[Gate], ask: Callable[[int, Indices], NDArray[Any]], count: int) -> tuple[NDArray[Any], Indices]:
    """Ask stage after stage, each only about the items that the one before passed on.

    Args:
        gates: one behind each stage but the last.
        ask: number of a stage and rows to (rows, classes) answers; called in order.
        count: items.

    Returns:
        (n, classes) answers in the order of the items, and the (n,) stage that gave each.
    """
    rows = np.arange(count)
    answers = np.asarray(ask(0, rows))
    if answers.ndim == 2:
        answers = answers.astype(np.float64)
    by = np.zeros(count, dtype=np.int64)
    for number, gate in enumerate(gates):
        rows = rows[gate.goes_on(answers[rows])]
        if not len(rows):
            break
        answers[rows] = ask(number + 1, rows)
        by[rows] = number + 1
    return answers, by


def combined(gates: Sequence[Gate], answers: NDArray[Any]) -> tuple[NDArray[Any], Indices]:
    """Return what a cascade answers, from (stages, n, classes) answers of every stage, and by which stage."""
    return run(gates, lambda stage, rows: answers[stage][rows], answers.shape[1])


def thresholds(confidences: Sequence[Floats], scores: NDArray[Any], accepted: float) -> tuple[float, ...]:
    """Choose each gate's threshold: the fewest items go on at which no more is lost to the last stage than accepted.

    What is lost is taken at its upper bound, one-sided at 95 %: of many thresholds on few items, some seem to lose
    nothing by luck, most of all where few items go on. The last gate comes first, and each before it is chosen with
    those behind it in place; they share what is accepted evenly. Nothing here is random or timed.

    Args:
        confidences: (n,) of each stage but the last, on items that nothing was fitted to.
        scores: (stages, n) what each stage's answer scores, 1 or 0 where it is right or wrong.
        accepted: loss of the mean score.
    """
    last = scores[-1].astype(np.float64)
    behind, chosen = last, list[float]()
    for number, confidence in enumerate(confidences[::-1], 1):
        order = np.argsort(confidence, kind="stable")
        right = scores[-1 - number].astype(np.float64)
        losses = _losses((last - right)[order], (last - behind)[order])
        allowed = accepted * number / len(confidences) + 1e-12
        enough = (count for count in _places(confidence) if losses[count] <= allowed)
        # Those behind may lose by chance what is theirs; then nothing less than all of the items is as good.
        chosen.insert(0, _between(confidence[order], next(enough, len(order))))
        behind = np.where(confidence < chosen[0], behind, right)
    return tuple(chosen)


def _losses(kept: Floats, passed: Floats) -> Floats:
    """Return the (n + 1,) upper bound of the mean loss where the first 0 to n items go on.

    Args:
        kept: (n,) loss of each item where it stays, the least sure first.
        passed: (n,) where it goes on.
    """

    def summed(one: Floats, other: Floats) -> Floats:
        return np.asarray(np.append(0.0, np.cumsum(one)) + np.append(np.cumsum(other[::-1])[::-1], 0.0))

    mean, square = (summed(passed**power, kept**power) / len(kept) for power in (1, 2))
    return np.asarray(mean + ONE_SIDED * np.sqrt(np.maximum(square - mean**2, 0.0) / len(kept)))


def at_shares(confidences: Sequence[Floats], shares: Sequence[float]) -> tuple[float, ...]:
    """Set each gate's threshold so that, of the items that reach it, this share goes on, as near as ties allow.

    Args:
        confidences: (n,) of each stage but the last.
        shares: one each, from 0 to 1.
    """
    reached = np.arange(len(confidences[0]))
    chosen = []
    for confidence, share in zip(confidences, shares, strict=True):
        ordered = np.sort(confidence[reached])
        nearest = min(_places(ordered), key=lambda count: (abs(count - share * len(ordered)), count))
        chosen.append(NONE_GOES_ON if share == 0 else ALL_GO_ON if share == 1 else _between(ordered, nearest))
        reached = reached[confidence[reached] < chosen[-1]]
    return tuple(chosen)


def _places(confidence: Floats) -> list[int]:
    """How many of the least sure items can go on without parting equals, from none to all."""
    ordered = np.sort(confidence)
    return [0, *(place for place, (a, b) in enumerate(pairwise(ordered), 1) if a < b), len(ordered)]


def _between(ordered: Floats, count: int) -> float:
    """A threshold that passes on the first `count` of rising confidences."""
    if count == 0:
        return NONE_GOES_ON
    if count == len(ordered):
        return ALL_GO_ON
    last, first = float(ordered[count - 1]), float(ordered[count])
    middle = (last + first) / 2
    return middle if middle > last else first  # between neighbours it is rounded to one of them
