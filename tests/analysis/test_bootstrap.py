import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from effkit.analysis.bootstrap import paired_bootstrap, score_bounds, score_p_value


def test_mean_and_spread_of_graded_differences() -> None:
    x = np.random.default_rng(0).normal(0.3, 1, 500)
    means = paired_bootstrap(x, seed=1)
    assert means.shape == (10_000,)
    # 10,000 draws: the mean's Monte Carlo error is 1 % of the spread, the spread's own 0.7 %.
    assert means.mean() == pytest.approx(x.mean(), abs=0.03 * x.std() / 500**0.5)
    assert means.std() == pytest.approx(x.std() / 500**0.5, rel=0.03)


def test_counting_kinds_agrees_with_drawing_items() -> None:
    x = np.repeat([1.0, 0.0, -1.0], [30, 150, 20])
    by_kind = paired_bootstrap(x, seed=1)
    by_item = paired_bootstrap(x + np.arange(200) * 1e-12, seed=1)
    assert by_kind.std() == pytest.approx(by_item.std(), rel=0.04)
    assert np.quantile(by_kind, 0.025) == pytest.approx(np.quantile(by_item, 0.025), abs=0.01)


def test_clusters_of_like_items_are_worth_fewer() -> None:
    cluster = np.repeat(np.arange(60), 10)
    x = np.random.default_rng(0).normal(size=60)[cluster]
    naive, clustered = paired_bootstrap(x, seed=1), paired_bootstrap(x, cluster, seed=1)
    # Ten copies of each value: the standard error grows by the root of ten.
    assert clustered.std() / naive.std() == pytest.approx(10**0.5, rel=0.05)


def test_unequal_clusters_keep_the_mean_per_item() -> None:
    cluster = np.repeat(["a", "b", "c"], [1, 2, 7])
    means = paired_bootstrap(np.ones(10) * 0.4, cluster, seed=0)
    assert means == pytest.approx(np.full(10_000, 0.4))


@settings(max_examples=30)
@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=40), st.integers(0, 99))
def test_means_stay_within_the_data_and_repeat_with_the_seed(values: list[float], seed: int) -> None:
    means = paired_bootstrap(values, resamples=50, seed=seed)
    assert min(values) - 1e-12 <= means.min() and means.max() <= max(values) + 1e-12
    assert np.array_equal(means, paired_bootstrap(values, resamples=50, seed=seed))


def test_bad_items_are_named() -> None:
    with pytest.raises(ValueError, match=r"difference_per_item\[1\] is nan"):
        paired_bootstrap([0.0, np.nan], seed=0)
    with pytest.raises(ValueError, match="one label an item"):
        paired_bootstrap([0.0, 1.0], [1], seed=0)
    with pytest.raises(ValueError, match="at least one"):
        paired_bootstrap([], seed=0)


@pytest.mark.parametrize(("wins", "losses", "n", "gap"), [(12, 5, 100, -0.05), (3, 9, 60, 0.1), (20, 20, 200, -0.01)])
def test_score_p_uses_the_constrained_maximum_likelihood(wins: int, losses: int, n: int, gap: float) -> None:
    def minus_log_likelihood(loss: float) -> float:
        return -float(
            wins * np.log(loss + gap) + losses * np.log(loss) + (n - wins - losses) * np.log(1 - 2 * loss - gap)
        )

    best = optimize.minimize_scalar(
        minus_log_likelihood, bounds=(max(0, -gap) + 1e-9, (1 - gap) / 2 - 1e-9), method="bounded",
        options={"xatol": 1e-12},
    ).x  # fmt: skip
    z = (wins - losses - n * gap) / np.sqrt(n * (2 * best + gap - gap**2))
    assert score_p_value(wins, losses, n, gap) == pytest.approx(stats.norm.sf(z), rel=1e-4)


def test_no_disagreement_does_not_show_equality() -> None:
    z2 = 1.959964**2
    assert score_bounds(0, 0, 100, 0.025) == pytest.approx((-z2 / (100 + z2), z2 / (100 + z2)), abs=1e-6)


@settings(max_examples=50)
@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 100))
def test_score_bounds_hold_the_estimate_and_mirror(wins: int, losses: int, ties: int) -> None:
    n = wins + losses + ties
    if n == 0:
        return
    low, high = score_bounds(wins, losses, n, 0.025)
    assert -1 <= low <= (wins - losses) / n <= high <= 1
    assert score_bounds(losses, wins, n, 0.025) == pytest.approx((-high, -low))
    if low > -1:
        assert score_p_value(wins, losses, n, low) == pytest.approx(0.025, abs=1e-4)
