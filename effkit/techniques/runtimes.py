"""Runtimes: the same weights in another library's hands."""

from __future__ import annotations

from dataclasses import replace

from effkit.models.base import Recipe
from effkit.techniques.base import NoParameters, Technique


def _onnx(recipe: Recipe, parameters: NoParameters) -> Recipe:
    return replace(recipe, settings={**recipe.settings, "runtime": "onnxruntime"})


ONNX = Technique(
    name="onnx",
    needs="A text encoder as a PyTorch module in 32 bits, and ONNX Runtime.",
    words=lambda parameters: "on ONNX Runtime",
    gives="ONNX graph",
    builders=("text.encoder",),
    runtime=("onnx", "onnxruntime"),
    apply=_onnx,
)
