"""From one run to another: a loss is told where the items bear it, and what cannot be compared is no gap."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from effkit.analysis.agreement import compare
from effkit.analysis.regressions import RunGap, run_gaps
from effkit.record import Record
from tests.analysis.two_runs import changed, golden, lost, predictions

NAME = "minilm-l6"


def gap(first: pd.DataFrame, second: pd.DataFrame, record: Record | None = None) -> RunGap:
    """The gap of one candidate, compared alone."""
    record = record or golden()
    (found,), unfit = run_gaps(record, record, first, second, [NAME])
    assert not unfit
    return found


def test_a_loss_that_the_items_bear_is_told_of_its_candidate_alone() -> None:
    found = compare(golden(), golden(), predictions(), lost(15))
    assert {each.candidate: each.difference for each in found.gaps} == pytest.approx(
        {"mpnet-base": 0.0, "tfidf-logreg": 0.0, NAME: -15 / 40}
    )
    assert [each.candidate for each in found.worse] == [NAME]
    assert all(each.low < each.difference < each.high and each.n == 40 for each in found.gaps)


def test_one_item_lost_may_be_chance_and_a_gain_is_no_loss() -> None:
    one = gap(predictions(), lost(1))
    assert one.difference == pytest.approx(-1 / 40) and not one.worse and one.high > 0
    gained = gap(lost(15), predictions())
    assert gained.difference == pytest.approx(15 / 40) and not gained.worse and gained.low > 0


def test_the_intervals_hold_for_all_candidates_at_once() -> None:
    alone = gap(predictions(), lost(15))
    among = next(each for each in compare(golden(), golden(), predictions(), lost(15)).gaps if each.candidate == NAME)
    assert among.difference == alone.difference
    assert among.low < alone.low < alone.high < among.high


def test_of_errors_more_is_worse() -> None:
    record = changed(golden(), task={"kind": "regression", "metric": "absolute_error"})
    larger = predictions()
    larger.loc[larger["candidate"] == NAME, "score"] += 0.5
    found = gap(predictions(), larger, record)
    assert found.difference == pytest.approx(-0.5) and found.worse and found.of_errors
    assert not gap(larger, predictions(), record).worse


def test_a_rare_class_without_a_disagreement_still_leaves_something_open() -> None:
    answers = predictions(200)
    rare = answers["item"] < 3 * 10
    answers["label"] = np.where(rare, "Bottoms", "Tops")
    answers["score"] = np.where(rare, 200 / (2 * 10), 200 / (2 * 190))
    found = gap(answers, answers, changed(golden(), task={"metric": "balanced_accuracy"}))
    assert found.difference == 0.0 and found.low < -0.1 and found.high > 0.1


def test_items_that_depend_on_each_other_widen_the_interval() -> None:
    first, second = (predictions(80).assign(score=1.0) for _ in range(2))
    second.loc[second["item"] < 3 * 16, "score"] = 0.0
    plain = gap(first, second)
    record = changed(golden(), task={"clusters": 40})
    paired = gap(first.assign(cluster=first["item"] // 6), second, record)
    assert paired.difference == plain.difference == pytest.approx(-0.2)
    assert paired.low < plain.low and plain.high < paired.high
    assert run_gaps(record, record, first, second, [NAME]) == (
        (), {NAME: "items depend on each other, and neither run tells which"},
    )  # fmt: skip


def test_the_first_training_is_compared_whatever_its_seed() -> None:
    again = pd.concat([lost(15).assign(seed=5), predictions().assign(seed=6)], ignore_index=True)
    found = compare(golden(), changed(golden(), spec={"seed": 5}), predictions(), again)
    assert found.items == ()
    assert [each.candidate for each in found.worse] == [NAME]


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (predictions(19), predictions(19), "fewer than 20 independent test items"),
        (predictions(), predictions()[lambda frame: frame["candidate"] != NAME], "a run has no predictions of it"),
        (predictions(), predictions(41).assign(seed=2), "the test items differ"),
        (predictions(), predictions().assign(seed=2, label="Trend"), "the test items differ"),
    ],
    ids=["few items", "no answers", "other items", "other labels"],
)
def test_what_cannot_be_compared_is_said(first: pd.DataFrame, second: pd.DataFrame, why: str) -> None:
    found = compare(golden(), golden(), first, second)
    assert NAME not in {each.candidate for each in found.gaps}
    assert why in {each.reason for each in found.refused if each.candidate == NAME}
