"""Every class counts the same: weights of mean 1, and scores weighed anew within some items."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effkit.balance import class_weights, scores_within


def test_a_rare_class_weighs_as_much_as_a_common_one() -> None:
    assert class_weights(np.array([0, 0, 0, 1])) == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2.0])
    assert class_weights(np.array(["b", "a"] * 3)).tolist() == [1.0] * 6


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_weights_have_a_mean_of_one_and_every_class_the_same_sum(labels: list[int]) -> None:
    held = np.array(labels)
    weights = class_weights(held)
    assert weights.mean() == pytest.approx(1.0)
    assert np.ptp([weights[held == label].sum() for label in set(labels)]) == pytest.approx(0.0, abs=1e-9)


def test_within_some_items_their_own_classes_count() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    scores = class_weights(labels) * [1, 0, 1, 1, 1, 0]
    members = np.array([True, True, True, True, False, False])
    assert scores_within(scores, members, labels) == pytest.approx([2 / 3, 0, 2 / 3, 2])
    assert scores_within(scores, labels == 1, labels) == pytest.approx([1, 1, 0])
    assert scores_within(np.array([0.5, 2.0]), np.array([False, True]), None).tolist() == [2.0]
