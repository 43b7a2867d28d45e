"""What is said of rows: spreads and their intervals."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import luck, summary
from benchmarks.summary import host_line, spread


def test_a_spread_is_about_a_centre_or_about_the_mean() -> None:
    values = [0.01, 0.03, -0.02]
    assert spread(values, about=0.0)[0] == pytest.approx(np.sqrt(np.mean(np.square(values))))
    assert spread(values)[0] == pytest.approx(np.std(values, ddof=1))


@pytest.mark.parametrize("values", [[1.0, 1.0], [0.5, -0.5, 0.5]])
def test_equal_deviations_have_the_interval_of_as_many_degrees(values: list[float]) -> None:
    low, high = np.sqrt(
        len(values) * values[0] ** 2 / np.array([7.3778, 0.0506] if len(values) == 2 else [9.3484, 0.2158])
    )
    assert spread(values, about=0.0)[1:] == pytest.approx((low, high), rel=1e-3)


@pytest.mark.parametrize(("number", "least"), [(3, 0.93), (9, 0.93), (30, 0.93)])
def test_the_interval_holds_the_truth_of_normal_values(number: int, least: float) -> None:
    drawn = np.random.default_rng(number).normal(scale=0.003, size=(600, number))
    held = [low <= 0.003 <= high for _, low, high in (spread(values, about=0.0) for values in drawn)]
    assert np.mean(held) >= least


def test_a_heavy_tail_widens_the_interval() -> None:
    even, uneven = [1.0, -1.0] * 10, [*[0.1, -0.1] * 9, 3.14, -3.14]
    (_, _, narrow), (_, _, wide) = spread(even, about=0.0), spread(uneven, about=0.0)
    assert wide > 1.5 * narrow


def test_hosts_have_tables_of_their_own() -> None:
    def row(host: str, number: int) -> dict[str, Any]:
        found = {"log_ratio": 0.001 * number, "log_ratio_of_means": 0.002 * number, "number": number}
        made = {"at": "2026-11-28T00:00:00+00:00", "host": host, "effkit": "0.3.0", "model": "matrix"}
        return {**made, "condition": luck.CONDITIONS[0].name, **found}

    page = luck.summary([row("here", number) for number in range(3)] + [row("there", number) for number in range(4)])
    assert page.count("| matrix |") == 2 and "Host: here;" in page and "Host: there;" in page
    assert page.count("## ") == 1


def test_the_code_that_measured_is_named() -> None:
    made = {"at": "2026-11-28T00:00:00+00:00", "host": "here", "effkit": "0.3.0"}
    rows = [made, made | {"commit": "b2"}, made | {"commit": "a1+", "judged": "c3"}]
    expected = "Host: here; effkit 0.3.0, commit a1+, b2, unknown of 1 rows, judged anew by c3; 2026-11-28."
    assert host_line(rows) == expected
    assert ", commit " in host_line()


@pytest.mark.skipif(shutil.which("git") is None, reason="Git is not installed")
def test_rows_are_no_change_of_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words], cwd=tmp_path, check=True)

    rows, code = tmp_path / "benchmarks" / "measured" / "contest.jsonl", tmp_path / "effkit.py"
    rows.parent.mkdir(parents=True)
    for path in (rows, code):
        path.write_text("before")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "before")
    monkeypatch.setattr(summary, "__file__", str(rows.parents[1] / "summary.py"))
    clean = summary.commit()
    assert clean and "+" not in clean
    rows.write_text("after")
    assert summary.commit() == clean
    code.write_text("after")
    assert summary.commit() == f"{clean}+"
