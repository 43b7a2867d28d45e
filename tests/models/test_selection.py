"""Fewer columns: which stay, and what that changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from effkit.models import Products, Recipe, builder
from effkit.spec import SpecError
from effkit.tasks import Task, load
from effkit.techniques import apply_chain

MODELS = ("logreg", "shallow-tree", "lightgbm-small", "random-forest", "mlp")
FEW: dict[str, dict[str, Any]] = {
    "random-forest": {"n_estimators": 10},
    "mlp": {"hidden": [32], "epochs": 30, "batch_size": 32},
}


@pytest.fixture(scope="module")
def task() -> Task:
    """Two columns decide, one of numbers and one of texts; two say nothing."""
    rng = np.random.default_rng(1)
    rows = [
        {"noise": float(n), "number": float(x), "word": "ab"[int(y > 0)], "more": "cd"[int(z > 0)]}
        for n, x, y, z in rng.normal(size=(1000, 4))
    ]
    return Task.from_arrays("four", rows, ["yes" if r["number"] > 0.5 or r["word"] == "b" else "no" for r in rows])


@pytest.mark.parametrize("model", MODELS)
def test_the_columns_that_matter_stay(
    model: str, task: Task, recipe: Callable[..., Recipe], products: Products
) -> None:
    fewer = apply_chain(recipe(model, task, **FEW.get(model, {})), [("features", {"most": 2})])
    module = builder(fewer.builder)
    predictor = module.load(fewer, module.make(fewer, task, products))
    assert predictor.columns.names == ["number", "word=a", "word=b"]
    steps = [each["step"] for each in products.used]
    assert steps == [f"train {model}", "rank the columns", f"train {model}"]
    rows = task.items.take(task.splits["test"])
    known = [{key: row[key] for key in ("number", "word")} for row in rows]
    assert np.array_equal(predictor.infer(predictor.prepare(rows)), predictor.infer(predictor.prepare(known)))


def test_the_choice_never_looks_at_test_items(task: Task, recipe: Callable[..., Recipe], products: Products) -> None:
    labels = task.labels.copy()
    labels[task.splits["test"]] = 1 - labels[task.splits["test"]]
    fewer = apply_chain(recipe("lightgbm-small", task), [("features", {"most": 2})])
    module = builder(fewer.builder)
    chosen = [json.loads((module.make(fewer, each, products) / "columns.json").read_text())
              for each in (task, replace(task, labels=labels))]  # fmt: skip
    assert chosen[0] == chosen[1]


def test_a_regression_keeps_what_lowers_its_error(recipe: Callable[..., Recipe], products: Products) -> None:
    diabetes = load("diabetes", seed=1)
    fewer = apply_chain(recipe("lightgbm-small", diabetes), [("features", {"most": 3}), ("onnx", {})])
    module = builder(fewer.builder)
    predictor = module.load(fewer, module.make(fewer, diabetes, products))
    assert {"bmi", "s5"} < set(predictor.columns.names)


def test_more_columns_than_there_are_is_refused(task: Task, recipe: Callable[..., Recipe], products: Products) -> None:
    fewer = apply_chain(recipe("logreg", task), [("features", {"most": 4})])
    with pytest.raises(SpecError, match=r"`features.most` got 4, and four has 4 columns: keep fewer"):
        builder(fewer.builder).make(fewer, task, products)


def test_without_items_to_choose_by_it_is_refused(
    task: Task, recipe: Callable[..., Recipe], products: Products
) -> None:
    bare = replace(task, splits={**task.splits, "select": np.array([], dtype=np.int64)})
    fewer = apply_chain(recipe("logreg", task), [("features", {"most": 2})])
    with pytest.raises(SpecError, match="has no `select` items"):
        builder(fewer.builder).make(fewer, bare, products)
