"""What the doctor says of a GPU: stand-ins take the place of those that are not here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from effkit import doctor
from effkit.address import MIRROR
from effkit.bench.memory import Room
from effkit.bench.nvml import Card
from effkit.bench.slot import WAITING

WHOLE = Card(0, "Some GPU", "GPU-a", sliced=False)


@pytest.mark.parametrize(
    ("gpus", "counters", "card", "state", "words"),
    [
        ((), None, None, "missing", "measured on the CPU"),
        (("Some GPU",), (True,), WHOLE, "good", "(counter)"),
        (("Another", "Some GPU"), (False, True), replace(WHOLE, index=1), "good", "(counter)"),
        (("Some GPU", "Another"), (False, True), WHOLE, "limited", "(modelled-tdp)"),
        (("Some GPU",), (True,), replace(WHOLE, sliced=True), "limited", "(modelled-generic)"),
        (("Some GPU", "Another"), (True, True), None, "limited", "which of them PyTorch uses"),
        (("Some GPU",), None, None, "limited", "NVML does not answer"),
    ],
)
def test_the_energy_rank_of_a_gpu_is_told(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    gpus: tuple[str, ...],
    counters: tuple[bool, ...] | None,
    card: Card | None,
    state: str,
    words: str,
) -> None:
    monkeypatch.setattr("effkit.bench.host.gpus", lambda: gpus)
    monkeypatch.setattr("effkit.bench.nvml.energy_counters", lambda: counters)
    monkeypatch.setattr("effkit.bench.nvml.used", lambda: card)
    found = next(each for each in doctor.examine(tmp_path) if each.subject == "gpu")
    assert found.state == state
    assert words in found.text
    assert bool(found.fix) == (state == "limited")


@pytest.mark.parametrize(("built", "wanted"), [("2.13.0+cpu", 1), ("2.13.0+cu130", 0), ("2.13.0", 0)])
def test_a_pytorch_that_cannot_use_the_gpu_is_told_beside_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, built: str, wanted: int
) -> None:
    monkeypatch.setattr("effkit.bench.host.gpus", lambda: ("Some GPU",))
    monkeypatch.setattr("effkit.bench.host.versions", lambda: {"torch": built})
    monkeypatch.setattr("effkit.bench.nvml.energy_counters", lambda: (True,))
    monkeypatch.setattr("effkit.bench.nvml.used", lambda: WHOLE)
    monkeypatch.setattr(doctor, "_self_test", lambda: iter(()))
    first, *others = [each for each in doctor.examine(tmp_path) if each.subject == "gpu"]
    assert first.state == "good"
    told = [(each.state, "without CUDA" in each.text, bool(each.fix)) for each in others]
    assert told == [("limited", True, True)] * wanted


@pytest.mark.parametrize(
    ("types", "states"),
    [
        (None, []),
        ({"bf16": True, "8-bit integers": True}, ["good"]),
        ({"bf16": False, "8-bit integers": True}, ["good", "limited"]),
    ],
)
def test_the_doctor_says_which_techniques_can_pay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, types: dict[str, bool] | None, states: list[str]
) -> None:
    monkeypatch.setattr("effkit.bench.host.short_types", lambda: types)
    monkeypatch.setattr(doctor, "_self_test", lambda: iter(()))
    found = [each for each in doctor.examine(tmp_path) if each.subject == "techniques"]
    assert [each.state for each in found] == states
    assert len(states) < 2 or "no instruction that multiplies bf16" in found[1].text


@pytest.mark.parametrize(("total", "state", "words"), [(2e9, "limited", "2 GB, the limit of"), (1e15, "good", " GB.")])
def test_the_memory_is_the_containers_where_it_has_less(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, total: float, state: str, words: str
) -> None:
    monkeypatch.setattr("effkit.bench.memory.room", lambda: Room(int(total), int(total)))
    monkeypatch.setattr(doctor, "_self_test", lambda: iter(()))
    (found,) = (each for each in doctor.examine(tmp_path) if each.subject == "memory")
    assert found.state == state and words in found.text


def test_the_disk_is_that_of_the_cache_that_will_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Path] = []

    def usage(place: Path) -> SimpleNamespace:
        asked.append(place)
        return SimpleNamespace(free=7e9)

    monkeypatch.setattr("shutil.disk_usage", usage)
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path / "not" / "made"))
    found = next(each for each in doctor.examine(tmp_path / "results") if each.subject == "cache")
    assert asked[-1] == tmp_path
    assert (found.state, found.text) == ("good", f"{tmp_path / 'not' / 'made'}: 7 GB free.")


def test_a_cache_that_may_not_be_looked_at_is_told_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refused(place: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("shutil.disk_usage", refused)
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path / "locked"))
    found = next(each for each in doctor.examine(tmp_path / "results") if each.subject == "cache")
    assert (found.state, found.subject) == ("missing", "cache")
    assert found.text == f"{tmp_path / 'locked'} cannot be looked at (Permission denied)."
    assert "EFFKIT_CACHE" in found.fix


def test_a_store_is_told_by_its_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / MIRROR).write_text(json.dumps({"address": "s3://bucket/results", "name": "mine"}), encoding="utf-8")
    monkeypatch.setattr(doctor, "check_writable", lambda results: None)
    found = next(each for each in doctor.examine(tmp_path) if each.subject == "results")
    assert (found.state, found.text) == ("good", "s3://bucket/results can be written.")


def test_the_self_test_does_not_wait_for_another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def waits(tell: Callable[[float, str], None]) -> None:
        tell(0.0, WAITING)

    monkeypatch.setattr("effkit.bench.selftest.self_test", waits)
    (found,) = doctor._self_test()
    assert found.text == "Another run is measuring on this host."


def test_a_slot_that_cannot_be_had_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EFFKIT_SLOT", str(tmp_path / "nowhere"))
    (found,) = doctor._self_test()
    assert found.state == "missing" and "EFFKIT_SLOT name a folder" in found.text
