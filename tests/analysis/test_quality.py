from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from effkit.analysis.quality import (
    NonInferiority,
    exact_mcnemar,
    holm,
    holm_verdicts,
    non_inferiority,
    relative_margin,
    seed_verdict,
)
from effkit.balance import class_weights
from effkit.record import QualityVerdict

CLAIMED = ("superior", "non-inferior")


def answers(wins: int, losses: int, ties: int) -> tuple[np.ndarray, np.ndarray]:
    candidate = np.repeat([1.0, 0.0, 1.0], [wins, losses, ties])
    reference = np.repeat([0.0, 1.0, 1.0], [wins, losses, ties])
    return candidate, reference


def _width(found: NonInferiority) -> float:
    return found.interval.high - found.interval.low


@settings(max_examples=50)
@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_is_that_of_statsmodels(b: int, c: int) -> None:
    p_value = exact_mcnemar(*answers(b, c, 10))
    assert p_value == pytest.approx(min(1.0, mcnemar([[0, b], [c, 10]], exact=True).pvalue))


def test_mcnemar_refuses_grades() -> None:
    with pytest.raises(ValueError, match="right \\(1\\) or wrong \\(0\\)"):
        exact_mcnemar([0.5, 1], [0, 1])


@pytest.mark.parametrize(
    ("wins", "losses", "n", "verdict"),
    [
        (300, 100, 4000, "superior"),
        (100, 105, 4000, "non-inferior"),
        (100, 300, 4000, "inferior"),
        (50, 60, 1000, "inconclusive"),
    ],
)
def test_verdicts(wins: int, losses: int, n: int, verdict: str) -> None:
    result = non_inferiority(*answers(wins, losses, n - wins - losses), margin=0.01, seed=0)
    assert result.verdict == verdict
    assert result.difference == pytest.approx((wins - losses) / n)
    assert (result.n, result.discordant) == (n, wins + losses)
    assert (result.items_needed is None) == (verdict != "inconclusive")


def test_interval_agrees_with_the_normal_one_where_items_are_many() -> None:
    result = non_inferiority(*answers(220, 200, 3580), margin=0.01, seed=0)
    error = np.sqrt((420 / 4000 - 0.005**2) / 4000)
    assert result.interval.low == pytest.approx(0.005 - 1.96 * error, abs=0.0005)
    assert result.p_value == pytest.approx(stats.norm.sf(0.015 / error), abs=0.001)
    assert result.lower_bound == result.interval.low


def test_lower_errors_are_better() -> None:
    rng = np.random.default_rng(0)
    reference = rng.exponential(size=500)
    candidate = reference * rng.uniform(0.8, 1.0, 500)
    margin = relative_margin(reference)
    assert margin == pytest.approx(0.02 * reference.mean())
    better = non_inferiority(candidate, reference, margin=margin, higher_is_better=False, seed=0)
    worse = non_inferiority(reference, candidate, margin=margin, higher_is_better=False, seed=0)
    assert (better.verdict, worse.verdict) == ("superior", "inferior")
    assert better.difference == pytest.approx(-worse.difference)


@pytest.mark.parametrize(("n", "discordance", "margin"), [(300, 0.10, 0.05), (500, 0.02, 0.01), (60, 0.10, 0.05)])
def test_at_a_true_gap_of_the_margin_few_are_passed(n: int, discordance: float, margin: float) -> None:
    # 600 runs at 2.5 %: three Monte Carlo standard errors are 1.9 %.
    rng, passed = np.random.default_rng(0), 0
    shares = [(discordance - margin) / 2, (discordance + margin) / 2, 1 - discordance]
    for seed, counts in enumerate(rng.multinomial(n, shares, size=600)):
        result = non_inferiority(*answers(*counts), margin=margin, seed=seed, resamples=1000)
        passed += result.verdict in CLAIMED
    assert passed / 600 <= 0.025 + 0.019


def test_graded_scores_at_the_margin_few_are_passed() -> None:
    rng, passed = np.random.default_rng(0), 0
    for seed in range(400):
        gain = rng.exponential(1.0, 60) - 1.2
        result = non_inferiority(gain, np.zeros(60), margin=0.2, seed=seed, resamples=1000)
        passed += result.verdict in CLAIMED
    # Skewed to the right, so the bound errs to the lenient side; 400 runs: three standard errors are 2.3 %.
    assert passed / 400 <= 0.025 + 0.023


