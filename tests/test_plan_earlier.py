"""What earlier runs tell a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from effkit import store
from effkit.plan_earlier import seen_before
from tests.analysis.two_runs import changed, golden
from tests.bench.gpus import nvml

GPUS = ("Some GPU, 570.1, 300 W", "Another GPU, 570.1, 150 W")


@pytest.mark.parametrize(
    ("gpu", "told"),
    [
        ("Some GPU (first), CUDA 13.0, cuDNN 91002", True),
        ("Some GPU MIG 3g.20gb (slice), CUDA 13.0, cuDNN 91002", True),
        ("Another GPU (second), CUDA 13.0, cuDNN 91002", False),
        (None, True),
    ],
)
def test_times_of_another_gpu_of_this_machine_are_not_taken(
    gpu: str | None, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml(monkeypatch)
    monkeypatch.setattr("effkit.plan_earlier.gpus", lambda: GPUS)
    record = golden()
    monkeypatch.setattr("effkit.plan_earlier.cpu_name", lambda: record.host.cpu)
    protocol = record.spec.protocol.model_copy(update={"device": "cuda"})
    record = changed(record, spec={"protocol": protocol}, host={"gpus": GPUS, "gpu": gpu})
    folder = tmp_path / "text" / record.run
    folder.mkdir(parents=True)
    (folder / store.RECORD).write_text(record.model_dump_json(), encoding="utf-8")
    assert bool(seen_before(record.spec, tmp_path).timed) is told
