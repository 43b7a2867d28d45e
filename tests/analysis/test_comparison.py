"""Quality over seeds, groups and many candidates at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from effkit.analysis.comparison import QualityTest, Scored, compare, mean_with_interval
from effkit.balance import class_weights

TEST = QualityTest(
    metric="accuracy",
    higher_is_better=True,
    binary=True,
    margin_points=2.0,
    margin_percent=None,
    seed=1,
    resamples=2000,
)
N = 4000


def scores(wrong: int, *, start: int = 0) -> NDArray[np.float64]:
    """Right but for `wrong` items from `start` on."""
    result = np.ones(N)
    result[start : start + wrong] = 0
    return result


def test_equal_is_non_inferior_worse_is_inferior_and_better_is_superior() -> None:
    found = compare(
        {
            "ref": Scored((scores(800),)),
            "same": Scored((scores(800, start=5),)),
            "worse": Scored((scores(1200),)),
            "better": Scored((scores(500),)),
        },
        "ref",
        TEST,
    )
    verdicts = {name: gap.verdict for name, (_, gap) in found.items() if gap}
    assert verdicts == {"same": "non-inferior", "worse": "inferior", "better": "superior"}
    quality, gap = found["better"]
    assert gap is not None and gap.difference == pytest.approx(0.075)
    assert quality.value.value == pytest.approx(0.875)
    assert found["ref"][1] is None


def test_no_mistake_among_few_items_leaves_a_doubt() -> None:
    """Wilson's interval (1927): of 100 of 100 from 100 / (100 + 1.96²), and of none the same from the other side."""
    all_right = mean_with_interval(np.ones(100), TEST)
    assert (all_right.value, all_right.high) == (1.0, pytest.approx(1.0))
    assert all_right.low == pytest.approx(100 / (100 + 1.96**2), abs=1e-4)
    none_right = mean_with_interval(np.zeros(100), TEST)
    assert (none_right.low, none_right.high) == (pytest.approx(0.0), pytest.approx(1 - all_right.low))
    half = mean_with_interval(np.tile([0.0, 1.0], 2000), TEST)
    assert half.low == pytest.approx(0.5 - 0.0155, abs=0.002) and half.high == pytest.approx(0.5 + 0.0155, abs=0.002)
    graded = mean_with_interval(np.full(100, 2.5), replace(TEST, metric="absolute_error", binary=False))
    assert (graded.value, graded.low, graded.high) == (2.5, None, None), "a spread that was not seen may be there"


def test_clusters_that_are_all_alike_leave_the_doubt_of_as_many_items() -> None:
    """Of twenty clusters without a mistake: Wilson's interval of twenty items, with Student's t for the quantile."""
    clustered = replace(TEST, clusters=np.repeat(np.arange(20), 5))
    right = mean_with_interval(np.ones(100), clustered)
    assert right.low == pytest.approx(20 / (20 + 2.093**2), abs=1e-4) and right.high == pytest.approx(1.0)
    few = replace(TEST, clusters=np.repeat(np.arange(4), 25))
    scored = mean_with_interval(np.tile([1.0] * 9 + [0.0], 10), few)
    assert (scored.value, scored.low, scored.high) == (pytest.approx(0.9), None, None)


@pytest.mark.parametrize(("count", "binary"), [(5, True), (6, False)])
def test_few_clusters_hold_the_truth_nearly_as_often_as_they_should(count: int, binary: bool) -> None:
    """200 runs at 95 %: three standard errors are 4.6 %. The tails of many clusters hold it in 78 and 86 %."""
    rng, held, clusters = np.random.default_rng(0), 0, np.repeat(np.arange(count), 40)
    for seed in range(200):
        levels = np.repeat(rng.normal(0, 0.1, count), 40)
        draws = rng.random(40 * count) < 0.7 + levels if binary else 0.7 + levels + rng.normal(0, 0.1, 40 * count)
        test = replace(TEST, binary=binary, seed=seed, clusters=clusters)
        found = mean_with_interval(draws.astype(float), test)
        assert found.low is not None and found.high is not None
        held += found.low <= 0.7 <= found.high
    assert held / 200 >= 0.95 - 0.046


def test_a_verdict_that_changes_with_the_seed_is_inconclusive() -> None:
    lucky, unlucky = scores(800, start=3), scores(1200)
    found = compare({"ref": Scored((scores(800),)), "mine": Scored((lucky, lucky, unlucky))}, "ref", TEST)
    quality, gap = found["mine"]
    assert gap is not None
    assert (gap.verdict_alone, gap.verdict) == ("non-inferior", "inconclusive")
    assert len(quality.seed_values) == 3


