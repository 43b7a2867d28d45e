"""The yardstick reads the core's speed, and a visit reads it as it goes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from effkit.bench.latency import throughput, visit
from effkit.bench.yardstick import STRETCH_S, reading_s


class Waits:
    """A model whose calls last as long as it is told."""

    def __init__(self, call_s: float) -> None:
        self.call_s = call_s

    def prepare(self, items: list[Any]) -> list[Any]:
        return items

    def infer(self, prepared: list[Any]) -> NDArray[np.int64]:
        time.sleep(self.call_s)
        return np.zeros(len(prepared), dtype=np.int64)


def test_a_reading_is_a_short_time() -> None:
    assert 0 < reading_s() < STRETCH_S


@pytest.mark.parametrize("call_s", [0.0, 0.0005, 0.02])
def test_every_call_belongs_to_a_stretch_with_a_reading(call_s: float) -> None:
    seen = visit(Waits(call_s), list(range(4)), least_calls=40, least_s=0.05, most_kept=1000)
    assert sum(seen.stretch_calls) == seen.calls - 4
    assert len(seen.stretch_calls) == len(seen.stretch_call_s) == len(seen.stretch_yard_s) >= 1
    mean_s = np.average(seen.stretch_call_s, weights=seen.stretch_calls)
    assert mean_s == pytest.approx(seen.mean_prepare_s + seen.mean_infer_s)
    assert seen.yardstick_s > 0


def test_batches_are_read_before_and_after() -> None:
    batch_s, yard_s = throughput(Waits(0.001), list(range(8)), least_s=0.02)
    assert len(batch_s) == len(yard_s) >= 2
    assert all(seconds >= 0.001 for seconds in batch_s)
