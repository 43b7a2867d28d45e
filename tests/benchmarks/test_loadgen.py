"""The formula that the load test is held against is itself right."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.loadgen import sojourn_s, waits_up_to


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_a_request_waits_not_at_all_with_the_probability_of_an_idle_worker(load: float) -> None:
    assert waits_up_to(0.0, load) == pytest.approx(1 - load)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_the_mean_wait_is_pollaczek_and_khinchines(load: float) -> None:
    times = np.linspace(0, 40, 401)
    beyond = [1 - waits_up_to(each, load) for each in times]
    assert np.trapezoid(beyond, times) == pytest.approx(load / (2 * (1 - load)), rel=0.01)


@pytest.mark.parametrize(("level", "expected"), [(50, 2.28), (90, 6.01), (99, 11.36)])
def test_percentiles_are_those_of_a_long_simulation(level: float, expected: float) -> None:
    assert sojourn_s(level, 0.8, 0.005) == pytest.approx(0.005 * expected, rel=0.01)
