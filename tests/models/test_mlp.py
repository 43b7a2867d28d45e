"""The multilayer perceptron."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from effkit.models import Products, Recipe, mlp
from effkit.tasks import Task, load

SMALL = {"hidden": [16], "epochs": 60, "batch_size": 32, "learning_rate": 0.01}


def test_classifies_the_same_alone_and_in_a_batch(recipe: Callable[..., Recipe], products: Products) -> None:
    task = load("breast-cancer", seed=1)
    made = recipe("mlp", task, **SMALL)
    folder = mlp.make(made, task, products)
    predictor = mlp.load(made, folder)
    test = task.splits["test"]
    found = mlp.predict(made, folder, task, test, products)
    assert found.shape == (len(test), 2)
    assert (found.argmax(axis=1) == task.labels[test]).mean() > 0.9
    alone = predictor.infer(predictor.prepare(task.items.take(test[:1])))
    assert np.allclose(alone, found[:1], atol=1e-5)
    facts = mlp.facts(predictor, task.items[0], folder)
    assert facts.parameters == 30 * 16 + 16 + 16 * 2 + 2
    assert facts.tensor_bytes == 4 * facts.parameters
    assert facts.flops == 2 * (30 * 16 + 16 * 2)
    assert facts.weight_bytes > facts.tensor_bytes


def test_regression_answers_in_the_target_s_own_unit(recipe: Callable[..., Recipe], products: Products) -> None:
    task = load("diabetes", seed=1)
    made = recipe("mlp", task, **SMALL)
    test = task.splits["test"]
    found = mlp.predict(made, mlp.make(made, task, products), task, test, products)
    assert found.shape == (len(test),)
    assert np.abs(found - task.labels[test]).mean() < 60
    assert 100 < found.mean() < 200


def test_the_seed_decides_and_leaves_the_caller_s_random_numbers_alone(
    recipe: Callable[..., Recipe], products: Products
) -> None:
    import torch

    task = load("diabetes", seed=1)
    torch.manual_seed(7)
    before = torch.get_rng_state()
    folders = [mlp.make(recipe("mlp", task, seed=seed, hidden=[8], epochs=2), task, products) for seed in (1, 2)]
    assert torch.equal(before, torch.get_rng_state())
    assert (folders[0] / "model.safetensors").read_bytes() != (folders[1] / "model.safetensors").read_bytes()


def test_missing_values_are_answered(recipe: Callable[..., Recipe], products: Products) -> None:
    task = Task.from_arrays("holes", [{"x": float(i % 2), "c": "ab"[i % 2]} for i in range(80)], ["n", "y"] * 40)
    made = recipe("mlp", task, **SMALL)
    predictor = mlp.load(made, mlp.make(made, task, products))
    assert np.isfinite(predictor.infer(predictor.prepare([{"x": None, "c": None}, {}]))).all()
