"""Do two runs' numbers lie apart, by more than chance and by more than a run differs from itself?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from effkit.analysis.quality import holm
from effkit.analysis.readings import Reading
from effkit.analysis.statistics import NOISE_FLOOR
from effkit.analysis.welch import ALPHA, LogTest
from effkit.record import Record

Verdict = Literal["agrees", "may be chance", "within noise", "differs", "unstable", "no interval", "one worker"]


@dataclass(frozen=True)
class Number:
    """One measured number in both runs; `test` is None where one of them has no interval that holds its luck.

    `threshold` is the larger noise of both runs, a log ratio; None where the metric is unstable in one of them.
    `p_holm` allows for all numbers that were looked at.
    """

    candidate: str
    first: Reading
    second: Reading
    test: LogTest | None
    threshold: float | None
    p_holm: float | None = None
    verdict: Verdict = "no interval"


def larger_noise(reading: Reading, first: Record, second: Record) -> float | None:
    """Return the larger noise of both runs, a log ratio, at least 1 %; None where one of them is unstable in it.

    Args:
        reading: of what is compared.
        first: the one run.
        second: the other.
    """
    checks = [each for record in (first, second) for each in record.noise if each.metric == reading.noise]
    return None if any(each.unstable for each in checks) else max([NOISE_FLOOR, *(each.threshold for each in checks)])


def judged(numbers: Sequence[Number]) -> tuple[Number, ...]:
    """Return the numbers with their verdicts, Holm's correction over all that may be judged."""
    p_values = [each.test.p_value for each in numbers if each.test is not None and each.threshold is not None]
    adjusted = iter(holm(p_values) if p_values else ())
    result = []
    for each in numbers:
        if each.test is None:
            result.append(each)
            continue
        if each.threshold is None:
            result.append(replace(each, verdict="unstable"))
            continue
        p_holm = float(next(adjusted))
        result.append(replace(each, p_holm=p_holm, verdict=_verdict(each.test, each.threshold, p_holm)))
    return tuple(result)


def _verdict(test: LogTest, threshold: float, p_holm: float) -> Verdict:
    if test.p_value >= ALPHA:
        return "agrees"
    if p_holm >= ALPHA:
        return "may be chance"
    beyond = np.log(test.low) > threshold or np.log(test.high) < -threshold
    return "differs" if beyond else "within noise"
