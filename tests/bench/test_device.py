"""What measuring knows of a device. Stand-ins take the place of a GPU only where there is none."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from effkit import catalogue
from effkit.bench.device import CudaDevice, DevicePeak, NullDevice, device, energy_counters
from effkit.bench.process import WorkerFailed, WorkerProcess
from effkit.models import Recipe, mlp, networks
from effkit.models.products import Products, unmetered
from effkit.spec import SpecError
from effkit.tasks import load


class Adder:
    """A predictor that is done at once."""

    def prepare(self, items: list[Any]) -> list[Any]:
        return items

    def infer(self, prepared: list[Any]) -> NDArray[Any]:
        return np.array(prepared) + 1


class Cuda:
    """Stands in for `torch.cuda`: two events one millisecond apart, and a count of waits."""

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            self.recorded = self.done = False

        def record(self) -> None:
            self.recorded = True

        def synchronize(self) -> None:
            self.done = True

        def elapsed_time(self, end: Cuda.Event) -> float:
            assert self.recorded and end.recorded and end.done
            return 1.0

    def __init__(self) -> None:
        self.waits = self.resets = 0
        self.up = False

    def is_available(self) -> bool:
        return True

    def is_initialized(self) -> bool:
        return self.up

    def synchronize(self) -> None:
        self.waits += 1

    def max_memory_allocated(self) -> int:
        return 1000

    def max_memory_reserved(self) -> int:
        return 2000

    def reset_peak_memory_stats(self) -> None:
        self.resets += 1


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Cuda:
    stand_in = Cuda()
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=stand_in))
    return stand_in


class NVMLError(Exception):
    pass


def nvml(monkeypatch: pytest.MonkeyPatch, pids: list[int], counters: list[bool]) -> None:
    """Put a stand-in for NVML in place."""

    def energy(handle: int) -> int:
        if not counters[handle]:
            raise NVMLError("not supported")
        return 5

    stand_in = SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: len(counters),
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetTotalEnergyConsumption=energy,
        nvmlDeviceGetComputeRunningProcesses=lambda handle: [SimpleNamespace(pid=pid) for pid in pids],
    )
    monkeypatch.setitem(sys.modules, "pynvml", stand_in)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_the_cpu_has_nothing_to_wait_for_and_no_figures() -> None:
    found = device("cpu")
    assert isinstance(found, NullDevice)
    found.synchronise()
    found.reset_peak()
    with found.section() as section:
        pass
    assert section.device_s is None
    assert found.peak() == DevicePeak(None, None)
    assert found.foreign([os.getpid()]) == ()


def test_on_the_cpu_a_predictor_stays_as_it_is() -> None:
    predictor = Adder()
    assert device("cpu").awaited(predictor) is predictor


def test_asking_for_a_gpu_where_there_is_none_says_what_there_is_and_the_fix() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("PyTorch sees a GPU here")
    with pytest.raises(SpecError) as caught:
        device("cuda")
    for word in ("`cuda`", f"PyTorch {torch.__version__}", "the driver lists", "`protocol.device: cpu`"):
        assert word in str(caught.value)


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(SpecError, match="`cpu` or `cuda`"):
        device("tpu")


def test_a_worker_without_a_gpu_refuses_before_it_makes_anything(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("PyTorch sees a GPU here")
    with WorkerProcess(threads=1, device="cuda") as worker, pytest.raises(WorkerFailed, match="protocol.device: cpu"):
        _open(worker, "mlp", tmp_path)


def test_a_model_without_pytorch_stays_on_the_cpu_whatever_is_asked(tmp_path: Path) -> None:
    with WorkerProcess(threads=1, device="cuda") as worker:
        _open(worker, "logreg", tmp_path)
        worker.ask("load", folder=worker.ask("make", seed=1)["folder"])
        memory = worker.ask("memory")
    assert memory["peak_bytes"] > 0
    assert memory["device_allocated_bytes"] is memory["device_reserved_bytes"] is None


def _open(worker: WorkerProcess, model: str, folder: Path) -> None:
    task = load("breast-cancer", seed=1)
    entry = catalogue.models()[model]
    recipe = Recipe(model, entry.builder, task.kind, 100, 1, dict(entry.settings))
    worker.ask("open", recipe=recipe.to_json(), task=str(task.saved_below(folder)), products=str(folder / "products"))


def test_a_gpu_is_waited_for_after_every_call(cuda: Cuda) -> None:
    predictor = device("cuda").awaited(Adder())
    assert predictor.infer(predictor.prepare([1, 2])).tolist() == [2, 3]
    assert cuda.waits == 1


def test_a_gpu_has_the_times_and_peaks_that_pytorch_gives(cuda: Cuda) -> None:
    found = device("cuda")
    with found.section() as section:
        pass
    assert section.device_s == 0.001
    assert found.peak() == DevicePeak(1000, 2000)


def test_peaks_are_not_reset_before_there_are_any(cuda: Cuda) -> None:
    device("cuda").reset_peak()
    assert cuda.resets == 0  # or the reset would bring CUDA up, outside the time of loading
    cuda.up = True
    device("cuda").reset_peak()
    assert cuda.resets == 1


def test_processes_that_are_not_ours_are_foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml(monkeypatch, pids=[7, 5, 9], counters=[True])
    assert CudaDevice().foreign([5, 6]) == (7, 9)


def test_numbers_of_another_namespace_tell_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml(monkeypatch, pids=[70_001], counters=[True])
    assert CudaDevice().foreign([5, 6]) is None


def test_an_idle_gpu_has_no_foreign_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml(monkeypatch, pids=[], counters=[True])
    assert CudaDevice().foreign([5]) == ()


def test_each_gpu_tells_whether_it_counts_energy(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml(monkeypatch, pids=[], counters=[True, False])
    assert energy_counters() == (True, False)


def test_without_nvml_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert energy_counters() is None
    assert CudaDevice().foreign([1]) is None


def test_a_real_gpu_times_counts_and_answers_as_the_cpu_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("PyTorch sees no GPU here: CUDA events, memory peaks and models on a GPU stay unproven")
    task = load("breast-cancer", seed=1)
    recipe = Recipe("mlp", "tabular.mlp", task.kind, 100, 1, {"hidden": [16], "epochs": 2})
    folder = mlp.make(recipe, task, Products(tmp_path, unmetered))
    test = task.splits["test"]
    expected = mlp.predict(recipe, folder, task, test, Products(tmp_path, unmetered))
    monkeypatch.setattr(networks, "DEVICE", "cuda")
    found = device("cuda")
    with found.section() as section:
        answered = mlp.predict(recipe, folder, task, test, Products(tmp_path, unmetered))
    assert np.allclose(answered, expected, atol=1e-4)
    assert section.device_s is not None and section.device_s > 0
    peak = found.peak()
    assert peak.device_allocated_bytes and peak.device_reserved_bytes
    assert peak.device_allocated_bytes <= peak.device_reserved_bytes
