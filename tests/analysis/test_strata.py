"""Score bounds of strata that weigh differently, and all of them together."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from effkit.analysis.bootstrap import score_bounds, score_p_value
from effkit.analysis.quality import non_inferiority
from effkit.analysis.strata import Strata
from effkit.balance import class_weights

Z2 = 1.959964**2


def classes(*sizes: int) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(sizes)), sizes)


def strata(gains: dict[int, tuple[int, int]], *sizes: int) -> Strata:
    """Classes of these sizes, some with (wins, losses)."""
    labels = classes(*sizes)
    weights, signs = class_weights(labels), np.zeros(labels.size)
    for label, (wins, losses) in gains.items():
        first = int(np.argmax(labels == label))
        signs[first : first + wins] = 1
        signs[first + wins : first + wins + losses] = -1
    return Strata.of(signs * weights, weights, np.ones(np.unique(weights).size))


def test_a_single_stratum_is_tangos() -> None:
    found = strata({0: (3, 9)}, 200)
    assert found.bounds(0.025) == pytest.approx(score_bounds(3, 9, 200, 0.025))
    assert found.p_value(-0.05) == pytest.approx(score_p_value(3, 9, 200, -0.05))
    assert found.gap == pytest.approx(-0.03)
    assert found.fewest(0.01, 0.025) == pytest.approx(Z2 * 99, rel=1e-5)


def test_classes_of_one_size_are_one_stratum() -> None:
    found = strata({0: (3, 0), 1: (0, 9)}, 100, 100)
    assert found.bounds(0.025) == pytest.approx(score_bounds(3, 9, 200, 0.025))


def test_no_disagreement_among_few_heavy_items_is_not_equality() -> None:
    low, high = strata({}, 990, 10).bounds(0.025)
    reach = np.hypot(0.5 * Z2 / (990 + Z2), 0.5 * Z2 / (10 + Z2))
    assert (low, high) == pytest.approx((-reach, reach), abs=1e-6)
    fewest = strata({}, 990, 10).fewest(0.05, 0.025)
    assert fewest == pytest.approx(Z2 * (np.hypot(50, 1000 / 1980) / 0.05 - 1), rel=1e-5)
    rare = int(fewest / 100)
    assert strata({}, 99 * (rare + 1), rare + 1).bounds(0.025)[0] > -0.05 > strata({}, 99 * 33, 33).bounds(0.025)[0]


def test_a_p_value_is_the_level_of_the_bound_that_it_meets() -> None:
    found = strata({0: (6, 4), 1: (1, 5)}, 400, 60)
    assert found.p_value(found.gap) == pytest.approx(0.5)
    for level in (0.2, 0.025, 0.004):
        low, high = found.bounds(level)
        assert found.p_value(low) == pytest.approx(level, rel=0.05)
        assert 1 - found.p_value(high) == pytest.approx(level, rel=0.05)
    assert found.p_value(-1.0) < 1e-5 and found.p_value(1.0) > 1 - 1e-5
    assert found.two_sided_p() == pytest.approx(2 * min(found.p_value(0.0), 1 - found.p_value(0.0)))


def test_items_that_depend_on_each_other_are_worth_fewer() -> None:
    labels = classes(90, 30)
    weights = class_weights(labels)
    alone, four = (Strata.of(np.zeros(120), weights, np.full(2, effect)) for effect in (1.0, 4.0))
    assert four.bounds(0.025)[0] < 2 * alone.bounds(0.025)[0]
    assert four.fewest(0.01, 0.025) == pytest.approx(4 * alone.fewest(0.01, 0.025))
    rare = Strata.of(np.zeros(120), weights, np.array([1.0, 4.0]))
    reach = np.hypot(0.5 * Z2 / (90 + Z2), 0.5 * Z2 / (7.5 + Z2))
    assert rare.bounds(0.025) == pytest.approx((-reach, reach), abs=1e-6)
    assert rare.fewest(0.01, 0.025) == pytest.approx(four.fewest(0.01, 0.025))


def test_classes_that_share_clusters_may_be_lost_together() -> None:
    """Each of a hundred clusters has ten, four and one items of three classes: none is lost, or one as a whole."""
    labels = np.tile(np.repeat([0, 1, 2], [10, 4, 1]), 100)
    weights, clusters = class_weights(labels), np.arange(1500) // 15
    lost = np.where(clusters == 0, 0.0, weights)
    for right, losses in ((weights, 0), (lost, 1)):
        found = non_inferiority(right, weights, margin=0.03, seed=0, clusters=clusters, weights=weights, resamples=200)
        assert found.lower_bound == pytest.approx(score_bounds(0, losses, 100, 0.025)[0], abs=1e-6)
        assert found.verdict == "inconclusive"
    none = Strata.of(np.zeros(1500), weights, np.array([10.0, 4.0, 1.0]), clusters)
    assert none.fewest(0.05, 0.025) == pytest.approx(10 * Z2 * ((0.5 + 1.25 + 5) / 0.05 - 1), rel=1e-5)


def test_how_classes_go_together_is_seen_by_the_clusters_that_they_share() -> None:
    labels = np.tile(np.repeat([0, 1], [10, 4]), 100)
    weights, clusters = class_weights(labels), np.arange(1400) // 14

    def bound(other: int, clusters: NDArray[np.int64] | None) -> float:
        """Ten clusters lose an item of the one class; ten clusters from `other` on one of the other."""
        signs = np.zeros(1400)
        signs[: 14 * 10 : 14] = -1
        signs[14 * other + 10 : 14 * (other + 10) : 14] = -1
        return Strata.of(signs * weights, weights, np.ones(2), clusters).bounds(0.025)[0]

    one = 0.5 * (-0.01 - score_bounds(0, 10, 1000, 0.025)[0])
    other = 0.5 * (-0.025 - score_bounds(0, 10, 400, 0.025)[0])
    assert bound(0, None) == pytest.approx(-0.0175 - np.hypot(one, other))
    assert bound(20, clusters) == pytest.approx(bound(20, None))  # in clusters of their own: no better than independent
    correlation = 9 / np.sqrt(1000 * 0.01 * 0.99 * 400 * 0.025 * 0.975)
    reach = np.sqrt(one**2 + other**2 + 2 * correlation * one * other)
    assert bound(0, clusters) == pytest.approx(-0.0175 - reach)


def test_at_the_margin_few_are_passed_where_only_a_rare_class_loses() -> None:
    """The candidate loses one item in ten of forty, half of the metric: a bootstrap alone passes one run in twelve."""
    labels = classes(960, 40)
    weights, rng, passed = class_weights(labels), np.random.default_rng(0), 0
    for seed in range(300):
        right = np.where((labels == 1) & (rng.random(1000) < 0.1), 0.0, weights)
        found = non_inferiority(right, weights, margin=0.05, seed=seed, weights=weights, resamples=500)
        passed += found.verdict in ("superior", "non-inferior")
    # 300 runs at 2.5 %: three Monte Carlo standard errors are 2.7 %.
    assert passed / 300 <= 0.025 + 0.027
