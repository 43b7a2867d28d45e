"""Confidence: what is sure, and how far it may be believed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from effkit.models.confidence import (
    SCORES,
    Confidence,
    calibrated,
    expected_calibration_error,
    fitted_temperature,
    tempered,
)
from effkit.tasks.metrics import log_loss

LOGITS = arrays(np.float64, (60, 3), elements=st.floats(-6, 6, width=32))


def shares(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@given(LOGITS, st.integers(0, 10_000))
def test_a_fitted_temperature_never_raises_the_loss_on_its_items(logits: Any, seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 3, len(logits))
    given_shares = shares(logits)
    fitted = tempered(given_shares, fitted_temperature(given_shares, labels))
    assert log_loss(fitted, labels) <= log_loss(tempered(given_shares, 1.0), labels) + 1e-12


@given(LOGITS, st.floats(0.1, 10))
def test_a_temperature_changes_no_answer(logits: Any, temperature: float) -> None:
    flat = tempered(shares(logits), temperature)
    best = shares(logits).argmax(axis=1)
    assert np.allclose(flat[np.arange(len(flat)), best], flat.max(axis=1))
    assert np.allclose(flat.sum(axis=1), 1)


def test_an_overconfident_model_is_flattened_and_its_promises_come_true() -> None:
    rng = np.random.default_rng(0)
    honest = shares(rng.normal(0, 1.5, (4000, 3)))
    labels = np.array([rng.choice(3, p=row) for row in honest])
    loud = tempered(honest, 0.4)
    assert fitted_temperature(loud, labels) == pytest.approx(2.5, rel=0.15)
    for kind in ("temperature", "isotonic"):
        fitted = calibrated("margin", kind, loud[:2000], labels[:2000])  # type: ignore[arg-type]
        right = loud[2000:].argmax(axis=1) == labels[2000:]
        before = expected_calibration_error(Confidence("margin").right(loud[2000:]), right)
        assert expected_calibration_error(fitted.right(loud[2000:]), right) < before / 2


@pytest.mark.parametrize("score", SCORES)
def test_more_is_surer(score: Any) -> None:
    unsure, sure, surest = SCORES[score](np.array([[0.4, 0.35, 0.25], [0.7, 0.2, 0.1], [0.98, 0.01, 0.01]]))
    assert unsure < sure < surest


def test_with_two_classes_all_scores_agree_on_the_order() -> None:
    first = np.random.default_rng(1).uniform(0.01, 0.99, 50)
    both = np.column_stack([first, 1 - first])
    orders = [np.argsort(score(both), kind="stable").tolist() for score in SCORES.values()]
    assert orders[0] == orders[1] == orders[2]


@given(LOGITS, st.integers(0, 10_000))
def test_isotonic_confidence_rises_with_the_score_and_reads_back(logits: Any, seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 3, len(logits))
    fitted = calibrated("entropy", "isotonic", shares(logits), labels)
    order = np.argsort(SCORES["entropy"](tempered(shares(logits), 1.0)))
    assert (np.diff(fitted.of(shares(logits))[order]) >= -1e-12).all()
    assert Confidence.from_json(fitted.to_json()) == fitted


def test_what_came_true_as_promised_has_no_error() -> None:
    assert expected_calibration_error(np.array([1.0, 1.0, 0.0]), np.array([1, 1, 0])) == 0.0
    assert expected_calibration_error(np.full(10, 0.9), np.zeros(10)) == pytest.approx(0.9)
