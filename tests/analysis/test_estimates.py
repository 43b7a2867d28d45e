"""From samples to estimates: known truths come back, and what the data cannot carry does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from effkit.analysis.estimates import Component, Estimates

COLUMNS = ["candidate", "twin", "generation", "block", "position", "item", "metric", "value"]
CPU = Component("cpu", "modelled-tdp", "a model")
RAPL = Component("cpu", "counter", "RAPL")


def samples(
    *, generations: int = 5, slower: float = 2.0, luck: float = 0.001, twin_b: float = 1.0, window_s: float = 2.0
) -> pd.DataFrame:
    """A run of a reference at 10 ms, entered twice, and of a candidate `slower` times as slow."""
    rng = np.random.default_rng(1)
    rows: list[list[Any]] = []
    for generation in range(generations):
        for name, twin, factor in (("ref", "a", 1.0), ("ref", "b", twin_b), ("mine", "", slower)):
            call_s = 0.01 * factor * np.exp(luck * rng.standard_normal())
            start = [name, twin, generation, -1, -1, -1]
            rows += [[*start, metric, value] for metric, value in (
                ("import_s", 1.0), ("load_s", 0.5), ("first_call_s", 0.1), ("steady", 1.0),
                ("floor_bytes", 1e8), ("peak_bytes", 1e8 + 1e7 * factor), ("items_per_s", 1 / call_s),
            )]  # fmt: skip
            for block in range(2):
                place = [name, twin, generation, block, 0]
                times = call_s * rng.uniform(0.9, 1.1, 80)
                for item, value in enumerate(times):
                    rows += [[*place, item % 16, "prepare_s", 0.2 * value], [*place, item % 16, "infer_s", 0.8 * value]]
                rows += [[*place, -1, metric, value] for metric, value in (
                    ("visit_prepare_s", 0.2 * call_s), ("visit_infer_s", 0.8 * call_s), ("visit_calls", 96.0),
                    ("visit_cpu_s", 96 * call_s), ("visit_window_s", window_s), ("visit_cpu_j", 5.0 * 96 * call_s),
                )]  # fmt: skip
        rows.append(["", "", generation, -1, -1, -1, "idle_w", 1.0])
    return pd.DataFrame(rows, columns=COLUMNS)


def estimates(frame: pd.DataFrame, *, pinned: bool = True, component: Component = CPU) -> Estimates:
    return Estimates(frame, "ref", pinned=pinned, components=[component])


def test_a_true_ratio_comes_back_with_its_verdict() -> None:
    ratio = estimates(samples()).ratio("mine", "latency")
    assert ratio is not None
    assert ratio.low is not None and ratio.high is not None
    assert ratio.low < 2.0 < ratio.high
    assert ratio.high / ratio.low < 1.02
    assert (ratio.verdict, ratio.n) == ("higher", 5)
    throughput = estimates(samples()).ratio("mine", "throughput")
    assert throughput is not None and throughput.verdict == "lower"


def test_the_reference_has_no_ratio_but_is_its_own_noise_check() -> None:
    found = estimates(samples())
    assert found.ratio("ref", "latency") is None
    checks = {check.metric: check for check in found.noise()}
    assert set(checks) == {"latency", "throughput", "energy"}
    assert all(check.assessed and not check.unstable for check in checks.values())
    assert checks["latency"].threshold >= 0.01


def test_a_difference_within_the_noise_is_not_claimed() -> None:
    ratio = estimates(samples(slower=1.005)).ratio("mine", "latency")
    assert ratio is not None and ratio.verdict == "within noise"


def test_unpinned_workers_need_a_larger_difference() -> None:
    pinned, unpinned = (
        estimates(samples(slower=1.02), pinned=pinned).ratio("mine", "latency") for pinned in (True, False)
    )
    assert pinned is not None and pinned.verdict == "higher"
    assert unpinned is not None and unpinned.verdict == "within noise"


def test_a_reference_that_differs_from_itself_makes_the_run_unstable() -> None:
    found = estimates(samples(twin_b=1.2))
    assert any(check.unstable for check in found.noise() if check.metric == "latency")
    ratio = found.ratio("mine", "latency")
    assert ratio is not None and ratio.verdict == "unstable"


@pytest.mark.parametrize("generations", [1, 4])
def test_fewer_than_five_generations_only_indicate(generations: int) -> None:
    found = estimates(samples(generations=generations))
    ratio = found.ratio("mine", "latency")
    assert ratio is not None and ratio.verdict == "indicative"
    assert not any(check.assessed for check in found.noise())
    latency = found.latency("mine", seed=1)
    assert latency is not None
    assert (latency.mean_s.low is None) == (generations == 1)


def test_latency_splits_into_its_parts_and_gates_its_percentiles() -> None:
    latency = estimates(samples()).latency("mine", seed=1)
    assert latency is not None and latency.cpu_s is not None
    assert latency.prepare_s.value / latency.mean_s.value == pytest.approx(0.2, rel=0.01)
    assert latency.cpu_s.value == pytest.approx(latency.mean_s.value, rel=0.01)
    by_level = {each.level: each for each in latency.percentiles}
    assert latency.calls == 800
    assert by_level[99].value_s is not None and by_level[99].value_s < 0.0225
    few = estimates(samples(generations=1)).latency("mine", seed=1)
    assert few is not None
    p99 = next(each for each in few.percentiles if each.level == 99)
    assert p99.value_s is None and p99.reason is not None and "n too small" in p99.reason


def test_memory_and_cold_start() -> None:
    found = estimates(samples())
    memory = found.memory("mine", weight_bytes=5, tensor_bytes=None)
    assert memory is not None
    assert (memory.peak_bytes, memory.floor_bytes, memory.tensor_bytes) == (20_000_000, 100_000_000, None)
    start = found.cold_start("mine")
    assert start is not None and start.load_s.value == pytest.approx(0.5)


def test_energy_is_gross_and_net_and_says_that_it_is_modelled() -> None:
    energy = estimates(samples()).energy("mine")
    assert energy is not None and energy.request_j is not None and energy.net_j is not None
    assert energy.request_j.value == pytest.approx(0.1, rel=0.01)
    assert energy.request_j.origin == "modelled"
    assert energy.net_j == pytest.approx(0.1 - 20.0 / (10 * 96), rel=0.01)
    assert energy.ratio is not None and energy.ratio.verdict == "higher"
    counted = estimates(samples(), component=RAPL).energy("mine")
    assert counted is not None and counted.request_j is not None and counted.request_j.origin == "measured"


def test_windows_that_are_too_short_are_not_resolvable_and_never_0() -> None:
    energy = estimates(samples(window_s=1.0)).energy("mine")
    assert energy is not None
    assert energy.request_j is None and energy.ratio is None
    assert energy.note is not None and "15 s are needed" in energy.note
    resolved = estimates(samples(window_s=1.1), component=RAPL).energy("mine")
    assert resolved is not None and resolved.request_j is not None


def test_without_energy_or_visits_there_is_nothing_to_say() -> None:
    frame = samples()
    assert Estimates(frame, "ref", pinned=True, components=[]).energy("mine") is None
    assert estimates(frame).latency("never-visited", seed=1) is None
    assert estimates(frame).memory("never-visited", weight_bytes=1, tensor_bytes=1) is None


def test_a_candidate_that_failed_half_way_keeps_what_it_had() -> None:
    frame = samples()
    kept = frame[(frame["candidate"] != "mine") | (frame["generation"] < 3)]
    ratio = estimates(kept).ratio("mine", "latency")
    assert ratio is not None and (ratio.n, ratio.verdict) == (3, "indicative")
