"""What the doctor says of a GPU: stand-ins take the place of those that are not here."""

from __future__ import annotations

from pathlib import Path

import pytest

from effkit import doctor


@pytest.mark.parametrize(
    ("gpus", "counters", "state", "words"),
    [
        ((), None, "missing", "measured on the CPU"),
        (("Some GPU",), (True,), "good", "(counter)"),
        (("Some GPU", "Another"), (True, False), "limited", "(modelled-tdp)"),
        (("Some GPU",), None, "limited", "NVML does not answer"),
    ],
)
def test_the_energy_rank_of_a_gpu_is_told(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    gpus: tuple[str, ...],
    counters: tuple[bool, ...] | None,
    state: str,
    words: str,
) -> None:
    monkeypatch.setattr("effkit.bench.host.gpus", lambda: gpus)
    monkeypatch.setattr("effkit.bench.device.energy_counters", lambda: counters)
    found = next(each for each in doctor.examine(tmp_path) if each.subject == "gpu")
    assert found.state == state
    assert words in found.text
    assert bool(found.fix) == (state == "limited")
