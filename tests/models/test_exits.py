"""Early exits: the network as it was where nothing leaves it, and less of it where something does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effkit.models import Products, Recipe, builder, cascade, heads, parted
from effkit.spec import SpecError
from effkit.tasks import Task
from tests.models.encoders import images, recipe_of, texts
from tests.models.test_cascade import SETTINGS

Case = tuple[Recipe, Task]


def _hard(task: Task) -> Task:
    """The same items with some wrong labels, so that a network cannot be sure of everything."""
    rng = np.random.default_rng(0)
    return replace(task, labels=np.where(rng.random(len(task.labels)) < 0.25, 1 - task.labels, task.labels))


@pytest.fixture(params=["text", "vision"])
def case(request: pytest.FixtureRequest, recipe: Callable[..., Recipe], tiny_bert: Path) -> Case:
    """A two-layer encoder and reviews, or a small CNN and pictures."""
    if request.param == "text":
        return recipe_of(tiny_bert, "text.encoder", fit_items=60), _hard(texts(240))
    task = _hard(images(240))
    return recipe("small-cnn", task, fit_items=60, epochs=1, channels=[4, 8]), task


def with_exits(stage: Recipe, ends: list[int], **changed: Any) -> Recipe:
    settings = {**SETTINGS, "seeded": [True], "exits": ends, **changed}
    return Recipe(stage.model, "cascade", stage.kind, stage.fit_items, stage.seed, settings, stages=(stage,))


def test_where_nothing_leaves_it_is_the_network_without_exits(case: Case, shared: Products) -> None:
    stage, task = case
    made = with_exits(stage, [1], escalate=(1.0,))
    folder = cascade.make(made, task, shared)
    module = builder(stage.builder)
    whole = module.load(stage, module.make(stage, task, shared))
    parted = cascade.load(made, folder)
    for item in task.items.take(task.splits["test"][:12]):
        expected = whole.infer(whole.prepare([item]))
        assert np.allclose(parted.infer(parted.prepare([item])), expected, atol=1e-6)
    several = task.items.take(task.splits["test"][:12])
    assert np.allclose(parted.infer(parted.prepare(several)), whole.infer(whole.prepare(several)), atol=1e-6)


def test_some_leave_early_and_all_keep_their_place(case: Case, shared: Products) -> None:
    stage, task = case
    made = with_exits(stage, [1], escalate=(0.5,))
    folder = cascade.make(made, task, shared)
    predictor, test = cascade.load(made, folder), task.splits["test"]
    items = task.items.take(test)
    together, by = predictor.routed(predictor.prepare(items))
    assert 0 < (by == 0).sum() < len(by)
    alone = np.concatenate([predictor.infer(predictor.prepare([item])) for item in items])
    assert np.allclose(together, alone, atol=1e-5)
    assert np.allclose(together, cascade.predict(made, folder, task, test, shared), atol=1e-5)


def test_no_layer_runs_twice_or_for_who_has_left(case: Case, shared: Products, monkeypatch: Any) -> None:
    stage, task = case
    made = with_exits(stage, [1], escalate=(0.5,))
    predictor = cascade.load(made, cascade.make(made, task, shared))
    network = predictor.parts[0].network  # type: ignore[attr-defined]
    ran: list[tuple[int, int]] = []
    advance = type(network).advance

    def counted(self: Any, left: Any, part: int) -> Any:
        found = advance(self, left, part)
        ran.append((part, len(getattr(found, "states", found))))
        return found

    monkeypatch.setattr(type(network), "advance", counted)
    items = task.items.take(task.splits["test"])
    _, by = predictor.routed(predictor.prepare(items))
    assert ran == [(0, len(items)), (1, int((by == 1).sum()))]


def test_operations_add_up(case: Case, shared: Products) -> None:
    stage, task = case
    made = with_exits(stage, [1])
    folder = cascade.make(made, task, shared)
    predictor = cascade.load(made, folder)
    (item,) = task.items.take([0])
    parts = cascade.counts(predictor, item)
    module = builder(stage.builder)
    whole_folder = module.make(stage, task, shared)
    whole = module.facts(module.load(stage, whole_folder), item, whole_folder)
    assert all(part.flops and part.flops > 0 for part in parts)
    assert sum(part.flops or 0 for part in parts) == pytest.approx(whole.flops, rel=0.1)
    head = heads.load(folder / cascade.EXITS / "exit-0")
    added = sum(array.size for array in head.arrays.values())
    assert whole.parameters and whole.tensor_bytes and whole.weight_bytes
    assert sum(part.parameters or 0 for part in parts) == whole.parameters + added
    assert sum(part.tensor_bytes or 0 for part in parts) == whole.tensor_bytes + 4 * added
    assert sum(part.weight_bytes or 0 for part in parts) > whole.weight_bytes


def test_an_exit_behind_the_last_layer_is_refused(case: Case, products: Products) -> None:
    stage, task = case
    with pytest.raises(SpecError, match=r"`exits.layers` got \[2\], and this network has 2 .*from 1 to 1"):
        cascade.make(with_exits(stage, [2]), task, products)


def test_fewer_items_of_what_varies_and_all_of_what_is_shared() -> None:
    places = np.array([0, 2])
    assert parted._rows(np.zeros((3, 5)), places, 3).shape == (2, 5)
    assert parted._rows(np.zeros((1, 5)), places, 3).shape == (1, 5)
    assert parted._rows(None, places, 3) is None
