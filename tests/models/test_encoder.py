from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from effkit.models import RETRIEVED, Products, Recipe, builder, embedding
from effkit.models import encoder as encoders
from effkit.spec import SpecError
from effkit.tasks.base import Task
from tests.models.encoders import WORDS, images, recipe_of, texts


@pytest.fixture(scope="module")
def lite_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """EfficientNet-Lite0 with random weights, stored as the published file is."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("lite")
    torch.save(EfficientNet.from_name("efficientnet-lite0").state_dict(), folder / "efficientnet-lite0.pth")
    return folder


@pytest.fixture(params=["text.encoder", "vision.squeezenet", "vision.efficientnet_lite"])
def case(request: pytest.FixtureRequest) -> tuple[Recipe, Task]:
    match request.param:
        case "text.encoder":
            return recipe_of(request.getfixturevalue("tiny_bert"), request.param, max_tokens=16), texts()
        case "vision.squeezenet":
            weights = request.getfixturevalue("squeeze")
            options = {"resolution": 48, "channel_order": "bgr", "mean": [104.0, 117.0, 123.0], "scale": 1.0}
            return recipe_of(weights, request.param, fit_items=12, **options), images()
        case _:
            weights = request.getfixturevalue("lite_weights")
            options = {"variant": "efficientnet-lite0", "resolution": 48, "mean": [127.0] * 3, "scale": 128.0}
            return recipe_of(weights, request.param, fit_items=12, **options), images()


def test_batches_and_single_requests_agree(case: tuple[Recipe, Task], shared: Products) -> None:
    recipe, task = case
    module = builder(recipe.builder)
    folder = module.make(recipe, task, shared)
    test = task.splits["test"]
    quality = module.predict(recipe, folder, task, test, shared)
    predictor = module.load(recipe, folder)
    single = np.concatenate([predictor.infer(predictor.prepare([item])) for item in task.items.take(test)])
    assert quality.shape == (len(test), 2)
    assert np.abs(single - quality).max() < 1e-4
    assert np.allclose(single.sum(axis=1), 1, atol=1e-5)


def test_facts_count_what_is_loaded(case: tuple[Recipe, Task], shared: Products) -> None:
    recipe, task = case
    module = builder(recipe.builder)
    folder = module.make(recipe, task, shared)
    predictor = module.load(recipe, folder)
    counted = module.facts(predictor, task.items[0], folder)
    assert counted.parameters == sum(each.numel() for each in predictor.encoder.network.parameters()) + sum(
        array.size for array in predictor.head.arrays.values()
    )
    assert counted.tensor_bytes >= 4 * counted.parameters
    assert counted.weight_bytes > 0
    assert counted.flops > 2 * counted.parameters if recipe.builder.startswith("vision") else counted.flops > 0


def test_attention_is_counted_and_left_as_it_was(tiny_bert: Path, shared: Products) -> None:
    recipe, task = recipe_of(tiny_bert, "text.encoder", max_tokens=64), texts()
    predictor = encoders.load(recipe, encoders.make(recipe, task, shared))
    transformer = predictor.encoder.network[0].auto_model
    before = transformer.config._attn_implementation
    tokens = predictor.prepare([task.items[0]])["input_ids"].shape[1]
    width, layers = 32, 2
    linear = tokens * 2 * (4 * width * width + 2 * width * 64) * layers
    attention = 2 * 2 * tokens * tokens * width * layers
    pooler = 2 * width * width
    assert predictor.encoder.flops(task.items[0]) in (linear + attention, linear + attention + pooler)
    assert transformer.config._attn_implementation == before


def test_fewer_labels_and_other_heads_reuse_embeddings(
    tiny_bert: Path, products: Products, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "BOUNDARIES", (0, 10, 30, 100))
    recipe, task = recipe_of(tiny_bert, "text.encoder"), texts()
    folder = encoders.make(recipe, task, products)
    encoders.predict(recipe, folder, task, task.splits["test"], products)
    products.used.clear()
    other = replace(recipe, fit_items=30, settings={"C": 0.1})
    folder = encoders.make(other, task, products)
    encoders.predict(other, folder, task, task.splits["test"], products)
    made = [each["step"] for each in products.used if not each["reused"]]
    assert made == ["fit the head"]
    assert [each["step"] for each in products.used][:2] == ["embed fit items 0–10", "embed fit items 10–30"]


def test_seeds_share_one_head_because_its_optimum_is_unique(tiny_bert: Path, shared: Products) -> None:
    recipe, task = recipe_of(tiny_bert, "text.encoder"), texts()
    assert encoders.make(recipe, task, shared) == encoders.make(replace(recipe, seed=2), task, shared)


def test_results_come_in_the_asked_order(tiny_bert: Path, shared: Products) -> None:
    recipe, task = recipe_of(tiny_bert, "text.encoder"), texts()
    folder, test = encoders.make(recipe, task, shared), task.splits["test"]
    forward = encoders.predict(recipe, folder, task, test, shared)
    backward = encoders.predict(recipe, folder, task, test[::-1], shared)
    assert np.allclose(forward, backward[::-1], atol=1e-5)


def test_retrieval_finds_the_document_itself(tiny_bert: Path, shared: Products) -> None:
    import pyarrow as pa

    plain = texts()
    documents = list(dict.fromkeys(plain.items[:]))
    labels = np.array([documents.index(text) for text in plain.items[:]])
    task = replace(plain, kind="retrieval", metric="recall_at_1", labels=labels, corpus=pa.table({"text": documents}))
    recipe = recipe_of(tiny_bert, "text.encoder", kind="retrieval")
    folder = encoders.make(recipe, task, shared)
    test = task.splits["test"]
    rows = encoders.predict(recipe, folder, task, test, shared)
    assert rows.shape == (len(test), RETRIEVED)
    assert (rows[:, 0] == labels[test]).mean() > 0.9
    predictor = encoders.load(recipe, folder)
    assert predictor.infer(predictor.prepare([task.items[int(test[0])]]))[0, 0] == rows[0, 0]


def test_long_texts_are_cut(tiny_bert: Path, shared: Products) -> None:
    recipe, task = recipe_of(tiny_bert, "text.encoder", max_tokens=8), texts()
    predictor = encoders.load(recipe, encoders.make(recipe, task, shared))
    assert predictor.prepare([" ".join(WORDS * 4)])["input_ids"].shape == (1, 8)


def test_regression_and_missing_weights_are_refused(tiny_bert: Path, products: Products) -> None:
    recipe = recipe_of(tiny_bert, "text.encoder")
    with pytest.raises(SpecError, match="cannot do regression"):
        encoders.make(replace(recipe, kind="regression"), texts(), products)
    with pytest.raises(SpecError, match="needs its files"):
        encoders.make(replace(recipe, weights=None, settings={"C": 9.0}), images(), products)


@pytest.mark.parametrize("name", ["vision.squeezenet", "vision.efficientnet_lite"])
def test_pictures_in_16_bits_take_half_the_memory_and_say_nearly_the_same(
    name: str, request: pytest.FixtureRequest, shared: Products
) -> None:
    fixture = {"vision.squeezenet": "squeeze", "vision.efficientnet_lite": "lite_weights"}[name]
    options = {"variant": "efficientnet-lite0", "resolution": 48, "mean": [127.0] * 3, "scale": 128.0}
    whole = recipe_of(request.getfixturevalue(fixture), name, fit_items=12, **options)
    half, task = replace(whole, settings={**whole.settings, "precision": "bfloat16"}), images()
    embedded, counted = [], []
    for recipe in (whole, half):
        folder = encoders.make(recipe, task, shared)
        predictor = encoders.load(recipe, folder)
        embedded.append(predictor.encoder.embed(predictor.prepare([task.items[0]]))[0])
        counted.append(encoders.facts(predictor, task.items[0], folder))
    assert np.corrcoef(embedded)[0, 1] > 0.99
    assert counted[0].flops == counted[1].flops
    assert counted[1].tensor_bytes < 0.6 * counted[0].tensor_bytes


def _real(name: str) -> tuple[Path, Recipe]:
    from effkit import catalogue
    from effkit.catalogue import entries

    entry = entries.models()[name]
    try:
        weights = catalogue.fetch(name, offline=True)
    except catalogue.FetchError as error:
        pytest.skip(f"{name} is not in the cache: {error}")
    digests = {file.name: file.sha256 for file in entry.files}
    return weights, Recipe(name, entry.builder, "classification", 12, 1, entry.settings, weights, digests)


def test_minilm_tells_paraphrases_from_strangers() -> None:
    from effkit.models.sentence import SentenceEncoder

    weights, recipe = _real("minilm-l6")
    encoder = SentenceEncoder(weights, recipe.settings)
    texts = ["A man is playing a guitar.", "Someone plays the guitar.", "The stock market fell on Monday."]
    first, same, other = encoder.embed(encoder.prepare(texts))
    assert first @ same > 0.6
    assert abs(first @ other) < 0.2


@pytest.mark.parametrize("name", ["squeezenet-1.1", "efficientnet-lite0", "efficientnet-lite2"])
def test_published_vision_weights_fit_the_network(name: str, products: Products) -> None:
    _, recipe = _real(name)
    recipe = replace(recipe, fit_items=40, settings={**recipe.settings, "resolution": 64})
    task = images(80)
    folder = encoders.make(recipe, task, products)
    test = task.splits["test"]
    correct = encoders.predict(recipe, folder, task, test, products).argmax(axis=1) == task.labels[test]
    assert correct.mean() > 0.9
