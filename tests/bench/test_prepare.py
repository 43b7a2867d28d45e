"""What is taken for an answer, and what for a model that its techniques broke."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effkit.bench.energy import NoMeter
from effkit.bench.prepare import prepare
from effkit.bench.process import WorkerFailed
from effkit.models import Recipe
from effkit.models.base import Facts, over_items
from effkit.models.own import Packed
from effkit.tasks import Task


def unsure(items: list[Any]) -> Any:
    """One class dominates, and how much tells the items apart."""
    sure = np.array([0.6 + 0.01 * len(item) for item in items])
    return np.column_stack([sure, 1 - sure])


def constant(items: list[Any]) -> Any:
    return np.tile([0.9, 0.1], (len(items), 1))


def prepared(function: Any, folder: Path) -> Any:
    task = Task.from_arrays("letters", ["a" * (1 + number % 7) for number in range(40)], [0, 1] * 20)
    recipe = Recipe("mine", "own", task.kind, fit_items=0, seed=1, settings=Packed.of(function).settings(task, folder))
    test = np.sort(task.first("test", "all"))
    return prepare(recipe, [1], task.saved_below(folder), folder, test, NoMeter(), changed=True)


def test_a_class_that_dominates_is_no_sign_of_a_broken_model(tmp_path: Path) -> None:
    (predictions,) = prepared(unsure, tmp_path).predictions
    assert (predictions.argmax(axis=1) == 0).all()


def test_one_answer_to_everything_is(tmp_path: Path) -> None:
    with pytest.raises(WorkerFailed, match="its techniques broke it"):
        prepared(constant, tmp_path)


def in_small_units(items: list[Any]) -> Any:
    return [1e-9 * len(item) for item in items]


def in_one_small_unit(items: list[Any]) -> Any:
    return [1e-9] * len(items)


def test_values_in_a_small_unit_are_no_sign_of_a_broken_model(tmp_path: Path) -> None:
    lengths = [1 + number % 7 for number in range(40)]
    texts, doses = ["a" * each for each in lengths], [1e-9 * each for each in lengths]
    task = Task.from_arrays("doses", texts, doses, kind="regression")
    test, folder = np.sort(task.first("test", "all")), task.saved_below(tmp_path)

    def predicted(function: Any) -> Any:
        settings = Packed.of(function).settings(task, tmp_path)
        recipe = Recipe("mine", "own", task.kind, fit_items=0, seed=1, settings=settings)
        return prepare(recipe, [1], folder, tmp_path, test, NoMeter(), changed=True).predictions

    (predictions,) = predicted(in_small_units)
    assert predictions == pytest.approx(task.labels[test])
    with pytest.raises(WorkerFailed, match="its techniques broke it"):
        predicted(in_one_small_unit)


def test_operations_are_counted_over_items_of_all_lengths(tmp_path: Path) -> None:
    texts = ["red dress " * (1 + number % 7) for number in range(80)]
    task = Task.from_arrays("dresses", texts, [number % 2 for number in range(80)])
    recipe = Recipe("tfidf", "text.tfidf", task.kind, fit_items=20, seed=1)
    test = np.sort(task.first("test", "all"))
    folder = task.saved_below(tmp_path)

    def flops(counted: list[int]) -> float:
        found = prepare(recipe, [1], folder, tmp_path, test, NoMeter(), counted=counted).facts
        assert found.flops is not None and found.parameters
        return found.flops

    by_length = sorted(map(int, test), key=lambda item: len(texts[item]))
    short, long = by_length[0], by_length[-1]
    few, many = flops([short]), flops([long])
    assert few < many
    assert flops([short, long, long]) == pytest.approx((few + 2 * many) / 3)
    assert prepare(recipe, [1], folder, tmp_path, test, NoMeter()).facts.flops is None


def test_what_is_missing_for_one_item_is_missing() -> None:
    counted = [Facts(1, 2, 3, 10.0), Facts(1, 2, 3, 20.0)]
    assert over_items(counted) == Facts(1, 2, 3, 15.0)
    assert over_items([*counted, Facts(1, 2, 3)]).flops is None


def test_a_function_is_asked_anew_in_a_cascade_too(tmp_path: Path) -> None:
    task = Task.from_arrays("letters", ["a" * (1 + number % 7) for number in range(40)], [0, 1] * 20)
    told = tmp_path / "told"

    def of_today(items: list[Any]) -> Any:
        sure = float(told.read_text(encoding="utf-8"))
        return np.tile([sure, 1 - sure], (len(items), 1))

    stages = tuple(
        Recipe(name, "own", task.kind, fit_items=0, seed=1, settings=Packed.of(function).settings(task, tmp_path))
        for name, function in (("today", of_today), ("unsure", unsure))
    )
    setup = {"score": "margin", "calibration": "temperature", "escalate": [0.0], "accept_points": None}
    settings = {**setup, "held_out": None, "seeded": [False, False]}
    both = Recipe("both", "cascade", task.kind, fit_items=0, seed=1, settings=settings, stages=stages)
    test, folder = np.sort(task.first("test", "all")), task.saved_below(tmp_path)
    for sure in (0.9, 0.6):
        told.write_text(str(sure), encoding="utf-8")
        (predictions,) = prepare(both, [1], folder, tmp_path, test, NoMeter()).predictions
        assert np.allclose(predictions[:, 0], sure)
