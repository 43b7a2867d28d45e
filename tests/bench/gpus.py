"""A stand-in for NVML, where there is no GPU."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

WHOLE, SLICE = 100, 200
"""Handles: of the first GPU and of the first slice; further ones follow."""
UUIDS = {"GPU-first": WHOLE, "GPU-second": WHOLE + 1, "MIG-slice": SLICE}


class NVMLError(Exception):
    pass


class NVMLLibraryMismatchError(Exception):
    """No NVMLError, in the package neither."""


def _refuse(*given: Any) -> Any:
    raise NVMLError("not supported")


def nvml(
    monkeypatch: pytest.MonkeyPatch,
    *,
    pids: Sequence[int] = (),
    worked: Mapping[int, int] | None = None,
    counters: Sequence[bool] = (True, True),
    cut: bool = False,
    exclusive: bool = False,
    free_bytes: int = 10**10,
    busy: Sequence[int] = (),
) -> SimpleNamespace:
    """Put a stand-in for NVML in place, of two GPUs.

    Args:
        monkeypatch: of the test.
        pids: of the processes that have a context.
        worked: when each of those that worked did, microseconds, by its id; None where no samples are kept.
        counters: whether each GPU counts its energy.
        cut: whether the GPUs are cut into slices.
        exclusive: whether they let one process in at a time.
        free_bytes: memory that is free.
        busy: how busy a GPU is when asked, time after time; 0 from then on.
    """
    left = list(busy)

    def energy(handle: int) -> int:
        if not counters[handle - WHOLE]:
            raise NVMLError("not supported")
        return 5

    def utilisation(handle: int, since_us: int) -> list[SimpleNamespace]:
        assert handle < SLICE
        if worked is None:
            raise NVMLError("not supported")
        return [SimpleNamespace(pid=pid, timeStamp=when_us, smUtil=7) for pid, when_us in worked.items()]

    def by_uuid(uuid: str) -> int:
        if uuid not in UUIDS:
            raise NVMLError("not found")
        return UUIDS[uuid]

    def by_index(index: int) -> int:
        if index >= len(counters):
            raise NVMLError("invalid argument")
        return WHOLE + index

    stand_in = SimpleNamespace(
        NVMLError=NVMLError,
        NVMLLibraryMismatchError=NVMLLibraryMismatchError,
        NVML_ERROR_NOT_FOUND=6,
        NVML_DEVICE_MIG_ENABLE=1,
        NVML_COMPUTEMODE_EXCLUSIVE_PROCESS=3,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: len(counters),
        nvmlDeviceGetHandleByIndex=by_index,
        nvmlDeviceGetHandleByUUID=by_uuid,
        nvmlDeviceGetIndex=lambda handle: handle - WHOLE,
        nvmlDeviceGetName=lambda handle: "Some GPU",
        nvmlDeviceGetUUID=lambda handle: next(uuid for uuid, known in UUIDS.items() if known == handle),
        nvmlDeviceGetMigMode=lambda handle: [int(cut), int(cut)],
        nvmlDeviceGetMigDeviceHandleByIndex=lambda handle, index: SLICE + index,
        nvmlDeviceGetDeviceHandleFromMigDeviceHandle=lambda handle: WHOLE,
        nvmlDeviceGetComputeMode=lambda handle: 3 if exclusive else 0,
        nvmlDeviceGetMemoryInfo=lambda handle: SimpleNamespace(free=free_bytes),
        nvmlDeviceGetUtilizationRates=lambda handle: SimpleNamespace(gpu=left.pop(0) if left else 0),
        nvmlDeviceGetTotalEnergyConsumption=energy,
        nvmlDeviceGetProcessUtilization=utilisation,
        nvmlDeviceGetComputeRunningProcesses=lambda handle: [SimpleNamespace(pid=pid) for pid in pids],
    )
    monkeypatch.setitem(sys.modules, "pynvml", stand_in)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    return stand_in


def without_slices(stand_in: SimpleNamespace) -> None:
    """Make it one of the kinds that have no slices."""
    stand_in.nvmlDeviceGetMigMode = _refuse


def of_an_old_driver(stand_in: SimpleNamespace) -> None:
    """Make its driver older than the list of processes that the package asks for."""

    def refuse(handle: int) -> Any:
        raise NVMLLibraryMismatchError("Unversioned function called")

    stand_in.nvmlDeviceGetComputeRunningProcesses = refuse
