"""Gates: who answers, in which order, and where the thresholds come to lie."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effkit.models import gates
from effkit.models.confidence import Confidence
from effkit.models.gates import ALL_GO_ON, NONE_GOES_ON, Gate

SEEDS = st.integers(0, 10_000)


def drawn(seed: int, stages: int = 3, n: int = 80, classes: int = 3) -> tuple[Any, Any]:
    """(stages, n, classes) answers, of which later ones are better, and (n,) labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    logits = rng.normal(0, 1, (stages, n, classes))
    logits[:, np.arange(n), labels] += np.linspace(0.8, 2.0, stages)[:, None]
    powers = np.exp(logits)
    return powers / powers.sum(axis=2, keepdims=True), labels


def confidences(answers: Any) -> list[Any]:
    return [Confidence("margin").of(each) for each in answers[:-1]]


def with_thresholds(values: Any) -> list[Gate]:
    return [Gate(Confidence("margin"), value) for value in values]


@given(SEEDS)
def test_nobody_goes_on_or_everybody_does(seed: int) -> None:
    answers, _ = drawn(seed)
    first, by = gates.combined(with_thresholds(gates.at_shares(confidences(answers), (0, 0))), answers)
    assert (first == answers[0]).all() and not by.any()
    last, by = gates.combined(with_thresholds(gates.at_shares(confidences(answers), (1, 1))), answers)
    assert (last == answers[-1]).all() and (by == 2).all()


@given(SEEDS, st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_shares_are_met_as_nearly_as_items_allow(seed: int, shares: Any) -> None:
    answers, _ = drawn(seed)
    _, by = gates.combined(with_thresholds(gates.at_shares(confidences(answers), shares)), answers)
    reached = int((by > 0).sum())
    assert abs(reached - shares[0] * 80) <= 0.5 + 1e-9
    assert abs(int((by > 1).sum()) - shares[1] * reached) <= 0.5 + 1e-9


@given(SEEDS)
def test_asking_in_turn_keeps_the_order_and_asks_nobody_twice(seed: int) -> None:
    answers, _ = drawn(seed)
    held = with_thresholds((0.3, 0.5))
    asked: list[Any] = []

    def ask(stage: int, rows: Any) -> Any:
        asked.append(set(rows.tolist()))
        return answers[stage][rows]

    said, by = gates.run(held, ask, 80)
    expected, expected_by = gates.combined(held, answers)
    assert (said == expected).all() and (by == expected_by).all()
    assert asked[0] == set(range(80))
    assert all(later <= earlier for earlier, later in pairwise(asked))
    assert (said == np.stack([answers[stage][row] for row, stage in enumerate(by)])).all()


@given(SEEDS, st.floats(0, 0.2), st.floats(0, 0.2))
def test_who_accepts_more_passes_on_no_more(seed: int, one: float, other: float) -> None:
    answers, labels = drawn(seed, stages=2)
    correct = answers.argmax(axis=2) == labels
    less, more = sorted((one, other))
    ((strict,), (loose,)) = (gates.thresholds(confidences(answers), correct, each) for each in (less, more))
    assert loose <= strict


@given(SEEDS, st.floats(0, 0.1))
def test_what_is_chosen_loses_no_more_there_than_accepted(seed: int, accepted: float) -> None:
    answers, labels = drawn(seed)
    correct = answers.argmax(axis=2) == labels
    said, _ = gates.combined(with_thresholds(gates.thresholds(confidences(answers), correct, accepted)), answers)
    assert correct[-1].mean() - (said.argmax(axis=1) == labels).mean() <= accepted + 1e-9


def test_a_lucky_threshold_is_not_believed() -> None:
    """The plain loss is 0 where nobody goes on, and its bound is not: as many are won by chance as are lost."""
    confidence = np.linspace(0, 1, 100)
    correct = np.ones((2, 100), dtype=bool)
    correct[0, :10], correct[1, 50:60] = False, False
    assert correct[0].mean() == correct[1].mean()
    (threshold,) = gates.thresholds([confidence], correct, 0.0)
    assert threshold > confidence[5]


def test_two_stages_that_agree_need_not_both_be_asked() -> None:
    correct = np.array([[True, False] * 20] * 2)
    assert gates.thresholds([np.linspace(0, 1, 40)], correct, 0.0) == (NONE_GOES_ON,)


def test_equals_are_not_parted() -> None:
    confidence = np.array([0.1] * 6 + [0.9] * 4)
    (threshold,) = gates.at_shares([confidence], (0.5,))
    assert 0.1 < threshold < 0.9


def test_neighbours_are_parted() -> None:
    confidence = np.array([0.5, np.nextafter(0.5, 1.0)])
    (threshold,) = gates.at_shares([confidence], (0.5,))
    assert (confidence < threshold).tolist() == [True, False]


def test_every_confidence_lies_between_the_outermost_thresholds() -> None:
    shares = np.array([[1.0, 0.0], [0.5, 0.5]])
    for score in ("margin", "log_probability", "entropy"):
        found = Confidence(score).of(shares)  # type: ignore[arg-type]
        assert (found < ALL_GO_ON).all() and (found > NONE_GOES_ON).all()


def test_a_share_of_nothing_is_nothing() -> None:
    first, second = gates.at_shares([np.array([0.1, 0.2]), np.array([0.3, 0.4])], (0, 0.5))
    assert first == NONE_GOES_ON and second == pytest.approx(NONE_GOES_ON)
