"""The timed loops that run inside a worker: warm-up, visits, throughput."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from effkit.bench.host import core_wait_s, core_waits_s
from effkit.bench.yardstick import STRETCH_S, reading_s
from effkit.models.base import Predictor
from effkit.spec import Protocol

WARM_UP_ITEMS = 20
RE_WARM_ITEMS, RE_WARM_S = 16, 0.5
"""Calls that bring a model back into the caches after another has run: of MiniLM's the first takes 20 to 30 % longer,
the second 5 %, and from the tenth on nothing is seen. Caches are full sooner than a slow model has made so many."""
FAST_CALL_S = 0.005
SMALL_SPREAD = 0.05
WINDOW_S = 0.1
"""Shortest window of the warm-up test: a single pass of a fast model is all noise."""
MOST_TO_COMPARE_S = 60.0
"""A model that needs longer for two windows is not compared with itself."""


@dataclass(frozen=True)
class Calls:
    """The batch-1 calls of a visit, in the order in which they were made.

    Attributes:
        item: (kept,) position of the item in the list that was passed over.
        prepare_s: (kept,) time to prepare it.
        infer_s: (kept,) time to infer.
        mean_prepare_s: over all measured calls, kept or not.
        mean_infer_s: over all measured calls, kept or not.
        calls: all calls made, those of re-warming included.
        stretch_calls: (stretches,) calls of each stretch of whole passes.
        stretch_call_s: (stretches,) mean time of its calls.
        stretch_cpu_s: (stretches,) CPU time of this process in one of its calls, on average.
        stretch_wait_s: (stretches,) time that one of its calls waited for a core, on average; 0 where no system tells.
        stretch_yard_s: (stretches,) mean reading of the yardstick during it.
        yardstick_s: CPU time that the readings took in all.
    """

    item: list[int]
    prepare_s: list[float]
    infer_s: list[float]
    mean_prepare_s: float
    mean_infer_s: float
    calls: int
    stretch_calls: list[int]
    stretch_call_s: list[float]
    stretch_cpu_s: list[float]
    stretch_wait_s: list[float]
    stretch_yard_s: list[float]
    yardstick_s: float


class Mark(NamedTuple):
    """How far a process is: readings of the yardstick, CPU time, and each thread's waiting for a core, without them."""

    readings: int
    cpu_s: float
    waits_s: dict[int, float]


@dataclass
class Pace:
    """Reads the yardstick now and then between calls."""

    readings_s: list[float] = field(default_factory=list)
    spent_cpu_s: float = 0.0
    _waited_s: float = 0.0
    _read_at: float = 0.0

    def look(self) -> None:
        """Read it, if the last reading is a while ago."""
        if time.perf_counter() - self._read_at >= STRETCH_S:
            self.read()

    def read(self) -> None:
        """Read it now."""
        start, waited_s = time.process_time(), core_wait_s()
        self.readings_s.append(reading_s())
        self._read_at = time.perf_counter()
        self.spent_cpu_s += time.process_time() - start
        self._waited_s += core_wait_s() - waited_s

    def mark(self, before: Mark | None = None) -> Mark:
        """Tell how far this process is; a stretch ends only where the yardstick was read since the mark before."""
        cpu_s = time.process_time() - self.spent_cpu_s
        if before is not None and before.readings == len(self.readings_s):
            return before._replace(cpu_s=cpu_s)
        waits_s, mine = core_waits_s(), threading.get_native_id()
        if mine in waits_s:
            waits_s[mine] -= self._waited_s
        return Mark(len(self.readings_s), cpu_s, waits_s)


def one_pass(predictor: Predictor, items: list[Any], pace: Pace | None = None) -> tuple[list[float], list[float]]:
    """Call the model once on each item and return the times to prepare and to infer, in seconds."""
    clock = time.perf_counter
    prepare_s, infer_s = [], []
    for item in items:
        start = clock()
        prepared = predictor.prepare([item])
        middle = clock()
        predictor.infer(prepared)
        end = clock()
        prepare_s.append(middle - start)
        infer_s.append(end - middle)
        if pace is not None:
            pace.look()
    return prepare_s, infer_s


