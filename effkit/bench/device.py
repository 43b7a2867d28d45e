"""The device that PyTorch models run on: nothing to wait for on a CPU, and everything on a GPU.

Not proven on a GPU: tests run `CudaDevice` and what NVML tells against stand-ins.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from numpy.typing import NDArray

from effkit.models.base import CPU, Predictor
from effkit.spec import SpecError

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class DevicePeak:
    """Highest memory of the device so far; None where there is none but the CPU's."""

    device_allocated_bytes: int | None = None
    device_reserved_bytes: int | None = None


@dataclass
class Section:
    """What a stretch of work took on the device, known once it is left; None on the CPU."""

    device_s: float | None = None


class Device(Protocol):
    """What a model runs on, as far as measuring must know it."""

    def synchronise(self) -> None:
        """Wait until all work that was given to the device is done."""
        ...

    def section(self) -> AbstractContextManager[Section]:
        """Time the body by the device's own events."""
        ...

    def peak(self) -> DevicePeak:
        """Return the highest memory of this process since it began, or since `reset_peak`."""
        ...

    def reset_peak(self) -> None:
        """Count the highest memory anew from here."""
        ...

    def foreign(self, ours: Iterable[int]) -> tuple[int, ...] | None:
        """Return the other processes that compute on the device, or None where that cannot be told.

        Args:
            ours: process ids of the kit's own process tree.
        """
        ...

    def awaited(self, predictor: Predictor) -> Predictor:
        """Return the predictor, made to answer only when the device is done."""
        ...


class NullDevice:
    """The CPU: work is done when a call returns, and memory is the process's own."""

    def synchronise(self) -> None:
        """Nothing to wait for."""

    @contextmanager
    def section(self) -> Iterator[Section]:
        """Give no device time: there are no events."""
        yield Section()

    def peak(self) -> DevicePeak:
        """No figures."""
        return DevicePeak()

    def reset_peak(self) -> None:
        """Nothing to reset."""

    def foreign(self, ours: Iterable[int]) -> tuple[int, ...] | None:
        """None here: others on the CPU are counted by their CPU time."""
        return ()

    def awaited(self, predictor: Predictor) -> Predictor:
        """Return the predictor itself, so that a timed call costs nothing more."""
        return predictor


class CudaDevice:
    """The first GPU that PyTorch sees."""

    def synchronise(self) -> None:
        """Wait for every stream."""
        _cuda().synchronize()

    @contextmanager
    def section(self) -> Iterator[Section]:
        """Time the body between two events of the current stream."""
        cuda, found = _cuda(), Section()
        start, end = (cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        yield found
        end.record()
        end.synchronize()
        found.device_s = start.elapsed_time(end) / 1000

    def peak(self) -> DevicePeak:
        """Read PyTorch's allocator: what tensors took, and what it held for them."""
        cuda = _cuda()
        return DevicePeak(int(cuda.max_memory_allocated()), int(cuda.max_memory_reserved()))

    def reset_peak(self) -> None:
        """Reset the allocator's peaks. It counts nothing before CUDA is up, and bringing that up belongs to loading."""
        cuda = _cuda()
        if cuda.is_initialized():
            cuda.reset_peak_memory_stats()

    def foreign(self, ours: Iterable[int]) -> tuple[int, ...] | None:
        """Ask NVML, which opens no context on the GPU. In a container it may count processes in the host's numbers."""
        found = _ask_nvml(_computing)
        mine = set(ours)
        if found is None or (found and not mine & found):  # none of ours among them: these are not our numbers
            return None
        return tuple(sorted(found - mine))

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
    if name != "cuda":
        raise SpecError(f"There is no device `{name}`: `protocol.device` may be `cpu` or `cuda`.")
    if not _cuda().is_available():
        raise SpecError(
            f"`protocol.device` asks for `cuda`, and PyTorch cannot use it here: {_what_there_is()}. "
            "Set `protocol.device: cpu`; where there is a GPU, install PyTorch's build for CUDA."
        )
    return CudaDevice()


def energy_counters() -> tuple[bool, ...] | None:
    """Whether each GPU that NVML sees counts its energy; None where NVML does not answer."""
    return _ask_nvml(
        lambda nvml: tuple(
            _counts_energy(nvml, nvml.nvmlDeviceGetHandleByIndex(index)) for index in range(nvml.nvmlDeviceGetCount())
        )
    )


def _cuda() -> Any:
    import torch

    return torch.cuda


def _what_there_is() -> str:
    import torch

    from effkit.bench.host import gpus

    built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA"
    return f"it is PyTorch {torch.__version__}, built {built}, and the driver lists {'; '.join(gpus()) or 'no GPU'}"


def _ask_nvml(question: Callable[[Any], Answer]) -> Answer | None:
    """Ask NVML; None where its package (CodeCarbon brings it) or a driver is missing, or it cannot say."""
    try:
        import pynvml  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        try:
            return question(pynvml)
        finally:
            pynvml.nvmlShutdown()  # NVML counts: who else has it open keeps it
    except pynvml.NVMLError:
        return None


def _computing(nvml: Any) -> set[int]:
    """Ids of the processes that compute on the GPU which PyTorch calls its first."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
    if visible.startswith(("GPU-", "MIG-")):
        handle = nvml.nvmlDeviceGetHandleByUUID(visible)
    else:  # CUDA and NVML number alike where all GPUs are alike, or with CUDA_DEVICE_ORDER=PCI_BUS_ID
        handle = nvml.nvmlDeviceGetHandleByIndex(int(visible or 0))
    return {int(process.pid) for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle)}


def _counts_energy(nvml: Any, handle: Any) -> bool:
    try:
        nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except nvml.NVMLError:
        return False
    return True
