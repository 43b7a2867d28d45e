"""Energy by CodeCarbon: the only file that imports it.

CodeCarbon's output does not tell a counter's reading from a model's guess, so the rank of each
component is read from its hardware objects; a test holds this to the 3.3 series.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Literal

from effkit.bench import nvml
from effkit.models.base import CPU
from effkit.record import Rank

log = logging.getLogger(__name__)
JOULES_PER_KWH = 3.6e6
LONGEST_S = 30.0
"""A longer window is read in parts. A processor's counter begins anew when it is full, some after 65 kJ: four minutes
at 280 W. Of several turns between two readings CodeCarbon sees one, and what the others counted would be lost."""

COUNTER_MODES = {"intel_rapl": "RAPL", "windows_emi": "Windows EMI"}
READ_AFTER = "{} power as read once a window, at its end, times its length"
"""CodeCarbon asks these tools when a window closes: the worker rests by then, and no counter has counted its work."""
MOVED_WITHIN_S = 2.0
"""Every counter has moved by then, NVML's too; in less it may not, and little is missing."""


@dataclass(frozen=True)
class Method:
    """How one component's energy comes to be."""

    component: Literal["cpu", "memory", "gpu"]
    rank: Rank
    words: str
    tdp_w: float | None = None
    """Rated power that a modelled figure is built on."""


@dataclass(frozen=True)
class Window:
    """Energy of the machine between two moments: of its GPUs that of the one in use, if one is."""

    duration_s: float
    cpu_j: float
    memory_j: float
    gpu_j: float | None


class EnergyMeter:
    """One CodeCarbon tracker, asked window by window.

    The first window pays a hardware probe of one to two seconds, so an empty one is taken at once.

    Args:
        device: where PyTorch models run, "cpu" or "cuda". What the GPUs of a machine take that are not in use is no
            energy of a model.

    Attributes:
        methods: how each component's energy comes to be; empty when nothing can be read any more.
        unavailable: why there is no energy at all, or None.
    """

    def __init__(self, device: str = CPU) -> None:
        self.methods: tuple[Method, ...] = ()
        self.unavailable: str | None = None
        self._windows = 0
        self._tracker: Any = None
        card = None if device == CPU else nvml.used()
        if device != CPU and card is None:
            log.warning("no energy of the GPU: NVML does not tell which one is used")
        self._start(card)
        if card is not None and self.unavailable is not None:  # one GPU that refuses must not take the others' figures
            log.warning("no energy of the GPU: %s", self.unavailable)
            self._start(None)

    def _start(self, card: nvml.Card | None) -> None:
        self.unavailable = None
        try:
            with _no_gpus() if card is None else nullcontext():
                self._tracker = _tracker(card)
                self._tracker.start_task("probe")  # it looks for hardware here, and not before
                self._tracker.stop_task("probe")
            self.methods = tuple(_methods(self._tracker._hardware, card))
        except Exception as error:  # CodeCarbon raises whatever its probes raise
            self.unavailable = f"CodeCarbon could not start: {_said(error)}"
        if self.unavailable is None and not self.methods:
            self.unavailable = "CodeCarbon found no hardware that it can read or model"

    @property
    def reads_gpu(self) -> bool:
        """Whether a GPU's energy is in every window, whoever works there."""
        return any(method.component == "gpu" for method in self.methods)

    @contextmanager
    def window(self) -> Iterator[list[Window]]:
        """Measure the body; on leaving, the list holds one window, or nothing if there is no energy."""
        result: list[Window] = []
        if self.unavailable is not None:
            yield result
            return
        parts: list[Window] = []
        self._open()
        try:
            with self._read_meanwhile(parts):
                yield result
        finally:
            if self.unavailable is None:
                with self._broken_off():
                    result.append(_whole([*parts, self._read()]))

    @contextmanager
    def _read_meanwhile(self, parts: list[Window]) -> Iterator[None]:
        """Read what has been open for long, and open the next part, as often as that happens."""
        over = threading.Event()

        def read() -> None:
            while not over.wait(LONGEST_S) and self.unavailable is None:
                with self._broken_off():
                    parts.append(self._read())
                    self._open()

        reader = threading.Thread(target=read, name="energy", daemon=True)
        reader.start()
        try:
            yield
        finally:
            over.set()
            reader.join()

    def _open(self) -> None:
        self._windows += 1
        with self._broken_off():
            self._tracker.start_task(f"window-{self._windows}")

    def _read(self) -> Window:
        data = self._tracker.stop_task(f"window-{self._windows}")
        return Window(
            duration_s=float(data.duration),
            cpu_j=float(data.cpu_energy) * JOULES_PER_KWH,
            memory_j=float(data.ram_energy) * JOULES_PER_KWH,
            gpu_j=float(data.gpu_energy) * JOULES_PER_KWH if self.reads_gpu else None,
        )

    @contextmanager
    def _broken_off(self) -> Iterator[None]:
        """Give up energy, and nothing else that was measured, where CodeCarbon fails in the middle of a run.

        The windows before are given up too: what some visits took would be divided by the calls of all.
        """
        try:
            yield
        except Exception as error:  # CodeCarbon raises whatever its probes raise
            self.methods, self.unavailable = (), f"CodeCarbon broke off: {_said(error)}"
            log.warning("no energy: %s", self.unavailable)


