"""Two estimates: the test is Welch's, keeps its 5 % and sees what is there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from effkit.analysis.statistics import ratio_over_generations
from effkit.analysis.welch import log_test
from effkit.record import Estimate


def estimate(logs: np.ndarray) -> Estimate:
    found = ratio_over_generations(logs)
    assert found is not None
    return Estimate(value=found.estimate, low=found.low, high=found.high, n=logs.size)


@pytest.mark.parametrize(("first", "second"), [(5, 5), (5, 10), (3, 7)])
def test_it_is_welchs_t_on_the_logarithms(first: int, second: int) -> None:
    rng = np.random.default_rng(7)
    one, other = rng.normal(0, 0.01, first), rng.normal(0.02, 0.05, second)
    found = log_test(estimate(one), first - 1, estimate(other), second - 1)
    wanted = stats.ttest_ind(other, one, equal_var=False)
    interval = wanted.confidence_interval()
    assert found is not None
    assert found.p_value == pytest.approx(wanted.pvalue, rel=1e-9)
    assert (found.low, found.high) == pytest.approx((np.exp(interval.low), np.exp(interval.high)), rel=1e-9)
    assert found.ratio == pytest.approx(np.exp(other.mean() - one.mean()))


def test_runs_of_one_truth_disagree_one_time_in_twenty() -> None:
    rng = np.random.default_rng(1)
    apart = 0
    for _ in range(2000):
        one, other = estimate(rng.normal(0, 0.02, 5)), estimate(rng.normal(0, 0.02, 5))
        found = log_test(one, 4, other, 4)
        apart += found is not None and found.p_value < 0.05
    assert 0.035 < apart / 2000 < 0.06


def test_a_true_difference_is_seen() -> None:
    one, other = estimate(np.array([0.0, 0.01, -0.01, 0.005, 0])), estimate(np.array([0.2, 0.21, 0.19, 0.2, 0.2]))
    found = log_test(one, 4, other, 4)
    assert found is not None
    assert found.p_value < 1e-6
    assert found.low > 1.2


@pytest.mark.parametrize(
    "lame", [Estimate(value=1.0, n=1), Estimate(value=1.0, low=-0.1, high=2.0, n=5), Estimate(value=0.0, n=5)]
)
def test_without_an_interval_above_0_nothing_is_said(lame: Estimate) -> None:
    good = Estimate(value=1.0, low=0.9, high=1.1, n=5)
    assert log_test(lame, 4, good, 4) is None
    assert log_test(good, 4, lame, 4) is None
    assert log_test(good, 0, good, 4) is None


def test_intervals_of_no_width_are_equal_or_not() -> None:
    one, other = (Estimate(value=each, low=each, high=each, n=5) for each in (1.0, 2.0))
    same, apart = log_test(one, 4, one, 4), log_test(one, 4, other, 4)
    assert same is not None and same.p_value == 1
    assert apart is not None and apart.p_value == 0
