"""What commands conclude from records, by their words and their exit codes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from effkit import store
from tests.batch.sweeps import ask
from tests.test_index import put


def window(start_s: float, end_s: float) -> list[dict[str, Any]]:
    return [{"clock": "one start of one host", "start_s": start_s, "end_s": end_s}]


@pytest.mark.parametrize(("start_s", "code", "words"), [(20.0, 0, "no two overlap"), (5.0, 1, "1 overlap:")])
def test_an_audit_of_runs_that_overlap_ends_with_1(results: Path, start_s: float, code: int, words: str) -> None:
    put(results, "a", windows=window(0.0, 10.0))
    put(results, "b", windows=window(start_s, start_s + 10.0))
    ended, said = ask("audit", "--results", results)
    assert (ended, words in said) == (code, True), said


def test_a_copy_of_a_run_is_not_taken_for_a_second_one_at_the_same_time(results: Path) -> None:
    put(results, "a", windows=window(0.0, 10.0))
    shutil.copytree(results / "text", results / "text-before")
    code, said = ask("audit", "--results", results)
    assert code == 0, said
    assert "1 measured windows of 1 runs" in said and "no two overlap" in said


def test_a_check_of_a_doubtful_run_ends_with_1_and_says_why(results: Path) -> None:
    code, said = ask("check", put(results, "a"))
    assert code == 1
    assert "to bear in mind" in said and "→" in said


def test_a_check_that_finds_nothing_ends_with_0_and_says_so(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("effkit.report.trust.doubts", lambda view: ())
    folder = put(results, "a")
    assert ask("check", folder) == (0, f"{folder}: nothing speaks against it\n")


def test_runs_by_hand_enter_a_report_only_where_they_are_asked_for(results: Path) -> None:
    put(results, "a", interactive=True)
    code, said = ask("report", "--results", results)
    assert code == 2 and "--interactive" in said
    assert not (results / "report").exists()
    code, said = ask("report", "--results", results, "--interactive")
    assert code == 0, said
    assert (results / "report" / "report.html").exists()


def test_a_decision_goes_by_what_is_set_on_the_command_line(results: Path) -> None:
    folder = put(results, "a")
    assert "Nothing is chosen: no candidate meets" not in ask("decide", folder)[1]
    code, said = ask("decide", folder, "--set", "budget.peak_bytes=1000", "--set", "budget.latency_p99_s=null")
    assert code == 0, said
    assert "Nothing is chosen: no candidate meets everything" in said


def test_the_first_study_ends_with_an_answer(results: Path) -> None:
    code, said = ask("try")
    assert code == 0, said
    assert "(rehearsal)" in said, said
    kept = re.search(r"Kept in (.+?);", said)
    assert kept is not None and (Path(kept[1]) / store.RECORD).is_file(), said