def _whole(parts: Sequence[Window]) -> Window:
    """One window of all its parts; where a counter told nothing of one of them it told nothing of the whole, 0 J."""
    # The last may be too short for a counter to move.
    long_enough = len(parts) - (parts[-1].duration_s < MOVED_WITHIN_S)

    def total(joules: Sequence[float]) -> float:
        return 0.0 if 0.0 in joules[:long_enough] else sum(joules)

    gpu_j = [each.gpu_j for each in parts if each.gpu_j is not None]
    return Window(
        duration_s=sum(each.duration_s for each in parts),
        cpu_j=total([each.cpu_j for each in parts]),
        memory_j=total([each.memory_j for each in parts]),
        gpu_j=total(gpu_j) if gpu_j else None,
    )


class NoMeter(EnergyMeter):
    """Reads nothing: for measurements that are not about energy."""

    def __init__(self) -> None:
        self.methods = ()
        self.unavailable = "energy was not asked for"


def _said(error: Exception) -> str:
    """What an error says, or its kind where it says nothing."""
    return str(error) or type(error).__name__


def _tracker(card: nvml.Card | None = None) -> Any:
    """A tracker with every argument given: `.codecarbon.config` and CODECARBON_… fill in what is not.

    A power that someone set there for other work is none that this study was given, and numbers must not be sent on.
    """
    from codecarbon import OfflineEmissionsTracker
    from codecarbon.external.logger import logger

    logger.setLevel("CRITICAL")  # it announces itself before it reads log_level
    return OfflineEmissionsTracker(
        project_name="effkit",
        country_iso_code="FRA",  # grids are applied when a report is made; joules do not depend on it
        force_carbon_intensity_g_co2e_kwh=1.0,
        measure_power_secs=1,
        tracking_mode="machine",
        output_methods=[],
        allow_multiple_runs=True,
        log_level="critical",
        pue=1.0,
        wue=0,
        force_cpu_power=None,
        force_ram_power=None,
        force_mode_cpu_load=False,
        rapl_include_dram=False,
        rapl_prefer_psys=False,
        gpu_ids=[] if card is None else [card.index],
        region=None,
        cloud_provider=None,
        cloud_region=None,
        country_2letter_iso_code=None,
        output_dir=".",
        output_file="emissions.csv",
        output_handlers=[],
        on_csv_write="append",
        logging_logger=None,
        logger_preamble="",
        metadata=None,
        emissions_endpoint=None,
        prometheus_url=None,
        api_endpoint=None,
        api_key=None,
        api_call_interval=-1,
        electricitymaps_api_token="",  # and not None, for which an older name of it is looked up
        experiment_id=None,
        experiment_name=None,
    )


