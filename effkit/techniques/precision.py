"""Precision: weights and arithmetic in 16 bits, in 8-bit integers, or in as few bits as each layer bears."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from effkit.models.base import Recipe
from effkit.models.steps import runtime
from effkit.spec import Frozen
from effkit.techniques.base import CHANGED, GRAPHS, HALF, MODULE, QUANTISED, Target, Technique
from effkit.techniques.steps import with_graph, with_step

ENCODERS = ("text.encoder", "vision.squeezenet", "vision.efficientnet_lite")
RUNTIME_TITLES = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "torchao": "torchao"}
USUAL_LAYERS = 45
"""For planning: the linear layers of a small encoder, each tried once, and some assignments of bits."""
RUNTIMES = {
    "onnxruntime": ("onnx", "onnx_ir", "onnxruntime"),
    "openvino": ("onnx", "openvino", "nncf"),
    "torchao": ("torchao",),
}


class Int8Parameters(Frozen):
    """What `int8` may be given."""

    runtime: Literal["onnxruntime", "openvino", "torchao"] = Field(
        description="what runs it: onnxruntime (activations are scaled as they come), openvino (scales are set "
        "beforehand, on items of `calibrate`), torchao (stays in PyTorch)"
    )


class WeightsParameters(Frozen):
    """What `weights` may be given."""

    bits: Literal[4, 8] = Field(description="of a weight: 4 or 8")
    runtime: Literal["onnxruntime", "openvino"] = Field(description="what runs it: onnxruntime or openvino")


class MixedParameters(Frozen):
    """What `mixed` may be given."""

    points: float = Field(
        default=0.5, gt=0, le=20, description="most that 4-bit layers may cost on `select`, in points of the metric"
    )
    items: int = Field(default=500, ge=50, le=100_000, description="`select` items to judge that by")


def _int8(recipe: Recipe, parameters: Int8Parameters) -> Recipe:
    if parameters.runtime == "torchao":
        return recipe.with_settings(integers="torchao")
    return with_step(with_graph(recipe), "int8", runtime=parameters.runtime)


def _weights(recipe: Recipe, parameters: WeightsParameters) -> Recipe:
    return with_step(with_graph(recipe), "weights", **parameters.model_dump())


def _mixed(recipe: Recipe, parameters: MixedParameters) -> Recipe:
    return with_step(with_graph(recipe), "mixed", runtime="openvino", **parameters.model_dump())


def _same_runtime(target: Target, parameters: Any) -> str | None:
    """Refuse a second runtime: a graph that was made for one is not what the other would be given."""
    before = runtime(target.settings)
    if before in ("torch", parameters.runtime) or (before, parameters.runtime) == ("onnxruntime", "openvino"):
        return None
    return f"the chain has put it on {before}; give `runtime: {before}`, or leave the step before out"


def _int8_refused(target: Target, parameters: Int8Parameters) -> str | None:
    if target.modality == "vision" and parameters.runtime != "openvino":
        return "convolutions need scales that are set beforehand: give `runtime: openvino`"
    return _same_runtime(target, parameters)


def needed(parameters: Any) -> tuple[str, ...]:
    """Packages that a chosen runtime takes."""
    return RUNTIMES[getattr(parameters, "runtime", "openvino")]


BF16 = Technique(
    name="bf16",
    needs="A PyTorch module in 32 bits. Fast only where what runs it multiplies bf16 itself: a processor with "
    "AVX512-BF16 or AMX, or a GPU of the Ampere generation or newer.",
    words=lambda parameters: "in bf16",
    takes=(MODULE, CHANGED),
    gives=HALF,
    builders=ENCODERS,
    apply=lambda recipe, parameters: recipe.with_settings(precision="bfloat16"),
)
FP16 = Technique(
    name="fp16",
    needs="A PyTorch module in 32 bits. For a GPU; on the CPU it is a warning more than a technique: few processors "
    "multiply fp16, and most get slower.",
    words=lambda parameters: "in fp16",
    takes=(MODULE, CHANGED),
    gives=HALF,
    builders=ENCODERS,
    apply=lambda recipe, parameters: recipe.with_settings(precision="float16"),
)
INT8 = Technique(
    name="int8",
    needs="A PyTorch module in 32 bits or a graph of it, and the runtime. With openvino it needs items of `calibrate`, "
    "300 where there are as many; the others scale activations as they come.",
    words=lambda parameters: f"in INT8 on {RUNTIME_TITLES[parameters.runtime]}",
    parameters=Int8Parameters,
    takes=(MODULE, CHANGED, *GRAPHS),
    gives=QUANTISED,
    builders=ENCODERS,
    runtime=needed,
    refuse=_int8_refused,
    apply=_int8,
)
WEIGHTS = Technique(
    name="weights",
    needs="A text encoder as a PyTorch module in 32 bits or a graph of it, and the runtime. Only weights are stored "
    "in fewer bits; the runtime may round activations to 8 bits inside a layer, as they come. It needs no items.",
    words=lambda parameters: f"with {parameters.bits}-bit weights on {RUNTIME_TITLES[parameters.runtime]}",
    parameters=WeightsParameters,
    takes=(MODULE, CHANGED, *GRAPHS),
    gives=QUANTISED,
    builders=("text.encoder",),
    runtime=needed,
    refuse=_same_runtime,
    apply=_weights,
)
MIXED = Technique(
    name="mixed",
    needs="A text encoder as a PyTorch module in 32 bits or a graph of it, OpenVINO, and `select` items: each layer's "
    "cost of 4-bit weights is measured alone, and the layers that cost least get them, the others 8 bits.",
    words=lambda parameters: f"with 4-bit weights where they cost little (at most {parameters.points:g} points)",
    parameters=MixedParameters,
    takes=(MODULE, *GRAPHS),
    gives=QUANTISED,
    builders=("text.encoder",),
    runtime=needed,
    apply=_mixed,
    embeddings=lambda parameters: USUAL_LAYERS * parameters.items,
)
