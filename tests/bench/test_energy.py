"""CodeCarbon behind its adapter. The private fields that tell a rank are held to the 3.3 series here."""

import inspect
import threading
import time
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
from codecarbon.external.hardware import Raspberry

from effkit.bench.energy import EnergyMeter, Window, _method, _methods, _no_gpus, _tracker, _whole
from effkit.bench.nvml import Card
from effkit.record import RANKS, weakest_rank


@pytest.fixture(scope="module")
def meter() -> EnergyMeter:
    return EnergyMeter()


def test_the_series_whose_private_fields_are_read() -> None:
    assert version("codecarbon").startswith("3.3.")


def test_a_window_has_energy_in_proportion_to_its_length(meter: EnergyMeter) -> None:
    if meter.unavailable:
        pytest.skip(meter.unavailable)
    around_s = -time.perf_counter()
    with meter.window() as window:
        within_s = -time.perf_counter()
        time.sleep(1.0)
        within_s += time.perf_counter()
    around_s += time.perf_counter()
    (read,) = window
    assert within_s <= read.duration_s <= around_s
    assert 0.5 < (read.cpu_j + read.memory_j) / read.duration_s < 5000


def test_every_component_has_a_rank_and_says_how_it_came_to_be(meter: EnergyMeter) -> None:
    if meter.unavailable:
        pytest.skip(meter.unavailable)
    assert {method.component for method in meter.methods} >= {"cpu", "memory"}
    assert all(method.rank in RANKS and method.words for method in meter.methods)


RATED = "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz"
RATED_W = 150


class CPU:
    def __init__(self, mode: str, tdp: float, model: str = "Some CPU") -> None:
        self._mode, self._tdp, self._model = mode, tdp, model


class NvidiaGPUDevice:
    def __init__(self, index: int, has_counter: bool) -> None:
        self.gpu_index, self._has_counter = index, has_counter


class GPU:
    def __init__(self, *has_counter: bool) -> None:
        self.devices = SimpleNamespace(devices=[NvidiaGPUDevice(*each) for each in enumerate(has_counter)])


class AppleSiliconChip:
    def __init__(self, chip_part: str) -> None:
        self.chip_part = chip_part


@pytest.mark.parametrize(
    ("hardware", "component", "rank"),
    [
        (CPU("intel_rapl", 65), "cpu", "counter"),
        (CPU("constant", 85), "cpu", "modelled-generic"),
        # What is read once, when the worker rests again, is no count of its work.
        (CPU("intel_power_gadget", 65), "cpu", "modelled-generic"),
        (AppleSiliconChip("CPU"), "cpu", "modelled-generic"),
        (AppleSiliconChip("GPU"), "gpu", "modelled-generic"),
        (Raspberry("", "Raspberry Pi 5", chip_part="CPU"), "cpu", "modelled-generic"),
        (Raspberry("", "Raspberry Pi 5", chip_part="RAM"), "memory", "modelled-generic"),
    ],
)
def test_ranks_of_hardware_that_is_not_here(hardware: object, component: str, rank: str) -> None:
    found = _method(hardware)
    assert (found.component, found.rank) == (component, rank)
    assert found.tdp_w is None or found.tdp_w > 0


@pytest.mark.parametrize(
    ("counters", "card", "ranks"),
    [
        ((True,), Card(0, "Some GPU", "GPU-a", sliced=False), ["counter"]),
        ((False, True), Card(1, "Some GPU", "GPU-b", sliced=False), ["counter"]),
        ((True, False), Card(1, "Some GPU", "GPU-b", sliced=False), ["modelled-tdp"]),
        ((True,), Card(0, "Some GPU", "MIG-a", sliced=True), ["modelled-generic"]),  # the whole GPU's, others' too
        ((True,), Card(1, "Some GPU", "GPU-b", sliced=False), []),  # which CodeCarbon does not see
        ((True, True), None, []),
    ],
)
def test_the_gpu_in_use_is_ranked_and_no_other(counters: tuple[bool, ...], card: Card | None, ranks: list[str]) -> None:
    found = [*_methods([GPU(*counters)], card)]
    assert [method.rank for method in found] == ranks
    assert {method.component for method in found} <= {"gpu"}


