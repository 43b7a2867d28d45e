"""What the labels alone tell: one answer to everything, and the rarest class."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from effkit.evidence import ClassItems, Constant
from effkit.tasks import Task
from effkit.tasks.labels import constant, rarest
from tests.tasks.test_task import search

TEST = np.arange(100) >= 80


def task(labels: list[Any], **options: Any) -> Task:
    return Task.from_arrays("t", [f"text {n}" for n in range(len(labels))], labels, **{"test": TEST, **options})


def test_the_usual_class_of_what_is_learnt_from_is_scored_on_the_test() -> None:
    labels = ["no"] * 90 + ["yes"] * 10  # half of the test, and nothing else
    made = task(labels)
    assert constant(made, made.splits["test"]) == Constant(answer="no", value=0.5)
    made = task(["no"] * 99 + ["yes"])
    found = constant(made, made.splits["test"])
    assert found is not None and (found.answer, found.value) == ("no", pytest.approx(0.95))


def test_of_balanced_accuracy_one_answer_has_a_share_of_the_classes() -> None:
    made = task(["no"] * 99 + ["yes"], metric="balanced_accuracy")
    found = constant(made, made.splits["test"])
    assert found is not None and found.value == pytest.approx(0.5)


def test_a_median_has_the_error_of_the_test_items() -> None:
    values = [3.0] * 80 + [1.0, 6.0] * 10
    made = task(values, kind="regression")
    assert constant(made, made.splits["test"]) == Constant(answer="3", value=2.5)


def test_retrieval_has_no_usual_answer() -> None:
    made = search()
    assert constant(made, made.splits["test"]) is None and rarest(made, made.splits["test"]) is None


def test_where_nothing_is_learnt_from_the_answer_is_that_of_the_test() -> None:
    made = task(["no"] * 99 + ["yes"], test=np.ones(100, dtype=bool))
    assert not len(made.splits["fit"])
    found = constant(made, made.splits["test"])
    assert found is not None and (found.answer, found.value) == ("no", pytest.approx(0.99))


def test_the_rarest_class_may_have_no_test_item_at_all() -> None:
    made = task(["yes"] * 10 + ["no"] * 85 + ["perhaps"] * 5)
    assert rarest(made, made.splits["test"]) == ClassItems(name="yes", n=0)
    made = task(["no"] * 95 + ["perhaps"] * 5)
    assert rarest(made, made.splits["test"]) == ClassItems(name="perhaps", n=5)
    assert rarest(task([1.0] * 100, kind="regression"), np.arange(5)) is None


def test_of_items_in_clusters_the_rarest_class_is_in_the_fewest() -> None:
    clusters = np.concatenate([np.arange(88), np.repeat([88, 89], 6)])
    made = replace(task(["no"] * 88 + ["yes"] * 12), clusters=clusters)
    assert rarest(made, made.splits["test"]) == ClassItems(name="yes", n=12, clusters=2)
