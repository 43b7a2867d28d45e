"""From samples to latency, memory and cold start."""

from __future__ import annotations

import pytest

from effkit.analysis.energy import energy
from effkit.analysis.estimates import cold_start, latency, memory
from tests.analysis.runs import paired, samples


def test_latency_splits_into_its_parts_and_gates_its_percentiles() -> None:
    seen = latency(paired(samples()), "mine", seed=1)
    assert seen is not None and seen.cpu_s is not None
    assert seen.prepare_s.value / seen.mean_s.value == pytest.approx(0.2, rel=0.01)
    assert seen.cpu_s.value == pytest.approx(seen.mean_s.value, rel=0.01)
    by_level = {each.level: each for each in seen.percentiles}
    assert seen.calls == 800
    assert by_level[99].value_s is not None and by_level[99].value_s < 0.0225
    few = latency(paired(samples(generations=1)), "mine", seed=1)
    assert few is not None
    p99 = next(each for each in few.percentiles if each.level == 99)
    assert p99.value_s is None and p99.reason is not None and "n too small" in p99.reason


def test_a_candidate_that_failed_after_its_only_visit_is_not_said_to_have_stayed_restless() -> None:
    frame = samples(generations=1)
    visited = frame[(frame["candidate"] != "mine") | (frame["block"] >= 0)]  # as runs before 0.4 have it
    seen = latency(paired(visited), "mine", seed=1)
    assert seen is not None and seen.steady


def test_memory_and_cold_start() -> None:
    found = paired(samples())
    seen = memory(found, "mine", weight_bytes=5, tensor_bytes=None)
    assert seen is not None
    assert (seen.peak_bytes, seen.floor_bytes, seen.tensor_bytes) == (20_000_000, 100_000_000, None)
    start = cold_start(found, "mine")
    assert start is not None and start.load_s.value == pytest.approx(0.5)


def test_a_candidate_that_failed_in_a_later_generation_keeps_its_memory() -> None:
    """Its last worker started, and told no peak."""
    frame = samples(generations=4)
    last = (frame["candidate"] == "mine") & (frame["generation"] == 3)
    failed = frame[~(last & frame["metric"].isin(["peak_bytes", "floor_bytes"]))]
    seen, start = memory(paired(failed), "mine", weight_bytes=5, tensor_bytes=None), cold_start(paired(failed), "mine")
    assert seen is not None and seen.peak_bytes == 20_000_000
    assert start is not None and start.load_s.n == 4


def test_without_energy_or_visits_there_is_nothing_to_say() -> None:
    frame = samples()
    assert energy(paired(frame, components=()), "mine", cores=2) is None
    assert latency(paired(frame), "never-visited", seed=1) is None
    assert memory(paired(frame), "never-visited", weight_bytes=1, tensor_bytes=1) is None