def test_choosing_among_many_costs_something() -> None:
    rng = np.random.default_rng(3)
    reference = (rng.random(N) < 0.8).astype(float)
    flips = rng.random(N) < 0.08
    candidate = np.where(flips, 1 - reference, reference)
    many = {f"c{number}": Scored((candidate,)) for number in range(8)}
    alone = compare({"ref": Scored((reference,)), "c0": many["c0"]}, "ref", TEST)["c0"][1]
    among = compare({"ref": Scored((reference,)), **many}, "ref", TEST)["c0"][1]
    assert alone is not None and among is not None
    assert among.p_value == alone.p_value == alone.p_holm
    assert among.p_holm == pytest.approx(min(1.0, 8 * alone.p_value)) and among.p_holm > alone.p_holm


def test_items_needed_grows_with_the_candidates() -> None:
    """From 7,849 to 10,470 where three are tried."""
    few = np.ones(500)
    few[:25] = 0
    other = few[::-1].copy()
    alone = compare({"ref": Scored((few,)), "a": Scored((other,))}, "ref", TEST)["a"][1]
    among = compare({"ref": Scored((few,)), **{name: Scored((other,)) for name in "abc"}}, "ref", TEST)["a"][1]
    assert alone is not None and alone.items_needed and among is not None and among.items_needed
    assert among.items_needed / alone.items_needed == pytest.approx(10470 / 7849, rel=0.01)


def test_items_needed_is_that_of_the_training_seed_that_needs_most() -> None:
    def wrong(first: int, count: int) -> NDArray[np.float64]:
        result = np.ones(500)
        result[first : first + count] = 0
        return result

    def needed(*by_seed: NDArray[np.float64]) -> int | None:
        gap = compare({"ref": Scored((wrong(0, 25),)), "mine": Scored(by_seed)}, "ref", TEST)["mine"][1]
        assert gap is not None
        return gap.items_needed

    like, unlike, hopeless = wrong(15, 25), wrong(25, 25), wrong(25, 125)
    one, other = needed(like), needed(unlike)
    assert one is not None and other is not None and one < other
    assert needed(like, unlike, like) == needed(unlike, like) == other
    assert needed(like, hopeless) is None


