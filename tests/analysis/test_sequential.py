import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from effkit.analysis.sequential import generations_needed, stein_interval
from effkit.analysis.statistics import ratio_over_generations

logs = st.lists(st.floats(-1, 1), min_size=5, max_size=12)
widths = st.floats(0.001, 0.5)


@settings(max_examples=100)
@given(logs, widths)
def test_the_number_is_steins(values: list[float], half_width: float) -> None:
    t = stats.t.ppf(0.975, len(values) - 1)
    needed = math.ceil((t * np.std(values, ddof=1) / math.log1p(half_width)) ** 2)
    found = generations_needed({"a": values}, half_width, most=10**9)
    assert found == pytest.approx(max(len(values), needed), abs=1)


@settings(max_examples=100)
@given(st.lists(logs.map(lambda values: values[:5]), min_size=1, max_size=4), widths, st.integers(5, 50))
def test_the_widest_candidate_decides_within_the_cap(tables: list[list[float]], half_width: float, most: int) -> None:
    by_name = {str(number): values for number, values in enumerate(tables)}
    together = generations_needed(by_name, half_width, most=most)
    assert together == max(generations_needed({"a": values}, half_width, most=most) for values in tables)
    assert 5 <= together <= most
    assert together >= generations_needed(by_name, half_width * 2, most=most)


def test_fewer_allowed_than_measured_changes_nothing() -> None:
    assert generations_needed({"a": [0.0, 1.0, -1.0, 0.5, 0.2]}, 0.01, most=3) == 5


def test_missing_generations_are_made_up_for() -> None:
    values = [0.01, -0.01, 0.02, 0.0, 0.01]
    whole = generations_needed({"a": values}, 0.005, most=1000)
    assert generations_needed({"a": [*values, math.nan]}, 0.005, most=1000) == whole + 1
    assert generations_needed({"a": values, "failed": [math.nan] * 5}, 0.005, most=1000) == whole
    assert generations_needed({"failed": [math.nan] * 5}, 0.005, most=1000) == 5
    assert generations_needed({}, 0.005, most=1000) == 0


def test_refusals_say_the_fix() -> None:
    with pytest.raises(ValueError, match="positive share"):
        generations_needed({"a": [0.0, 0.1]}, 0.0, most=20)
    with pytest.raises(ValueError, match="one log ratio a generation"):
        generations_needed({"a": [0.0, 0.1], "b": [0.0]}, 0.01, most=20)
    with pytest.raises(ValueError, match="lies between 0 and their number"):
        stein_interval([0.0, 0.1], 3)


@settings(max_examples=50)
@given(logs, st.sampled_from([0.9, 0.95, 0.99]))
def test_without_a_second_stage_it_is_students(values: list[float], level: float) -> None:
    found, expected = stein_interval(values, len(values), level), ratio_over_generations(values, level=level)
    assert found is not None and expected is not None
    assert (found.low, found.estimate, found.high) == pytest.approx((expected.low, expected.estimate, expected.high))
    assert found.n == expected.n


@settings(max_examples=50)
@given(logs, widths, st.integers(0, 2**31))
def test_without_a_cap_the_width_is_kept(values: list[float], half_width: float, seed: int) -> None:
    total = min(generations_needed({"a": values}, half_width, most=10**9), 10**6)
    more = np.random.default_rng(seed).normal(size=total - len(values))
    interval = stein_interval([*values, *more], len(values))
    assert interval is not None and interval.n == total
    if total < 10**6:
        assert math.log(interval.high / interval.low) / 2 <= math.log1p(half_width) * (1 + 1e-9)


def test_too_few_first_generations_give_no_interval() -> None:
    assert stein_interval([0.1, 0.2, 0.3], 1) is None
    assert stein_interval([math.nan, 0.2, 0.3], 2) is None


def covered(rule: str, trials: int) -> float:
    """Share of runs whose interval holds the truth, with three correlated candidates and a cap."""
    rng, hits = np.random.default_rng(5), 0
    for _ in range(trials):
        table = rng.normal(0, 0.01, (3, 40)) + rng.normal(0, 0.01, 40)
        if rule == "two stages":
            total = generations_needed(dict(zip("abc", table[:, :5], strict=True)), 0.008, most=40)
            interval = stein_interval(table[0, :total], 5)
        else:
            interval = next(
                found
                for total in range(5, 41)
                if (found := ratio_over_generations(table[0, :total]))
                and (found.high < 1.008 * found.estimate or total == 40)
            )
        assert interval is not None
        hits += interval.low <= 1 <= interval.high
    return hits / trials


def test_two_stages_hold_the_truth_where_peeking_does_not() -> None:
    assert covered("two stages", 3000) == pytest.approx(0.95, abs=0.015)
    assert covered("peeking", 500) < 0.93
