"""Chains: what fits what, in which order, and what is said where it does not."""

from __future__ import annotations

from typing import Any

import pytest

from effkit.models.base import Recipe
from effkit.spec import SpecError
from effkit.techniques import TECHNIQUES, apply_chain, check, check_runtimes, words

TEXT = {"max_tokens": 256}
Chain = list[tuple[str, dict[str, Any]]]
INT8 = ("int8", {"runtime": "onnxruntime"})


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        ([("bf16", {})], "in bf16"),
        ([("fp16", {})], "in fp16"),
        ([INT8], "in INT8 on ONNX Runtime"),
        ([("onnx", {}), INT8], "on ONNX Runtime, in INT8"),
        ([("layers", {"keep": 3}), ("onnx", {}), ("tokens", {"most": 64})],
         "with 3 layers, on ONNX Runtime, cut at 64 tokens"),
        ([("layers", {"keep": 1}), ("bf16", {})], "with 1 layer, in bf16"),
        ([("distil", {"teacher": "mpnet-base", "layers": 3}), ("int8", {"runtime": "openvino"})],
         "taught by mpnet-base into 3 layers, in INT8 on OpenVINO"),
        ([("neurons", {"keep": 0.5}), ("heads", {"keep": 0.5}), ("heal", {}), ("openvino", {"precision": "bf16"})],
         "with 50% of its neurons, with 50% of its heads, healed, on OpenVINO in bf16"),
        ([("mixed", {"points": 0.25})], "with 4-bit weights where they cost little (at most 0.25 points)"),
        ([("onnx", {}), ("int8", {"runtime": "openvino"}), ("batching", {"padding": "sorted"})],
         "on ONNX Runtime, in INT8 on OpenVINO, sorted"),
    ],
)  # fmt: skip
def test_a_chain_that_fits_has_words(chain: Chain, said: str) -> None:
    check(chain, "text", "text.encoder", TEXT)
    assert words(chain) == said


@pytest.mark.parametrize(
    ("chain", "reason"),
    [
        ([("bf16", {}), ("onnx", {})], "`bf16` leaves a 16-bit PyTorch module; put it earlier"),
        ([("bf16", {}), ("fp16", {})], "or leave one of the two out"),
        ([("onnx", {}), ("layers", {"keep": 3})], "`onnx` leaves an ONNX graph"),
        ([INT8, ("onnx", {})], "it takes a 32-bit PyTorch module or .*, and `int8` leaves a quantised model"),
        ([("bf16", {}), ("bf16", {})], "it is in the chain twice"),
        ([("tokens", {"most": 256})], "texts are cut at 256 tokens already"),
        ([("int8", {"runtime": "tensorrt"})], "`int8.runtime` got 'tensorrt'"),
        ([("openvino", {}), INT8], "the chain has put it on openvino; give `runtime: openvino`"),
        ([("int8", {"runtime": "openvino"}), ("weights", {"bits": 4, "runtime": "openvino"})], "a quantised model"),
        ([("static", {}), ("heal", {})], "`static` leaves a table of word vectors"),
        ([("neurons", {"keep": 1.0})], "`neurons.keep` got 1.0"),
        ([("distil", {})], "`distil.teacher` is missing: the catalogue's model to learn from"),
        ([("onnx", {}), ("heal", {})], "`onnx` leaves an ONNX graph"),
        ([("int8", {})], "`int8.runtime` is missing: what runs it"),
        ([("bf16", {"bits": 16})], "It takes none: write {}"),
        ([("trees", {"most": 5})], "it takes boosted trees or a forest, and `text.encoder` gives a 32-bit"),
        ([("heal", {})], "nothing was cut out of the encoder before it"),
        ([("tune", {}), ("neurons", {"keep": 0.5}), ("heal", {})], "would undo `tune`; put it before that"),
        ([("distil", {"teacher": "mpnet-base", "layers": 3}), ("heal", {})], "would undo `distil`"),
        ([("compile", {}), ("onnx", {})], "`onnx` undoes `compile`: a graph is exported from the plain module"),
        ([("compile", {}), ("openvino", {})], "`openvino` undoes `compile`"),
        ([("attention", {"kernel": "eager"}), INT8], "`int8` undoes `attention`"),
        ([("batching", {"padding": "sorted"}), ("exits", {"layers": [1]})], "`batching` sorts a batch"),
    ],
)
def test_an_impossible_chain_is_refused_with_the_reason(chain: Chain, reason: str) -> None:
    with pytest.raises(SpecError, match=reason):
        check(chain, "text", "text.encoder", TEXT)


