"""The formula that the load test is held against is itself right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.loadgen import SERVICE_S, driven, sojourn_s, sojourns, spin
from effkit.spec import LoadSpec


def simulated_s(load: float, wake: float, arrivals: int = 3_000_000) -> NDArray[np.float64]:
    """Times from arrival to answer in service times, by following every request (Lindley)."""
    gaps = np.random.default_rng(1).exponential(1 / load, arrivals)
    found, left = [], 0.0
    for gap in gaps.tolist():  # one by one, plain numbers are quicker
        left = max(0.0, left - gap)
        left += 1 + wake if left == 0 else 1
        found.append(left)
    return np.array(found)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_the_median_of_a_light_load_is_a_service(load: float) -> None:
    assert sojourn_s(100 * (1 - load) - 0.01, load, 0.005) == pytest.approx(0.005)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_the_mean_wait_is_pollaczek_and_khinchines(load: float) -> None:
    times, share = sojourns(load)
    assert np.trapezoid(1 - share, times) == pytest.approx(load / (2 * (1 - load)), rel=1e-3)


@pytest.mark.parametrize(("level", "expected"), [(50, 2.28), (90, 6.01), (99, 11.36)])
def test_percentiles_are_erlangs(level: float, expected: float) -> None:
    assert sojourn_s(level, 0.8, 0.005) == pytest.approx(0.005 * expected, rel=0.01)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_who_wakes_the_worker_takes_longer(load: float) -> None:
    found = simulated_s(load, 0.12)
    for level in (50, 90, 95):
        assert sojourn_s(level, load, 1.0, 0.12) == pytest.approx(float(np.percentile(found, level)), rel=0.02)


def test_a_model_of_a_fixed_service_time_is_driven_as_the_formula_describes_it(tmp_path: Path) -> None:
    pytest.importorskip("mlperf_loadgen", reason="the load generator is an extra: effkit[load]")
    found = driven(spin(tmp_path), LoadSpec(shares=(0.3,), queries=120, seeds=1))
    assert 0.5 / SERVICE_S < found.saturation_per_s.value <= 1 / SERVICE_S
    median_s = found.points[0].percentiles[0].value_s
    assert median_s is not None and median_s >= SERVICE_S
