"""What only a GPU multiplies: floats of 8 bits, weights of 4, and weights of which two in every four are 0.

No GPU has been at hand to try them on: they are refused elsewhere, and their tests skip where there is none.
"""

from __future__ import annotations

from typing import Any

from effkit.models.base import CPU
from effkit.techniques.base import MODULE, QUANTISED, Target, Technique


def _without_gpu(target: Target, parameters: Any) -> str | None:
    return None if target.device != CPU else "it runs on a GPU: give `protocol: {device: cuda}`, where there is one"


def _technique(name: str, needs: str, words: str, runtime: tuple[str, ...]) -> Technique:
    return Technique(
        name=name,
        needs=f"A text encoder as a PyTorch module in 32 bits, and {needs}",
        words=lambda parameters: words,
        takes=(MODULE,),
        gives=QUANTISED,
        builders=("text.encoder",),  # they change linear layers, and image encoders are convolutions throughout
        runtime=lambda parameters: runtime,
        refuse=_without_gpu,
        # The weights are kept in bf16, and changed once they are on the GPU.
        apply=lambda recipe, parameters: recipe.with_settings(precision="bfloat16", on_gpu=name),
    )


FP8 = _technique(
    "fp8", "a GPU of the Ada or Hopper generation or newer. Weights and activations in 8-bit floats.",
    "in FP8", ("torchao",),
)  # fmt: skip
INT4 = _technique(
    "int4", "a GPU of the Ampere generation or newer. Weights in 4 bits, arithmetic in bf16.",
    "with 4-bit weights", ("torchao",),
)  # fmt: skip
TWO_OF_FOUR = _technique(
    "two-of-four", "a GPU of the Ampere generation or newer. Of every four weights in a row the two "
    "smallest become 0, which its tensor cores leave out; arithmetic in bf16.",
    "with two of every four weights", (),
)  # fmt: skip
