"""What NVML tells of the GPU that PyTorch would use; a stand-in takes the place of NVML."""

from __future__ import annotations

import sys

import pytest

from effkit.bench.nvml import Card, energy_counters, free_bytes, is_busy, is_exclusive, strangers, used
from tests.bench.gpus import nvml, of_an_old_driver, without_slices

FIRST = Card(0, "Some GPU", "GPU-first", sliced=False)
SECOND = Card(1, "Some GPU", "GPU-second", sliced=False)


@pytest.mark.parametrize(
    ("visible", "card"),
    [
        (None, FIRST),
        ("1", SECOND),
        ("1,0", SECOND),
        ("GPU-second", SECOND),
        ("7", None),
        ("GPU-other", None),
        ("", None),
    ],
)
def test_the_gpu_is_the_one_that_pytorch_calls_its_first(
    visible: str | None, card: Card | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_slices(nvml(monkeypatch))
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert used() == card


@pytest.mark.parametrize(
    ("order", "visible", "there", "card"),
    [
        ("PCI_BUS_ID", "1", 2, SECOND),
        ("FASTEST_FIRST", "1", 2, None),
        ("FASTEST_FIRST", None, 2, None),
        ("FASTEST_FIRST", "GPU-second", 2, SECOND),
        ("FASTEST_FIRST", None, 1, FIRST),
    ],
)
def test_a_number_names_no_gpu_where_cuda_counts_otherwise(
    order: str, visible: str | None, there: int, card: Card | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_slices(nvml(monkeypatch, counters=[True] * there))
    monkeypatch.setenv("CUDA_DEVICE_ORDER", order)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert used() == card


@pytest.mark.parametrize("visible", ["MIG-slice", "0", None])
def test_a_slice_is_told_with_the_whole_gpu_that_it_is_of(visible: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    nvml(monkeypatch, cut=True)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert used() == Card(0, "Some GPU", "MIG-slice", sliced=True)


def test_each_gpu_tells_whether_it_counts_energy(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml(monkeypatch, counters=[True, False])
    assert energy_counters() == (True, False)


def test_its_mode_its_memory_and_whether_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml(monkeypatch, exclusive=True, free_bytes=5, busy=[40])
    assert is_exclusive() and free_bytes() == 5
    assert [is_busy(), is_busy()] == [True, False]
    nvml(monkeypatch)
    assert not is_exclusive()


def test_without_nvml_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert used() is energy_counters() is free_bytes() is strangers([1], 0) is None
    assert not is_exclusive() and not is_busy()


def test_where_none_of_ours_worked_only_those_count_that_were_seen_working(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml(monkeypatch, pids=[5, 7, 11], worked={7: 20, 9: 5})
    assert strangers([5, 6], since_us=10, used=False) == 1, "and not who has but a context"
    stand_in = nvml(monkeypatch, pids=[7], worked=None)
    assert strangers([5, 6], since_us=10, used=False) is None

    def no_sample(*given: int) -> None:
        raise stand_in.NVMLError(stand_in.NVML_ERROR_NOT_FOUND)

    stand_in.nvmlDeviceGetProcessUtilization = no_sample
    assert strangers([5, 6], since_us=10, used=False) == 0


def test_strangers_are_those_that_worked_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml(monkeypatch, pids=[5, 7, 9, 11], worked={5: 20, 7: 20, 9: 10})
    assert strangers([5, 6], since_us=10) == 1  # 9 worked before, and 11 has but a context


@pytest.mark.parametrize("worked", [None, {}, {7: 20}])
def test_where_nobody_tells_who_worked_those_that_are_there_count(
    worked: dict[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml(monkeypatch, pids=[5, 7, 9], worked=worked)
    assert strangers([5, 6], since_us=10) == 2


@pytest.mark.parametrize("pids", [[70_001], []])
def test_a_list_without_us_tells_nothing(pids: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    nvml(monkeypatch, pids=pids, worked={})
    assert strangers([5, 6], since_us=10) is None  # numbers of another namespace, or a list that hides


def test_a_driver_too_old_for_the_list_of_processes_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = nvml(monkeypatch, pids=[5])
    of_an_old_driver(stand_in)
    assert strangers([5, 6], since_us=10) is None
    assert used() is not None  # which the rest of it does


def test_alone_on_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml(monkeypatch, pids=[5], worked={5: 20})
    assert strangers([5, 6], since_us=10) == 0
