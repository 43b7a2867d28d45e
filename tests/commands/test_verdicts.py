"""What commands conclude from records, by their words and their exit codes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from effkit.cli import app
from tests.test_index import put


def effkit(*arguments: Any) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def window(start_s: float, end_s: float) -> list[dict[str, Any]]:
    return [{"clock": "one start of one host", "start_s": start_s, "end_s": end_s}]


@pytest.mark.parametrize(("start_s", "code", "words"), [(20.0, 0, "no two overlap"), (5.0, 1, "1 overlap:")])
def test_an_audit_of_runs_that_overlap_ends_with_1(results: Path, start_s: float, code: int, words: str) -> None:
    put(results, "a", windows=window(0.0, 10.0))
    put(results, "b", windows=window(start_s, start_s + 10.0))
    done = effkit("audit", "--results", results)
    assert (done.exit_code, words in done.output) == (code, True), done.output


def test_a_check_of_a_doubtful_run_ends_with_1_and_says_why(results: Path) -> None:
    done = effkit("check", put(results, "a"))
    assert done.exit_code == 1
    assert "to bear in mind" in done.output and "→" in done.output


def test_runs_by_hand_enter_a_report_only_where_they_are_asked_for(results: Path) -> None:
    put(results, "a", interactive=True)
    alone = effkit("report", "--results", results)
    assert alone.exit_code == 1 and "--interactive" in alone.output
    assert not (results / "report").exists()
    asked = effkit("report", "--results", results, "--interactive")
    assert asked.exit_code == 0, asked.output
    assert (results / "report" / "report.html").exists()


def test_a_decision_goes_by_what_is_set_on_the_command_line(results: Path) -> None:
    folder = put(results, "a")
    assert "Nothing is chosen: no candidate meets" not in effkit("decide", folder).output
    done = effkit("decide", folder, "--set", "budget.peak_bytes=1000", "--set", "budget.latency_p99_s=null")
    assert done.exit_code == 0, done.output
    assert "Nothing is chosen: no candidate meets everything" in done.output


def test_the_first_study_ends_with_an_answer(results: Path) -> None:
    done = effkit("try")
    assert done.exit_code == 0, done.output
    assert "Kept in" in done.output and re.search(r"\(rehearsal\)|Not shown|Yes|No\.", done.output), done.output
