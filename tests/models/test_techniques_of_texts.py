"""Every technique of text encoders, on a small encoder: what it leaves, and what it must not change."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from effkit.models import Products, Recipe, heads, openvino_graphs, sensitivity
from effkit.models import encoder as encoders
from effkit.models.embedding import embed
from effkit.models.encoder import EncoderPredictor
from effkit.models.graph_files import OPENVINO_GRAPH
from effkit.models.products import OPTIMISED
from effkit.models.teaching import softened
from effkit.spec import SpecError
from effkit.tasks import METRICS
from effkit.techniques import apply_chain
from tests.models.encoders import recipe_of, texts
from tests.models.test_optimised import Chain, cosines, embedded

ITEMS = {"items": 100, "epochs": 1}
TEACHER = Recipe("tfidf", "text.tfidf", "classification", 40, 1, {"min_df": 1, "ngram_range": [1, 1]})
DISTIL = ("distil", {"teacher": "tfidf-logreg", **ITEMS})


def made(
    weights: Path, products: Products, chain: Chain, teacher: Recipe | None = None, **settings: Any
) -> tuple[Recipe, Path, EncoderPredictor]:
    plain = replace(recipe_of(weights, "text.encoder", max_tokens=32, **settings), teacher=teacher)
    recipe = apply_chain(plain, chain)
    folder = encoders.make(recipe, texts(200), products)
    predictor = encoders.load(recipe, folder)
    assert isinstance(predictor, EncoderPredictor)
    return recipe, folder, predictor


def steps(products: Products) -> list[str]:
    return [each["step"] for each in products.used]


# ------------------------------------------------------------------ learning
def test_healing_brings_a_cut_encoder_back_towards_the_uncut_one(
    tiny_bert: Path, products: Products, shared: Products
) -> None:
    whole = embedded(made(tiny_bert, shared, [])[2])
    cut = embedded(made(tiny_bert, shared, [("neurons", {"keep": 0.25})])[2])
    chain: Chain = [("neurons", {"keep": 0.25}), ("heal", {"items": 100, "epochs": 8})]
    healed = embedded(made(tiny_bert, products, chain)[2])
    assert cosines(whole, healed).mean() > cosines(whole, cut).mean() + 0.02
    assert "heal: learn the uncut encoder's embeddings" in steps(products)


def test_ten_steps_of_learning_are_none_too_few(tiny_bert: Path, shared: Products) -> None:
    chain: Chain = [("tune", {"epochs": 5})]  # of two batches
    assert np.isfinite(embedded(made(tiny_bert, shared, chain)[2])).all()


def test_zeros_stay_zero_while_healing(tiny_bert: Path, shared: Products) -> None:
    _, _, healed = made(tiny_bert, shared, [("sparse", {"zero": 0.5}), ("heal", ITEMS)])
    network: Any = healed.encoder.network  # type: ignore[attr-defined]
    weight = network[0].auto_model.encoder.layer[0].intermediate.dense.weight
    assert float((weight == 0).float().mean()) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("labels", ["soft", "hard"])
def test_a_student_learns_what_its_teacher_says(
    labels: str, tiny_bert: Path, products: Products, shared: Products
) -> None:
    asked = ("distil", {"teacher": "tfidf-logreg", "layers": 1, "labels": labels, "items": 100, "epochs": 8})
    cut = made(tiny_bert, shared, [("layers", {"keep": 1})])
    recipe, folder, student = made(tiny_bert, products, [asked], TEACHER)
    task = texts(200)
    test = task.splits["test"]
    right = [
        (encoders.predict(*each, task, test, shared).argmax(axis=1) == task.labels[test]).mean()
        for each in (cut[:2], (recipe, folder))
    ]
    assert right[1] > right[0] and right[1] > 0.75
    assert student.encoder.count()[0] < made(tiny_bert, shared, [])[2].encoder.count()[0]
    assert "ask the teacher, tfidf" in steps(products) and "learn what the teacher says" in steps(products)


def test_another_teacher_makes_another_student(tiny_bert: Path, shared: Products) -> None:
    one = made(tiny_bert, shared, [DISTIL], TEACHER)
    other = made(tiny_bert, shared, [DISTIL], replace(TEACHER, settings={**TEACHER.settings, "C": 0.001}))
    assert one[1] != other[1] and not np.allclose(embedded(one[2]), embedded(other[2]), atol=1e-6)


def test_a_student_without_a_teacher_learns_the_labels(tiny_bert: Path, products: Products, shared: Products) -> None:
    _, _, tuned = made(tiny_bert, products, [("tune", {"epochs": 4})])
    assert not np.allclose(embedded(tuned), embedded(made(tiny_bert, shared, [])[2]), atol=1e-3)
    (learnt,) = [each for each in products.used if each["step"] == "learn the labels"]
    assert learnt["items"] == 40


def test_an_encoder_whose_texts_are_cut_learns_from_cut_texts(tiny_bert: Path, shared: Products) -> None:
    cut = made(tiny_bert, shared, [("tokens", {"most": 8}), ("tune", {"epochs": 1})])
    late = made(tiny_bert, shared, [("tune", {"epochs": 1}), ("tokens", {"most": 8})])
    assert [step["max_tokens"] for step in cut[0].settings["steps"]] == [8]
    assert [step["max_tokens"] for step in late[0].settings["steps"]] == [32]
    assert not np.allclose(embedded(cut[2]), embedded(late[2]), atol=1e-6)


def test_retrieval_teaches_no_classes(tiny_bert: Path, products: Products) -> None:
    recipe = apply_chain(recipe_of(tiny_bert, "text.encoder", "retrieval", max_tokens=32), [("tune", {"items": 100})])
    with pytest.raises(SpecError, match=r"`tune` teaches an encoder classes, and this task is retrieval"):
        encoders.make(recipe, texts(), products)


def test_soft_labels_are_flattened_and_keep_their_order() -> None:
    shares = np.array([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0]])
    flat = softened(shares, 2.0)
    assert np.allclose(flat.sum(axis=1), 1) and np.allclose(softened(shares, 1.0), shares, atol=1e-6)
    assert flat[0, 0] < 0.7 and (flat[0].argsort() == shares[0].argsort()).all() and (flat > 0).all()


# ------------------------------------------------------------------ runtimes
OPENVINO = ("openvino", {})


class TestOpenVino:
    """What needs OpenVINO and NNCF, of the extra `compress`."""

    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        for name in ("onnx", "openvino", "nncf"):
            pytest.importorskip(name)

    def test_it_says_what_pytorch_says_and_counts_like_it(self, tiny_bert: Path, shared: Products) -> None:
        cut: Chain = [("heads", {"keep": 0.5})]
        for chain in ([], cut):
            plain, graph = made(tiny_bert, shared, chain), made(tiny_bert, shared, [*chain, OPENVINO])
            assert np.allclose(embedded(plain[2]), embedded(graph[2]), atol=1e-4)
            one, other = (encoders.facts(each[2], "red dress", each[1]) for each in (plain, graph))
            assert (one.parameters, one.flops) == (other.parameters, other.flops)

    @pytest.mark.parametrize(
        ("technique", "fidelity", "integers"),
        [
            (("int8", {"runtime": "openvino"}), 0.9, True),
            (("weights", {"bits": 8, "runtime": "openvino"}), 0.98, False),
            (("weights", {"bits": 4, "runtime": "openvino"}), 0.8, False),
        ],
    )  # fmt: skip
    def test_fewer_bits_are_close_and_smaller(
        self, technique: Any, fidelity: float, integers: bool, tiny_bert: Path, shared: Products
    ) -> None:
        plain = made(tiny_bert, shared, [OPENVINO])
        recipe, folder, small = made(tiny_bert, shared, [OPENVINO, technique])
        assert cosines(embedded(plain[2]), embedded(small)).mean() > fidelity
        facts = encoders.facts(small, "red dress", folder)
        assert (facts.flops is None) == integers
        assert facts.tensor_bytes < 0.8 * encoders.facts(plain[2], "red dress", plain[1]).tensor_bytes  # type: ignore[operator]
        assert encoders.libraries(recipe) == ("openvino", "tokenizers")

    def test_bf16_says_nearly_the_same(self, tiny_bert: Path, shared: Products) -> None:
        plain = embedded(made(tiny_bert, shared, [OPENVINO])[2])
        try:
            half = embedded(made(tiny_bert, shared, [("openvino", {"precision": "bf16"})])[2])
        except SpecError as error:
            pytest.skip(str(error))
        assert cosines(plain, half).min() > 0.98

    def test_bf16_is_refused_where_openvino_would_go_on_in_32_bits(
        self, tiny_bert: Path, shared: Products, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import openvino

        class Older:
            def compile_model(self, *asked: Any) -> Any:
                return SimpleNamespace(
                    get_property=lambda name: openvino.Type.f32, create_infer_request=SimpleNamespace
                )

        _, folder, _ = made(tiny_bert, shared, [OPENVINO])
        monkeypatch.setattr(openvino, "Core", Older)
        graph = folder / OPTIMISED / OPENVINO_GRAPH
        openvino_graphs.OpenVinoSession(graph, "f32")
        with pytest.raises(SpecError, match=r"is to compute in bf16.*computes in f32: leave `precision` out"):
            openvino_graphs.OpenVinoSession(graph, "bf16")

    def test_scales_are_set_on_texts_as_long_as_they_were_at_that_place(
        self, tiny_bert: Path, products: Products, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lengths = []

        def seen(source: Path, place: Path, feeds: Any, *, transformer: bool) -> None:
            lengths.append(max(feed["input_ids"].shape[1] for feed in feeds))
            openvino_graphs.convert(source, place)

        monkeypatch.setattr(openvino_graphs, "integers", seen)
        int8, cut = ("int8", {"runtime": "openvino"}), ("tokens", {"most": 8})
        for chain in ([int8, cut], [cut, int8]):
            recipe = apply_chain(recipe_of(tiny_bert, "text.encoder"), chain)  # which says nothing of `max_tokens`
            encoders.make(recipe, texts(200), products)
        assert lengths[0] > lengths[1] == 8

    def test_scales_are_set_on_calibrate_items(self, tiny_bert: Path, products: Products) -> None:
        made(tiny_bert, products, [("int8", {"runtime": "openvino"})])
        (step,) = [each for each in products.used if "INT8" in each["step"]]
        assert step["step"] == "quantise to INT8, scales from `calibrate`"
        assert step["items"] == len(texts(200).splits["calibrate"])

    def test_without_items_to_calibrate_on_it_is_refused_with_the_fix(
        self, tiny_bert: Path, products: Products
    ) -> None:
        task = texts(40)
        bare = replace(task, splits={**task.splits, "calibrate": np.array([], np.int64)})
        recipe = apply_chain(recipe_of(tiny_bert, "text.encoder", fit_items=10), [("int8", {"runtime": "openvino"})])
        with pytest.raises(SpecError, match=r"has no `calibrate` items.*runtime: onnxruntime"):
            encoders.make(recipe, bare, products)

    def test_mixed_precision_judges_by_the_head_that_is_used(self, tiny_bert: Path, shared: Products) -> None:
        asked = ("mixed", {"points": 5.0, "items": 50})
        costs = []
        for strength in (3.0, 0.001):
            _, folder, _ = made(tiny_bert, shared, [asked], C=strength)
            layers = json.loads((folder / OPTIMISED / "sensitivity.json").read_text(encoding="utf-8"))
            costs.append([each["cost"] for each in layers])
        assert np.abs(costs[1]).max() < np.abs(costs[0]).max()

    def test_mixed_precision_says_what_each_layer_costs_and_gets(self, tiny_bert: Path, shared: Products) -> None:
        found = {}
        for points in (20.0, 1e-9):
            _, folder, predictor = made(tiny_bert, shared, [("mixed", {"points": points, "items": 50})])
            layers = json.loads((folder / OPTIMISED / "sensitivity.json").read_text(encoding="utf-8"))
            found[points] = layers, predictor.encoder.count()[1]
            assert in_four_bits(folder / OPTIMISED) == sum(each["bits"] == 4 for each in layers)
            assert len(layers) == 12 and {each["bits"] for each in layers} <= {4, 8}
            assert all(each["bytes_saved"] > 0 and np.isfinite(each["cost"]) for each in layers)
        assert found[20.0][1] <= found[1e-9][1]

    def test_mixed_precision_keeps_to_its_points(self, tiny_bert: Path, shared: Products) -> None:
        _, folder, predictor = made(tiny_bert, shared, [])
        task = texts(40)
        items = task.items.take(task.splits["fit"])
        labels = task.labels[task.splits["fit"]]
        encoder, head = predictor.encoder, heads.load(folder)
        assert isinstance(head, heads.LogisticHead)
        bits = {}
        for points in (-101.0, 101.0):
            costs = sensitivity.choose(
                encoder.network, lambda: embed(encoder, items), head, labels, points, METRICS["accuracy"].score
            )
            bits[points] = {each.bits for each in costs}
        assert bits == {-101.0: {8}, 101.0: {4}}


def in_four_bits(folder: Path) -> int:
    """How many constants of an OpenVINO graph are numbers of 4 bits."""
    openvino = pytest.importorskip("openvino")
    graph = openvino.Core().read_model(folder / OPENVINO_GRAPH)
    constants = [each for each in graph.get_ops() if each.get_type_name() == "Constant"]
    return sum(each.get_element_type().get_type_name() in ("i4", "u4") for each in constants)


def test_mixed_precision_of_layers_that_are_elsewhere_is_refused_and_not_8_bits_in_silence() -> None:
    from torch import nn

    class Elsewhere(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.auto_model = nn.Linear(2, 2)

    embeddings = np.eye(2, dtype=np.float32)
    head = heads.LogisticHead(embeddings, np.zeros(2, np.float32))
    score = METRICS["accuracy"].score
    with pytest.raises(SpecError, match="does not keep its layers where BERT does"):
        sensitivity.choose(nn.Sequential(Elsewhere()), lambda: embeddings, head, np.array([0, 1]), 1.0, score)


def test_integers_in_pytorch_are_smaller_and_counted_as_such(tiny_bert: Path, shared: Products) -> None:
    pytest.importorskip("torchao")
    plain, small = made(tiny_bert, shared, []), made(tiny_bert, shared, [("int8", {"runtime": "torchao"})])
    assert cosines(embedded(plain[2]), embedded(small[2])).mean() > 0.95
    one, other = (encoders.facts(each[2], "red dress", each[1]) for each in (plain, small))
    assert other.flops is None and other.tensor_bytes < 0.7 * one.tensor_bytes  # type: ignore[operator]


@pytest.mark.parametrize("bits", [4, 8])
def test_weights_in_few_bits_on_onnx_runtime(bits: int, tiny_bert: Path, shared: Products) -> None:
    for name in ("onnx", "onnxruntime", "onnx_ir"):
        pytest.importorskip(name)
    plain = made(tiny_bert, shared, [("onnx", {})])
    small = made(tiny_bert, shared, [("onnx", {}), ("weights", {"bits": bits, "runtime": "onnxruntime"})])
    assert cosines(embedded(plain[2]), embedded(small[2])).mean() > 0.8
    assert small[2].encoder.count()[1] < plain[2].encoder.count()[1]


def test_a_table_of_words_needs_no_network(tiny_bert: Path, shared: Products) -> None:
    pytest.importorskip("model2vec")
    pytest.importorskip("skeletoken")
    recipe, folder, table = made(tiny_bert, shared, [("static", {"dimensions": 8})])
    assert embedded(table).shape == (16, 8) and encoders.libraries(recipe) == ("model2vec", "tokenizers")
    assert np.allclose(np.linalg.norm(embedded(table), axis=1), 1, atol=1e-5)
    assert table.encoder.embed(table.prepare([""])).tolist() == [[0.0] * 8]
    from model2vec import StaticModel

    library = StaticModel.from_pretrained(folder / OPTIMISED)
    assert np.allclose(library.encode(list(texts().items[:16])), embedded(table), atol=1e-4)


# ------------------------------------------------------------- how it is asked
@pytest.mark.parametrize("chain", [[], [("onnx", {})]])
def test_padding_changes_what_is_computed_and_not_what_is_said(chain: Chain, tiny_bert: Path, shared: Products) -> None:
    plain = made(tiny_bert, shared, chain)[2]
    fixed = made(tiny_bert, shared, [*chain, ("batching", {"padding": "fixed"})])[2]
    ordered = made(tiny_bert, shared, [*chain, ("batching", {"padding": "sorted"})])[2]
    assert fixed.prepare(["red dress"])["input_ids"].shape == (1, 32)
    for other in (fixed, ordered):
        assert np.allclose(embedded(plain, 16), embedded(other, 16), atol=1e-5)


def test_attention_is_the_same_by_either_kernel(tiny_bert: Path, shared: Products) -> None:
    kinds = [embedded(made(tiny_bert, shared, [("attention", {"kernel": each})])[2]) for each in ("eager", "sdpa")]
    assert np.allclose(*kinds, atol=1e-5)


def test_compiling_reaches_what_is_called_and_counting_passes_it_by(
    tiny_bert: Path, products: Products, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    called: list[Any] = []

    def compiled(function: Any, **options: Any) -> Any:
        def run(*arguments: Any, **named: Any) -> Any:
            called.append(options)
            return function(*arguments, **named)

        return run

    monkeypatch.setattr(torch, "compile", compiled)
    plain = made(tiny_bert, products, [])
    small = made(tiny_bert, products, [("compile", {})])
    called.clear()
    assert np.allclose(embedded(plain[2]), embedded(small[2]), atol=1e-5)
    assert called == [{"dynamic": True}] * 2  # batches
    called.clear()
    one, other = (encoders.facts(each[2], "red dress", each[1]) for each in (plain, small))
    assert one.flops == other.flops and not called
    embedded(small[2])
    assert called


@pytest.mark.slow
def test_a_compiled_encoder_says_the_same(tiny_bert: Path, shared: Products) -> None:
    plain, compiled = made(tiny_bert, shared, []), made(tiny_bert, shared, [("compile", {})])
    assert np.allclose(embedded(plain[2]), embedded(compiled[2]), atol=1e-5)
