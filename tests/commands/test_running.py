"""What `effkit plan` says of a sweep."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.batch.sweeps import project, sweep
from tests.command_line import effkit


def test_what_points_of_a_sweep_could_show_is_told_once(tmp_path: Path, results: Path) -> None:
    budget = {"latency_p99_s": 0.1, "requests_per_s": 50}
    params = project(tmp_path, candidates=["logreg", "lightgbm-small"], budget=budget)
    done = effkit("plan", sweep(params, "s", matrix={"seed": [1, 2], "margin_points": [1, 2]}))
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert [each.split(": ")[0] for each in said if "Power: " in each] == [
        "t-seed-1-margin-points-1 and 1 more",
        "t-seed-1-margin-points-2 and 1 more",
    ]
    for sentence in ("`budget.latency_p99_s` at 50 requests a second", "No speed is claimed"):
        (line,) = [each for each in said if sentence in each]
        assert line.startswith(sentence), "it is so of every point"


def test_a_study_beside_a_sweep_tells_its_own(tmp_path: Path, results: Path) -> None:
    params = project(tmp_path, candidates=["logreg", "lightgbm-small"])
    said = effkit("plan", params / "t.yaml", sweep(params, "s", matrix={"seed": [2, 3]})).stdout
    assert said.count("\nPower: ") == 2 and "more: " not in said


def test_a_sweep_of_one_point_tells_what_it_would_download(
    tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EFFKIT_LOCAL", raising=False)
    path = sweep(project(tmp_path, task="adult-income"), "s")
    said = effkit("plan", path, EFFKIT_CACHE=str(tmp_path / "cache")).stdout
    assert "All together: 1 of 1 to run" in said and "\nTo download: adult-income: " in said
