"""Runtimes and kernels: the same weights in another library's hands, or in other hands of the same library."""

from __future__ import annotations

from shutil import which
from typing import Literal

from pydantic import Field

from effkit.models.base import Recipe
from effkit.spec import Frozen
from effkit.techniques.base import CHANGED, HALF, MODULE, TABULAR, NoParameters, Target, Technique
from effkit.techniques.precision import ENCODERS, needed
from effkit.techniques.steps import with_graph, with_step

COMPILERS = ("g++", "clang++", "c++")
COMPILING_S = 58.0, 13.5
"""MiniLM's first answer, nominal: for the first time, and where PyTorch finds on disk what it has compiled before.

On a core 1.83 times as fast as the nominal one (30 November 2026) it took 32.1 s, then 7.4 and 7.3.
"""


class OpenVinoParameters(Frozen):
    """What `openvino` may be given."""

    precision: Literal["f32", "bf16"] = Field(default="f32", description="of its arithmetic: f32 or bf16")


class AttentionParameters(Frozen):
    """What `attention` may be given."""

    kernel: Literal["eager", "sdpa"] = Field(description="eager: one operation after the other; sdpa: fused")


class BatchingParameters(Frozen):
    """What `batching` may be given."""

    padding: Literal["fixed", "longest", "sorted"] = Field(
        description="fixed: every text to the most tokens there may be; longest: to the longest of its batch, as "
        "usual; sorted: texts of like length go together, in small batches"
    )


def _openvino(recipe: Recipe, parameters: OpenVinoParameters) -> Recipe:
    return with_step(with_graph(recipe), "openvino", runtime="openvino", precision=parameters.precision)


def _no_compiler(target: Target, parameters: NoParameters) -> str | None:
    if any(which(each) for each in COMPILERS):
        return None
    return f"torch.compile writes C++, and none of {', '.join(COMPILERS)} is on the PATH; install one"


ONNX = Technique(
    name="onnx",
    needs="A text or image encoder as a PyTorch module in 32 bits, or a tabular model of any kind; and ONNX Runtime.",
    words=lambda parameters: "on ONNX Runtime",
    takes=(MODULE, CHANGED, "boosted trees", "forest", "other"),
    gives="ONNX graph",
    builders=(*ENCODERS, *TABULAR),
    runtime=lambda parameters: ("onnx", "onnxruntime"),
    apply=lambda recipe, parameters: with_graph(recipe),
)
OPENVINO = Technique(
    name="openvino",
    needs="A text or image encoder as a PyTorch module in 32 bits or an ONNX graph of it, and OpenVINO. Its bf16 is "
    "fast where the processor multiplies bf16 itself.",
    words=lambda parameters: "on OpenVINO" + (" in bf16" if parameters.precision == "bf16" else ""),
    parameters=OpenVinoParameters,
    takes=(MODULE, CHANGED, "ONNX graph"),
    gives="OpenVINO graph",
    builders=ENCODERS,
    runtime=needed,
    apply=_openvino,
)
COMPILE = Technique(
    name="compile",
    needs="An encoder as a PyTorch module, and a C++ compiler. Every worker compiles it anew, some 10 s even where "
    "PyTorch has kept it; measure before you believe.",
    words=lambda parameters: "compiled",
    takes=(MODULE, CHANGED, HALF),
    gives=CHANGED,
    builders=ENCODERS,
    refuse=_no_compiler,
    start_s=COMPILING_S,
    apply=lambda recipe, parameters: recipe.with_settings(compile=True),
)
ATTENTION = Technique(
    name="attention",
    needs="A text encoder as a PyTorch module. PyTorch takes sdpa by itself; eager shows what that is worth, and on "
    "short texts it is worth little.",
    words=lambda parameters: f"with {parameters.kernel} attention",
    parameters=AttentionParameters,
    takes=(MODULE, HALF),
    builders=("text.encoder",),
    apply=lambda recipe, parameters: recipe.with_settings(attention=parameters.kernel),
)
BATCHING = Technique(
    name="batching",
    needs="A text encoder. It changes what a batch costs, and at batch 1 only `fixed` changes anything.",
    words=lambda parameters: {"fixed": "padded to the full", "longest": "padded to the longest", "sorted": "sorted"}[
        parameters.padding
    ],
    parameters=BatchingParameters,
    takes=(MODULE, CHANGED, HALF, "ONNX graph", "OpenVINO graph", "quantised model"),
    builders=("text.encoder",),
    apply=lambda recipe, parameters: recipe.with_settings(padding=parameters.padding),
)
