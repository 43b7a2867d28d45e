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
from effkit.bench import nvml
from effkit.bench.device import DevicePeak, NullDevice, device
from effkit.bench.process import WorkerFailed, WorkerProcess, environment
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
    """Stands in for `torch.cuda`, and counts what it is asked to do."""

    def __init__(self) -> None:
        self.waits = self.resets = self.emptied = 0
        self.up = False

    def init(self) -> None:
        self.up = True

    def get_device_properties(self, index: int) -> SimpleNamespace:
        return SimpleNamespace(name="Some GPU", uuid="1234")

    def empty_cache(self) -> None:
        self.emptied += 1

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
    torch: Any = SimpleNamespace(
        cuda=stand_in,
        backends=SimpleNamespace(cudnn=SimpleNamespace(allow_tf32=True, version=lambda: 91002)),
        version=SimpleNamespace(cuda="12.8"),
        empty=lambda count, device: None,
        set_float32_matmul_precision=lambda precision: setattr(torch, "precision", precision),
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setenv(nvml.ORDER_VARIABLE, "")  # so that what `device` sets is gone after the test
    monkeypatch.delenv(nvml.ORDER_VARIABLE)
    return stand_in


def test_the_cpu_has_nothing_to_wait_for_and_no_figures() -> None:
    found = device("cpu")
    assert isinstance(found, NullDevice)
    for action in (found.bring_up, found.synchronise, found.reset_peak, found.give_back):
        action()
    assert found.peak() == DevicePeak(None, None)
    assert found.in_words() is None
    assert not found.is_up()


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
    cuda.up = True
    predictor = device("cuda").awaited(Adder())
    assert predictor.infer(predictor.prepare([1, 2])).tolist() == [2, 3]
    assert cuda.waits == 1


def test_a_gpu_that_nothing_has_brought_up_is_left_as_it_is(cuda: Cuda) -> None:
    found = device("cuda")
    predictor = found.awaited(Adder())
    assert predictor.infer(predictor.prepare([1, 2])).tolist() == [2, 3]
    assert cuda.waits == 0  # a model of one's own on the CPU does not pay for a context
    assert not found.is_up() and found.peak() == DevicePeak() and found.in_words() is None


def test_a_gpu_has_the_peaks_and_the_name_that_pytorch_gives(cuda: Cuda) -> None:
    cuda.up = True
    assert device("cuda").peak() == DevicePeak(1000, 2000)
    assert device("cuda").in_words() == "Some GPU (1234), CUDA 12.8, cuDNN 91002"


def test_bringing_a_gpu_up_opens_a_context_in_which_32_bits_mean_32(cuda: Cuda) -> None:
    device("cuda").bring_up()
    assert cuda.up and cuda.waits == 1
    assert device("cuda").is_up()
    torch: Any = sys.modules["torch"]
    assert torch.precision == "highest" and torch.backends.cudnn.allow_tf32 is False


@pytest.mark.parametrize("given", [None, "FASTEST_FIRST"])
def test_gpus_are_counted_as_nvml_does_unless_somebody_says_otherwise(
    given: str | None, cuda: Cuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    if given:
        monkeypatch.setenv(nvml.ORDER_VARIABLE, given)
    assert environment(1)[nvml.ORDER_VARIABLE] == (given or "PCI_BUS_ID")
    device("cuda")
    assert os.environ[nvml.ORDER_VARIABLE] == (given or "PCI_BUS_ID")


@pytest.mark.parametrize("given", [None, "1"])
def test_a_study_on_the_cpu_hides_gpus_from_its_workers_alone(
    given: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if given:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert environment(1)["CUDA_VISIBLE_DEVICES"] == environment(1, "cpu")["CUDA_VISIBLE_DEVICES"] == ""
    assert environment(1, "cuda").get("CUDA_VISIBLE_DEVICES") == given
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == given, "the coordinator asks NVML by it"


def test_peaks_are_not_reset_before_there_are_any(cuda: Cuda) -> None:
    device("cuda").reset_peak()
    assert cuda.resets == 0  # or the reset would bring CUDA up, outside the time of loading
    cuda.up = True
    device("cuda").reset_peak()
    assert cuda.resets == cuda.emptied == 1  # what earlier work left behind is no peak of the model's


def test_a_real_gpu_counts_and_answers_as_the_cpu_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("PyTorch sees no GPU here: memory peaks and models on a GPU stay unproven")
    task = load("breast-cancer", seed=1)
    recipe = Recipe("mlp", "tabular.mlp", task.kind, 100, 1, {"hidden": [16], "epochs": 2})
    folder = mlp.make(recipe, task, Products(tmp_path, unmetered))
    test = task.splits["test"]
    expected = mlp.predict(recipe, folder, task, test, Products(tmp_path, unmetered))
    monkeypatch.setattr(networks, "DEVICE", "cuda")
    found = device("cuda")
    found.bring_up()
    answered = mlp.predict(recipe, folder, task, test, Products(tmp_path, unmetered))
    assert np.allclose(answered, expected, atol=1e-4)
    assert nvml.used() is not None
    peak = found.peak()
    assert peak.device_allocated_bytes and peak.device_reserved_bytes
    assert peak.device_allocated_bytes <= peak.device_reserved_bytes
