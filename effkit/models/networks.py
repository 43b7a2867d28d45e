"""What every PyTorch model here shares: its threads, its device, and what can be counted on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from effkit.models.base import CPU, DEVICE, threads
from effkit.spec import SpecError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

MULTIPLES = {"fp8": 16, "int4": 64}
"""What the width of a layer must be a multiple of for torchao to change it."""


def use_threads() -> None:
    """Set PyTorch's threads from EFFKIT_THREADS; without it, leave them as they are."""
    import torch

    if threads():
        torch.set_num_threads(threads())


def precision(settings: Mapping[str, Any]) -> torch.dtype:
    """Return the type of a network's weights, by the setting `precision`."""
    import torch

    chosen: torch.dtype = getattr(torch, settings.get("precision", "float32"))
    return chosen


@dataclass(frozen=True)
class Traceable:
    """A network as it can be traced.

    Attributes:
        module: takes the inputs in their order.
        inputs: examples by name, two items each.
        axes: further axes of each input whose length varies, by position; the first is always the items'.
    """

    module: nn.Module
    inputs: Mapping[str, Tensor]
    axes: Mapping[str, Mapping[int, str]]


def made_ready(network: Any, settings: Mapping[str, Any]) -> Any:
    """Change a loaded network by what the settings ask of it, in order, and move it to the device.

    Args:
        network: a PyTorch module with its weights.
        settings: `transforms`, functions of one's own by their address; `precision`; `integers`; `on_gpu`.
    """
    for each in settings.get("transforms", ()):
        function = attrgetter(each["name"])(import_module(each["module"]))
        network = function(network, SimpleNamespace(**each["parameters"]))
    network = network.to(precision(settings)).eval()
    if settings.get("integers") == "torchao":
        from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

        quantize_(network, Int8DynamicActivationInt8WeightConfig())
    network = on_device(network)  # here alone: weights of which half are left out cannot be moved any more
    return changed_on_gpu(network, settings["on_gpu"]) if "on_gpu" in settings else network


def changed_on_gpu(network: Any, kind: str) -> Any:
    """Change a network in bf16 that lies on the GPU. Unproven: there was none to try it on."""
    if kind == "two-of-four":
        from torch import nn

        for module in (each for each in network.modules() if isinstance(each, nn.Linear)):
            module.weight = _two_of_four(module.weight)
        return network
    from torchao.quantization import Float8DynamicActivationFloat8WeightConfig, Int4WeightOnlyConfig, PerRow, quantize_

    configurations: dict[str, Any] = {
        # A scale for each row: with one for all, an item would be answered by what else is in its batch.
        "fp8": lambda: Float8DynamicActivationFloat8WeightConfig(granularity=PerRow()),
        "int4": lambda: Int4WeightOnlyConfig(group_size=MULTIPLES["int4"], int4_packing_format="tile_packed_to_4d"),
    }
    quantize_(network, configurations[kind]())
    if not any(hasattr(each, "__tensor_flatten__") for each in network.parameters()):  # torchao passes over in silence
        raise SpecError(
            f"`{kind}` takes layers whose widths are multiples of {MULTIPLES[kind]}, and this encoder has none: "
            "nothing in it would be changed. Leave it out."
        )
    return network


def _two_of_four(weight: Any) -> Any:
    """Set the two smallest of every four weights in a row to 0, and store the others alone."""
    from torch import nn
    from torch.sparse import to_sparse_semi_structured

    return nn.Parameter(to_sparse_semi_structured(two_largest_of_four(weight.detach())), requires_grad=False)


def two_largest_of_four(weight: Tensor) -> Tensor:
    """Set the two smallest of every four (out, in) weights in a row to 0.

    Args:
        weight: whose rows are multiples of four.
    """
    import torch

    fours = weight.reshape(-1, 4)
    kept = fours.abs().topk(2, dim=1).indices
    return torch.zeros_like(fours).scatter(1, kept, fours.gather(1, kept)).reshape(weight.shape)


def rising_then_falling(
    optimiser: torch.optim.Optimizer, highest: float | list[float], steps: int, warm_up: float
) -> torch.optim.lr_scheduler.LRScheduler:
    """Return a rate that rises, then falls as a cosine.

    Args:
        optimiser: whose rates they are.
        highest: of all its groups, or of each.
        steps: in all.
        warm_up: share of them over which it rises.
    """
    import torch

    share = warm_up if warm_up * steps != 1 else 1.01 * warm_up  # PyTorch divides by their product less one
    return torch.optim.lr_scheduler.OneCycleLR(optimiser, highest, total_steps=steps, pct_start=share)


def on_device(thing: Any) -> Any:
    """Move a network, a tensor or a mapping of tensors to the device; on the CPU they are there already."""
    if DEVICE == CPU:
        return thing
    if isinstance(thing, Mapping):
        return {key: on_device(value) for key, value in thing.items()}
    return thing.to(DEVICE) if hasattr(thing, "to") else thing


def to_array(tensor: Tensor) -> NDArray[Any]:
    """Bring a tensor back as an array; of 16 bits it becomes one of 32, for NumPy has no bf16."""
    tensor = tensor.float() if tensor.is_floating_point() and tensor.element_size() == 2 else tensor
    return (tensor if DEVICE == CPU else tensor.cpu()).numpy()


def device_key() -> tuple[str, ...]:
    """What a product's key says of the device: nothing on the CPU.

    Training and embedding on a GPU are not bit-identical to the CPU's, whatever the seed: a product of its own.
    """
    return () if DEVICE == CPU else (DEVICE,)


def parameters(network: nn.Module) -> int:
    """Count the parameters of a network, each shared one once."""
    return sum(each.numel() for each in network.parameters())


def tensor_bytes(network: nn.Module) -> int:
    """Count the bytes of a network's parameters and buffers."""
    return sum(_stored_bytes(each) for each in (*network.parameters(), *network.buffers()))


def _stored_bytes(tensor: Any) -> int:
    """Bytes of a tensor, or of the tensors that a quantised one is made of."""
    if not hasattr(tensor, "__tensor_flatten__"):
        return int(tensor.numel() * tensor.element_size())
    names, _ = tensor.__tensor_flatten__()
    return sum(_stored_bytes(getattr(tensor, name)) for name in names)


def flops(call: Callable[[], Any]) -> float:
    """Count the operations of a call: two for each multiply-accumulate of a matrix product or convolution."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        call()
    return float(counter.get_total_flops())