def test_groups_are_paired_and_the_reference_has_its_own_row() -> None:
    groups = {"half": np.array(["first"] * (N // 2) + ["second"] * (N // 2), dtype=object)}
    found = compare({"ref": Scored((np.ones(N),)), "mine": Scored((scores(300),))}, "ref", replace(TEST, groups=groups))
    mine = {group.group: group for group in found["mine"][0].groups}
    assert mine["half=first"].verdict == "worse"
    assert mine["half=first"].difference == pytest.approx(-0.15)
    assert mine["half=second"].difference == 0.0
    assert mine["half=second"].low is not None and mine["half=second"].low < 0, "no disagreement is no proof"
    assert {group.verdict for group in found["ref"][0].groups} == {"reference"}


def test_a_group_that_some_training_seed_loses_is_not_safe() -> None:
    """Of 250 items the first seed loses 2 and four others lose 60."""
    groups = {"half": np.array(["small"] * 250 + ["rest"] * (N - 250), dtype=object)}
    found = compare(
        {"ref": Scored((np.ones(N),)), "mine": Scored((scores(2), *(scores(60) for _ in range(4))))},
        "ref",
        replace(TEST, groups=groups),
    )
    mine = {group.group: group for group in found["mine"][0].groups}["half=small"]
    assert mine.difference == pytest.approx(-2 / 250) and mine.value == pytest.approx(248 / 250)
    assert mine.low is not None and mine.low < -60 / 250
    assert mine.high is not None and mine.high > -2 / 250
    assert mine.verdict == "no difference shown"
    always = compare(
        {"ref": Scored((np.ones(N),)), "mine": Scored((scores(60), scores(70)))}, "ref", replace(TEST, groups=groups)
    )
    assert {group.group: group.verdict for group in always["mine"][0].groups}["half=small"] == "worse"


def test_chance_has_as_many_tries_as_there_are_groups_columns_and_candidates() -> None:
    """30 wins against 55 losses among 2,000 items: two-sided p is 0.009, enough for one of five and not of eight."""
    wins, losses = np.arange(N) < 30, (np.arange(N) >= 30) & (np.arange(N) < 85)
    reference, candidate = np.where(wins, 0.0, 1.0), np.where(losses, 0.0, 1.0)
    first = np.arange(N) < 2000
    other = np.where((np.arange(N) >= 5) & (np.arange(N) < 55), 1 - reference, reference)  # 25 wins, 25 losses

    def verdict(columns: int, candidates: int) -> str:
        groups = {f"column{number}": np.where(first, "one", "two").astype(object) for number in range(columns)}
        given = {"ref": Scored((reference,)), "mine": Scored((candidate,))}
        given |= {f"other{number}": Scored((other,)) for number in range(1, candidates)}
        found = compare(given, "ref", replace(TEST, groups=groups, resamples=200))
        return {group.group: group.verdict for group in found["mine"][0].groups}["column0=one"]

    assert verdict(1, 1) == "worse"
    assert verdict(8, 1) == "no difference shown"
    assert verdict(1, 8) == "no difference shown"


def test_a_group_tells_its_clusters_few_as_they_may_be() -> None:
    for count in (10, 4):
        clusters = np.arange(N) // (N // count)
        test = replace(TEST, groups={"all": np.array(["it"] * N, dtype=object)}, clusters=clusters)
        found = compare({"ref": Scored((np.ones(N),)), "mine": Scored((scores(300),))}, "ref", test)
        (group,) = found["mine"][0].groups
        assert (group.n, group.units, group.verdict, group.low is None) == (N, count, "number only", count < 5)


def test_errors_have_a_margin_relative_to_the_reference() -> None:
    test = replace(
        TEST, metric="absolute_error", higher_is_better=False, binary=False, margin_points=None, margin_percent=10.0
    )
    rng = np.random.default_rng(5)
    errors = rng.exponential(1.0, N)
    found = compare(
        {"ref": Scored((errors,)), "mine": Scored((errors * 1.01,)), "bad": Scored((errors * 1.5,))}, "ref", test
    )
    mine, bad = found["mine"][1], found["bad"][1]
    assert mine is not None and bad is not None
    assert mine.margin == pytest.approx(0.1 * errors.mean())
    assert mine.difference < 0
    assert (mine.verdict, bad.verdict) == ("non-inferior", "inferior")
    assert mine.mcnemar_p is None and mine.discordant is None


def test_a_gap_over_clusters_is_as_uncertain_as_they_are() -> None:
    rng = np.random.default_rng(4)
    clusters = np.repeat(np.arange(N // 40), 40)
    reference = (rng.random(N) < 0.8).astype(float)
    wrong = np.repeat(rng.random(N // 40) < 0.1, 40)  # whole clusters go wrong together
    candidate = np.where(wrong, 0.0, reference)
    given = {"ref": Scored((reference,)), "mine": Scored((candidate,))}
    alone = compare(given, "ref", TEST)["mine"][1]
    together = compare(given, "ref", replace(TEST, clusters=clusters))["mine"][1]
    assert alone is not None and together is not None
    assert together.difference == alone.difference
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert alone.mcnemar_p is not None and together.mcnemar_p is None, "it takes the items to be independent"


def test_balanced_accuracy_is_the_mean_over_classes_and_never_above_all() -> None:
    labels = np.where(np.arange(N) < 40, "fraud", "fair")
    weights = class_weights(labels)
    lazy, half = np.where(labels == "fraud", 0.0, weights), np.where(np.arange(N) < 20, 0.0, weights)
    test = replace(
        TEST, metric="balanced_accuracy", binary=False, classes=labels, groups={"label": labels.astype(object)}
    )
    found = compare({"ref": Scored((weights,)), "lazy": Scored((lazy,)), "half": Scored((half,))}, "ref", test)
    assert [found[name][0].value.value for name in found] == pytest.approx([1.0, 0.5, 0.75])
    rare, common = (0.5 * 1.96**2 / (items + 1.96**2) for items in (40, N - 40))
    assert found["ref"][0].value.high == pytest.approx(1.0)
    assert found["ref"][0].value.low == pytest.approx(1 - np.hypot(rare, common), abs=1e-4)
    low, high = found["half"][0].value.low, found["half"][0].value.high
    assert low is not None and high is not None and 0.6 < low < 0.75 < high < 0.9
    gap = found["half"][1]
    assert gap is not None and gap.verdict == "inferior" and gap.mcnemar_p is None and gap.discordant is None
    assert gap.enough_from is not None and 0.3 < gap.enough_from < 0.4
    of_class = {each.group: each for each in found["half"][0].groups}
    assert of_class["label=fraud"].value == pytest.approx(0.5) and of_class["label=fair"].value == 1.0
    assert of_class["label=fraud"].difference == pytest.approx(-0.5)
