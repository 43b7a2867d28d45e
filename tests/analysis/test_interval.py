import numpy as np
import pytest
from scipy import stats

from effkit.analysis.interval import Interval, expanded_tails, vector


def test_excludes_takes_the_ends_as_inside() -> None:
    interval = Interval(1.0, 0.9, 1.1, 0.95, 5)
    assert not interval.excludes(0.9) and not interval.excludes(1.1)
    assert interval.excludes(0.89) and interval.excludes(1.11)


@pytest.mark.parametrize("units", [2, 5, 30])
def test_expanded_tails_are_hesterbergs(units: int) -> None:
    low, high = expanded_tails(units, 0.95)
    expected = stats.norm.cdf(-np.sqrt(units / (units - 1)) * stats.t.ppf(0.975, units - 1))
    assert low == pytest.approx(expected)
    assert high == pytest.approx(1 - expected)


def test_expanded_tails_end_at_the_plain_ones() -> None:
    assert expanded_tails(1_000_000, 0.95) == pytest.approx((0.025, 0.975), abs=1e-5)


def test_vector_refuses_a_table() -> None:
    with pytest.raises(ValueError, match=r"values has shape \(2, 2\)"):
        vector(np.ones((2, 2)), "values")
