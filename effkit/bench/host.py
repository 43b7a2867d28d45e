"""The machine: its fingerprint, and what else is running on it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from effkit.bench import nvml
from effkit.bench.cgroups import CGROUPS, OWN_CGROUPS, control_groups

PACKAGES = (
    "effkit", "numpy", "scipy", "scikit-learn", "lightgbm", "torch", "transformers", "sentence-transformers",
    "codecarbon", "pandas", "pyarrow", "papermill", "mlcommons-loadgen", "onnx", "onnxruntime",
    "openvino", "nncf", "torchao", "model2vec", "tokenizers", "skops", "safetensors", "pillow",
)  # fmt: skip
HOST_VARIABLE = "EFFKIT_HOST"
PRODUCTS_VARIABLE = "EFFKIT_PRODUCTS"
"""Folder in which products are kept in place of the cache's, as where a run is made wholly anew."""
STAT = Path("/proc/stat")
NOMINAL_MULTIPLY_S = 0.0030
"""A 512 × 512 single-precision matrix product on the machine that the catalogue's costs were taken on."""


def name() -> str:
    """What this host is called: `EFFKIT_HOST`, which may tell apart hosts that share a machine, or its own name."""
    return os.environ.get(HOST_VARIABLE) or platform.node()


def clock() -> str:
    """Name the clock that `since_start_s` reads: one start of one machine, and of one `EFFKIT_HOST` on it."""
    start = _first_line("/proc/sys/kernel/random/boot_id") or _output(["sysctl", "-n", "kern.bootsessionuuid"])
    return "/".join(filter(None, (os.environ.get(HOST_VARIABLE), start or platform.node())))


def since_start_s() -> float:
    """Seconds since this machine started, the same for all its processes; setting the time of day moves it nowhere."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def products_folder(cache: Path, device: str = "cpu") -> Path:
    """Where what is made here is kept: by these packages, on this processor. Others would make something else.

    Args:
        cache: folder of all that is kept.
        device: where PyTorch trains and embeds, "cpu" or "cuda"; on a GPU its kind counts too.
    """
    if given := os.environ.get(PRODUCTS_VARIABLE):
        return Path(given).expanduser().absolute()
    packages = {name: found for name, found in versions().items() if name != "effkit"}
    made_by = json.dumps([packages, cpu_name(), *_used_gpu(device)], sort_keys=True)
    return cache / "products" / hashlib.sha256(made_by.encode()).hexdigest()[:12]


def _used_gpu(device: str) -> tuple[str, ...]:
    card = None if device == "cpu" else nvml.used()
    return () if card is None else (card.name,)


def cpu_name() -> str:
    """The CPU as the system names it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        return _output(["sysctl", "-n", "machdep.cpu.brand_string"]) or platform.machine()
    return platform.processor() or platform.machine()


SHORT_TYPES: Mapping[str, frozenset[str]] = {
    "bf16": frozenset({"avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16"}),
    "8-bit integers": frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"}),
}
"""The flags, on x86 and ARM, of instructions that multiply each short type of number."""


def short_types(flags: Collection[str] | None = None) -> dict[str, bool] | None:
    """Say of each short type of number whether the processor multiplies it itself; None where nothing tells.

    Args:
        flags: of the processor; read from the system when not given.
    """
    if flags is None:
        try:
            lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        except OSError:
            return None
        named = (line for line in lines if line.startswith(("flags", "Features")))
        flags = next((line.partition(":")[2].split() for line in named), None)
        if flags is None:
            return None
    return {name: not wanted.isdisjoint(flags) for name, wanted in SHORT_TYPES.items()}


@cache
def slower_than_nominal() -> float:
    """How many times slower this host multiplies matrices than the one the costs were taken on."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    matrix = np.ones((512, 512), dtype=np.float32)
    times = []
    with threadpool_limits(1):
        for _ in range(150):
            start = time.perf_counter()
            matrix @ matrix
            times.append(time.perf_counter() - start)
    return float(np.quantile(times, 0.25)) / NOMINAL_MULTIPLY_S


def sockets() -> int | None:
    """How many CPU sockets there are, where the system tells."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        ids = {line.partition(":")[2].strip() for line in lines if line.startswith("physical id")}
        return len(ids) or None
    return None


def hypervisor() -> str | None:
    """The hypervisor's vendor, or None on bare metal and where it does not show."""
    text = _first_line("/sys/class/dmi/id/sys_vendor")
    with suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        if " hypervisor" in flags:
            return _output(["systemd-detect-virt", "--vm"]) or text or "unnamed"
    return None


def cgroup_cpus(own: Path = OWN_CGROUPS, groups: Path = CGROUPS) -> float | None:
    """The CPU quota of this container or job in cores; None when it is unlimited or there is none.

    Args:
        own: file that names the control groups of this process.
        groups: folder of all control groups.
    """
    return min((quota for folder in control_groups("cpu", own, groups) for quota in _quotas(folder)), default=None)


