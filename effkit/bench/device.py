"""The device that PyTorch models run on: nothing to wait for on a CPU, and everything on a GPU.

Not proven on a GPU: tests run `CudaDevice` against a stand-in.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from effkit.bench import nvml
from effkit.models.base import CPU, Predictor
from effkit.spec import SpecError

CUDA = "cuda"


@dataclass(frozen=True)
class DevicePeak:
    """Highest memory of the device so far; None where there is none but the CPU's."""

    device_allocated_bytes: int | None = None
    device_reserved_bytes: int | None = None


class Device(Protocol):
    """What a model runs on, as far as measuring must know it."""

    @property
    def name(self) -> str:
        """`cpu` or `cuda`."""
        ...

    def in_words(self) -> str | None:
        """Return which one it is and what drives it, as a record has it; None of the CPU, and of one that is not up."""
        ...

    def is_up(self) -> bool:
        """Whether this process has brought it up: by `bring_up`, or by a model of one's own; never of the CPU."""
        ...

    def bring_up(self) -> None:
        """Pay for what the first model would pay for: libraries, a context, and settings that all models share."""
        ...

    def synchronise(self) -> None:
        """Wait until all work that was given to the device is done."""
        ...

    def peak(self) -> DevicePeak:
        """Return the highest memory of this process since it began, or since `reset_peak`; none where it is not up."""
        ...

    def reset_peak(self) -> None:
        """Count the highest memory anew from here."""
        ...

    def give_back(self) -> None:
        """Give back memory that is held for tensors to come."""
        ...

    def awaited(self, predictor: Predictor) -> Predictor:
        """Return the predictor, made to answer only when the device is done."""
        ...


class NullDevice:
    """The CPU: work is done when a call returns, and memory is the process's own."""

    name = CPU

    def in_words(self) -> str | None:
        """Nothing: a record names the processor anyway."""
        return None

    def is_up(self) -> bool:
        """Not that one would wait for it."""
        return False

    def bring_up(self) -> None:
        """Nothing to bring up."""

    def synchronise(self) -> None:
        """Nothing to wait for."""

    def peak(self) -> DevicePeak:
        """No figures."""
        return DevicePeak()

    def reset_peak(self) -> None:
        """Nothing to reset."""

    def give_back(self) -> None:
        """Nothing is held."""

    def awaited(self, predictor: Predictor) -> Predictor:
        """Return the predictor itself, so that a timed call costs nothing more."""
        return predictor


class CudaDevice:
    """The first GPU that PyTorch sees.

    Where nothing has brought it up there is nothing to wait for and nothing in its memory. To ask would bring it up: a
    second and hundreds of megabytes, at the cost of a model that runs on the CPU.
    """

    name = CUDA

    def in_words(self) -> str | None:
        """Name the card that PyTorch has, and the versions of CUDA and cuDNN."""
        if not self.is_up():
            return None
        torch = _torch()
        card = torch.cuda.get_device_properties(0)
        return f"{card.name} ({card.uuid}), CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"

    def is_up(self) -> bool:
        """Ask PyTorch."""
        return bool(_cuda().is_initialized())

    def bring_up(self) -> None:
        """Open a context with one tensor in it, and have 32 bits mean 32 bits in every product.

        PyTorch rounds the inputs of cuDNN's convolutions to TF32 where nobody says otherwise, and those of matrix
        products not.
        """
        torch = _torch()
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
        torch.cuda.init()
        torch.empty(1, device=CUDA)
        torch.cuda.synchronize()

    def synchronise(self) -> None:
        """Wait for every stream."""
        if self.is_up():
            _cuda().synchronize()

    def peak(self) -> DevicePeak:
        """Read PyTorch's allocator: what tensors took, and what it held for them."""
        if not self.is_up():
            return DevicePeak()
        cuda = _cuda()
        return DevicePeak(int(cuda.max_memory_allocated()), int(cuda.max_memory_reserved()))

    def reset_peak(self) -> None:
        """Reset the allocator's peaks, once what earlier work left in it is given back.

        It counts nothing before CUDA is up, and where a model of one's own brings that up it belongs to loading.
        """
        if self.is_up():
            self.give_back()
            _cuda().reset_peak_memory_stats()

    def give_back(self) -> None:
        """Empty the allocator's cache, which other processes cannot use."""
        _cuda().empty_cache()

    def awaited(self, predictor: Predictor) -> Predictor:
        """Wait after each `infer`: a launch returns before its work is done."""
        return _Awaited(predictor, self)


@dataclass(frozen=True)
class _Awaited:
    predictor: Predictor
    device: Device

    def prepare(self, items: list[Any]) -> Any:
        return self.predictor.prepare(items)

    def infer(self, prepared: Any) -> NDArray[Any]:
        answer = self.predictor.infer(prepared)
        self.device.synchronise()
        return answer


def device(name: str) -> Device:
    """Return the device of that name.

    Args:
        name: "cpu" or "cuda", as `protocol.device` has it.

    Raises:
        SpecError: when there is no such device here, saying what there is.
    """
    if name == CPU:
        return NullDevice()
    if name != CUDA:
        raise SpecError(f"There is no device `{name}`: `protocol.device` may be `cpu` or `cuda`.")
    os.environ.setdefault(nvml.ORDER_VARIABLE, nvml.BY_BUS)  # read when CUDA starts, which the next line may do
    if not _cuda().is_available():
        raise SpecError(
            f"`protocol.device` asks for `cuda`, and PyTorch cannot use it here: {_what_there_is()}. "
            "Set `protocol.device: cpu`; where there is a GPU, install PyTorch's build for CUDA."
        )
    return CudaDevice()


def _torch() -> Any:  # much of it has no types
    import torch

    return torch


def _cuda() -> Any:
    return _torch().cuda


def _what_there_is() -> str:
    import torch

    from effkit.bench.host import gpus

    built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA"
    return f"it is PyTorch {torch.__version__}, built {built}, and the driver lists {'; '.join(gpus()) or 'no GPU'}"
