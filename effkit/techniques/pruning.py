"""Pruning: layers, neurons, attention heads, channels or single weights that are taken out."""

from __future__ import annotations

from pydantic import Field

from effkit.spec import Frozen
from effkit.techniques.base import MODULE, Technique
from effkit.techniques.steps import with_step


class LayersParameters(Frozen):
    """What `layers` may be given."""

    keep: int = Field(ge=1, le=48, description="encoder layers that stay, evenly spaced from the first to the last")


class ShareParameters(Frozen):
    """What `neurons`, `heads` and `channels` may be given."""

    keep: float = Field(gt=0, lt=1, description="share that stays, above 0 and below 1")


class SparseParameters(Frozen):
    """What `sparse` may be given."""

    zero: float = Field(gt=0, lt=1, description="share of the weights that become 0, above 0 and below 1")


LAYERS = Technique(
    name="layers",
    needs="A text encoder as a PyTorch module in 32 bits, with more layers than are kept.",
    parameters=LayersParameters,
    words=lambda parameters: f"with {parameters.keep} {'layer' if parameters.keep == 1 else 'layers'}",
    builders=("text.encoder",),
    apply=lambda recipe, parameters: with_step(recipe, "layers", keep=parameters.keep),
)
NEURONS = Technique(
    name="neurons",
    needs="A BERT-like text encoder as a PyTorch module in 32 bits. The feed-forward neurons with the weakest weights "
    "go, as many in every layer; `heal` after it.",
    parameters=ShareParameters,
    words=lambda parameters: f"with {parameters.keep:.0%} of its neurons",
    takes=(MODULE,),
    builders=("text.encoder",),
    apply=lambda recipe, parameters: with_step(recipe, "neurons", keep=parameters.keep),
)
HEADS = Technique(
    name="heads",
    needs="A BERT-like text encoder as a PyTorch module in 32 bits. The attention heads with the weakest weights go, "
    "as many in every layer; `heal` after it.",
    parameters=ShareParameters,
    words=lambda parameters: f"with {parameters.keep:.0%} of its heads",
    takes=(MODULE,),
    builders=("text.encoder",),
    apply=lambda recipe, parameters: with_step(recipe, "heads", keep=parameters.keep),
)
CHANNELS = Technique(
    name="channels",
    needs="EfficientNet-Lite as a PyTorch module in 32 bits. The weakest of the channels within its blocks go, the "
    "same share of each; `heal` after it. A CNN that is trained here needs no pruning: give it fewer `channels`.",
    parameters=ShareParameters,
    words=lambda parameters: f"with {parameters.keep:.0%} of its channels",
    takes=(MODULE,),
    builders=("vision.efficientnet_lite",),
    apply=lambda recipe, parameters: with_step(recipe, "channels", keep=parameters.keep),
)
SPARSE = Technique(
    name="sparse",
    needs="A text encoder as a PyTorch module in 32 bits. A warning more than a technique: single weights become 0, "
    "and dense arithmetic multiplies by them as before.",
    parameters=SparseParameters,
    words=lambda parameters: f"with {parameters.zero:.0%} of its weights at 0",
    builders=("text.encoder",),
    apply=lambda recipe, parameters: with_step(recipe, "sparse", zero=parameters.zero),
)
