import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from effkit.analysis.tails import (
    Percentile,
    calls_needed,
    effective_sample_size,
    item_sample_size,
    order_statistics,
    percentiles,
)


def calls(generations: int, per_block: int, seed: int = 0, luck: float = 0.02) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    generation = np.repeat(np.arange(generations), 2 * per_block)
    block = np.tile(np.repeat([0, 1], per_block), generations)
    logs = rng.normal(0, luck, generations)[generation] + rng.normal(0, 0.1, generation.size)
    return np.exp(logs) * 0.01, generation, block


def table(*, generations: int, per_block: int) -> dict[float, Percentile]:
    rows = percentiles(*calls(generations, per_block), rng=np.random.default_rng(1))
    return {row.level: row for row in rows}


@pytest.mark.parametrize(("level", "needed"), [(50, 11), (90, 64), (95, 130), (99, 662), (99.9, 6636)])
def test_gate_is_mlperfs(level: float, needed: int) -> None:
    assert calls_needed(level) == needed


def test_calls_needed_refuses_a_fraction_of_one_hundred() -> None:
    with pytest.raises(ValueError, match="p99 is 99"):
        calls_needed(100)


def test_gates() -> None:
    rows = table(generations=5, per_block=12)
    assert rows[50].value is not None and rows[90].value is not None
    assert rows[95].value is None and rows[95].interval is None
    assert rows[95].reason is not None and rows[95].reason.startswith("n too small: p95 needs 130")
    assert rows[99].reason is not None
    assert all(row.value is not None for row in table(generations=5, per_block=67).values())


def test_values_are_numpys_and_inside_their_intervals() -> None:
    x, generation, block = calls(5, 100)
    for row in percentiles(x, generation, block, rng=np.random.default_rng(1)):
        assert row.value == np.quantile(x, row.level / 100, method="inverted_cdf")
        assert row.value is not None and row.interval is not None
        assert row.interval.n == 5
        assert row.interval.low <= row.value <= row.interval.high


def test_resampling_matches_resamples_written_out() -> None:
    x, generation, block = calls(4, 50, luck=0.1)
    row = percentiles(x, generation, block, rng=np.random.default_rng(1), levels=(90,), confidence=0.5)[0]
    rng = np.random.default_rng(2)
    slow = []
    for _ in range(2000):
        parts = [x[generation == g] for g in rng.integers(0, 4, 4)]
        slow.append(np.quantile(np.concatenate(parts), 0.9, method="inverted_cdf"))
    assert row.interval is not None
    # Hesterberg's tails for four units at 50 %; the two seeds' quantiles agree within Monte Carlo error.
    assert row.interval.low == pytest.approx(np.quantile(slow, 0.188), rel=0.01)
    assert row.interval.high == pytest.approx(np.quantile(slow, 0.812), rel=0.01)


def test_one_generation_gives_values_without_intervals() -> None:
    row = table(generations=1, per_block=50)[50]
    assert row.value is not None and row.interval is None
    assert row.reason == "one generation: no interval"


def test_order_of_generations_does_not_matter_to_the_value() -> None:
    x, generation, block = calls(3, 40)
    one = percentiles(x, generation, block, rng=np.random.default_rng(1))
    other = percentiles(x, generation + 7, block * 3, rng=np.random.default_rng(1))
    assert one == other


def test_interval_covers_the_luck_of_processes() -> None:
    # 200 runs at 95 %: three Monte Carlo standard errors are 4.6 %, and discreteness costs a little more.
    rng, hits = np.random.default_rng(0), 0
    for seed in range(200):
        row = percentiles(*calls(5, 30, seed, luck=0.05), rng=rng, levels=(50,), resamples=1000)[0]
        assert row.interval is not None
        hits += not row.interval.excludes(0.01)
    assert 0.89 <= hits / 200 <= 1.0


def test_ten_thousand_calls_take_a_moment() -> None:
    x, generation, block = calls(10, 500)
    start = time.process_time()
    percentiles(x, generation, block, rng=np.random.default_rng(1))
    assert time.process_time() - start < 2.0


def test_a_visit_that_was_slow_as_a_whole_is_not_taken_for_many_slow_calls() -> None:
    rng = np.random.default_rng(4)
    generation, block = np.repeat(np.arange(10), 120), np.tile(np.repeat(np.arange(4), 30), 10)
    slow = np.isin(generation * 4 + block, (3, 17, 30))
    x = np.exp(rng.normal(0, 0.1, generation.size)) * np.where(slow, 2.0, 1.0)
    worth = [
        percentiles(each, generation, block, rng=rng, levels=(99,), resamples=20)[0].n_effective
        for each in (x, rng.permutation(x))
    ]
    assert worth[0] < 662 < worth[1], "the same calls in any order"


