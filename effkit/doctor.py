"""What this host can measure, what it cannot, and the fix."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from effkit.address import shown
from effkit.bench import host, memory, nvml
from effkit.bench.cores import choose_cores
from effkit.bench.energy import EnergyMeter
from effkit.bench.process import WorkerFailed
from effkit.bench.slot import WAITING, SlotError
from effkit.catalogue import cache_dir
from effkit.places import check_writable
from effkit.record import COUNTED
from effkit.store import StoreError

RAPL = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Finding:
    """One thing about this host."""

    state: Literal["good", "limited", "missing"]
    subject: str
    text: str
    fix: str = ""


def examine(results: Path) -> Iterator[Finding]:
    """Look at everything that a run depends on, and at last measure a small model against itself.

    Args:
        results: where runs would be kept.
    """
    yield from _cores()
    yield from _short_types()
    yield from _energy()
    yield from _memory()
    yield from _gpu()
    yield from _disk(results)
    yield from _self_test()


def _cores() -> Iterator[Finding]:
    cores, cpu = choose_cores(1), host.cpu_name()
    if not cores.pinned:
        yield Finding(
            "limited", "cores", f"{cpu}: {sys.platform} does not let a process choose its cores; differences "
            "under 3 % are not claimed.", "Linux does.",
        )  # fmt: skip
    elif cores.shared:
        yield Finding(
            "limited", "cores", f"{cpu}: one core only, which the coordinator shares with the workers.",
            "Give this machine or container a second core.",
        )  # fmt: skip
    elif cores.halved:
        yield Finding(
            "limited", "cores", f"{cpu}: workers on core {cores.workers[0]}; all others are second threads of the same "
            "physical core, and what works there slows a worker.", "Keep other programs still while it measures.",
        )  # fmt: skip
    else:
        yield Finding("good", "cores", f"{cpu}: workers on core {cores.workers[0]}, coordinator elsewhere.")
    if (vendor := host.hypervisor()) is not None:
        yield Finding("limited", "virtual", f"A virtual machine ({vendor}): neighbours on the host are out of sight.")
    if (quota := host.cgroup_cpus()) is not None:
        yield Finding("limited", "quota", f"This container may use {quota:g} cores; bursts beyond are throttled.")
    if (name := host.governor()) not in (None, "performance"):
        yield Finding(
            "limited", "frequency", f"The governor is `{name}`: clock speed follows load.",
            "sudo cpupower frequency-set -g performance",
        )  # fmt: skip
    load = host.load_average()
    if load is not None and load > 0.5:
        yield Finding("limited", "load", f"Load average is {load:.1f}: others are working.", "Wait, or stop them.")


def _short_types() -> Iterator[Finding]:
    found = host.short_types()
    if found is None:
        return
    able, unable = ([name for name, there in found.items() if there is state] for state in (True, False))
    if able:
        yield Finding("good", "techniques", f"This processor multiplies {' and '.join(able)} itself.")
    if unable:
        yield Finding(
            "limited", "techniques", f"This processor has no instruction that multiplies {' or '.join(unable)}: such "
            "techniques save memory here, and hardly time.",
        )  # fmt: skip


def _energy() -> Iterator[Finding]:
    meter = EnergyMeter()
    if meter.unavailable:
        yield Finding("missing", "energy", f"{meter.unavailable}.", "Reports will leave energy and carbon out.")
    for method in meter.methods:
        counter = method.rank in COUNTED
        text = f"{method.component}: {method.words} ({method.rank})."
        if not counter and method.component == "cpu":
            text += " On this host energy is very nearly a constant times time."
        yield Finding(
            "good" if counter else "limited", "energy", text, "" if counter else _counted_by(method.component)
        )


def _counted_by(component: str) -> str:
    """What would make a modelled component a counted one."""
    if component == "memory":
        return "CodeCarbon reads no counter of memory; a meter at the plug would tell what the whole machine takes."
    if component != "cpu":
        return ""
    counters = list(RAPL.glob("intel-rapl*/energy_uj"))
    if counters and not all(os.access(path, os.R_OK) for path in counters):
        return f"RAPL is there but root alone may read it: sudo chmod -R a+r {RAPL}/intel-rapl* (until the next start)"
    return "" if counters else "No RAPL counter shows here; a physical Linux machine has one."


def _memory() -> Iterator[Finding]:
    total = memory.room().total_bytes
    enough = total >= 8e9
    limit = ", the limit of this container or job" if total < psutil.virtual_memory().total else ""
    yield Finding(
        "good" if enough else "limited", "memory", f"{total / 1e9:.0f} GB{limit}.",
        "" if enough else "With less than 8 GB workers may be started and stopped for every visit: slower, not wrong.",
    )  # fmt: skip


def _gpu() -> Iterator[Finding]:
    found = "; ".join(host.gpus())
    if not found:
        yield Finding("missing", "gpu", "None that the driver lists: everything is measured on the CPU.")
        return
    counters, card = nvml.energy_counters(), nvml.used()
    if counters is None:
        yield Finding(
            "limited", "gpu", f"{found}. NVML does not answer, so nothing tells its energy.",
            "Install the driver's NVML library (libnvidia-ml).",
        )  # fmt: skip
    elif card is None:
        yield Finding(
            "limited", "gpu", f"{found}. NVML does not tell which of them PyTorch uses, so nothing tells its energy.",
            "Leave `CUDA_DEVICE_ORDER` unset, and name a GPU that is there in `CUDA_VISIBLE_DEVICES`.",
        )  # fmt: skip
    elif card.sliced:
        yield Finding(
            "limited", "gpu", f"{found}. PyTorch has a slice of one (MIG), whose energy nobody counts apart: what is "
            "told is the whole GPU's (modelled-generic).", "Use a GPU that is not cut.",
        )  # fmt: skip
    elif counters[card.index]:
        yield Finding("good", "gpu", f"{found}. NVML counts its energy (counter); only a meter would be better.")
    else:
        yield Finding(
            "limited", "gpu", f"{found}. NVML counts no energy and gives power once a second (modelled-tdp).",
            "A GPU of the Volta generation or newer has a counter, where the machine has all of it and no vGPU slice.",
        )  # fmt: skip
    if (built := host.versions().get("torch", "")).endswith("+cpu"):
        yield Finding(
            "limited", "gpu", f"PyTorch {built} is built without CUDA, so `protocol.device: cuda` is refused.",
            "Install PyTorch's build for CUDA, or leave models on the CPU.",
        )  # fmt: skip


class _Busy(Exception):
    """Another run is measuring, for who knows how long."""


def _rather_than_wait(share: float, text: str) -> None:
    if text == WAITING:
        raise _Busy


def _self_test() -> Iterator[Finding]:
    from effkit.bench.selftest import self_test  # here: its statistics take long to import, and it is examined last

    try:
        seen = self_test(_rather_than_wait)
    except _Busy:
        yield Finding("limited", "self-test", "Another run is measuring on this host.", "Ask again when it has ended.")
        return
    except SlotError as error:
        yield Finding("missing", "self-test", str(error))
        return
    except WorkerFailed as failure:
        yield Finding("missing", "self-test", f"A model of a millisecond could not be measured: {failure}")
        return
    found = f"One small model against itself: {seen.ratio:.3f} [{seen.low:.3f}, {seen.high:.3f}]"
    if seen.unstable:
        yield Finding("limited", "self-test", f"{found}: it differs from itself.", "Wait for a quieter hour.")
        return
    text = (
        f"{found}. No difference in latency below {100 * seen.resolves:.1f} % would be claimed today; "
        f"one of {100 * seen.found:.1f} % most likely would."
    )
    busy = f"{100 * seen.disturbed:.0f} % of its visits were disturbed." if seen.disturbed > 0.1 else ""
    good = seen.resolves <= 0.03 and not busy
    yield Finding(
        "good" if good else "limited",
        "self-test",
        text,
        "" if good else f"{busy} A run of more generations can tell smaller differences.".strip(),
    )


def _disk(results: Path) -> Iterator[Finding]:
    try:
        check_writable(results)
        yield Finding("good", "results", f"{shown(results.resolve())} can be written.")
    except StoreError as error:
        yield Finding("missing", "results", str(error))
    cache = cache_dir()
    try:
        there = next(folder for folder in (cache, *cache.parents) if folder.exists())
        free = shutil.disk_usage(there).free
    except OSError as error:
        text = f"{cache} cannot be looked at ({error.strerror})."
        yield Finding("missing", "cache", text, "Name another folder with EFFKIT_CACHE.")
        return
    yield Finding(
        "good" if free > 3e9 else "limited", "cache", f"{cache}: {free / 1e9:.0f} GB free.",
        "" if free > 3e9 else "All of the catalogue takes 1 GB and its largest download another 0.4: set EFFKIT_CACHE.",
    )  # fmt: skip