def test_items_needed_gives_the_power_it_says() -> None:
    first = non_inferiority(*answers(50, 50, 900), margin=0.01, seed=0)
    assert first.items_needed is not None
    assert first.items_needed == pytest.approx(7849, rel=0.05)
    rng = np.random.default_rng(1)
    runs = rng.multinomial(first.items_needed, [0.05, 0.05, 0.9], size=200)
    shown = [
        non_inferiority(*answers(*counts), margin=0.01, seed=i, resamples=1000).verdict in CLAIMED
        for i, counts in enumerate(runs)
    ]
    # 200 runs at 80 %: three standard errors are 8.5 %.
    assert np.mean(shown) == pytest.approx(0.8, abs=0.085)


def test_items_needed_allows_for_all_that_are_tested() -> None:
    first = non_inferiority(*answers(50, 50, 900), margin=0.01, seed=0, among=3)
    alone = non_inferiority(*answers(50, 50, 900), margin=0.01, seed=0)
    assert alone.items_needed is not None and first.items_needed is not None
    assert first.items_needed / alone.items_needed == pytest.approx(10470 / 7849, rel=1e-3)
    worse = replace(alone, p_value=1.0, p_superiority=1.0)
    runs = np.random.default_rng(2).multinomial(first.items_needed, [0.05, 0.05, 0.9], size=200)
    shown = []
    for i, counts in enumerate(runs):
        good = non_inferiority(*answers(*counts), margin=0.01, seed=i, resamples=1000, among=3)
        shown.append(holm_verdicts({"good": good, "bad": worse, "poor": worse})["good"] in CLAIMED)
    # 200 runs at 80 %: three standard errors are 8.5 %. With the items of one test it would be 66 %.
    assert np.mean(shown) == pytest.approx(0.8, abs=0.085)
    assert non_inferiority(*answers(0, 0, 100), margin=0.01, seed=0, among=3).items_needed == 568


def test_items_needed_takes_the_gap_that_was_seen_and_none_where_that_is_too_low() -> None:
    below = non_inferiority(*answers(40, 60, 900), margin=0.01, seed=0)
    near = non_inferiority(*answers(45, 50, 905), margin=0.01, seed=0)
    assert below.items_needed == pytest.approx(7.849 * 1000 * 0.0996 / 0.1, rel=0.05)  # as if the gap were none
    assert near.items_needed == pytest.approx(7.849 * 1000 * 0.095 / 0.1 / 0.5**2, rel=0.05)
    hopeless = non_inferiority(*answers(300, 450, 9250), margin=0.01, seed=0)
    assert hopeless.verdict == "inconclusive"
    assert hopeless.items_needed is None


def test_no_disagreement_among_few_items_is_not_equality() -> None:
    few = non_inferiority(*answers(0, 0, 100), margin=0.01, seed=0)
    assert few.verdict == "inconclusive" and few.items_needed == 381
    assert non_inferiority(*answers(0, 0, 400), margin=0.01, seed=0).verdict == "non-inferior"
    in_clusters = non_inferiority(*answers(0, 0, 400), margin=0.01, clusters=np.arange(400) // 4, seed=0)
    assert in_clusters.verdict == "inconclusive"
    assert in_clusters.items_needed == pytest.approx(4 * 381, abs=4)
    nothing_graded = non_inferiority(np.full(10, 0.5), np.full(10, 0.5), margin=0.01, seed=0)
    assert nothing_graded.verdict == "inconclusive" and nothing_graded.items_needed == 20


def test_clusters_widen_the_interval() -> None:
    candidate, reference = answers(60, 60, 480)
    clusters = np.arange(600) // 12
    naive = non_inferiority(candidate, reference, margin=0.05, seed=0)
    clustered = non_inferiority(candidate, reference, margin=0.05, clusters=clusters, seed=0)
    assert _width(clustered) > 2 * _width(naive)
    assert clustered.interval.n == 50
    assert naive.verdict == "non-inferior" and clustered.verdict == "inconclusive"


def test_wrong_input_is_named() -> None:
    with pytest.raises(ValueError, match="margin is 0"):
        non_inferiority([1], [1], margin=0, seed=0)
    with pytest.raises(ValueError, match="candidate_scores has 1 items and reference_scores 2"):
        non_inferiority([1], [1, 0], margin=0.01, seed=0)
    with pytest.raises(ValueError, match="not all 0"):
        relative_margin([0.0, 0.0])


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]).size == 0


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(p_values: list[float]) -> None:
    with patch("gc.collect"):  # which statsmodels calls each time: a second beside all that the tests have imported
        wanted = multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(wanted)


def _result(p_value: float, p_superiority: float) -> NonInferiority:
    base = non_inferiority(*answers(300, 100, 3600), margin=0.01, seed=0, resamples=100)
    verdict: QualityVerdict = "superior" if p_superiority < 0.025 else "non-inferior"
    return replace(base, p_value=p_value, p_superiority=p_superiority, verdict=verdict)


