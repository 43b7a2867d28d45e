"""Percentiles under load against queues whose answer is known, and the rate that keeps within a budget."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from effkit.analysis.load import BATCHES, batches, crossing, highest_rate, load_of, percentile
from effkit.spec import LoadSpec

SERVICE_S = 0.01


def m_d_1(load: float, requests: int, sequences: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Latencies of an M/D/1 queue that starts empty, by Lindley's recursion; (sequences, requests)."""
    gaps = rng.exponential(SERVICE_S / load, size=(sequences, requests))
    waits = np.zeros((sequences, requests))
    for i in range(1, requests):
        waits[:, i] = np.maximum(0, waits[:, i - 1] + SERVICE_S - gaps[:, i])
    return waits + SERVICE_S


def rows(saturation: list[float], latencies: list[NDArray[np.float64]], delay_s: float = 0.0) -> pd.DataFrame:
    """What a load test leaves in the samples: a list of (sequences, requests) latencies, one for each rate."""
    found = [("saturation_per_s", number, -1, rate) for number, rate in enumerate(saturation)]
    for place, table in enumerate(latencies):
        for number, one in enumerate(table):
            found += [("load_latency_s", number, place, value) for value in one]
            found += [("load_delay_s", number, place, delay_s) for _ in one]
    return pd.DataFrame(found, columns=["metric", "generation", "block", "value"])


@pytest.mark.parametrize(("load", "level"), [(0.3, 99), (0.6, 90), (0.6, 50), (0.8, 90)])
def test_intervals_cover_a_known_queue(load: float, level: float) -> None:
    """Meant for 95 %: of 200 runs three Monte Carlo standard errors are 4.6 %."""
    rng = np.random.default_rng(5)
    truth = np.quantile(m_d_1(load, 2000, 400, rng), level / 100)
    found = [percentile(list(each), level) for each in m_d_1(load, 1500, 600, rng).reshape(200, 3, 1500)]
    told = [each for each in found if each.low_s is not None and each.high_s is not None]
    assert len(told) >= 190
    assert np.mean([each.low_s <= truth <= each.high_s for each in told]) >= 0.90  # type: ignore[operator]


def test_independent_requests_would_promise_too_much() -> None:
    """A queue's requests come in clusters: the interval is wider than that of as many independent ones."""
    rng = np.random.default_rng(1)
    queue = m_d_1(0.8, 4000, 3, rng)
    mixed = rng.permutation(queue.ravel()).reshape(3, 4000)
    one, other = (percentile(list(each), 90) for each in (queue, mixed))
    assert one.value_s == other.value_s
    assert one.n_effective < 0.5 * other.n_effective
    assert one.low_s and one.high_s and other.low_s and other.high_s
    assert one.high_s - one.low_s > 1.5 * (other.high_s - other.low_s)


def test_too_few_requests_say_so_in_the_words_of_other_percentiles() -> None:
    found = percentile(list(m_d_1(0.3, 50, 3, np.random.default_rng(1))), 99)
    assert found.value_s is None and found.n == 150
    assert found.reason is not None and found.reason.startswith("n too small: p99 needs 662 independent calls")


@pytest.mark.parametrize("load", [0.3, 0.8, 0.95])
def test_an_interval_holds_its_value_and_no_end_is_made_up(load: float) -> None:
    rng = np.random.default_rng(7)
    for _ in range(20):
        series = list(m_d_1(load, 1000, 3, rng))
        for level in (50.0, 90.0, 99.0):
            found = percentile(series, level)
            if found.value_s is None:
                assert found.low_s is None and found.high_s in (None, max(map(np.max, series))) and found.reason
                continue
            assert found.low_s is not None and found.low_s <= found.value_s
            assert found.high_s is not None or (found.reason and "slowest" in found.reason)
            assert found.high_s is None or found.value_s <= found.high_s <= max(map(np.max, series))


def test_batches_stay_within_their_sequence() -> None:
    series = [np.full(100, float(number)) for number in range(3)]
    cut = batches(series)
    assert len(cut) >= BATCHES
    assert all(len(set(batch)) == 1 for batch in cut)
    assert sum(map(len, cut)) == 300


