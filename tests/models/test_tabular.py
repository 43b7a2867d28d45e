"""Logistic and ridge regression, trees, forests and LightGBM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from effkit.models import Products, Recipe, builder
from effkit.models.columns import Columns, mean_and_scale
from effkit.spec import SpecError
from effkit.tasks import METRICS, Task, load
from effkit.techniques import apply_chain

MODELS = ("logreg", "shallow-tree", "lightgbm-small", "random-forest")


def score(recipe: Recipe, task: Task, products: Products) -> float:
    module = builder(recipe.builder)
    test = task.splits["test"]
    predictions = module.predict(recipe, module.make(recipe, task, products), task, test, products)
    return float(METRICS[task.metric].score(predictions, task.labels[test]).mean())


@pytest.mark.parametrize("model", MODELS)
def test_classifies_and_counts(model: str, recipe: Callable[..., Recipe], products: Products) -> None:
    task = load("breast-cancer", seed=1)
    made = recipe(model, task, **({"n_estimators": 20} if model == "random-forest" else {}))
    module = builder(made.builder)
    folder = module.make(made, task, products)
    predictor = module.load(made, folder)
    batch = task.items.take(task.splits["test"])
    probabilities = predictor.infer(predictor.prepare(batch))
    assert probabilities.shape == (len(batch), 2)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.argmax(axis=1) == task.labels[task.splits["test"]]).mean() > 0.88
    one = np.concatenate([predictor.infer(predictor.prepare([item])) for item in batch[:5]])
    assert np.allclose(one, probabilities[:5])
    facts = module.facts(predictor, batch[0], folder)
    assert facts.parameters > 5
    assert facts.weight_bytes == sum(each.stat().st_size for each in folder.iterdir() if each.name != "making.json")


@pytest.mark.parametrize("model", MODELS)
def test_regression_beats_the_mean(model: str, recipe: Callable[..., Recipe], products: Products) -> None:
    task = load("diabetes", seed=1)
    labels = task.labels[task.splits["test"]]
    made = recipe(model, task, **({"n_estimators": 20} if model == "random-forest" else {}))
    assert score(made, task, products) < 0.9 * np.abs(labels - task.labels[task.splits["fit"]].mean()).mean()


def test_a_forest_adds_its_trees_up_in_one_order(
    recipe: Callable[..., Recipe], products: Products, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EFFKIT_THREADS")  # as where quality is measured
    task = load("diabetes", seed=1)
    made = recipe("random-forest", task, n_estimators=20)
    module = builder(made.builder)
    predictor = module.load(made, module.make(made, task, products))
    rows = predictor.prepare(task.items.take(task.splits["test"]))
    forest = predictor.model.estimator
    in_turn = np.zeros(len(rows))
    for tree in forest.estimators_:
        in_turn += tree.predict(rows)
    assert (predictor.infer(rows) == in_turn / len(forest.estimators_)).all()
    assert forest.n_jobs == 1


def test_logistic_regression_answers_as_scikit_learn_does(recipe: Callable[..., Recipe], products: Products) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    task = load("breast-cancer", seed=1)
    made = recipe("logreg", task)
    module = builder(made.builder)
    predictor = module.load(made, module.make(made, task, products))
    fit, test = (predictor.prepare(task.items.take(task.splits[split])) for split in ("fit", "test"))
    theirs = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(
        fit, task.labels[task.splits["fit"]]
    )
    assert np.allclose(predictor.infer(test), theirs.predict_proba(test), atol=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_a_class_that_training_has_not_seen_gets_probability_zero(
    model: str, recipe: Callable[..., Recipe], products: Products
) -> None:
    rows = [{"x": float(number % 2), "y": "a" if number % 2 else "b"} for number in range(200)]
    task = Task.from_arrays("three", rows, ["even", "odd"] * 99 + ["never", "never"])
    fit = np.setdiff1d(np.arange(198), task.splits["test"])
    none = np.array([], dtype=np.int64)
    task = replace(task, splits={"fit": fit, "calibrate": none, "select": none, "test": task.splits["test"]})
    made = recipe(model, task, **({"n_estimators": 5} if model == "random-forest" else {}))
    module = builder(made.builder)
    predictor = module.load(made, module.make(made, task, products))
    found = predictor.infer(predictor.prepare(rows[:2]))
    assert found.shape == (2, 3)
    assert found.argmax(axis=1).tolist() == [task.classes.index("even"), task.classes.index("odd")]
    assert found[:, task.classes.index("never")].max() < 1e-6


@pytest.mark.parametrize("model", MODELS)
def test_missing_values_and_unknown_categories_are_answered(
    model: str, recipe: Callable[..., Recipe], products: Products
) -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=300)
    rows = [{"x": None if i % 7 == 0 else float(v), "c": "ab"[int(v > 0)]} for i, v in enumerate(values)]
    task = Task.from_arrays("holes", rows, list(np.where(values > 0, "yes", "no")))
    made = recipe(model, task, **({"n_estimators": 5} if model == "random-forest" else {}))
    module = builder(made.builder)
    predictor = module.load(made, module.make(made, task, products))
    found = predictor.infer(predictor.prepare([{"x": None, "c": "never seen"}, {"x": 1.0, "c": "b"}, {"c": "a"}]))
    assert np.isfinite(found).all()
    assert found[1].argmax() == task.classes.index("yes")


def test_a_seed_gives_the_same_model_and_another_seed_another(
    recipe: Callable[..., Recipe], products: Products
) -> None:
    task = load("breast-cancer", seed=1)
    module = builder("tabular.lightgbm")
    folders = [module.make(recipe("lightgbm-small", task, seed=seed), task, products) for seed in (1, 1, 2)]
    assert folders[0] == folders[1] != folders[2]
    assert [each["reused"] for each in products.used] == [False, True, False]
    texts = [(folder / "model.txt").read_text() for folder in folders]
    assert texts[0] != texts[2]


def test_fewer_trees_are_the_first_of_more(recipe: Callable[..., Recipe], products: Products) -> None:
    task = load("breast-cancer", seed=1)
    module = builder("tabular.lightgbm")
    whole = recipe("lightgbm-small", task)
    fewer = apply_chain(whole, [("trees", {"most": 8})])
    many, few = (module.load(each, module.make(each, task, products)) for each in (whole, fewer))
    encoded = few.prepare(task.items.take(task.splits["test"]))
    assert few.model.booster.num_trees() == 8
    assert np.allclose(few.model.booster.predict(encoded), many.model.booster.predict(encoded, num_iteration=8))


def test_training_items_of_one_class_are_refused(recipe: Callable[..., Recipe], products: Products) -> None:
    task = load("breast-cancer", seed=1)
    with pytest.raises(SpecError, match=r"logreg: its 1 training items are all `\w+`; give it more"):
        builder("tabular.logreg").make(recipe("logreg", task, fit_items=1), task, products)


def test_items_that_are_no_rows_are_refused(recipe: Callable[..., Recipe], products: Products) -> None:
    task = Task.from_arrays("words", ["a", "b"] * 20, ["x", "y"] * 20)
    with pytest.raises(SpecError, match="an item of words is str"):
        builder("tabular.tree").make(recipe("shallow-tree", task), task, products)


def test_columns_keep_numbers_and_spread_texts() -> None:
    columns = Columns.of([{"age": 3, "sex": "f", "member": True}, {"age": None, "sex": "m", "member": False}])
    assert columns.names == ["age", "member", "sex=f", "sex=m"]
    again = Columns(**columns.to_json())
    assert again.encode([{"age": 2, "sex": "m", "member": True}, {"sex": "?"}])[0].tolist() == [2, 1, 0, 1]
    assert np.isnan(again.encode([{"sex": "?"}])[0, :2]).all()
    assert again.encode([{"sex": "?"}])[0, 2:].tolist() == [0, 0]


def test_columns_agree_with_scikit_learn() -> None:
    from sklearn.feature_extraction import DictVectorizer

    rows = [{"n": 1.5, "c": "x"}, {"n": -2, "c": "y"}, {"n": 0, "c": "x"}]
    columns = Columns.of(rows)
    theirs = DictVectorizer(sparse=False).fit(rows)
    order = [theirs.vocabulary_[name] for name in columns.names]
    assert (columns.encode(rows) == theirs.transform(rows)[:, order]).all()


@pytest.mark.parametrize("value", [b"bytes", [1, 2], {"deep": 1}])
def test_columns_name_what_they_cannot_take(value: object) -> None:
    with pytest.raises(SpecError, match="column `odd` holds"):
        Columns.of([{"odd": value}])


def test_columns_of_two_kinds_are_refused() -> None:
    with pytest.raises(SpecError, match="`mixed` holds both numbers and texts"):
        Columns.of([{"mixed": 1}, {"mixed": "one"}])


def test_a_constant_column_does_not_divide_by_zero() -> None:
    mean, scale = mean_and_scale(np.array([[1.0, 5.0], [np.nan, 5.0], [3.0, 5.0]]))
    assert mean.tolist() == [2, 5]
    assert scale[1] == 1


def test_infinite_numbers_have_no_mean() -> None:
    with pytest.raises(SpecError, match="2 numbers of the training rows are infinite"):
        mean_and_scale(np.array([[1.0, np.inf], [np.nan, -np.inf]]))


def test_adult_scores_what_others_report(
    fetched: Callable[[str], Task], recipe: Callable[..., Recipe], products: Products
) -> None:
    task = fetched("adult-income")
    assert 0.84 < score(recipe("logreg", task), task, products) < 0.86
    assert 0.86 < score(recipe("lightgbm-small", task), task, products) < 0.87


def test_california_scores_what_others_report(
    fetched: Callable[[str], Task], recipe: Callable[..., Recipe], products: Products
) -> None:
    task = fetched("california-housing")
    assert 0.50 < score(recipe("logreg", task), task, products) < 0.55
    assert 0.27 < score(recipe("lightgbm-large", task), task, products) < 0.30
