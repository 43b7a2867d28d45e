from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from effkit.models import heads
from effkit.models.heads import CosineSearch, LogisticHead
from effkit.spec import SpecError


def _blobs(classes: int, count: int = 120) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.arange(count) % classes
    centres = 3 * rng.normal(size=(classes, 8))
    return (centres[labels] + rng.normal(size=(count, 8))).astype(np.float32), labels


@pytest.mark.parametrize("classes", [2, 3])
def test_folding_the_standardisation_changes_no_probability(classes: int) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features, labels = _blobs(classes)
    head = LogisticHead.fit(features, labels, classes, C=2.0)
    plain = make_pipeline(StandardScaler(), LogisticRegression(C=2.0 / features.shape[1], max_iter=1000))
    expected = plain.fit(features, labels).predict_proba(features)
    assert np.abs(head.answer(features) - expected).max() < 1e-3


def test_a_class_without_fit_items_is_never_chosen() -> None:
    features, labels = _blobs(2)
    answer = LogisticHead.fit(features, np.where(labels == 0, 0, 2), 4).answer(features)
    assert answer.shape == (120, 4)
    assert answer[:, [1, 3]].max() == 0
    assert np.allclose(answer.sum(axis=1), 1)


def test_dead_dimensions_get_no_weight_of_note() -> None:
    features, labels = _blobs(3)
    dead = np.column_stack([features, 1e-33 * np.random.default_rng(1).normal(size=120)]).astype(np.float32)
    head = LogisticHead.fit(dead, labels, 3)
    assert np.abs(head.weight[-1]).max() < 1e-6


def test_one_class_is_refused() -> None:
    features, _ = _blobs(2)
    with pytest.raises(SpecError, match="one class"):
        LogisticHead.fit(features, np.zeros(120, int), 2)


def test_search_returns_rows_best_first_and_the_earlier_of_equals() -> None:
    corpus = np.eye(12, dtype=np.float32)
    corpus[7] = corpus[3]
    search = CosineSearch.over(5 * corpus)
    rows = search.answer(corpus[3:4] + 0.1 * corpus[5:6])
    assert rows.shape == (1, 10)
    assert rows[0, :3].tolist() == [3, 7, 5]


@pytest.mark.parametrize("kind", ["head", "search"])
def test_what_is_saved_is_what_is_loaded(tmp_path: Path, kind: str) -> None:
    features, labels = _blobs(3)
    head = LogisticHead.fit(features, labels, 3) if kind == "head" else CosineSearch.over(features)
    heads.save(head, tmp_path)
    again = heads.load(tmp_path)
    assert type(again) is type(head)
    assert np.array_equal(again.answer(features), head.answer(features))