@contextmanager
def _no_gpus() -> Iterator[None]:
    """Have CodeCarbon look at no GPU, for which it has no setting: with an empty list it still opens all there are."""
    from codecarbon.core import gpu

    looks: dict[str, Any] = {name: getattr(gpu, name) for name in ("is_nvidia_system", "is_rocm_system")}
    _forget_hardware()
    try:
        for name in looks:
            setattr(gpu, name, lambda: False)
        yield
    finally:
        for name, look in looks.items():
            setattr(gpu, name, look)
        _forget_hardware()


def _forget_hardware() -> None:
    """Let CodeCarbon look anew: a tracker of someone's own in this process must not be told that there is no GPU."""
    with suppress(ImportError, AttributeError):  # a private name, which may go
        from codecarbon.core import hardware_cache

        hardware_cache._plans.clear()


def _methods(hardware: Sequence[Any], card: nvml.Card | None) -> Iterator[Method]:
    """Tell how each part comes by its figures; GPUs that were opened and not asked for have none."""
    for each in hardware:
        if type(each).__name__ != "GPU":
            yield _method(each)
        elif card is not None:
            yield from (_gpu_method(gpu, card) for gpu in each.devices.devices if gpu.gpu_index == card.index)


def _method(hardware: Any) -> Method:
    """Tell how a CodeCarbon hardware object comes by its figures."""
    kind = type(hardware).__name__
    if kind == "RAM":
        return Method("memory", "modelled-generic", "a fixed power for the memory modules it guesses")
    mode = getattr(hardware, "_mode", None)
    if mode in COUNTER_MODES:
        return Method("cpu", "counter", f"{COUNTER_MODES[mode]} energy counter")
    if kind == "Raspberry":
        part: Literal["cpu", "memory"] = "memory" if hardware.chip_part == "RAM" else "cpu"
        return Method(part, "modelled-generic", READ_AFTER.format("the board's"))
    if kind == "AppleSiliconChip":
        chip: Literal["cpu", "gpu"] = "gpu" if hardware.chip_part == "GPU" else "cpu"
        return Method(chip, "modelled-generic", READ_AFTER.format("powermetrics'"))
    if mode == "intel_power_gadget":
        return Method("cpu", "modelled-generic", READ_AFTER.format("Intel Power Gadget's"))
    tdp_w, model = float(getattr(hardware, "_tdp", 0.0)), str(getattr(hardware, "_model", ""))
    rated = tdp_w == _rated_w(model)
    rank: Rank = "modelled-tdp" if rated else "modelled-generic"
    source = f"of {model}" if rated else "guessed for an unknown CPU"
    form = "a cubic in CPU load" if mode == "cpu_load" else "a constant"
    return Method("cpu", rank, f"{form} times {tdp_w:g} W {source}", tdp_w)


def _rated_w(model: str) -> float | None:
    """Rated power that CodeCarbon's table has for this machine's processors, W; None where it has none or cannot tell.

    Its hardware object does not tell a guess from a rated power: a flag that says so covers one guess of two, and is
    lost where a second tracker of the same process takes the object from a cache.
    """
    from codecarbon.core import cpu, util

    try:
        of_one_w = cpu.TDP.__new__(cpu.TDP)._get_cpu_power_from_registry(model)  # __init__ looks at the machine anew
        sockets: int = util.count_physical_cpus()  # type: ignore[no-untyped-call] # CodeCarbon's, as it multiplies
        return None if of_one_w is None else float(of_one_w) * sockets
    except Exception:  # private names may go, and what is not known must not rank better than it is
        return None


def _gpu_method(gpu: Any, card: nvml.Card) -> Method:
    """Without an energy counter its power is read once a second, and ranks with the best of the models."""
    if card.sliced:
        return Method("gpu", "modelled-generic", "NVML, of a whole GPU of which this is a slice (MIG)")
    if gpu._has_counter:
        return Method("gpu", "counter", "NVML energy counter")
    return Method("gpu", "modelled-tdp", "NVML power, sampled once a second for want of an energy counter")