def steady(tail_s: float, rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Three sequences whose 99th percentile is about `tail_s`."""
    return [tail_s * rng.uniform(0.0, 1.0, 2000) / 0.99 for _ in range(3)]


@pytest.mark.parametrize(
    ("tails_s", "budget_s", "bound", "rate"),
    [
        ([0.01, 0.02, 0.04], 0.03, "within", 80 / 3),  # of 40 a second at most: half-way between 1 / 0.5 and 1 / 0.25
        ([0.01, 0.02, 0.04], 0.1, "at least", 30.0),
        ([0.01, 0.02, 0.04], 0.005, "below", 10.0),
        ([0.01, 0.02], 0.015, "within", 16.0),
        ([0.01], 0.015, "at least", 10.0),
    ],
)
def test_the_highest_rate_within_a_budget(tails_s: list[float], budget_s: float, bound: str, rate: float) -> None:
    rng = np.random.default_rng(2)
    rates = [10.0, 20.0, 30.0][: len(tails_s)]
    found, side = highest_rate(
        rates, [steady(tail_s, rng) for tail_s in tails_s], budget_s, saturation_per_s=40.0, seed=1
    )
    assert side == bound
    assert found.value == pytest.approx(rate, rel=0.02)
    if bound == "within":
        assert found.low is not None and found.high is not None
        assert found.low <= found.value <= found.high
        assert found.low < rate < found.high
    assert found.high is None or bound != "at least"
    assert found.low is None or bound != "below"


@pytest.mark.parametrize("share", [0.45, 0.7])
def test_between_two_rates_a_queue_is_where_the_line_says(share: float) -> None:
    rng = np.random.default_rng(5)
    *tails_s, budget_s = (float(np.quantile(m_d_1(each, 10_000, 40, rng), 0.99)) for each in (0.3, 0.6, 0.8, share))
    rates = np.array([30.0, 60.0, 80.0])
    found, side = crossing(rates, np.array(tails_s), budget_s, 100.0)
    assert side == "within" and found == pytest.approx(100 * share, rel=0.03)
    straight, _ = crossing(rates, np.array(tails_s), budget_s, None)
    assert straight < 0.96 * 100 * share, "a line in the rate is too low"


def test_the_interval_of_the_highest_rate_covers_that_of_a_known_queue() -> None:
    """Of 60 runs three Monte Carlo standard errors are 8.4 %; every run tells both ends, and they lie near."""
    rng, rates = np.random.default_rng(8), np.array([30.0, 60.0])
    *tails_s, budget_s = (float(np.quantile(m_d_1(each, 3000, 400, rng), 0.99)) for each in (0.3, 0.6, 0.5))
    truth, _ = crossing(rates, np.array(tails_s), budget_s, 100.0)
    series = [m_d_1(each, 3000, 180, rng).reshape(60, 3, 3000) for each in (0.3, 0.6)]
    found = [
        highest_rate(rates, [list(each[run]) for each in series], budget_s, saturation_per_s=100.0, seed=run,
                     resamples=200)[0]
        for run in range(60)
    ]  # fmt: skip
    inside = [each.low is not None and each.high is not None and each.low <= truth <= each.high for each in found]
    assert np.mean(inside) >= 0.9
    assert np.median([each.high / each.low for each in found if each.low and each.high]) < 1.15


def test_a_percentile_that_falls_with_the_rate_is_levelled() -> None:
    """A lower tail at a higher rate is chance: the fit lets neither rate stand alone."""
    rng = np.random.default_rng(3)
    tails = [steady(tail_s, rng) for tail_s in (0.012, 0.010, 0.03)]
    within, side = highest_rate([10.0, 20.0, 30.0], tails, 0.0105, saturation_per_s=40.0, seed=1)
    assert (side, within.value) == ("below", 10.0)
    found, side = highest_rate([10.0, 20.0, 30.0], tails, 0.0115, saturation_per_s=40.0, seed=1)
    assert side == "within" and found.value > 20.0


def test_a_load_test_is_read_from_its_rows() -> None:
    rng = np.random.default_rng(4)
    shares = (0.3, 0.6)
    samples = rows([99.0, 101.0, 100.0], [m_d_1(share, 1500, 3, rng) for share in shares], delay_s=2e-4)
    spec = LoadSpec(shares=shares, queries=1500)
    found = load_of(samples, spec, budget_s=0.035, seed=1)
    assert found.saturation_per_s.value == pytest.approx(100, rel=0.001)
    assert found.saturation_per_s.low is not None and found.saturation_per_s.low < 100
    assert [point.asked_per_s for point in found.points] == pytest.approx([30, 60], rel=0.001)
    assert [point.queries for point in found.points] == [4500, 4500]
    assert [each.level for each in found.points[0].percentiles] == [50, 90, 95, 99]
    assert not any(point.generator_limited for point in found.points)
    assert found.highest_per_s is not None and found.bound is not None
    assert load_of(samples, spec, budget_s=0.035, seed=1) == found
    assert load_of(samples, spec, budget_s=None, seed=1).bound is None


def test_a_generator_that_is_late_is_told() -> None:
    samples = rows([100.0], [m_d_1(0.3, 500, 1, np.random.default_rng(6))], delay_s=5e-3)
    found = load_of(samples, LoadSpec(shares=(0.3,)), budget_s=None, seed=1)
    assert found.points[0].generator_limited
    assert found.points[0].delay_p99_s == pytest.approx(5e-3)
    assert found.saturation_per_s.low is None


@pytest.mark.parametrize(
    ("seen", "told"),
    [([], None), ([0.0, 0.0], 0.0), ([0.0, 2.0, 1.0], 2.0), ([0.0, np.nan], None), ([2.0, np.nan], 2.0)],
)
def test_company_on_the_gpu_is_the_most_of_any_sequence(seen: list[float], told: float | None) -> None:
    samples = rows([100.0], [m_d_1(0.3, 40, 1, np.random.default_rng(6))])
    company = [("load_strangers", number, 0, value) for number, value in enumerate(seen)]
    if company:
        samples = pd.concat([samples, pd.DataFrame(company, columns=list(samples.columns))], ignore_index=True)
    assert load_of(samples, LoadSpec(shares=(0.3,)), budget_s=None, seed=1).gpu_strangers == told


def test_no_rate_is_claimed_where_no_tail_is_borne() -> None:
    samples = rows([100.0], [m_d_1(0.3, 40, 1, np.random.default_rng(6))])
    found = load_of(samples, LoadSpec(shares=(0.3,)), budget_s=10.0, seed=1)
    assert found.highest_per_s is None and found.bound == "unknown"


def test_a_rate_between_two_is_told_only_where_the_p99_of_both_is_borne() -> None:
    rng = np.random.default_rng(7)
    low, middle, busy = m_d_1(0.3, 2000, 3, rng), m_d_1(0.5, 4000, 3, rng), m_d_1(0.8, 40, 3, rng)
    first, second, third = (float(np.quantile(each, 0.99)) for each in (low, middle, busy))
    spec = LoadSpec(shares=(0.3, 0.5, 0.8))
    samples = rows([100.0], [low, middle, busy])
    within = load_of(samples, spec, budget_s=(first + second) / 2, seed=1)
    assert within.bound == "within" and within.highest_per_s is not None
    assert 30 < within.highest_per_s.value < 50
    beyond = load_of(samples, spec, budget_s=(second + third) / 2, seed=1)
    assert beyond.points[2].percentiles[-1].value_s is None
    assert beyond.bound == "at least" and beyond.highest_per_s is not None
    assert beyond.highest_per_s.value == pytest.approx(50.0)


def test_below_the_lowest_rate_without_a_borne_p99_names_no_rate() -> None:
    samples = rows([100.0], [m_d_1(0.3, 40, 1, np.random.default_rng(6))])
    found = load_of(samples, LoadSpec(shares=(0.3,)), budget_s=1e-4, seed=1)
    assert (found.bound, found.highest_per_s) == ("below", None)


def test_what_is_known_of_a_rate_whose_p99_is_not_borne_bounds_the_highest_from_above() -> None:
    rng = np.random.default_rng(7)
    low, busy = m_d_1(0.3, 2000, 3, rng), 10 * m_d_1(0.8, 300, 3, rng)
    samples = rows([100.0], [low, busy])
    found = load_of(samples, LoadSpec(shares=(0.3, 0.8)), budget_s=0.06, seed=1)
    assert found.points[1].percentiles[-1].value_s is None
    assert (found.points[1].percentiles[0].low_s or 0.0) > 0.06
    assert found.bound == "at least" and found.highest_per_s is not None
    assert (found.highest_per_s.value, found.highest_per_s.high) == pytest.approx((30.0, 80.0))


def test_below_is_said_of_what_is_shown_to_be_late_alone() -> None:
    """A sample's p99 that is not borne says nothing, in neither direction."""
    busy = m_d_1(0.8, 40, 3, np.random.default_rng(7))
    tail = float(np.quantile(busy, 0.97))
    found = load_of(rows([100.0], [busy]), LoadSpec(shares=(0.8,)), budget_s=tail, seed=1)
    assert (found.bound, found.highest_per_s) == ("unknown", None)


def test_the_beginning_of_a_sequence_with_nobody_waiting_is_left_out() -> None:
    steady_s, empty_s = np.full((3, 1500), 0.05), np.full((3, 100), 0.01)
    samples = rows([100.0], [np.hstack([empty_s, steady_s])])
    found = load_of(samples, LoadSpec(shares=(0.8,)), budget_s=None, seed=1)
    assert found.points[0].queries == 4800
    assert found.points[0].percentiles[0].n == 4500
    few = load_of(rows([100.0], [steady_s[:, :50]]), LoadSpec(shares=(0.8,)), budget_s=None, seed=1)
    assert few.points[0].percentiles[0].n == 135, "no more than a tenth"


def test_the_slowest_of_enough_requests_bounds_a_p99_that_is_not_borne() -> None:
    """459 independent requests have one beyond p99 in 99 of 100 cases: the slowest of them is no less than it."""
    rng = np.random.default_rng(11)
    few = [rng.uniform(0.0, 0.01, 200) for _ in range(3)]
    p99 = percentile(few, 99)
    assert 459 <= p99.n_effective < 662
    assert p99.value_s is None and p99.high_s == max(map(np.max, few))
    samples = rows([100.0], [np.array(few), np.array([20 * each for each in few])])
    spec = LoadSpec(shares=(0.3, 0.6))
    found = load_of(samples, spec, budget_s=0.02, seed=1)
    assert found.bound == "at least" and found.highest_per_s is not None
    assert (found.highest_per_s.value, found.highest_per_s.high) == pytest.approx((30.0, 60.0))
    assert load_of(samples, spec, budget_s=0.001, seed=1).bound == "below"
    assert load_of(samples, spec, budget_s=0.0099, seed=1).bound == "unknown"
