"""Every benchmark runs to its end, at its smallest; but for the contest and luck, whose rows would stay."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".venv" / "bench-tools"
SMALLEST = {
    "batch_overhead": [],
    "coverage": ["--scale", "0.001"],
    "loadgen": ["--queries", "120", "--seeds", "1"],
    "many_runs": ["--runs", "20"],
    "overhead": ["--repeats", "2"],
    "published": [],
    "two_hosts": ["--trials", "1"],
    "yardstick": ["--rounds", "3"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SMALLEST))
def test_a_benchmark_prints_its_part(name: str) -> None:
    if name == "loadgen":
        pytest.importorskip("mlperf_loadgen", reason="the load generator is an extra: effkit[load]")
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *SMALLEST[name]], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("## ") and "\nHost: " in done.stdout
