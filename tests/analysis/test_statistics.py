import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from effkit.analysis.interval import Interval
from effkit.analysis.statistics import (
    a_a_log_ratios,
    at_one_place,
    claim,
    mean_interval_over_generations,
    noise_threshold,
    paired_log_ratios,
    ratio_over_generations,
    settle,
    unstable,
)

floats = st.floats(0.001, 1000, allow_nan=False)


@settings(max_examples=50)
@given(st.lists(st.floats(-100, 100), min_size=2, max_size=12), st.sampled_from([0.9, 0.95, 0.99]))
def test_mean_interval_is_scipys(values: list[float], level: float) -> None:
    interval = mean_interval_over_generations(values, level=level)
    assert interval is not None and interval.n == len(values)
    error = stats.sem(values)
    if error > 1e-9:
        low, high = stats.t.interval(level, len(values) - 1, np.mean(values), error)
        assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-9)
    assert interval.low <= interval.estimate <= interval.high


def test_fewer_than_two_generations_give_no_interval() -> None:
    assert ratio_over_generations([0.1]) is None
    assert ratio_over_generations([0.1, math.nan]) is None
    assert mean_interval_over_generations([]) is None


@settings(max_examples=50)
@given(st.lists(floats, min_size=4, max_size=4), floats)
def test_effect_does_not_depend_on_the_unit(values: list[float], unit: float) -> None:
    c, a, b = (np.full((2, 2), v) for v in values[:3])
    assert paired_log_ratios(c * unit, a * unit, b * unit) == pytest.approx(paired_log_ratios(c, a, b), abs=1e-9)


@settings(max_examples=50)
@given(
    st.lists(st.floats(-1, 1), min_size=5, max_size=12),
    st.lists(st.integers(-3, 3), min_size=12, max_size=12),
    st.floats(-0.5, 0.5),
)
def test_what_a_place_is_worth_changes_nothing(logs: list[float], places: list[int], worth: float) -> None:
    later = np.array(places[: len(logs)], dtype=float)
    if len(set(later)) > 1:
        moved = at_one_place(np.array(logs) + worth * later, later)
        assert moved == pytest.approx(at_one_place(logs, later), abs=1e-9)
    mirrored = np.concatenate([later, -later])
    assert at_one_place([*logs, *logs], mirrored).mean() == pytest.approx(np.mean(logs), abs=1e-9)


def test_at_one_place_the_interval_is_that_of_a_regression() -> None:
    rng = np.random.default_rng(3)
    later = np.tile([1.0, -1.0], 6)[:11]
    logs = 0.1 - 0.02 * later + rng.normal(0, 0.005, 11)
    found = mean_interval_over_generations(at_one_place(logs, later))
    fit = stats.linregress(later, logs)
    half = stats.t.ppf(0.975, 9) * fit.intercept_stderr
    assert found is not None
    assert (found.low, found.high) == pytest.approx((fit.intercept - half, fit.intercept + half), abs=1e-12)
    plain = mean_interval_over_generations(logs)
    assert plain is not None and found.high - found.low < 0.5 * (plain.high - plain.low)


@pytest.mark.parametrize(
    ("logs", "later"),
    [
        ([0.1, 0.2, 0.1, 0.3], [1, -1, 1, -1]),
        ([0.1, 0.2, 0.1, 0.3, 0.2], [1, 1, 1, 1, 1]),
        ([0.1, 0.2, 0.1, 0.3, 0.2, 0.1], [1, -1, 1, -1, 1, math.nan]),
    ],
    ids=["too few", "always alike", "not known of one"],
)
def test_where_places_tell_nothing_nothing_is_taken_off(logs: list[float], later: list[float]) -> None:
    assert at_one_place(logs, later).tolist() == logs


def test_a_generation_without_a_ratio_stays_without() -> None:
    found = at_one_place([0.1, math.nan, 0.2, 0.1, 0.3, 0.2], [1, -1, 1, -1, 1, -1])
    assert np.isnan(found).tolist() == [False, True, False, False, False, False]
    assert found[~np.isnan(found)] == pytest.approx(at_one_place([0.1, 0.2, 0.1, 0.3, 0.2], [1, 1, -1, 1, -1]))


def test_effect_by_hand_and_blocks_left_out() -> None:
    candidate = np.array([[1.0, 8.0], [3.0, math.nan], [math.nan, math.nan]])
    reference_a, reference_b = np.full((3, 2), 1.0), np.full((3, 2), 3.0)
    logs = paired_log_ratios(candidate, reference_a, reference_b)
    assert logs[:2] == pytest.approx([np.log(2) / 2, np.log(1.5)])
    assert np.isnan(logs[2])
    assert a_a_log_ratios(reference_a, reference_b) == pytest.approx(np.full(3, np.log(3)))
    ratio = ratio_over_generations(logs)
    assert ratio is not None and ratio.n == 2
    assert ratio.estimate == pytest.approx(math.exp((np.log(2) / 2 + np.log(1.5)) / 2))


def test_wrong_tables_are_named() -> None:
    with pytest.raises(ValueError, match=r"'reference_a': \(2, 1\)"):
        paired_log_ratios(np.ones((2, 2)), np.ones((2, 1)), np.ones((2, 2)))
    with pytest.raises(ValueError, match="reference_b holds 0"):
        a_a_log_ratios(np.ones((2, 2)), np.zeros((2, 2)))


def test_noise_threshold() -> None:
    assert noise_threshold(None, pinned=True) == 0.01
    assert noise_threshold(None, pinned=False) == 0.03
    assert noise_threshold(Interval(1, 0.999, 1.001, 0.95, 5), pinned=True) == 0.01
    assert noise_threshold(Interval(1, 0.95, 1.01, 0.95, 5), pinned=False) == pytest.approx(-math.log(0.95))


def test_unstable_needs_both_significance_and_size() -> None:
    assert unstable([0.05, 0.051, 0.049, 0.05, 0.052]) is True
    assert unstable([0.005, 0.0051, 0.0049, 0.005, 0.0052]) is False
    assert unstable([0.05, -0.04, 0.06, -0.05, 0.01]) is False
    assert unstable([0.05]) is None


@pytest.mark.parametrize(
    ("low", "high", "generations", "verdict"),
    [
        (0.80, 0.98, 5, "lower"),
        (0.80, 0.995, 5, "within noise"),
        (1.02, 1.10, 5, "higher"),
        (1.005, 1.10, 5, "within noise"),
        (0.50, 0.60, 4, "indicative"),
    ],
)
def test_claim(low: float, high: float, generations: int, verdict: str) -> None:
    effect = Interval((low + high) / 2, low, high, 0.95, generations)
    assert claim(effect, 0.01, generations) == verdict
    assert claim(None, 0.01, generations) == "indicative"


def test_generations_left_out_do_not_count_towards_a_claim() -> None:
    assert claim(Interval(0.5, 0.4, 0.6, 0.95, 4), 0.01, generations=5) == "indicative"


def test_a_verdict_that_hangs_on_contended_blocks_is_not_resolvable() -> None:
    assert settle("lower", "lower") == "lower"
    assert settle("lower", "within noise") == "not resolvable"


def test_t_interval_covers_at_its_level() -> None:
    # 2,000 runs: the Monte Carlo standard error is 0.5 %, the tolerance three of them.
    rng = np.random.default_rng(0)
    hits = 0
    for logs in rng.normal(np.log(1.1), 0.02, size=(2000, 5)):
        interval = ratio_over_generations(logs)
        assert interval is not None
        hits += not interval.excludes(1.1)
    assert hits / 2000 == pytest.approx(0.95, abs=0.015)
