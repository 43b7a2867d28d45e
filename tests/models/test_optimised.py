"""What techniques make of a text encoder: the same answers, nearly, from less."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effkit.models import Products, Recipe
from effkit.models import encoder as encoders
from effkit.models.encoder import EncoderPredictor
from effkit.spec import Frozen
from effkit.techniques import Technique, apply_chain, register, registry
from tests.models.encoders import WORDS, recipe_of, texts

INT8 = ("int8", {"runtime": "onnxruntime"})
Chain = list[tuple[str, dict[str, Any]]]


def negate(module: Any, parameters: Any) -> Any:
    """Turn every word around."""
    weight = module[0].auto_model.embeddings.word_embeddings.weight
    weight.data *= parameters.factor
    return module


class Factor(Frozen):
    """What words are multiplied by."""

    factor: float


@pytest.fixture
def negating(monkeypatch: pytest.MonkeyPatch) -> None:
    """A technique of one's own beside effkit's."""
    monkeypatch.setattr(registry, "_registered", {})
    words = lambda parameters: "negated"  # noqa: E731
    register(Technique("negate", "A PyTorch module.", words, parameters=Factor, transform=negate))


def needs_32_bits(module: Any, parameters: Any) -> Any:
    """Refuse fewer, as many a decomposition does."""
    assert str(next(module.parameters()).dtype) == "torch.float32"
    return module


def made(weights: Path, products: Products, chain: Chain, **settings: Any) -> tuple[Recipe, Path, EncoderPredictor]:
    recipe = apply_chain(recipe_of(weights, "text.encoder", max_tokens=32, **settings), chain)
    folder = encoders.make(recipe, texts(), products)
    return recipe, folder, encoders.load(recipe, folder)


def embedded(predictor: EncoderPredictor, batch: int = 8) -> np.ndarray[Any, Any]:
    items = texts().items[:16]
    parts = [items[start : start + batch] for start in range(0, len(items), batch)]
    return np.concatenate([predictor.encoder.embed(predictor.prepare(part)) for part in parts])


def cosines(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray((one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1))


@pytest.mark.parametrize("technique", ["bf16", "fp16"])
def test_16_bits_are_half_the_weights_and_nearly_the_same(technique: str, tiny_bert: Path, shared: Products) -> None:
    plain = made(tiny_bert, shared, [])
    half = made(tiny_bert, shared, [(technique, {})])
    assert cosines(embedded(plain[2]), embedded(half[2])).min() > 0.99
    assert embedded(half[2]).dtype == np.float32
    before, after = (encoders.facts(each[2], "red dress", each[1]) for each in (plain, half))
    assert after.parameters == before.parameters and after.flops == before.flops
    assert after.tensor_bytes is not None and before.tensor_bytes is not None
    assert after.tensor_bytes < 0.6 * before.tensor_bytes
    assert after.weight_bytes is not None and before.weight_bytes is not None
    assert after.weight_bytes < before.weight_bytes


def test_a_smaller_encoder_is_what_is_counted_and_gets_a_head_of_its_own(tiny_bert: Path, shared: Products) -> None:
    _, folder, whole = made(tiny_bert, shared, [])
    other, smaller_folder, smaller = made(tiny_bert, shared, [("layers", {"keep": 1})])
    facts = [encoders.facts(each, "red dress", where) for each, where in ((whole, folder), (smaller, smaller_folder))]
    assert facts[1].parameters < facts[0].parameters  # type: ignore[operator]
    assert facts[1].flops < facts[0].flops  # type: ignore[operator]
    assert not np.allclose(whole.head.arrays["weight"], smaller.head.arrays["weight"])
    test = texts().splits["test"]
    assert encoders.predict(other, smaller_folder, texts(), test, shared).shape == (len(test), 2)


def test_making_is_a_step_of_its_own_and_made_once(tiny_bert: Path, products: Products) -> None:
    made(tiny_bert, products, [("layers", {"keep": 1}), ("bf16", {})])
    steps = [each["step"] for each in products.used]
    assert steps[:2] == ["keep 1 layers", "rewrite the encoder in bfloat16"]
    assert all(each["product"] for each in products.used)
    products.used.clear()
    made(tiny_bert, products, [("layers", {"keep": 1}), ("bf16", {}), ("tokens", {"most": 8})])
    assert [each["reused"] for each in products.used[:3]] == [True, True, False]


def test_texts_are_cut(tiny_bert: Path, shared: Products) -> None:
    _, _, predictor = made(tiny_bert, shared, [("tokens", {"most": 8})])
    assert predictor.prepare(texts().items[:4])["input_ids"].shape[1] == 8


@pytest.mark.usefixtures("negating")
def test_a_transform_of_ones_own_changes_the_loaded_module(tiny_bert: Path, products: Products) -> None:
    plain = embedded(made(tiny_bert, products, [])[2])
    assert cosines(plain, embedded(made(tiny_bert, products, [("negate", {"factor": -1.0})])[2])).max() < 0.999
    assert np.allclose(plain, embedded(made(tiny_bert, products, [("negate", {"factor": 1.0})])[2]), atol=1e-5)


@pytest.mark.usefixtures("negating")
def test_a_transform_runs_once_and_after_what_was_taught(tiny_bert: Path, products: Products) -> None:
    taught: Chain = [("tune", {"epochs": 1})]
    found = []
    for chain in (taught, [*taught, ("negate", {"factor": -1.0})]):
        products.used.clear()
        encoder: Any = made(tiny_bert, products, chain)[2].encoder
        found.append(encoder.network[0].auto_model.embeddings.word_embeddings.weight.detach().numpy())
    assert np.array_equal(found[0], -found[1])
    assert [each["reused"] for each in products.used if each["step"] == "learn the labels"] == [True]


def test_a_transform_before_16_bits_is_given_32(
    tiny_bert: Path, products: Products, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    register(Technique("whole", "A PyTorch module.", lambda parameters: "whole", transform=needs_32_bits))
    half = made(tiny_bert, products, [("bf16", {})])[2]
    after = made(tiny_bert, products, [("whole", {}), ("bf16", {})])[2]
    assert after.encoder.count() == half.encoder.count()
    assert cosines(embedded(half), embedded(after)).min() > 0.99


class TestOnnx:
    """What needs the extra `compress`."""

    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")

    def test_it_says_what_pytorch_says_in_batches_and_alone(self, tiny_bert: Path, shared: Products) -> None:
        plain = embedded(made(tiny_bert, shared, [])[2])
        graph = made(tiny_bert, shared, [("onnx", {})])[2]
        assert np.allclose(plain, embedded(graph), atol=1e-5)
        assert np.allclose(plain, embedded(graph, batch=1), atol=1e-5)

    def test_it_counts_like_its_original(self, tiny_bert: Path, shared: Products) -> None:
        for chain in ([], [("layers", {"keep": 1})]):
            plain, graph = (made(tiny_bert, shared, [*chain, *more]) for more in ([], [("onnx", {})]))
            one, other = (encoders.facts(each[2], "red dress", each[1]) for each in (plain, graph))
            assert (one.parameters, one.flops) == (other.parameters, other.flops)
            assert other.tensor_bytes is not None and other.weight_bytes is not None
            assert 0.8 < other.tensor_bytes / one.tensor_bytes < 1.1  # type: ignore[operator]

    def test_int8_is_a_fraction_of_it_and_close(self, tiny_bert: Path, shared: Products) -> None:
        plain = made(tiny_bert, shared, [])
        recipe, folder, small = made(tiny_bert, shared, [("onnx", {}), INT8])
        assert cosines(embedded(plain[2], 1), embedded(small, 1)).mean() > 0.9
        facts = encoders.facts(small, "red dress", folder)
        assert facts.flops is None
        assert facts.tensor_bytes < 0.6 * encoders.facts(plain[2], "red dress", plain[1]).tensor_bytes  # type: ignore[operator]
        assert small.encoder.batch == 1
        test = texts().splits["test"]
        quality = encoders.predict(recipe, folder, texts(), test, shared)
        single = np.concatenate([small.infer(small.prepare([item])) for item in texts().items.take(test)])
        assert np.allclose(quality, single, atol=1e-5)

    def test_a_graph_is_exported_once_whatever_follows(self, tiny_bert: Path, products: Products) -> None:
        made(tiny_bert, products, [("onnx", {})])
        for chain in ([INT8], [("onnx", {}), ("tokens", {"most": 8})], [("onnx", {}), INT8]):
            products.used.clear()
            made(tiny_bert, products, list(chain))
            (export,) = [each for each in products.used if each["step"] == "export to ONNX"]
            assert export["reused"]

    def test_a_graph_does_not_remember_where_another_chain_cut_its_texts(
        self, tiny_bert: Path, products: Products
    ) -> None:
        tokens = []
        for chain in ([("tokens", {"most": 8}), ("onnx", {})], [("onnx", {})]):
            recipe = apply_chain(recipe_of(tiny_bert, "text.encoder"), chain)  # which says nothing of `max_tokens`
            predictor = encoders.load(recipe, encoders.make(recipe, texts(), products))
            tokens.append(predictor.prepare([" ".join(WORDS * 4)])["input_ids"].shape[1])
        assert tokens[0] == 8 and tokens[1] >= 4 * len(WORDS)

    def test_serving_it_loads_no_pytorch(self, tiny_bert: Path, shared: Products) -> None:
        import json

        recipe, folder, _ = made(tiny_bert, shared, [("onnx", {})])
        code = (
            "import json, sys; from importlib import import_module; from pathlib import Path\n"
            "from effkit.models import Recipe, builder\n"
            f"recipe = Recipe.from_json(json.loads({json.dumps(json.dumps(recipe.to_json(), default=dict))}))\n"
            "module = builder(recipe.builder); [import_module(name) for name in module.libraries(recipe)]\n"
            f"predictor = module.load(recipe, Path({str(folder)!r}))\n"
            "print(predictor.infer(predictor.prepare(['red dress'])).shape, 'torch' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "(1, 2) False"

    def test_it_refuses_nothing_that_pytorch_takes(self, tiny_bert: Path, shared: Products) -> None:
        graph = made(tiny_bert, shared, [("onnx", {})])[2]
        long = "red " * 500
        assert graph.encoder.embed(graph.prepare(["", long])).shape == (2, 32)
        assert graph.prepare([long])["input_ids"].shape == (1, 32)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "fidelity"), [("minilm-l6", 0.95), ("mpnet-base", 0.85)])
def test_published_encoders_on_onnx_runtime(name: str, fidelity: float, products: Products) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from effkit import catalogue

    entry = catalogue.models()[name]
    try:
        weights = catalogue.fetch(name, offline=True)
    except catalogue.FetchError as error:
        pytest.skip(f"{name} is not in the cache: {error}")
    digests = {file.name: file.sha256 for file in entry.files}
    plain = Recipe(name, entry.builder, "classification", 12, 1, entry.settings, weights, digests)
    found = []
    for chain in ([], [("onnx", {})], [("onnx", {}), INT8], [("bf16", {})]):
        recipe = apply_chain(replace(plain, fit_items=20), chain)
        predictor = encoders.load(recipe, encoders.make(recipe, texts(), products))
        sentences = ["A man is playing a guitar.", "Someone plays it, and the whole street listens.", "Rain."]
        found.append(np.concatenate([predictor.encoder.embed(predictor.prepare([each])) for each in sentences]))
    assert np.allclose(found[0], found[1], atol=1e-4)
    assert cosines(found[0], found[2]).min() > fidelity
    assert cosines(found[0], found[3]).min() > 0.99
