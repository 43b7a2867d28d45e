"""Tabular models as ONNX graphs: the same answers as before, and none of the libraries that trained them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from effkit.models import Products, Recipe, builder, tabular_export, tabular_graphs
from effkit.models.base import Facts
from effkit.models.columns import Columns
from effkit.tasks import Task, load
from effkit.techniques import apply_chain

pytest.importorskip("onnx", reason="the extra `compress` is not installed")
ort = pytest.importorskip("onnxruntime", reason="the extra `compress` is not installed")

MODELS = ("logreg", "shallow-tree", "lightgbm-small", "random-forest", "mlp")
FEW: dict[str, dict[str, Any]] = {"random-forest": {"n_estimators": 10}, "mlp": {"hidden": [8], "epochs": 2}}
EXACT = 1e-12
IN_32_BITS = 1e-6


def onnx(recipe: Recipe) -> Recipe:
    return apply_chain(recipe, [("onnx", {})])


def both(
    recipe: Recipe, task: Task, rows: list[Any], products: Products
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Answers of the model as it is trained, and of its graph."""
    module = builder(recipe.builder)
    found = []
    for each in (recipe, onnx(recipe)):
        predictor = module.load(each, module.make(each, task, products))
        found.append(np.asarray(predictor.infer(predictor.prepare(rows)), dtype=np.float64))
    return found[0], found[1]


def within(model: str) -> float:
    return IN_32_BITS if model == "mlp" else EXACT


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ["breast-cancer", "diabetes"])
def test_a_graph_answers_as_its_model_does(
    model: str, name: str, recipe: Callable[..., Recipe], products: Products
) -> None:
    task = load(name, seed=1)
    rows = task.items.take(task.splits["test"])
    before, after = both(recipe(model, task, **FEW.get(model, {})), task, rows, products)
    assert np.allclose(before, after, rtol=within(model), atol=within(model))


@pytest.mark.parametrize("model", MODELS)
def test_missing_values_and_unknown_categories_are_answered_as_before(
    model: str, recipe: Callable[..., Recipe], products: Products
) -> None:
    task = _holes()
    rows = [{"x": None, "c": "never seen"}, {"x": -0.3, "c": "b"}, {"c": "a"}, {"x": 7e9, "c": None}]
    before, after = both(recipe(model, task, **FEW.get(model, {})), task, rows, products)
    assert np.allclose(before, after, atol=within(model))


@pytest.mark.parametrize("model", ["shallow-tree", "lightgbm-small", "random-forest"])
@pytest.mark.parametrize("low", [-1.0, 1.0])
def test_a_value_that_training_never_missed_goes_where_it_went(
    model: str, low: float, recipe: Callable[..., Recipe], products: Products
) -> None:
    values = np.random.default_rng(1).uniform(low, low + 2, size=300)
    labels = np.where(values > low + 1.2, "yes", "no")
    task = Task.from_arrays("whole", [{"x": float(v), "y": float(v) ** 2} for v in values], list(labels))
    before, after = both(recipe(model, task, **FEW.get(model, {})), task, [{"y": 1.0}, {"x": 1.0}, {}], products)
    assert np.allclose(before, after, atol=EXACT)


@pytest.mark.parametrize("model", MODELS)
def test_three_classes_one_of_them_unseen(model: str, recipe: Callable[..., Recipe], products: Products) -> None:
    rng = np.random.default_rng(1)
    rows = [{"x": float(x), "y": float(y)} for x, y in rng.normal(size=(400, 2))]
    names = [["a", "b", "c"][int(row["x"] > 0) + int(row["x"] > 0 and row["y"] > 0)] for row in rows]
    names[-3:] = ["d"] * 3
    task = Task.from_arrays("four", rows, names)
    fit = np.setdiff1d(np.arange(397), task.splits["test"])
    none = np.array([], dtype=np.int64)
    task = replace(task, splits={"fit": fit, "calibrate": none, "select": none, "test": task.splits["test"]})
    before, after = both(recipe(model, task, **FEW.get(model, {})), task, rows[:50], products)
    assert after.shape == (50, 4)
    assert np.allclose(before, after, atol=within(model))


def test_values_that_32_bits_cannot_tell_apart_stay_apart(recipe: Callable[..., Recipe], products: Products) -> None:
    near = np.nextafter(np.float32(1), np.float32(2), dtype=np.float32).astype(float) - 1
    values = 1 + near * np.tile([0.1, 0.2, 0.3, 0.4], 100)
    labels = ["high" if place % 4 > 1 else "low" for place in range(400)]
    task = Task.from_arrays("close", [{"x": float(v), "z": 0.0} for v in values], labels)
    rows = task.items.take(task.splits["test"])
    before, after = both(recipe("lightgbm-small", task), task, rows, products)
    assert before.argmax(axis=1).tolist() == task.labels[task.splits["test"]].tolist()
    assert np.allclose(before, after, atol=EXACT)


