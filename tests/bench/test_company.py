"""Who else works on the GPU, and when that is asked."""

from __future__ import annotations

import math
import os

import pytest

from effkit.bench.company import strangers


@pytest.mark.parametrize(
    ("used", "counted", "found", "told"),
    [
        (False, False, 3, None),
        (False, True, 3, 3.0),
        (False, True, None, None),
        (True, False, 3, 3.0),
        (True, True, 0, 0.0),
        (True, False, None, math.nan),
    ],
)
def test_it_is_asked_where_a_gpu_was_used_or_its_energy_is_in_the_figure(
    used: bool, counted: bool, found: int | None, told: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[set[int], int, bool]] = []

    def answer(ours: set[int], since_us: int, *, used: bool) -> int | None:
        asked.append((ours, since_us, used))
        return found

    monkeypatch.setattr("effkit.bench.nvml.strangers", answer)
    seen = strangers([], 10, used=used, counted=counted)
    assert seen == told or (told is not None and math.isnan(told) and seen is not None and math.isnan(seen))
    assert asked == [({os.getpid()}, 10, used)] * (used or counted)
