"""CodeCarbon behind its adapter. The private fields that tell a rank are held to the 3.3 series here."""

import time
from importlib.metadata import version
from types import SimpleNamespace

import pytest

from effkit.bench.energy import EnergyMeter, _method
from effkit.record import RANKS, weakest_rank


@pytest.fixture(scope="module")
def meter() -> EnergyMeter:
    return EnergyMeter()


def test_the_series_whose_private_fields_are_read() -> None:
    assert version("codecarbon").startswith("3.3.")


def test_a_window_has_energy_in_proportion_to_its_length(meter: EnergyMeter) -> None:
    if meter.unavailable:
        pytest.skip(meter.unavailable)
    with meter.window() as window:
        time.sleep(1.0)
    (read,) = window
    assert read.duration_s == pytest.approx(1.0, abs=0.3)
    assert 0.5 < (read.cpu_j + read.memory_j) / read.duration_s < 5000


def test_every_component_has_a_rank_and_says_how_it_came_to_be(meter: EnergyMeter) -> None:
    if meter.unavailable:
        pytest.skip(meter.unavailable)
    assert {method.component for method in meter.methods} >= {"cpu", "memory"}
    assert all(method.rank in RANKS and method.words for method in meter.methods)


class CPU:
    def __init__(self, mode: str, tdp: float, generic: bool = False) -> None:
        self._mode, self._tdp, self._is_generic_tdp, self._model = mode, tdp, generic, "Some CPU"


class NvidiaGPUDevice:
    def __init__(self, has_counter: bool) -> None:
        self._has_counter = has_counter


class GPU:
    def __init__(self, *has_counter: bool) -> None:
        self.devices = SimpleNamespace(devices=[NvidiaGPUDevice(each) for each in has_counter])


class AppleSiliconChip:
    def __init__(self, chip_part: str) -> None:
        self.chip_part = chip_part


@pytest.mark.parametrize(
    ("hardware", "component", "rank"),
    [
        (CPU("intel_rapl", 65), "cpu", "counter"),
        (CPU("cpu_load", 65), "cpu", "modelled-tdp"),
        (CPU("constant", 85, generic=True), "cpu", "modelled-generic"),
        (GPU(True), "gpu", "counter"),
        (GPU(True, False), "gpu", "modelled-tdp"),
        (AppleSiliconChip("CPU"), "cpu", "counter"),
        (AppleSiliconChip("GPU"), "gpu", "counter"),
    ],
)
def test_ranks_of_hardware_that_is_not_here(hardware: object, component: str, rank: str) -> None:
    found = _method(hardware)
    assert (found.component, found.rank) == (component, rank)


def test_codecarbon_still_tells_a_gpu_that_has_no_counter() -> None:
    from codecarbon.core.gpu_device import GPUDevice

    class WithoutCounter(GPUDevice):
        def _init_static_details(self) -> None:
            self._gpu_name = "stand-in"

        def _get_total_energy_consumption(self) -> None:
            return None

    hardware = GPU()
    hardware.devices.devices.append(WithoutCounter(handle=None, gpu_index=0))
    assert _method(hardware).rank == "modelled-tdp"


def test_the_weakest_heavy_component_decides() -> None:
    assert weakest_rank({"counter": 95.0, "modelled-generic": 5.0}) == "counter"
    assert weakest_rank({"counter": 80.0, "modelled-generic": 20.0}) == "modelled-generic"
    assert weakest_rank({}) is None


def test_a_meter_without_codecarbon_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("no probe")

    monkeypatch.setattr("effkit.bench.energy._tracker", broken)
    meter = EnergyMeter()
    assert meter.unavailable is not None and "no probe" in meter.unavailable
    with meter.window() as window:
        pass
    assert window == []
