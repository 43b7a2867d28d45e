from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from effkit.models import Products, Recipe, cnn
from effkit.models.products import unmetered
from effkit.spec import SpecError
from effkit.tasks.base import Task

SETTINGS = {
    "channels": [8, 16],
    "resolution": 16,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.25, 0.25, 0.25],
    "epochs": 6,
    "batch_size": 16,
    "learning_rate": 0.01,
    "weight_decay": 0.0005,
    "flip": True,
}
RECIPE = Recipe("small-cnn", "vision.cnn", "classification", 64, 1, SETTINGS)


@pytest.fixture(scope="module")
def stripes() -> Task:
    """Stripes that lie or stand: told apart by their shape, whatever their colour, flip or shift."""
    from PIL import Image

    rng = np.random.default_rng(0)
    items, labels = [], []
    for row in range(130):
        wave = (np.arange(16) // 2 % 2 * 120)[:, None]
        plane = np.broadcast_to(wave if row % 2 else wave.T, (16, 16))
        pixels = (plane[..., None] + rng.integers(0, 100, (16, 16, 3))).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, format="PNG")
        items.append(stream.getvalue())
        labels.append(["standing", "lying"][row % 2])
    return Task.from_arrays("stripes", items, labels, modality="vision")


def test_it_learns_and_both_paths_agree(stripes: Task, products: Products) -> None:
    folder = cnn.make(RECIPE, stripes, products)
    test = stripes.splits["test"]
    quality = cnn.predict(RECIPE, folder, stripes, test, products)
    predictor = cnn.load(RECIPE, folder)
    single = np.concatenate([predictor.infer(predictor.prepare([item])) for item in stripes.items.take(test)])
    assert (quality.argmax(axis=1) == stripes.labels[test]).mean() > 0.9
    assert np.abs(single - quality).max() < 1e-4


def test_a_seed_repeats_itself_and_another_differs(stripes: Task, tmp_path: Path) -> None:
    short = replace(RECIPE, settings={**SETTINGS, "epochs": 1})
    weights = []
    for place, seed in (("a", 1), ("b", 1), ("c", 2)):
        folder = cnn.make(replace(short, seed=seed), stripes, Products(tmp_path / place, unmetered))
        weights.append((folder / cnn.WEIGHTS).read_bytes())
    assert weights[0] == weights[1] != weights[2]


def test_five_steps_of_learning_are_none_too_few(stripes: Task, products: Products) -> None:
    recipe = replace(RECIPE, settings={**SETTINGS, "epochs": 1, "batch_size": 13})
    folder = cnn.make(recipe, stripes, products)
    assert np.isfinite(cnn.predict(recipe, folder, stripes, stripes.splits["test"], products)).all()


def test_facts_and_resolution(stripes: Task, products: Products) -> None:
    flops = []
    for resolution in (16, 32):
        recipe = replace(RECIPE, settings={**SETTINGS, "epochs": 1, "resolution": resolution})
        folder = cnn.make(recipe, stripes, products)
        predictor = cnn.load(recipe, folder)
        assert predictor.prepare([stripes.items[0]]).shape == (1, 3, resolution, resolution)
        counted = cnn.facts(predictor, stripes.items[0], folder)
        convolutions, norms, last = 9 * (3 * 8 + 8 * 16), 2 * (8 + 16), 16 * 2 + 2
        assert counted.parameters == convolutions + norms + last
        assert counted.weight_bytes is not None and counted.weight_bytes > 4 * counted.parameters
        assert counted.flops is not None
        flops.append(counted.flops)
    assert flops[1] == pytest.approx(4 * flops[0], rel=0.01)


def test_augmentation_keeps_shape_and_moves_no_further_than_it_may() -> None:
    import torch

    torch.manual_seed(0)
    images = torch.zeros(64, 3, 16, 16)
    images[:, :, 8, 8] = 1
    varied = cnn._vary(images, flip=False)
    places = varied[:, 0].nonzero()[:, 1:]
    assert varied.shape == images.shape
    assert (places - 8).abs().max() == 2


def test_regression_is_refused(stripes: Task, products: Products) -> None:
    with pytest.raises(SpecError, match="cannot do regression"):
        cnn.make(replace(RECIPE, kind="regression"), stripes, products)