def visit(
    predictor: Predictor,
    items: list[Any],
    *,
    least_calls: int,
    least_s: float,
    most_kept: int,
    re_warm_items: int = RE_WARM_ITEMS,
) -> Calls:
    """Re-warm with some calls, then make whole passes until there are enough calls and enough time.

    Args:
        predictor: the model.
        items: of one pass.
        least_calls: fewest calls.
        least_s: shortest time, seconds.
        most_kept: calls that are told one by one: of more, whole passes, evenly spread.
        re_warm_items: calls to re-warm with.
    """
    re_warmed = _re_warm(predictor, items[:re_warm_items])
    passes: list[tuple[list[float], list[float]]] = []
    pace = Pace()
    pace.read()
    marks = [pace.mark()]
    start = time.perf_counter()
    while len(passes) * len(items) < least_calls or time.perf_counter() - start < least_s:
        passes.append(one_pass(predictor, items, pace))
        marks.append(pace.mark(marks[-1]))
    marks[-1] = pace.mark()
    pace.read()
    marks[-1] = marks[-1]._replace(readings=len(pace.readings_s))
    prepare_s, infer_s = (np.array(times) for times in zip(*passes, strict=True))
    stretches = _stretches(prepare_s + infer_s, marks, pace.readings_s)
    most = min(max(1, most_kept // len(items)), len(passes))
    kept = np.unique(np.linspace(0, len(passes) - 1, most).round().astype(int))
    return Calls(
        item=list(range(len(items))) * len(kept),
        prepare_s=prepare_s[kept].ravel().tolist(),
        infer_s=infer_s[kept].ravel().tolist(),
        mean_prepare_s=float(prepare_s.mean()),
        mean_infer_s=float(infer_s.mean()),
        calls=len(passes) * len(items) + re_warmed,
        stretch_calls=[each.calls for each in stretches],
        stretch_call_s=[each.call_s for each in stretches],
        stretch_cpu_s=[each.cpu_s for each in stretches],
        stretch_wait_s=[each.wait_s for each in stretches],
        stretch_yard_s=[each.yard_s for each in stretches],
        yardstick_s=pace.spent_cpu_s,
    )


def _re_warm(predictor: Predictor, items: list[Any]) -> int:
    """Call the model once on each item, but no longer than it takes to be warm again; return the calls made."""
    start = time.perf_counter()
    for made, item in enumerate(items, 1):
        one_pass(predictor, [item])
        if time.perf_counter() - start >= RE_WARM_S:
            return made
    return len(items)


class Stretch(NamedTuple):
    """Whole passes between two readings: calls, mean wall, CPU and waiting time of a call, mean reading."""

    calls: int
    call_s: float
    cpu_s: float
    wait_s: float
    yard_s: float


def _stretches(call_s: NDArray[np.float64], marks: list[Mark], readings_s: list[float]) -> list[Stretch]:
    """Cut the passes into stretches, each from one reading of the yardstick to a later one.

    Args:
        call_s: (passes, items) time of each call.
        marks: when each pass began, and at the end.
        readings_s: what the yardstick read.
    """
    found, first = [], 0
    for last in range(len(call_s)):
        start, end = marks[first], marks[last + 1]
        if end.readings > start.readings:
            part = call_s[first : last + 1]
            within = readings_s[start.readings - 1 : end.readings]
            cpu_s = (end.cpu_s - start.cpu_s) / part.size
            wait_s = _longest_wait_s(start.waits_s, end.waits_s) / part.size
            found.append(Stretch(part.size, float(part.mean()), cpu_s, wait_s, float(np.mean(within))))
            first = last + 1
    return found


def _longest_wait_s(before_s: dict[int, float], after_s: dict[int, float]) -> float:
    """How long the thread waited that waited longest: the others wait for it."""
    return max((wait_s - before_s.get(thread, 0.0) for thread, wait_s in after_s.items()), default=0.0)


def is_steady(first_s: NDArray[np.float64], second_s: NDArray[np.float64]) -> bool:
    """Compare two passes over the same items as pyperf compares two windows of warm-ups.

    Args:
        first_s: call times of the earlier pass, seconds.
        second_s: call times of the later pass, seconds.

    Source:
        pyperf, calibration of warm-ups: first value no outlier, and mean, quartiles and median
        absolute deviation of both windows alike. Where items take nearly equal times the deviation is
        all noise and never alike, so a small one passes.
    """
    q1, _, q3 = np.percentile(second_s, (25, 50, 75))
    if first_s[0] > q3 + 1.5 * (q3 - q1):
        return False
    change = (first_s.mean() - second_s.mean()) / second_s.mean()
    if not -0.5 <= change <= 0.1:
        return False
    for share in (25, 75):
        if abs(_relative(np.percentile(first_s, share), np.percentile(second_s, share))) > 0.05:
            return False
    spreads = _mad(first_s), _mad(second_s)
    return max(spreads) <= SMALL_SPREAD * float(second_s.mean()) or abs(_relative(*spreads)) <= 0.10


def _relative(first: Any, second: Any) -> float:
    return float((first - second) / second) if second else 0.0


def _mad(values: NDArray[np.float64]) -> float:
    return float(np.median(np.abs(values - np.median(values))))


def _window(predictor: Predictor, items: list[Any]) -> tuple[NDArray[np.float64], int]:
    """Return the median time of each item over enough passes to see past a hiccup, and the calls made."""
    passes: list[NDArray[np.float64]] = []
    start = time.perf_counter()
    while not passes or time.perf_counter() - start < WINDOW_S:
        passes.append(np.add(*one_pass(predictor, items)))
    return np.median(passes, axis=0), len(passes) * len(items)


def warm_up(predictor: Predictor, items: list[Any], protocol: Protocol) -> dict[str, Any]:
    """Call the model until it has settled, or the protocol's patience ends.

    Returns:
        `steady`, `calls` and `first_call_s`.
    """
    start = time.perf_counter()
    predictor.infer(predictor.prepare(items[:1]))
    first_call_s = time.perf_counter() - start
    calls, steady = 1, False
    previous: NDArray[np.float64] | None = None
    while True:
        current, made = _window(predictor, items)
        calls += made
        elapsed = time.perf_counter() - start
        shortest = protocol.warm_up_fast_s if np.median(current) < FAST_CALL_S else protocol.warm_up_s
        # Once settled is settled: what differs later is the host's noise, and blocks are there for that.
        steady = steady or (previous is not None and is_steady(previous, current))
        # Nothing is said of a model that was not compared with itself, unless that would take for ever.
        compared = previous is not None or 2 * elapsed > MOST_TO_COMPARE_S
        previous = current
        enough = calls >= protocol.warm_up_calls and elapsed >= shortest
        tired = calls >= protocol.warm_up_most_calls and elapsed >= protocol.warm_up_s
        exhausted = compared and (elapsed >= protocol.warm_up_most_s or tired)
        if (enough and steady) or exhausted:
            return {"steady": steady, "calls": calls, "first_call_s": first_call_s}


def throughput(predictor: Predictor, items: list[Any], least_s: float) -> tuple[list[float], list[float]]:
    """Measure whole batches: one warm call, then at least two and `least_s`.

    A batch that alone lasts longer than twice `least_s` is measured once.

    Returns:
        The time of each batch, seconds, and the mean reading of the yardstick before and after it.
    """
    start = time.perf_counter()
    predictor.infer(predictor.prepare(items))
    least_calls = 1 if time.perf_counter() - start > 2 * least_s else 2
    batch_s: list[float] = []
    readings_s, begun = [reading_s()], time.perf_counter()
    while len(batch_s) < least_calls or time.perf_counter() - begun < least_s:
        start = time.perf_counter()
        predictor.infer(predictor.prepare(items))
        batch_s.append(time.perf_counter() - start)
        readings_s.append(reading_s())
    return batch_s, [(before + after) / 2 for before, after in pairwise(readings_s)]
