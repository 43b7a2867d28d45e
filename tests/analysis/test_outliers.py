"""Outliers: single calls that took far longer, and neither long items nor slow visits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effkit.analysis.outliers import outlier_share

VISITS, ITEMS, PASSES = 4, 10, 5


def calls(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times with a spread of 1 %, and the visit and the item of each."""
    visit, item, _ = (each.ravel() for each in np.indices((VISITS, ITEMS, PASSES)))
    return 0.01 * np.exp(0.01 * np.random.default_rng(seed).standard_normal(visit.size)), visit, item


def test_an_interrupted_call_is_one() -> None:
    call_s, visit, item = calls()
    before = outlier_share(call_s, visit, item)
    call_s[[7, 99]] *= 3
    assert before == 0
    assert outlier_share(call_s, visit, item) == pytest.approx(2 / call_s.size)


@given(seed=st.integers(0, 50), longest=st.floats(1, 1000), slowest=st.floats(1, 100))
def test_long_items_and_slow_visits_are_none(seed: int, longest: float, slowest: float) -> None:
    call_s, visit, item = calls(seed)
    call_s[11] *= 2
    expected = outlier_share(call_s, visit, item)
    by_item, by_visit = np.geomspace(1, longest, ITEMS), np.geomspace(1, slowest, VISITS)
    assert outlier_share(call_s * by_item[item] * by_visit[visit], visit, item) == expected
    assert expected is not None and expected > 0


def test_the_order_of_calls_is_nothing_to_it() -> None:
    call_s, visit, item = calls()
    call_s[7] *= 3
    order = np.random.default_rng(1).permutation(call_s.size)
    assert outlier_share(call_s[order], visit[order], item[order]) == outlier_share(call_s, visit, item)


def test_a_little_longer_is_none_however_steady_the_others_are() -> None:
    call_s, visit, item = calls()
    call_s[7] *= 1.4
    assert outlier_share(call_s, visit, item) == 0


def test_calls_that_spread_by_themselves_make_none() -> None:
    """Where times vary by half from call to call, half as long again is nothing special."""
    call_s, visit, item = calls()
    wide = call_s * np.random.default_rng(3).uniform(0.5, 1.5, call_s.size)
    for times in (call_s, wide):
        times[7] = 0.016
    assert outlier_share(wide, visit, item) == 0
    assert outlier_share(call_s, visit, item) == pytest.approx(1 / call_s.size)


def test_items_that_are_called_once_tell_nothing() -> None:
    call_s, visit, item = calls()
    once = np.tile([True, False, False, False, False], VISITS * ITEMS)
    assert outlier_share(call_s[once], visit[once], item[once]) is None


def test_no_call_tells_nothing() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    assert outlier_share(nothing.astype(float), nothing, nothing) is None