@pytest.mark.parametrize("sockets", [1, 2])
@pytest.mark.parametrize(
    ("model", "of_one_w", "rank"),
    [
        (RATED, RATED_W, "modelled-tdp"),
        ("Some CPU", 4 * 96, "modelled-generic"),  # 4 W a thread, be they this machine's or of a part of it
        ("Apple M2 Pro", 85, "modelled-generic"),  # in the table, which CodeCarbon does not ask for it
    ],
)
def test_a_power_is_rated_only_where_codecarbons_table_has_it(
    model: str, of_one_w: float, rank: str, sockets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codecarbon.core.util.count_physical_cpus", lambda: sockets)
    found = _method(CPU("cpu_load", of_one_w * sockets, model))
    assert (found.rank, found.tdp_w) == (rank, of_one_w * sockets)
    assert ("guessed" in found.words) == (rank == "modelled-generic")


def test_a_table_that_cannot_be_asked_gives_the_cautious_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("codecarbon.core.cpu.TDP._get_cpu_power_from_registry")
    assert _method(CPU("cpu_load", RATED_W, RATED)).rank == "modelled-generic"


def test_a_second_meter_of_one_process_has_the_ranks_of_the_first(meter: EnergyMeter) -> None:
    assert EnergyMeter().methods == meter.methods


DEPRECATED = {"save_to_file", "save_to_api", "save_to_logger", "save_to_prometheus", "save_to_logfire"}
"""Not looked at where `output_methods` is given, and warned of where they are."""


def test_codecarbons_own_settings_change_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from codecarbon.emissions_tracker import BaseEmissionsTracker, OfflineEmissionsTracker

    kinds = (BaseEmissionsTracker, OfflineEmissionsTracker)
    arguments = {name for kind in kinds for name in inspect.signature(kind.__init__).parameters}
    plain = _tracker()._conf
    for name in arguments - DEPRECATED - {"self", "args", "kwargs"}:
        monkeypatch.setenv(f"CODECARBON_{name.upper()}", "7")
    monkeypatch.chdir(tmp_path)
    Path(".codecarbon.config").write_text("[codecarbon]\nforce_cpu_power = 7\noutput_methods = csv\n")
    assert _tracker()._conf == plain


def test_codecarbon_still_tells_a_gpu_that_has_no_counter() -> None:
    from codecarbon.core.gpu_device import GPUDevice

    class WithoutCounter(GPUDevice):
        def _init_static_details(self) -> None:
            self._gpu_name = "stand-in"

        def _get_total_energy_consumption(self) -> None:
            return None

    hardware = GPU()
    hardware.devices.devices.append(WithoutCounter(handle=None, gpu_index=0))
    (found,) = _methods([hardware], Card(0, "stand-in", "GPU-a", sliced=False))
    assert found.rank == "modelled-tdp"


def test_the_weakest_heavy_component_decides() -> None:
    assert weakest_rank({"counter": 95.0, "modelled-generic": 5.0}) == "counter"
    assert weakest_rank({"counter": 80.0, "modelled-generic": 20.0}) == "modelled-generic"
    assert weakest_rank({}) is None


def test_a_meter_without_codecarbon_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(card: Card | None) -> None:
        raise RuntimeError("no probe")

    monkeypatch.setattr("effkit.bench.energy._tracker", broken)
    meter = EnergyMeter()
    assert meter.unavailable is not None and "no probe" in meter.unavailable
    with meter.window() as window:
        pass
    assert window == []


@pytest.mark.parametrize("fails", ["start", "stop"])
def test_a_tracker_that_breaks_off_costs_the_energy_and_nothing_else(
    fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    said: list[str] = []

    def ask(step: str) -> None:
        asked.append(step)
        if step == fails and asked.count(step) == 3:  # the probe, one window, and the next
            raise OSError

    class Tracker:
        _hardware = (CPU("intel_rapl", 65),)

        def start_task(self, name: str) -> None:
            ask("start")

        def stop_task(self, name: str) -> SimpleNamespace:
            ask("stop")
            return SimpleNamespace(duration=1.0, cpu_energy=1.0, ram_energy=0.0, gpu_energy=0.0)

    monkeypatch.setattr("effkit.bench.energy._tracker", lambda card: Tracker())
    monkeypatch.setattr("effkit.bench.energy.log.warning", lambda text, *parts: said.append(text % parts))
    meter = EnergyMeter()
    assert meter.methods
    windows = []
    for _ in range(3):
        with meter.window() as window:
            pass
        windows.append(len(window))
    assert windows == [1, 0, 0]
    assert meter.methods == () and meter.unavailable == "CodeCarbon broke off: OSError"
    assert said == ["no energy: CodeCarbon broke off: OSError"]


def test_codecarbon_is_given_the_gpu_in_use_and_looks_at_none_without(monkeypatch: pytest.MonkeyPatch) -> None:
    from codecarbon.core import gpu

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a")  # which CodeCarbon would take, and match with nothing
    assert _tracker(Card(3, "Some GPU", "GPU-a", sliced=False))._conf["gpu_ids"] == [3]
    monkeypatch.setattr(gpu, "is_nvidia_system", lambda: True)
    with _no_gpus():
        assert not gpu.is_nvidia_system() and not gpu.is_rocm_system()
        assert _tracker()._conf["gpu_ids"] == []
    assert gpu.is_nvidia_system()


def test_a_gpu_that_refuses_does_not_take_the_other_figures_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from codecarbon.core import gpu

    asked: list[Card | None] = []
    said: list[str] = []

    class Tracker:
        _hardware = (CPU("intel_rapl", 65), GPU(True))

        def start_task(self, name: str) -> None:
            if name == "probe" and gpu.is_nvidia_system():  # CodeCarbon looks for hardware here
                raise RuntimeError("Insufficient Permissions")

        def stop_task(self, name: str) -> SimpleNamespace:
            return SimpleNamespace(duration=1.0, cpu_energy=1.0, ram_energy=0.0, gpu_energy=0.0)

    def tracker(card: Card | None) -> Tracker:
        asked.append(card)
        return Tracker()

    monkeypatch.setattr(gpu, "is_nvidia_system", lambda: True)
    slice_of_one = Card(0, "Some GPU", "MIG-a", sliced=True)
    monkeypatch.setattr("effkit.bench.energy._tracker", tracker)
    monkeypatch.setattr("effkit.bench.nvml.used", lambda: slice_of_one)
    monkeypatch.setattr("effkit.bench.energy.log.warning", lambda text, *parts: said.append(text % parts))
    meter = EnergyMeter("cuda")
    assert asked == [slice_of_one, None]
    assert meter.unavailable is None and [method.component for method in meter.methods] == ["cpu"]
    assert len(said) == 1 and "no energy of the GPU" in said[0] and "Insufficient Permissions" in said[0]
    with meter.window() as window:
        pass
    assert window[0].gpu_j is None  # and never 0
    assert EnergyMeter().methods == meter.methods and asked[2:] == [None]


@pytest.mark.parametrize(("length_s", "told_j"), [(1.0, 3.6e6), (2.0, 0.0)])
def test_a_last_part_in_which_every_counter_has_moved_is_not_forgiven_its_silence(
    length_s: float, told_j: float
) -> None:
    parts = [Window(30.0, 3.6e6, 1.0, None), Window(length_s, 0.0, 1.0, None)]
    found = _whole(parts)
    assert (found.cpu_j, found.memory_j, found.gpu_j, found.duration_s) == (told_j, 2.0, None, 30.0 + length_s)


@pytest.mark.parametrize("silent", [False, True])
def test_a_long_window_is_read_in_parts_before_a_counter_begins_anew_twice(
    silent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_kwh: list[float] = []
    enough = threading.Event()

    class Tracker:
        _hardware = (CPU("intel_rapl", 65),)
        open = ""

        def start_task(self, name: str) -> None:
            assert not self.open, "tasks do not nest"
            self.open = name

        def stop_task(self, name: str) -> SimpleNamespace:
            assert name == self.open
            self.open = ""
            read_kwh.append(0.0 if silent and len(read_kwh) == 1 else 2.0 ** len(read_kwh))
            if len(read_kwh) > 3:
                enough.set()
            return SimpleNamespace(duration=1.0, cpu_energy=read_kwh[-1], ram_energy=1.0, gpu_energy=0.0)

    monkeypatch.setattr("effkit.bench.energy._tracker", lambda card: Tracker())
    monkeypatch.setattr("effkit.bench.energy.LONGEST_S", 0.001)
    meter = EnergyMeter()
    with meter.window() as window:
        assert enough.wait(10.0)
    parts_kwh = read_kwh[1:]  # after the probe
    (found,) = window
    assert len(parts_kwh) > 2 and found.duration_s == len(parts_kwh)
    assert found.cpu_j == pytest.approx(0.0 if silent else 3.6e6 * sum(parts_kwh))
    assert found.memory_j == pytest.approx(3.6e6 * len(parts_kwh)) and found.gpu_j is None
