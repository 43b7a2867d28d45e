"""Surgery: what is cut out of a network, and how a network of the new shape is read again.

What is weak is judged by the weights alone (Li et al., 2017, Pruning filters for efficient ConvNets): no item is
looked at, and every layer loses as much as every other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from effkit.models.channels import keep_channels
from effkit.spec import SpecError

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

HEADS = "heads.json"
"""Written where attention is narrower than a published configuration can say: heads that are left in a layer."""
STATE = "model.safetensors"


def layers_of(network: Any) -> Any:
    """Return the layers of a text encoder.

    Args:
        network: a Sentence Transformers module.

    Raises:
        SpecError: when it does not keep them where BERT does.
    """
    layers = _layers_as_in_bert(network)
    if layers is None:
        kind = type(network[0].auto_model).__name__
        raise SpecError(
            f"{kind} does not keep its layers where BERT does, so that they can neither be cut "
            "nor be looked at one by one: leave `layers`, `neurons`, `heads`, `sparse`, `mixed` and `exits` out."
        )
    return layers


def _layers_as_in_bert(network: Any) -> Any:
    return getattr(getattr(network[0].auto_model, "encoder", None), "layer", None)


def keep_layers(network: Any, step: Mapping[str, Any]) -> None:
    """Keep some layers of a text encoder, evenly spaced from the first to the last, in place.

    Args:
        network: a Sentence Transformers module.
        step: `keep`, a number of layers.

    Raises:
        SpecError: when it has no more layers than that.
    """
    from torch import nn

    transformer, layers, keep = network[0].auto_model, layers_of(network), int(step["keep"])
    if keep >= len(layers):
        raise SpecError(f"`layers` is to keep {keep}, and this encoder has {len(layers)} layers: keep fewer.")
    kept = np.linspace(0, len(layers) - 1, keep).round().astype(int)
    transformer.encoder.layer = nn.ModuleList(layers[index] for index in kept)
    transformer.config.num_hidden_layers = keep


def keep_neurons(network: Any, step: Mapping[str, Any]) -> None:
    """Keep the feed-forward neurons with the strongest weights, as many in every layer, in place.

    Args:
        network: a Sentence Transformers module.
        step: `keep`, a share.
    """
    for layer in layers_of(network):
        into, out = layer.intermediate.dense, layer.output.dense
        kept = _strongest(into.weight.norm(dim=1) * out.weight.norm(dim=0), step["keep"])
        _narrow(into, rows=kept)
        _narrow(out, columns=kept)
    network[0].auto_model.config.intermediate_size = len(kept)


def keep_heads(network: Any, step: Mapping[str, Any]) -> None:
    """Keep the attention heads with the strongest weights, as many in every layer, in place.

    Args:
        network: a Sentence Transformers module of BERT's kind.
        step: `keep`, a share.

    Raises:
        SpecError: when its attention is not BERT's.
    """
    for layer in layers_of(network):
        inner = _attention(layer)
        out, size = layer.attention.output.dense, inner.attention_head_size
        norms = inner.value.weight.norm(dim=1) * out.weight.norm(dim=0)
        heads = _strongest(norms.reshape(-1, size).norm(dim=1), step["keep"])
        kept = (heads[:, None] * size + _up_to(size, heads.device)).reshape(-1)
        for projection in (inner.query, inner.key, inner.value):
            _narrow(projection, rows=kept)
        _narrow(out, columns=kept)
        inner.num_attention_heads, inner.all_head_size = len(heads), len(kept)


def set_to_zero(network: Any, step: Mapping[str, Any]) -> None:
    """Set the smallest weights of every linear layer of a text encoder to 0, in place.

    Args:
        network: a Sentence Transformers module.
        step: `zero`, a share of a layer's weights.
    """
    from torch import nn
    from torch.nn.utils import prune

    for module in layers_of(network).modules():
        if isinstance(module, nn.Linear):
            prune.l1_unstructured(module, "weight", amount=float(step["zero"]))
            prune.remove(module, "weight")


CUTS: Mapping[str, Callable[[Any, Mapping[str, Any]], None]] = {
    "layers": keep_layers,
    "neurons": keep_neurons,
    "heads": keep_heads,
    "sparse": set_to_zero,
    "channels": keep_channels,
}
"""Steps that change a loaded network without looking at an item."""


def save_sentences(network: SentenceTransformer, folder: Path) -> None:
    """Write a Sentence Transformers module of any shape that the cuts leave."""
    network.save(str(folder), create_model_card=False)
    transformer: Any = network[0].auto_model
    usual = transformer.config.num_attention_heads
    layers = _layers_as_in_bert(network) or ()  # elsewhere nothing can have narrowed them
    inner = [getattr(getattr(layer, "attention", None), "self", None) for layer in layers]
    left = [usual if each is None else int(each.num_attention_heads) for each in inner]
    if any(heads != usual for heads in left):
        (folder / HEADS).write_text(json.dumps(left), encoding="utf-8")


def open_sentences(folder: Path) -> SentenceTransformer:
    """Open a Sentence Transformers folder, published or written by `save_sentences`.

    Nothing is asked of a hub, and weights are read from safetensors alone.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    from sentence_transformers import SentenceTransformer

    narrow = (folder / HEADS).exists()
    before = logging.get_verbosity()
    if narrow:  # its table of weights that do not fit says nothing that is not known
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    # What is said here goes before what the folder's configuration says, which could ask for a pickle.
    options = {"use_safetensors": True, "weights_only": True} | ({"ignore_mismatched_sizes": True} if narrow else {})
    network = SentenceTransformer(str(folder), device="cpu", local_files_only=True, model_kwargs=options).eval()
    logging.set_verbosity(before)
    if narrow:
        _read_narrow(network, folder)
    return network


def _read_narrow(network: SentenceTransformer, folder: Path) -> None:
    """Give the attention its true width, and read the weights into it."""
    from safetensors.torch import load_file

    transformer: Any = network[0].auto_model
    left = json.loads((folder / HEADS).read_text(encoding="utf-8"))
    for layer, heads in zip(transformer.encoder.layer, left, strict=True):
        inner = _attention(layer)
        width = heads * inner.attention_head_size
        for projection in (inner.query, inner.key, inner.value):
            _narrow(projection, rows=_up_to(width))
        _narrow(layer.attention.output.dense, columns=_up_to(width))
        inner.num_attention_heads, inner.all_head_size = heads, width
    transformer.load_state_dict(load_file(folder / STATE))


def _attention(layer: Any) -> Any:
    inner = getattr(layer.attention, "self", None)
    if inner is None or not hasattr(inner, "attention_head_size"):
        raise SpecError("`heads` knows the attention of BERT's kind, and this encoder has another; leave it out.")
    return inner


def _strongest(strength: Tensor, share: float) -> Tensor:
    count = max(1, round(float(share) * len(strength)))
    return strength.topk(count).indices.sort().values


def _narrow(linear: Any, *, rows: Tensor | None = None, columns: Tensor | None = None) -> None:
    """Keep some rows (outputs) or columns (inputs) of a linear layer, in place."""
    from torch import nn

    weight, bias = linear.weight.detach(), linear.bias.detach()
    if rows is not None:
        weight, bias = weight[rows], bias[rows]
    if columns is not None:
        weight = weight[:, columns]
    linear.weight, linear.bias = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())
    linear.out_features, linear.in_features = weight.shape


def _up_to(count: int, device: torch.device | None = None) -> Tensor:
    import torch

    return torch.arange(count, device=device)
