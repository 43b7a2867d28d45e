"""Techniques of a GPU: refused without one, and tried where there is one."""

from __future__ import annotations

import pytest
import torch

from effkit.models.base import Recipe
from effkit.models.networks import two_largest_of_four
from effkit.spec import SpecError
from effkit.techniques import TECHNIQUES, apply_chain, check

KINDS = ["fp8", "int4", "two-of-four"]
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here: these techniques are unproven")


@pytest.mark.parametrize("name", KINDS)
def test_without_a_gpu_they_are_refused_with_the_fix(name: str) -> None:
    with pytest.raises(SpecError, match=r"it runs on a GPU: give `protocol: \{device: cuda\}`"):
        check([(name, {})], "text", "text.encoder")


@pytest.mark.parametrize("name", KINDS)
def test_with_one_they_end_a_chain(name: str) -> None:
    check([("layers", {"keep": 3}), (name, {})], "text", "text.encoder", device="cuda")
    with pytest.raises(SpecError, match=r"leaves a quantised model"):
        check([(name, {}), ("onnx", {})], "text", "text.encoder", device="cuda")
    recipe = apply_chain(Recipe("minilm", "text.encoder", "classification", 10, 1), [(name, {})])
    assert recipe.settings == {"precision": "bfloat16", "on_gpu": name}


@pytest.mark.parametrize("builder", ["vision.squeezenet", "vision.efficientnet_lite"])
@pytest.mark.parametrize("name", KINDS)
def test_image_encoders_have_no_linear_layer_that_they_could_change(name: str, builder: str) -> None:
    with pytest.raises(SpecError, match=r"it acts on text\.encoder, and this model is"):
        check([(name, {})], "vision", builder, device="cuda")


@pytest.mark.parametrize("name", ["bf16", "fp16"])
def test_16_bits_are_not_only_spoken_of_on_processors(name: str) -> None:
    assert "a GPU" in TECHNIQUES[name].needs
    check([(name, {})], "text", "text.encoder", device="cuda")


def test_the_two_largest_of_every_four_weights_stay() -> None:
    weight = torch.tensor([[1.0, -3.0, 2.0, 0.5, -1.0, 0.0, 4.0, -5.0]])
    assert two_largest_of_four(weight).tolist() == [[0.0, -3.0, 2.0, 0.0, 0.0, 0.0, 4.0, -5.0]]


@GPU
@pytest.mark.parametrize("name", KINDS)
def test_on_a_gpu_a_linear_layer_says_nearly_the_same(name: str) -> None:
    from effkit.models.networks import changed_on_gpu

    torch.manual_seed(0)
    plain = torch.nn.Sequential(torch.nn.Linear(256, 256)).cuda().to(torch.bfloat16).eval()
    inputs = torch.randn(32, 256, device="cuda", dtype=torch.bfloat16)
    with torch.inference_mode():
        before = plain(inputs)
        after = changed_on_gpu(plain, name)(inputs)
    assert float(torch.nn.functional.cosine_similarity(before, after, dim=1).mean()) > 0.8
