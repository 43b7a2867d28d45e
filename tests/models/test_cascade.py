"""Cascades of real models: what they answer, how they are set up, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from effkit.models import Products, Recipe, builder, cascade
from effkit.models.base import Facts
from effkit.models.own import Packed
from effkit.spec import SpecError
from effkit.tasks import Task, load
from tests import own_models

SETTINGS: dict[str, Any] = {
    "score": "margin", "calibration": "temperature", "escalate": None, "accept_points": 1.0, "held_out": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def task() -> Task:
    return load("breast-cancer", seed=1)


@pytest.fixture
def stages(task: Task, recipe: Callable[..., Recipe]) -> tuple[Recipe, ...]:
    return tuple(recipe(name, task) for name in ("shallow-tree", "logreg", "lightgbm-small"))


def of(stages: tuple[Recipe, ...], **changed: Any) -> Recipe:
    settings = {**SETTINGS, "seeded": [False] * len(stages), **changed}
    return Recipe("a-cascade", "cascade", "classification", 100, 1, settings, stages=stages)


def alone(stage: Recipe, item: Any, task: Task, products: Products) -> Facts:
    """What is counted on a stage that is no part of a cascade."""
    module = builder(stage.builder)
    folder = module.make(stage, task, products)
    return module.facts(module.load(stage, folder), item, folder)


@pytest.mark.parametrize("calibration", ["temperature", "isotonic"])
@pytest.mark.parametrize("score", ["margin", "log_probability", "entropy"])
def test_it_answers_as_its_stages_would(
    task: Task, stages: tuple[Recipe, ...], products: Products, score: str, calibration: str
) -> None:
    made = of(stages, score=score, calibration=calibration, escalate=(0.4, 0.5))
    folder = cascade.make(made, task, products)
    predictor = cascade.load(made, folder)
    test = task.splits["test"]
    predicted = cascade.predict(made, folder, task, test, products)
    items = task.items.take(test)
    assert np.allclose(predictor.infer(predictor.prepare(items)), predicted)
    alone = [predictor.infer(predictor.prepare([item]))[0] for item in items]
    assert np.allclose(alone, predicted)
    by = predictor.routed(predictor.prepare(items))[1]
    assert len(set(by)) == 3


@pytest.mark.parametrize(("share", "stage"), [(0.0, 0), (1.0, -1)])
def test_at_its_ends_it_is_one_of_its_stages(
    task: Task, stages: tuple[Recipe, ...], products: Products, share: float, stage: int
) -> None:
    made = of(stages, escalate=(share, share))
    folder = cascade.make(made, task, products)
    test, one = task.splits["test"], stages[stage]
    module = builder(one.builder)
    expected = module.predict(one, module.make(one, task, products), task, test, products)
    assert (cascade.predict(made, folder, task, test, products) == expected).all()


def test_what_it_costs_is_counted_over_all_stages(task: Task, stages: tuple[Recipe, ...], products: Products) -> None:
    made = of(stages[1:])
    folder = cascade.make(made, task, products)
    (item,) = task.items.take([0])
    found = cascade.facts(cascade.load(made, folder), item, folder)
    linear, booster = (alone(stage, item, task, products) for stage in stages[1:])
    assert linear.parameters and booster.parameters and linear.weight_bytes and booster.weight_bytes
    assert found.parameters == linear.parameters + booster.parameters
    assert found.weight_bytes == linear.weight_bytes + booster.weight_bytes
    assert (found.tensor_bytes, found.flops) == (None, None), "a booster has no tensors, and no operations"
    assert {"train logreg", "train lightgbm-small"} <= {step["step"] for step in products.used}


def test_a_stages_operations_count_as_often_as_it_is_reached(
    task: Task, recipe: Callable[..., Recipe], products: Products
) -> None:
    linear, network = recipe("logreg", task), recipe("mlp", task)
    made = of((linear, network), escalate=(0.4,))
    folder = cascade.make(made, task, products)
    (item,) = task.items.take([0])
    found = cascade.facts(cascade.load(made, folder), item, folder)
    first, second = (alone(stage, item, task, products) for stage in (linear, network))
    _, share = cascade.read_setup(folder)["reached"]
    assert share == pytest.approx(0.4, abs=0.02)
    assert first.flops and second.flops and first.tensor_bytes and second.tensor_bytes
    assert found.flops == pytest.approx(first.flops + share * second.flops)
    assert found.tensor_bytes == first.tensor_bytes + second.tensor_bytes


def test_a_cascade_is_made_once_and_anew_where_it_is_set_up_otherwise(
    task: Task, stages: tuple[Recipe, ...], products: Products
) -> None:
    first = cascade.make(of(stages), task, products)
    assert cascade.make(of(stages), task, products) == first
    for changed in ({"score": "entropy"}, {"accept_points": 0.0}, {"held_out": 20}):
        assert cascade.make(of(stages, **changed), task, products) != first


def test_seeds_reach_the_stages_that_have_one(task: Task, stages: tuple[Recipe, ...], products: Products) -> None:
    cascade.make(replace(of(stages, seeded=[False, False, True]), seed=7), task, products)
    for stage, seed in zip(stages, (1, 1, 7), strict=True):
        for each in (1, 7):
            products.used.clear()
            builder(stage.builder).make(replace(stage, seed=each), task, products)
            assert all(step["reused"] for step in products.used) == (each == seed)


def test_a_recipe_with_stages_travels_and_other_recipes_keep_their_keys(stages: tuple[Recipe, ...]) -> None:
    made = of(stages)
    assert Recipe.from_json(made.to_json()).key() == made.key()
    assert made.key() != of(stages[:2]).key()
    assert "stages" not in stages[0].settings and stages[0].key() == replace(stages[0], stages=()).key()


def test_a_calibration_split_that_touches_the_test_split_is_refused() -> None:
    splits = {"fit": np.arange(5), "calibrate": np.arange(5, 10), "select": np.arange(10, 15), "test": np.arange(9, 30)}
    with pytest.raises(SpecError, match=r"mine: 1 of the 5 `calibrate` items are `test` items too.*take the shared"):
        cascade.refuse_touching("mine", splits)
    splits["calibrate"] = np.arange(5, 9)
    with pytest.raises(SpecError, match="5 of the 5 `select` items"):
        cascade.refuse_touching("mine", splits)
    splits["select"] = np.arange(40, 45)
    cascade.refuse_touching("mine", splits)


def test_a_task_that_holds_nothing_out_is_refused(task: Task, stages: tuple[Recipe, ...], products: Products) -> None:
    bare = replace(task, splits={**task.splits, "calibrate": np.array([], dtype=np.int64)})
    with pytest.raises(SpecError, match="has no `calibrate` items"):
        cascade.make(of(stages), bare, products)


def test_a_function_that_only_names_classes_may_come_last_alone(
    task: Task, stages: tuple[Recipe, ...], products: Products, tmp_path: Any
) -> None:
    settings = Packed.of(own_models.wrong_by_size).settings(task, tmp_path)
    mine = Recipe("mine", "own", "classification", 0, 1, settings)
    last = of((stages[0], mine), escalate=(0.5,))
    answered = cascade.predict(last, cascade.make(last, task, products), task, task.splits["test"], products)
    assert answered.shape == (len(task.splits["test"]), 2)
    with pytest.raises(SpecError, match="`mine` names classes and gives no probabilities"):
        cascade.make(of((mine, stages[0])), task, products)


def test_what_is_no_classification_is_refused(task: Task, stages: tuple[Recipe, ...], products: Products) -> None:
    with pytest.raises(SpecError, match="cannot do regression"):
        cascade.make(replace(of(stages), kind="regression"), task, products)


def test_scores_that_are_no_probabilities_are_refused(
    task: Task, stages: tuple[Recipe, ...], products: Products, tmp_path: Any
) -> None:
    def logits(items: list[Any]) -> Any:
        scores = np.array([item["mean radius"] - 15 for item in items])
        return np.column_stack([scores, -scores])

    mine = Recipe("mine", "own", "classification", 0, 1, Packed.of(logits).settings(task, tmp_path))
    for both in ((mine, stages[0]), (stages[0], mine)):
        with pytest.raises(SpecError, match="`mine` gives classes numbers that are no probabilities .*softmax"):
            cascade.make(of(both), task, products)
