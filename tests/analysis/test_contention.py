"""Disturbed visits: the exception on this host, not its usual state."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effkit.analysis.contention import (
    OTHERS_FLOOR,
    STEAL_FLOOR,
    STEAL_TICK_S,
    disturbed,
    disturbed_visits,
    has_company,
    is_disturbed,
    limit,
)
from tests.analysis.runs import samples

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=50)


def test_the_floors_are_the_protocols() -> None:
    assert limit([], OTHERS_FLOOR) == 0.10
    assert limit([0.0, 0.0], STEAL_FLOOR) == 0.01


def test_the_exception_is_disturbed_and_the_usual_is_not() -> None:
    others = [0.02, 0.03, 0.02, 0.5]
    assert disturbed(others, [0.0] * 4, [0.5] * 4).tolist() == [False, False, False, True]
    assert not disturbed([0.4, 0.5, 0.45], [0.05, 0.06, 0.05], [2.0] * 3).any()


def test_either_of_the_two_disturbs() -> None:
    quiet = [0.0] * 10
    assert is_disturbed(0.0, 0.03, 2.0, quiet, quiet)
    assert is_disturbed(0.2, 0.0, 2.0, quiet, quiet)
    assert not is_disturbed(0.05, 0.005, 2.0, quiet, quiet)


def test_the_first_visit_may_be_disturbed_too() -> None:
    assert is_disturbed(0.9, 0.0, 2.0, [], [])
    assert is_disturbed(0.9, 0.0, 2.0, [0.9, 0.9], [0.0, 0.0])
    assert not is_disturbed(0.9, 0.0, 2.0, [0.9] * 8, [0.0] * 8)


@pytest.mark.parametrize(
    ("ticks", "wall_s", "expected"), [(1, 0.5, False), (2, 0.5, True), (2, 2.0, False), (4, 2.0, True)]
)
def test_the_last_tick_of_stolen_time_disturbs_nothing(ticks: int, wall_s: float, expected: bool) -> None:
    stolen = ticks * STEAL_TICK_S / wall_s
    assert is_disturbed(0.0, stolen, wall_s, [], []) == expected
    assert disturbed([0.0] * 3, [0.0, 0.0, stolen], [wall_s] * 3).tolist() == [False, False, expected]


def test_what_a_hypervisor_takes_all_the_time_disturbs_nothing_though_it_comes_in_ticks() -> None:
    stolen = np.array([1, 1, 2, 1, 2, 1, 1, 2]) * STEAL_TICK_S / 0.5
    assert not disturbed(np.zeros(8), stolen, np.full(8, 0.5)).any()


def test_company_on_the_gpu_disturbs_whatever_the_cores_say() -> None:
    assert [has_company(each) for each in (None, 0.0, float("nan"), 1.0)] == [False, False, False, True]
    frame = samples()
    visits = frame[frame["metric"] == "visit_calls"]
    company = visits.assign(metric="visit_strangers", value=0.0)
    company.loc[company.index[0], "value"], company.loc[company.index[1], "value"] = 1.0, float("nan")
    assert not disturbed_visits(frame)
    found = disturbed_visits(pd.concat([frame, company]))
    first = visits.iloc[0]
    assert found == {(first["candidate"], first["twin"]): [(first["generation"], first["block"])]}


def test_what_is_not_known_disturbs_nothing() -> None:
    assert not disturbed([float("nan")] * 3, [float("nan")] * 3, [2.0] * 3).any()


@given(SHARES)
def test_never_more_than_half_of_the_visits_are_disturbed_by_one_cause(shares: list[float]) -> None:
    assert disturbed(shares, np.zeros(len(shares)), np.ones(len(shares))).sum() <= len(shares) / 2