def test_a_tree_that_never_splits_is_a_tree() -> None:
    nothing = np.array([-1])
    leaf = tabular_graphs.Tree(nothing, nothing, nothing, np.zeros(1), nothing, np.array([[0.25]]))
    session = ort.InferenceSession(tabular_graphs.boosted([leaf, leaf], "sum").SerializeToString())
    assert session.run(None, {"rows": np.zeros((3, 1))})[0].tolist() == [0.5] * 3


def test_the_export_is_a_step_of_its_own_after_training(recipe: Callable[..., Recipe], products: Products) -> None:
    task = load("breast-cancer", seed=1)
    plain = recipe("lightgbm-small", task)
    module = builder(plain.builder)
    module.make(plain, task, products)
    module.make(onnx(plain), task, products)
    assert [(each["step"], each["reused"]) for each in products.used] == [
        ("train lightgbm-small", False),
        ("train lightgbm-small", True),
        ("export to ONNX", False),
    ]


def test_what_is_counted_is_the_models(recipe: Callable[..., Recipe], products: Products) -> None:
    task = load("breast-cancer", seed=1)
    for model in MODELS:
        plain = recipe(model, task, **FEW.get(model, {}))
        module = builder(plain.builder)
        counted = []
        for each in (plain, onnx(plain)):
            folder = module.make(each, task, products)
            counted.append(module.facts(module.load(each, folder), task.items[0], folder))
        assert counted[0].parameters == counted[1].parameters
        assert counted[0].flops == counted[1].flops
        assert counted[1].weight_bytes > 0


@pytest.mark.parametrize("model", MODELS)
def test_serving_a_graph_loads_nothing_that_trains(
    model: str, recipe: Callable[..., Recipe], products: Products
) -> None:
    task = load("breast-cancer", seed=1)
    asked = onnx(recipe(model, task, **FEW.get(model, {})))
    module = builder(asked.builder)
    assert module.libraries(asked) == ("onnxruntime",)
    code = (
        "import sys, pathlib; from effkit.models import Recipe, builder\n"
        f"recipe = Recipe.from_json({asked.to_json()!r}); module = builder(recipe.builder)\n"
        f"predictor = module.load(recipe, pathlib.Path({str(module.make(asked, task, products))!r}))\n"
        f"predictor.infer(predictor.prepare([{task.items[0]!r}]))\n"
        "print([each for each in ('sklearn', 'lightgbm', 'torch', 'skops', 'onnx') if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_graph_that_answers_otherwise_is_refused(
    recipe: Callable[..., Recipe], products: Products, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = load("breast-cancer", seed=1)
    asked = onnx(recipe("logreg", task))
    right = tabular_graphs.linear
    monkeypatch.setattr(tabular_graphs, "linear", lambda weights, *rest: right(weights * 1.1, *rest))
    with pytest.raises(ValueError, match="the exported graph differs from the model by up to"):
        builder(asked.builder).make(asked, task, products)


class Beside:
    """Answers with a column, and with a little more than its graph does."""

    def __init__(self, columns: Columns, more: float) -> None:
        self.columns, self.more = columns, more

    def prepare(self, items: list[Any]) -> NDArray[np.float64]:
        return self.columns.encode(items)

    def infer(self, prepared: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(prepared[:, 0] + self.more, dtype=np.float64)


def test_a_value_near_zero_is_told_no_better_than_the_largest(products: Products) -> None:
    rows = [{"x": float(x), "y": 0.0} for x in np.linspace(-1e6, 1e6, 201)]
    task = Task.from_arrays("profit", rows, [row["x"] for row in rows], kind="regression")
    none = np.array([], dtype=np.int64)
    task = replace(task, splits={"fit": np.arange(200), "calibrate": none, "select": none, "test": np.array([200])})
    recipe = onnx(Recipe("mine", "tabular.logreg", task.kind, fit_items=200, seed=1))
    columns = Columns(["x", "y"], {})

    def write(path: Path) -> None:
        graph = tabular_graphs.linear(np.array([[1.0], [0.0]]), np.zeros(1), np.zeros(2), [], 0)
        path.write_bytes(graph.SerializeToString())

    def exported(more: float) -> Path:
        original = tabular_export.Original(Beside(columns, more), columns, Facts(), write)
        return tabular_export.make(recipe, task, products, lambda: original)

    with pytest.raises(ValueError, match="differs from the model by up to 50"):
        exported(50.0)
    assert (exported(0.5) / tabular_export.GRAPH).exists()


@pytest.mark.parametrize("model", ["lightgbm-small", "shallow-tree", "logreg"])
def test_adult_is_answered_alike(
    model: str, fetched: Callable[[str], Task], recipe: Callable[..., Recipe], products: Products
) -> None:
    task = fetched("adult-income")
    rows = task.items.take(task.splits["test"])
    before, after = both(recipe(model, task), task, rows, products)
    assert np.abs(before - after).max() < EXACT
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()


def _holes() -> Task:
    values = np.random.default_rng(1).normal(size=300)
    rows = [{"x": None if i % 7 == 0 else float(v), "c": "ab"[int(v > 0)]} for i, v in enumerate(values)]
    return Task.from_arrays("holes", rows, list(np.where(values > 0, "yes", "no")))
