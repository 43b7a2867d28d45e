"""What NVML tells of the one GPU that PyTorch would use. Asking opens no context there.

Not proven on a GPU: tests run it against a stand-in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeVar

Answer = TypeVar("Answer")

ORDER_VARIABLE, BY_BUS = "CUDA_DEVICE_ORDER", "PCI_BUS_ID"
"""CUDA calls the fastest GPU its first and NVML the first on the bus, unless CUDA is told to count as NVML does."""


@dataclass(frozen=True)
class Card:
    """The GPU that PyTorch calls its first.

    Attributes:
        index: its number in NVML; of a slice that of the whole GPU.
        name: its kind.
        uuid: which one of its kind, or which slice, it is.
        sliced: whether PyTorch has no more than a slice of it (MIG), whose energy nobody counts apart.
    """

    index: int
    name: str
    uuid: str
    sliced: bool


def used() -> Card | None:
    """Return the GPU that PyTorch calls its first; None where NVML does not answer or does not know it."""
    return _ask(_card)


def energy_counters() -> tuple[bool, ...] | None:
    """Whether each GPU that NVML sees counts its energy; None where NVML does not answer."""
    return _ask(
        lambda nvml: tuple(
            _counts_energy(nvml, nvml.nvmlDeviceGetHandleByIndex(index)) for index in range(nvml.nvmlDeviceGetCount())
        )
    )


def is_exclusive() -> bool:
    """Whether the GPU lets one process in at a time, as `nvidia-smi -c EXCLUSIVE_PROCESS` sets it."""
    return bool(
        _ask(lambda nvml: nvml.nvmlDeviceGetComputeMode(_first(nvml)[1]) == nvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS)
    )


def free_bytes() -> int | None:
    """Return the memory that is free on the GPU, or in its slice; None where NVML does not tell."""
    return _ask(lambda nvml: int(nvml.nvmlDeviceGetMemoryInfo(_first(nvml)[0]).free))


def is_busy() -> bool:
    """Whether the GPU worked in the last moment (NVML looks back 1/6 to 1 s); False where NVML does not tell."""
    return bool(_ask(lambda nvml: nvml.nvmlDeviceGetUtilizationRates(_first(nvml)[1]).gpu > 0))


def strangers(ours: Collection[int], since_us: int, *, used: bool = True) -> int | None:
    """Count the processes not ours that worked on the GPU; where NVML does not tell that, those that are there.

    Args:
        ours: process ids of the kit's own.
        since_us: from when on, microseconds since 1970.
        used: whether one of ours worked there. Else only those count that NVML saw working.

    Returns:
        None where it cannot be told: a container may be shown no processes, or them by the host's numbers.
    """
    return _ask(lambda nvml: _strangers(nvml, frozenset(ours), since_us, used))


def _ask(question: Callable[[Any], Answer]) -> Answer | None:
    """Ask NVML; None where its package (CodeCarbon brings it) or a driver is missing or too old, or it cannot say."""
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
    except (pynvml.NVMLError, pynvml.NVMLLibraryMismatchError):  # the second is no kind of the first
        return None


def _first(nvml: Any) -> tuple[Any, Any]:
    """What PyTorch calls its first GPU, which may be a slice of one, and the whole GPU."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    if visible.startswith("MIG-"):
        part = nvml.nvmlDeviceGetHandleByUUID(visible)
        return part, nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(part)
    whole = _by_number(nvml, int(visible)) if visible.isdigit() else nvml.nvmlDeviceGetHandleByUUID(visible)
    return (nvml.nvmlDeviceGetMigDeviceHandleByIndex(whole, 0) if _is_cut(nvml, whole) else whole), whole


def _by_number(nvml: Any, number: int) -> Any:
    """The GPU that has this number in CUDA; refused where CUDA is told to count otherwise than NVML does."""
    counts_alike = os.environ.get(ORDER_VARIABLE, BY_BUS) == BY_BUS  # as workers are told where nobody has said
    if not counts_alike and nvml.nvmlDeviceGetCount() > 1:
        raise nvml.NVMLError(nvml.NVML_ERROR_NOT_FOUND)
    return nvml.nvmlDeviceGetHandleByIndex(number)


def _is_cut(nvml: Any, whole: Any) -> bool:
    """Whether a GPU is cut into slices, of which CUDA then takes the first."""
    try:
        now, _ = nvml.nvmlDeviceGetMigMode(whole)
    except nvml.NVMLError:  # a kind that has no slices
        return False
    return bool(now == nvml.NVML_DEVICE_MIG_ENABLE)


def _card(nvml: Any) -> Card:
    part, whole = _first(nvml)
    return Card(
        index=int(nvml.nvmlDeviceGetIndex(whole)),
        name=str(nvml.nvmlDeviceGetName(whole)),
        uuid=str(nvml.nvmlDeviceGetUUID(part)),
        sliced=part is not whole,
    )


def _strangers(nvml: Any, ours: frozenset[int], since_us: int, used: bool) -> int | None:
    part, whole = _first(nvml)
    if not used:
        worked = _worked(nvml, whole, since_us)
        return None if worked is None else len(worked - ours)
    there = {int(process.pid) for process in nvml.nvmlDeviceGetComputeRunningProcesses(part)}
    if not there & ours:  # though one of ours has a context: these are not our numbers
        return None
    worked = _worked(nvml, whole, since_us) or set()
    return len((worked if worked & ours else there) - ours)


def _worked(nvml: Any, whole: Any, since_us: int) -> set[int] | None:
    """Ids of the processes that NVML saw working; None where it keeps no such samples, as of slices."""
    try:
        seen = nvml.nvmlDeviceGetProcessUtilization(whole, since_us)
    except nvml.NVMLError as error:
        return set() if error.args[:1] == (nvml.NVML_ERROR_NOT_FOUND,) else None  # no sample: nobody worked
    return {int(each.pid) for each in seen if each.timeStamp > since_us and each.smUtil > 0}


def _counts_energy(nvml: Any, handle: Any) -> bool:
    try:
        nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except nvml.NVMLError:
        return False
    return True
