"""What is known to be wanting before anything runs."""

from __future__ import annotations

import pytest

from effkit.cautions import FEWEST_OF_A_CLASS, of_constant, of_rarest, of_repeated, of_waiting, within_margin
from effkit.evidence import ClassItems
from effkit.production import Budget, LoadSpec


def test_a_gain_of_the_margin_is_within_it_and_more_is_not() -> None:
    assert within_margin(1 - 0.99, 0.01) and within_margin(-0.1, 0.01)
    assert not within_margin(0.0101, 0.01)


@pytest.mark.parametrize(
    ("metric", "fix"), [("accuracy", "`balanced_accuracy`"), ("absolute_error", "a reference that has learnt more")]
)
def test_what_helps_against_a_constant_goes_by_the_metric(metric: str, fix: str) -> None:
    found = of_constant("no", "accuracy is 99.5 %", margin="1 point", metric=metric)
    assert found.sentence == (
        "If the answer is always “no”, accuracy is 99.5 %: a margin of 1 point cannot tell a model from that."
    )
    assert fix in found.fix


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (FEWEST_OF_A_CLASS, ""),
        (12, "has only 12 test items and weighs as much"),
        (1, "has only 1 test item and weighs"),
        (0, "has no test item and is left out"),
    ],
)
def test_balanced_accuracy_rests_on_its_rarest_class(items: int, words: str) -> None:
    found = list(of_rarest(ClassItems(name="fraud", n=items), "balanced_accuracy"))
    assert len(found) == bool(words) and all(words in each.sentence and "“fraud”" in each.sentence for each in found)
    assert not list(of_rarest(ClassItems(name="fraud", n=items), "accuracy"))
    assert not list(of_rarest(None, "balanced_accuracy"))


def test_items_in_few_clusters_are_few() -> None:
    for clusters, told in ((FEWEST_OF_A_CLASS, 0), (10, 1)):
        found = list(of_rarest(ClassItems(name="fraud", n=400, clusters=clusters), "balanced_accuracy"))
        assert len(found) == told
        assert all("has only 400 test items in 10 clusters and weighs as much" in each.sentence for each in found)


@pytest.mark.parametrize(("repeated", "told"), [(None, False), (0, False), (50, False), (51, True)])
def test_copies_are_told_above_a_share(repeated: int | None, told: bool) -> None:
    found = list(of_repeated(repeated, 10_000))
    assert bool(found) == told
    assert all("51 of 10,000 test items (0.5 %)" in each.sentence and "`cluster`" in each.fix for each in found)


TRAFFIC = {"latency_p99_s": 0.05, "requests_per_s": 20}


@pytest.mark.parametrize(
    ("budget", "load", "told"),
    [
        (TRAFFIC, None, True),
        (TRAFFIC, LoadSpec(), False),
        ({"latency_p99_s": 0.05}, None, False),
        ({"requests_per_s": 20, "infer_p99_s": 0.05}, None, False),
    ],
)
def test_a_p99_at_a_traffic_asks_for_a_load_test(budget: dict[str, float], load: LoadSpec | None, told: bool) -> None:
    found = list(of_waiting(Budget.model_validate(budget), load))
    assert len(found) == told
    assert all("at 20 requests a second" in each.sentence and "stay open" in each.sentence for each in found)
    assert all("`load`" in each.fix and "`--set load.max_batch=1`" in each.fix for each in found)