def test_holm_takes_back_claims_but_makes_none() -> None:
    results = {"a": _result(0.001, 0.001), "b": _result(0.020, 0.9), "c": _result(0.001, 0.024)}
    assert holm_verdicts(results) == {"a": "superior", "b": "non-inferior", "c": "non-inferior"}
    assert holm_verdicts({**results, "d": _result(0.021, 0.9)})["b"] == "inconclusive"
    assert holm_verdicts({"a": results["b"]}) == {"a": "non-inferior"}
    lost = replace(results["a"], verdict="inferior", p_value=1.0, p_superiority=1.0)
    assert holm_verdicts({"x": lost}) == {"x": "inferior"}


def test_better_with_one_seed_and_not_worse_with_another_is_not_worse() -> None:
    assert seed_verdict(["non-inferior"] * 5) == "non-inferior"
    assert seed_verdict(["superior", "non-inferior"]) == "non-inferior"
    assert seed_verdict(["superior", "superior"]) == "superior"
    assert seed_verdict(["inferior", "inconclusive"]) == "inconclusive"
    with pytest.raises(ValueError, match="one per training seed"):
        seed_verdict([])


def test_a_rare_class_in_clusters_is_worth_few_items_whatever_the_common_one_is_worth() -> None:
    """Every item of the common class is on its own, and the 400 of the rare one come in ten clusters of 40."""
    weights = class_weights(np.repeat([0, 1], [9600, 400]))
    clusters = np.concatenate([np.arange(9600), 9600 + np.arange(400) // 40])
    z2 = 1.959964**2
    rare, common = 0.5 * z2 / (10 + z2), 0.5 * z2 / (9600 + z2)
    found = non_inferiority(weights, weights, margin=0.05, seed=0, clusters=clusters, weights=weights, resamples=200)
    assert found.lower_bound == pytest.approx(-np.hypot(rare, common), abs=1e-5)
    assert (round(rare, 3), found.verdict) == (0.139, "inconclusive")
    # Of one cluster alone nothing is known of how clusters differ: it is worth one item.
    together = np.concatenate([np.arange(9600), np.full(400, 9600)])
    lost = np.where(np.arange(10_000) == 9_999, 0.0, weights)
    found = non_inferiority(lost, weights, margin=0.05, seed=0, clusters=together, weights=weights, resamples=200)
    assert found.lower_bound < -0.3


def test_one_cluster_is_worth_one_item() -> None:
    found = non_inferiority(*answers(0, 3, 397), margin=0.05, clusters=np.zeros(400), seed=0)
    assert found.verdict == "inconclusive" and found.lower_bound < -0.5


def test_weights_of_one_change_nothing() -> None:
    candidate, reference = answers(12, 30, 400)
    clusters = np.arange(442) // 4
    for given_clusters in (None, clusters):
        plain = non_inferiority(candidate, reference, margin=0.05, seed=0, clusters=given_clusters)
        weighed = non_inferiority(
            candidate, reference, margin=0.05, seed=0, clusters=given_clusters, weights=np.ones(442)
        )
        assert (weighed.interval, weighed.p_value, weighed.verdict) == (plain.interval, plain.p_value, plain.verdict)


def test_one_answer_to_everything_is_not_enough_where_every_class_counts_the_same() -> None:
    labels = np.arange(2000) >= 1900
    weights = class_weights(labels)
    always = np.where(labels, 0.0, weights)
    found = non_inferiority(always, weights, margin=0.06, seed=0, weights=weights)
    assert found.difference == pytest.approx(-0.5) and found.verdict == "inferior"
    assert -0.6 < found.interval.low < -0.5 < found.interval.high < -0.4
    as_accuracy = non_inferiority(always > 0, np.ones(2000), margin=0.08, seed=0)
    assert as_accuracy.difference == -0.05 and as_accuracy.verdict == "non-inferior"


def test_heavy_clusters_widen_a_weighed_interval() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(120) >= 100, 5)  # whole clusters of the rare class
    weights, clusters = class_weights(labels), np.arange(600) // 5
    lost = np.repeat(rng.random(120) < 0.2, 5)
    naive, clustered = (
        non_inferiority(np.where(lost, 0.0, weights), weights, margin=0.1, seed=0, weights=weights, clusters=each)
        for each in (None, clusters)
    )
    assert clustered.difference == naive.difference
    assert _width(clustered) > 1.5 * _width(naive)


def test_weights_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match="weights do not fit the scores"):
        non_inferiority([1.0, 0.0], [1.0, 2.0], margin=0.01, seed=0, weights=[1.0, 1.0])
    with pytest.raises(ValueError, match="weights do not fit the scores"):
        non_inferiority([1.0, 0.0], [1.0, 0.0], margin=0.01, seed=0, weights=[1.0])
