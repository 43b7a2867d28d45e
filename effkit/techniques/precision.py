"""Precision: weights and arithmetic in 16 bits, or in 8-bit integers."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from effkit.models.base import Recipe
from effkit.spec import Frozen
from effkit.techniques.base import MODULE, NoParameters, Technique

ENCODERS = ("text.encoder", "vision.squeezenet", "vision.efficientnet_lite")


class Int8Parameters(Frozen):
    """What `int8` may be given."""

    runtime: Literal["onnxruntime"] = Field(description="what runs it: onnxruntime")


def _bf16(recipe: Recipe, parameters: NoParameters) -> Recipe:
    return replace(recipe, settings={**recipe.settings, "precision": "bfloat16"})


def _fp16(recipe: Recipe, parameters: NoParameters) -> Recipe:
    return replace(recipe, settings={**recipe.settings, "precision": "float16"})


def _int8(recipe: Recipe, parameters: Int8Parameters) -> Recipe:
    return replace(recipe, settings={**recipe.settings, "runtime": parameters.runtime, "quantise": "int8"})


BF16 = Technique(
    name="bf16",
    needs="A PyTorch module in 32 bits. Fast only where the processor multiplies bf16 itself (AVX512-BF16, AMX).",
    words=lambda parameters: "in bf16",
    gives="16-bit PyTorch module",
    builders=ENCODERS,
    apply=_bf16,
)
FP16 = Technique(
    name="fp16",
    needs="A PyTorch module in 32 bits. A warning more than a technique: few CPUs multiply fp16, and most get slower.",
    words=lambda parameters: "in fp16",
    gives="16-bit PyTorch module",
    builders=ENCODERS,
    apply=_fp16,
)
INT8 = Technique(
    name="int8",
    needs="A PyTorch module in 32 bits or an ONNX graph of it, and the runtime. It needs no items to calibrate on: "
    "weights are quantised per channel, activations as they come.",
    words=lambda parameters: "in INT8",
    parameters=Int8Parameters,
    takes=(MODULE, "ONNX graph"),
    gives="ONNX graph",
    builders=("text.encoder",),
    runtime=("onnx", "onnxruntime"),
    apply=_int8,
)
