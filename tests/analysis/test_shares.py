"""Shares of items, independent and clustered."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from effkit.analysis.shares import share


@given(st.integers(1, 2000), st.floats(0, 1))
def test_a_share_lies_in_its_interval_and_that_is_wilsons(n: int, part: float) -> None:
    hits = round(part * n)
    found = share(np.arange(n) < hits)
    assert found.low is not None and found.high is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert (found.low, found.high) == pytest.approx(proportion_confint(hits, n, method="wilson"), abs=1e-9)


def test_clusters_that_go_on_together_count_as_one_item_each() -> None:
    """400 runs of 20 clusters of 50 at 95 %: three standard errors are 3.3 %. Of 1,000 items it would be 16 %."""
    rng, held, clusters = np.random.default_rng(0), 0, np.repeat(np.arange(20), 50)
    for _ in range(400):
        found = share(np.repeat(rng.random(20) < 0.3, 50), clusters)
        assert found.low is not None and found.high is not None
        held += found.low <= 0.3 <= found.high
    assert held / 400 >= 0.95 - 0.033


def test_clusters_that_say_nothing_cost_little() -> None:
    hits, clusters = np.random.default_rng(0).random(1000) < 0.3, np.arange(1000) // 5
    alone, clustered = share(hits), share(hits, clusters)
    assert None not in (alone.low, alone.high, clustered.low, clustered.high)
    assert clustered.high - clustered.low == pytest.approx(alone.high - alone.low, rel=0.1)  # type: ignore[operator]


def test_of_fewer_than_five_clusters_there_is_no_interval() -> None:
    for count in (1, 4, 5):
        found = share(np.arange(100) < 90, np.arange(100) % count)
        assert found.value == 0.9 and (found.low is not None) == (count == 5)