@pytest.mark.parametrize(
    ("builder", "settings", "reason"),
    [
        ("tabular.lightgbm", {"n_estimators": 50}, "it has 50 trees already"),
        ("tabular.forest", {}, "it has 100 trees already"),
        ("tabular.logreg", {}, "`tabular.logreg` gives something else"),
    ],
)
def test_trees_need_more_trees(builder: str, settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(SpecError, match=reason):
        check([("trees", {"most": 100})], "tabular", builder, settings)


@pytest.mark.parametrize("builder", ["logreg", "tree", "forest", "lightgbm", "mlp"])
def test_every_tabular_model_may_have_fewer_columns_and_be_exported(builder: str) -> None:
    chain: Chain = [("features", {"most": 6}), ("onnx", {})]
    check(chain, "tabular", f"tabular.{builder}")
    assert words(chain) == "on 6 columns, on ONNX Runtime"


@pytest.mark.parametrize(
    ("chain", "reason"),
    [
        ([("onnx", {}), ("trees", {"most": 5})], "it takes boosted trees, and `onnx` leaves an ONNX graph; put it"),
        ([("onnx", {}), ("features", {"most": 5})], "it takes boosted trees, and `onnx` leaves an ONNX graph"),
        ([("features", {"most": 0})], "`features.most` got 0"),
        ([("onnx", {}), INT8], "it acts on .*and this model is `tabular.lightgbm`"),
    ],
)
def test_an_exported_booster_is_not_trained_again(chain: Chain, reason: str) -> None:
    with pytest.raises(SpecError, match=reason):
        check(chain, "tabular", "tabular.lightgbm")


def test_techniques_of_encoders_refuse_other_models() -> None:
    with pytest.raises(SpecError, match=r"it acts on text\.encoder, .*and this model is `text\.tfidf`"):
        check([("bf16", {})], "text", "text.tfidf")


def test_pictures_may_be_small_and_in_16_bits() -> None:
    chain: Chain = [("resolution", {"pixels": 96}), ("bf16", {})]
    check(chain, "vision", "vision.efficientnet_lite", {"resolution": 260})
    recipe = Recipe("lite", "vision.efficientnet_lite", "classification", 1, 1, {"resolution": 260})
    assert apply_chain(recipe, chain).settings == {"resolution": 96, "precision": "bfloat16"}


def test_what_is_made_depends_on_what_is_applied_and_not_on_the_way_there() -> None:
    recipe = Recipe("minilm", "text.encoder", "classification", 300, 1, TEXT)
    direct, by_onnx = apply_chain(recipe, [INT8]), apply_chain(recipe, [("onnx", {}), INT8])
    assert direct.key() == by_onnx.key()
    assert direct.key() != apply_chain(recipe, [("onnx", {})]).key() != recipe.key()


def test_every_technique_says_what_it_needs_in_sentences() -> None:
    for name, technique in TECHNIQUES.items():
        assert name == technique.name
        assert technique.needs[0].isupper() and technique.needs.endswith(".")
        for field in technique.parameters.model_fields.values():
            assert field.description


def test_chains_without_a_runtime_need_none() -> None:
    check_runtimes([[], [("bf16", {})], [("tokens", {"most": 64})]])


def test_a_network_learns_no_more_labels_than_the_study_gives() -> None:
    recipe = Recipe("minilm", "text.encoder", "classification", 300, 1, TEXT)
    for asked, wanted in ((5000, 300), (200, 200), (None, 300)):
        (step,) = apply_chain(recipe, [("tune", {} if asked is None else {"items": asked})]).settings["steps"]
        assert step["items"] == wanted
    assert words([("tune", {"items": 5000})]) == "fine-tuned on at most 5,000 labels"
