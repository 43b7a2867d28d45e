"""What a host tells of itself."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from effkit.bench import host


def first(where: str, quota: int) -> dict[str, str]:
    """Files of the first version."""
    return {f"{where}cpu.cfs_quota_us": str(quota), f"{where}cpu.cfs_period_us": "100000"}


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/", {"cpu.max": "150000 100000"}, 1.5),
        ("0::/", {"cpu.max": "max 100000"}, None),
        ("0::/job/step", {"job/cpu.max": "50000 100000", "job/step/cpu.max": "max 100000"}, 0.5),
        ("4:cpu,cpuacct:/job", first("cpu,cpuacct/job/", 200_000), 2.0),
        ("4:cpu,cpuacct:/", first("cpu/", 50_000), 0.5),
        ("4:cpu:/", first("cpu/", -1), None),
        ("0::/elsewhere", {"another/cpu.max": "50000 100000"}, None),
    ],
    ids=["limit", "none", "above", "first version", "its other name", "first, none", "another's"],
)  # fmt: skip
def test_a_quota_of_a_container_or_a_job_counts(
    own: str, files: dict[str, str], cores: float | None, tmp_path: Path
) -> None:
    (tmp_path / "own").write_text(own)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{content}\n")
    assert host.cgroup_cpus(tmp_path / "own", tmp_path) == cores


def test_the_fingerprint_names_the_cpu_and_the_packages() -> None:
    assert host.cpu_name()
    assert {"python", "effkit", "numpy", "codecarbon"} <= set(host.versions())


@pytest.mark.parametrize(
    ("flags", "bf16", "integers"),
    [
        (["fpu", "avx2"], False, False),
        (["avx2", "avx512_vnni"], False, True),
        (["amx_bf16", "amx_int8"], True, True),
        (["fp", "asimd", "asimddp", "bf16"], True, True),
    ],
)
def test_a_processor_tells_which_short_numbers_it_multiplies(flags: list[str], bf16: bool, integers: bool) -> None:
    assert host.short_types(flags) == {"bf16": bf16, "8-bit integers": integers}


def test_what_others_took_is_what_was_taken_and_was_not_ours() -> None:
    before, after = host.Activity(10.0, 1.0, 4.0), host.Activity(13.0, 1.2, 6.0)
    assert after.since(before, 2.0) == pytest.approx((0.5, 0.1))
    assert host.Activity(10.0, 1.0, 5.0).since(before, 2.0) == (0.0, 0.0), "ticks may tell of less than nothing"


def test_activity_counts_this_process_among_ours() -> None:
    before = host.activity([psutil.Process()])
    sum(number * number for number in range(3_000_000))
    after = host.activity([psutil.Process()])
    assert after.ours_s > before.ours_s
    assert after.busy_s >= before.busy_s


def test_a_process_that_is_gone_costs_nothing() -> None:
    child = psutil.Popen(["true"])
    child.wait()
    assert host.process_cpu_s(child) == 0.0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts the time of children that have ended")
def test_what_a_process_has_started_counts_once_it_has_ended_too() -> None:
    before_s = host.started_cpu_s([psutil.Process()])
    subprocess.run([sys.executable, "-c", "sum(range(5_000_000))"], check=True)
    assert host.started_cpu_s([psutil.Process()]) > before_s


def test_stolen_time_is_that_of_the_workers_core_where_another_is_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stolen = [SimpleNamespace(user=1.0, steal=steal_s) for steal_s in (1.0, 2.0, 4.0)]
    monkeypatch.setattr(psutil, "cpu_times", lambda percpu: stolen)
    stat = tmp_path / "stat"
    stat.write_text("cpu  300 0 0\ncpu0 100 0 0\ncpu1 100 0 0\ncpu3 100 0 0\nintr 7\n", encoding="ascii")
    asked: tuple[tuple[int, ...], ...] = ((3,), (1,), (0, 3), (2,), ())
    taken_s = {cores: host.activity([], cores, stat).steal_s for cores in asked}
    assert taken_s == {(3,): 4.0, (1,): 2.0, (0, 3): 5.0, (2,): 7.0, (): 7.0}
    assert host.activity([], [2], tmp_path / "none").steal_s == 4.0, "without the numbers all are taken to be there"
