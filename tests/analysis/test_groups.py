import numpy as np
import pytest

from effkit.analysis.groups import group_gaps, judge_together, judged, over_seeds
from effkit.analysis.quality import exact_mcnemar, holm, non_inferiority
from effkit.balance import class_weights


def scores(**groups: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(wins, losses, ties) per group."""
    candidate, reference, names = [], [], []
    for name, counts in groups.items():
        candidate.append(np.repeat([1, 0, 1], counts))
        reference.append(np.repeat([0, 1, 1], counts))
        names += [name] * sum(counts)
    return np.concatenate(candidate), np.concatenate(reference), np.array(names)


def test_verdicts_by_size() -> None:
    gaps = group_gaps(*scores(a=(5, 60, 435), b=(30, 30, 440), c=(1, 3, 296), d=(5, 15, 40), e=(1, 9, 10)), seed=0)
    assert [gap.verdict for gap in gaps] == [
        "worse", "no difference shown", "number only", "number only", "too few items"
    ]  # fmt: skip
    assert gaps[0].difference == pytest.approx(-0.11)
    assert gaps[0].interval is not None and gaps[0].interval.excludes(0)
    assert gaps[3].p_value is None and gaps[3].interval is not None
    assert gaps[4].difference is None and gaps[4].interval is None


def test_p_is_mcnemars_and_adjusted_over_tested_groups_only() -> None:
    candidate, reference, names = scores(a=(20, 40, 300), b=(20, 22, 300), c=(0, 9, 30))
    gaps = group_gaps(candidate, reference, names, seed=0)
    alone = exact_mcnemar(candidate[names == "a"], reference[names == "a"])
    assert gaps[0].p_value == pytest.approx(alone)
    assert gaps[0].p_adjusted == pytest.approx(2 * alone)


def test_graded_and_clustered_scores() -> None:
    rng = np.random.default_rng(0)
    reference = rng.exponential(size=400)
    candidate = reference + rng.normal(0.3, 0.5, 400)
    gap = group_gaps(candidate, reference, np.zeros(400), higher_is_better=False, seed=0)[0]
    assert gap.verdict == "worse" and gap.difference is not None and gap.difference < 0
    cluster = np.arange(400) // 10
    shifted = reference + np.random.default_rng(1).normal(0, 1, 40)[cluster]
    clustered = group_gaps(shifted, reference, np.zeros(400), clusters=cluster, seed=0)[0]
    naive = group_gaps(shifted, reference, np.zeros(400), seed=0)[0]
    assert clustered.p_value is not None and naive.p_value is not None
    assert clustered.p_value > naive.p_value
    assert clustered.interval is not None and clustered.interval.n == 40


def test_no_disagreement_does_not_show_that_there_is_none() -> None:
    (gap,) = group_gaps(*scores(a=(0, 0, 200)), seed=0)
    assert gap.interval is not None and gap.discordant == 0
    assert (gap.interval.low, gap.interval.high) == pytest.approx((-0.0188, 0.0188), abs=1e-4)


@pytest.mark.parametrize("per_cluster", [1, 8])
def test_a_group_has_the_interval_of_a_whole_of_its_size(per_cluster: int) -> None:
    candidate, reference, names = scores(a=(1, 3, 316))
    clusters = np.arange(320) // per_cluster
    (gap,) = group_gaps(candidate, reference, names, clusters=clusters, seed=4, resamples=2_000)
    whole = non_inferiority(candidate, reference, margin=0.01, clusters=clusters, seed=4, resamples=2_000)
    assert gap.interval == whole.interval


def test_a_handful_of_clusters_bears_no_verdict() -> None:
    candidate, reference, names = scores(a=(5, 60, 435))
    shuffled = np.random.default_rng(0).permutation(500)
    for count, verdict in ((25, "worse"), (10, "number only")):
        (gap,) = group_gaps(candidate, reference, names, clusters=shuffled % count, seed=0)
        assert gap.verdict == verdict and gap.interval is not None and gap.interval.n == count
        assert judged(gap.n, gap.interval.n) == (verdict == "worse")


def test_of_fewer_than_five_clusters_there_is_no_interval() -> None:
    errors = np.random.default_rng(0).exponential(size=400)
    for count, told in ((1, False), (4, False), (5, True)):
        (gap,) = group_gaps(
            errors + 0.3, errors, np.zeros(400), higher_is_better=False, clusters=np.arange(400) % count, seed=0
        )
        assert gap.difference == pytest.approx(-0.3) and gap.verdict == "number only"
        assert (gap.interval is not None) == told and gap.units == count


def test_family_wise_error_is_held() -> None:
    # 400 runs of four equal groups at 5 %: three standard errors are 3.3 %. Without Holm it is 14 %.
    rng, wrong = np.random.default_rng(0), 0
    for seed in range(400):
        groups = {name: tuple(rng.multinomial(400, [0.1, 0.1, 0.8])) for name in "abcd"}
        gaps = group_gaps(*scores(**groups), seed=seed, resamples=20)
        wrong += any(gap.verdict in ("worse", "better") for gap in gaps)
    assert wrong / 400 <= 0.05 + 0.033


def test_tables_that_are_judged_together_share_one_correction() -> None:
    one = group_gaps(*scores(a=(20, 45, 300), b=(20, 22, 300)), seed=0)
    other = group_gaps(*scores(c=(20, 42, 300), d=(0, 9, 30)), seed=0)
    assert [gap.verdict for gap in other] == ["worse", "number only"]
    found = judge_together({"one": one, "other": other})
    p_values = [gap.p_value for gap in (*one, other[0])]
    assert [gap.p_adjusted for gap in (*found["one"], found["other"][0])] == pytest.approx(holm(p_values))
    assert found["other"][0].p_adjusted == pytest.approx(2 * (other[0].p_value or 0.0))
    assert found["other"][1] == other[1]


def test_over_seeds_all_must_agree_and_the_outermost_ends_stand() -> None:
    (first,), (second,), (few,) = (
        group_gaps(*scores(a=each), seed=0) for each in ((5, 60, 435), (9, 70, 421), (1, 3, 496))
    )
    both = over_seeds([first, second])
    assert (both.verdict, both.difference) == ("worse", first.difference)
    assert both.interval is not None and first.interval is not None and second.interval is not None
    assert (both.interval.low, both.interval.high) == (second.interval.low, first.interval.high)
    assert over_seeds([few, first]).verdict == "no difference shown"
    assert over_seeds([few, few]).verdict == "number only"


def test_wrong_lengths_are_named() -> None:
    with pytest.raises(ValueError, match="one of each per item"):
        group_gaps([1, 0], [1, 1], ["a"], seed=0)


def test_a_group_of_one_class_is_judged_by_its_own_items_alone() -> None:
    labels = np.repeat(["common", "rare"], [1500, 300])
    rng = np.random.default_rng(0)
    weights = class_weights(labels)
    reference = (rng.random(1800) < 0.9).astype(float)
    candidate = np.where((labels == "rare") & (rng.random(1800) < 0.2), 0.0, reference)
    plain = group_gaps(candidate, reference, labels, seed=0)
    weighed = group_gaps(candidate * weights, reference * weights, labels, seed=0, classes=labels)
    assert weighed == plain
    assert [each.verdict for each in weighed] == ["number only", "worse"]


def test_within_a_group_every_class_counts_the_same() -> None:
    labels = np.tile(np.repeat(["no", "yes"], [180, 20]), 2)
    weights, groups = class_weights(labels), np.repeat(["one", "other"], 200)
    right = np.ones(400)
    right[180:200] = 0  # all of the rare class in the first group
    first, second = group_gaps(right * weights, weights, groups, seed=0, classes=labels)
    assert first.difference == pytest.approx(-0.5) and first.verdict == "worse"
    assert second.difference == 0 and second.interval is not None and second.interval.low < -0.07


def test_a_few_heavy_items_bear_no_verdict() -> None:
    labels = np.repeat(["no", "yes"], [596, 4])
    weights = class_weights(labels)
    right = np.ones(600)
    right[:18] = 0
    right[596:598] = 0  # two of the four, a quarter of the metric
    (gap,) = group_gaps(right * weights, weights, np.zeros(600), seed=0, classes=labels)
    assert gap.difference == pytest.approx(-0.25 - 18 / 596 / 2) and gap.discordant == 20
    assert gap.verdict == "no difference shown"