def test_two_workers_of_a_generation_are_two_series() -> None:
    rng = np.random.default_rng(5)
    generation, worker = np.repeat(np.arange(10), 120), np.tile(np.repeat([0, 1], 60), 10)
    block = np.tile(np.repeat([0, 1], 30), 20)
    x = np.exp(rng.normal(0, 0.1, generation.size)) * np.where(worker == 1, 1.5, 1.0)

    def worth(of_worker: np.ndarray | None) -> float:
        (found,) = percentiles(x, generation, block, worker=of_worker, rng=rng, levels=(50,), resamples=20)
        return found.n_effective

    assert worth(worker) > 5 * worth(None), "what one is slower by is its own, not what one call does to the next"


def test_mismatched_lengths_are_named() -> None:
    with pytest.raises(ValueError, match="3, 2, 3 and 3"):
        percentiles([1, 2, 3], [0, 0], [0, 0, 0], rng=np.random.default_rng(0))


def test_independent_calls_are_worth_their_number() -> None:
    # The whiteness test lets about one run in forty through; those still count half of their calls.
    worth = [effective_sample_size(np.random.default_rng(s).exponential(size=670)) for s in range(100)]
    assert np.mean(np.array(worth) == 670) > 0.9
    assert min(worth) > 335


@pytest.mark.parametrize("phi", [0.5, 0.8, 0.95])
def test_effective_size_of_an_autoregression(phi: float) -> None:
    noise = np.random.default_rng(3).normal(size=20_000)
    x = signal.lfilter([1], [1, -phi], noise)
    assert effective_sample_size(x) == pytest.approx(20_000 * (1 - phi) / (1 + phi), rel=0.2)


def test_shifts_between_series_are_not_autocorrelation() -> None:
    rng = np.random.default_rng(0)
    series = np.repeat([0, 1, 2, 3], 250)
    x = rng.normal(size=1000) + 100 * series
    assert effective_sample_size(x, series) == 1000
    assert effective_sample_size(x) < 100


@settings(max_examples=50)
@given(st.lists(st.floats(0, 10), min_size=1, max_size=60))
def test_effective_size_stays_in_bounds(values: list[float]) -> None:
    assert 1 <= effective_sample_size(values) <= len(values)


def test_constant_calls_are_not_a_trend() -> None:
    assert effective_sample_size(np.ones(100)) == 100


def test_calls_of_one_item_are_not_new_items() -> None:
    rng = np.random.default_rng(4)
    item = np.tile(np.arange(16), 50)
    own = np.repeat(rng.normal(size=(1, 16)), 50, axis=0).ravel()
    series = np.zeros(item.size)
    alike, different = rng.normal(size=item.size), own + 0.01 * rng.normal(size=item.size)
    assert item_sample_size(different, series, item) == pytest.approx(16, rel=0.1)
    assert item_sample_size(alike, series, item) > 400
    assert item_sample_size(alike, series, np.arange(item.size)) == item.size


def test_an_item_of_two_series_is_one_item() -> None:
    rng = np.random.default_rng(4)
    own = rng.normal(size=67)
    item = np.tile(np.arange(67), 10)
    series = np.repeat(np.arange(10), 67)
    times = own[item] + 0.01 * rng.normal(size=item.size)
    assert item_sample_size(times, series, item) == pytest.approx(67, rel=0.1)


@pytest.mark.parametrize("luck", [0.0, 0.05])
def test_with_few_calls_beyond_the_interval_is_as_wide_as_order_statistics_make_it(luck: float) -> None:
    low, high = order_statistics(800, 0.99)
    assert (round(800 * low), round(800 * high)) == (786, 798)
    rng = np.random.default_rng(3)
    truth, told, held = np.exp(np.hypot(0.2, luck) * 2.3263479), 0, 0
    for _ in range(150):
        calls_s = np.exp(np.repeat(rng.normal(0, luck, 10), 80) + rng.normal(0, 0.2, 800))
        (found,) = percentiles(calls_s, np.repeat(range(10), 80), np.zeros(800), rng=rng, levels=(99,), resamples=200)
        if found.interval is not None:
            told += 1
            held += found.interval.low <= truth <= found.interval.high
    assert told >= 140, "what is not told covers nothing"
    assert held >= 0.93 * told