def _quotas(folder: Path) -> Iterator[float]:
    """Of one control group, of version 2 or 1."""
    with suppress(OSError, ValueError):  # "max": no limit
        quota, period = (int(part) for part in (folder / "cpu.max").read_text(encoding="ascii").split())
        yield quota / period
    with suppress(OSError, ValueError):
        quota, period = (
            int((folder / name).read_text(encoding="ascii")) for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        )
        if quota > 0:  # -1: no limit
            yield quota / period


def free_cores() -> int:
    """How many cores this process may use, by its affinity and its container's quota."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup_cpus()
    return mine if quota is None else max(1, min(mine, int(quota)))


def governor() -> str | None:
    """The frequency governor of the first core, where the system tells."""
    return _first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def gpus() -> tuple[str, ...]:
    """Names, drivers and power limits of the GPUs that the driver's own tool lists."""
    listed = _output(["nvidia-smi", "--query-gpu=name,driver_version,power.limit", "--format=csv,noheader"])
    return tuple(listed.splitlines()) if listed else ()


def system() -> str:
    """The system and its kernel's version."""
    return f"{sys.platform} {platform.release().partition('-')[0]}"


def load_average() -> float | None:
    """One-minute load average, where there is one."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


@dataclass(frozen=True)
class Activity:
    """CPU seconds since the machine started: all work, what a hypervisor took from some cores, and ours."""

    busy_s: float
    steal_s: float
    ours_s: float

    def since(self, before: Activity, length_s: float) -> tuple[float, float]:
        """Return what others took since, as a share of one core, and what a hypervisor took, its last tick with it."""
        foreign_s = (self.busy_s - before.busy_s) - (self.ours_s - before.ours_s)
        return max(0.0, foreign_s / length_s), (self.steal_s - before.steal_s) / length_s


def activity(ours: Iterable[psutil.Process], cores: Sequence[int] = (), stat: Path = STAT) -> Activity:
    """Read the CPU times of the machine and of the given processes.

    Args:
        ours: processes whose work is the kit's own.
        cores: from which stolen time counts; all when there are none.
        stat: file that numbers the cores whose times the system tells; where there is none, it tells of all.
    """
    each = psutil.cpu_times(percpu=True)
    busy = sum(getattr(times, part, 0.0) for times in each for part in ("user", "nice", "system", "irq", "softirq"))
    of_core = dict(zip(_numbers(stat, len(each)), each, strict=True))
    watched = [of_core[core] for core in cores if core in of_core] or each
    steal = sum(getattr(times, "steal", 0.0) for times in watched)
    return Activity(busy, steal, sum(process_cpu_s(process) for process in ours))


@cache
def _numbers(stat: Path, listed: int) -> Sequence[int]:
    """Numbers of the cores listed, without those offline. Read once for so many: the file has much to sum up."""
    with suppress(OSError):
        names = (line.partition(" ")[0] for line in stat.read_text(encoding="ascii").splitlines())
        found = [int(name.removeprefix("cpu")) for name in names if name.startswith("cpu") and name != "cpu"]
        if len(found) == listed:
            return found
    return range(listed)


def process_cpu_s(process: psutil.Process) -> float:
    """CPU seconds of a process and of its children that have ended; 0 when it is gone."""
    with suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system) + _ended_s(times)
    return 0.0


def started_cpu_s(family: Sequence[psutil.Process]) -> float:
    """CPU seconds of what a process has started, be it at work or ended; without its own.

    Args:
        family: the process, and what is at work of what it has started.
    """
    parent, *children = family
    at_work_s = sum(process_cpu_s(child) for child in children)
    with suppress(psutil.Error):
        return at_work_s + _ended_s(parent.cpu_times())
    return at_work_s


def _ended_s(times: Any) -> float:
    """CPU seconds of children that have ended, in the CPU times of their parent: Linux alone tells them."""
    return float(getattr(times, "children_user", 0) + getattr(times, "children_system", 0))


def core_waits_s() -> dict[int, float]:
    """Seconds that each thread of this process was ready and waited for a core; empty where no system tells.

    Source:
        Linux, Documentation/scheduler/sched-stats.rst: the second number of a task's `schedstat`.
    """
    found = {}
    with suppress(OSError):  # no Linux
        for task in Path("/proc/self/task").iterdir():
            with suppress(OSError, IndexError):  # a thread that has just ended, or a kernel without the number
                found[int(task.name)] = _wait_s(task / "schedstat")
    return found


def core_wait_s() -> float:
    """The same of the calling thread; 0 where no system tells."""
    with suppress(OSError, IndexError):
        return _wait_s(Path("/proc/thread-self/schedstat"))
    return 0.0


def _wait_s(schedstat: Path) -> float:
    return int(schedstat.read_bytes().split()[1]) / 1e9


def _first_line(path: str) -> str | None:
    with suppress(OSError):
        return Path(path).read_text(encoding="utf-8").strip().splitlines()[0]
    return None


def _output(command: list[str]) -> str | None:
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return done.stdout.strip() or None
    return None
