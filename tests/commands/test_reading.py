"""Which runs a report shows, and what it says of those that it does not."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from effkit import index
from tests.command_line import effkit
from tests.test_index import GOLDEN, LATER, put, rehearsed


def passed_over(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each for each in caplog.messages if "passed over" in each]


def page(results: Path) -> str:
    return (results / "report" / "report.html").read_text(encoding="utf-8")


def test_a_rehearsal_after_the_real_run_is_said_to_be_passed_over_and_shown_where_it_is_named(
    results: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(results, "real")
    rehearsal = put(results, "tried", started_at=LATER, spec=rehearsed())
    done = effkit("report", "--results", results)
    assert done.returncode == 0, done.stderr
    assert passed_over(caplog) == ["text: a newer rehearsal was passed over (tried); name its folder to see it"]
    assert "(rehearsal)" not in page(results)
    caplog.clear()
    named = effkit("report", rehearsal, "--results", results)
    assert named.returncode == 0, named.stderr
    assert "(rehearsal)" in page(results) and passed_over(caplog) == []


def test_a_report_of_rehearsals_alone_shows_them(results: Path) -> None:
    put(results, "tried", spec=rehearsed())
    assert effkit("report", "--results", results).returncode == 0
    assert "(rehearsal)" in page(results)


def test_a_study_that_was_only_run_by_hand_is_said_to_be_left_out(results: Path) -> None:
    put(results, "batch")
    mine = put(results, "mine", interactive=True, spec=rehearsed() | {"name": "mine"})
    done = effkit("report", "--results", results)
    assert done.returncode == 0
    assert "left out: mine, only run by hand; `effkit report --interactive` shows it" in done.stderr
    assert 'id="mine"' not in page(results)
    for more in (["--interactive"], [results / "text" / "batch", mine]):
        assert "left out" not in effkit("report", *more, "--results", results).stderr
        assert 'id="mine"' in page(results)


def test_of_two_runs_of_one_study_a_report_takes_neither(results: Path) -> None:
    done = effkit("report", put(results, "a"), put(results, "b"), "--results", results)
    assert done.returncode == 2
    assert "Several runs of text were named" in done.stderr and "name one" in done.stderr
    assert not (results / "report").exists()


def test_claims_rest_on_the_run_that_stands(results: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(results, "real")
    put(results, "tried", started_at=LATER, spec=rehearsed())
    assert effkit("claims", results).returncode == 0
    assert passed_over(caplog) == ["text: a newer rehearsal was passed over (tried); name its folder to see it"]


def test_claims_say_where_all_runs_were_made_by_hand_and_take_the_study_that_is_named(results: Path) -> None:
    put(results, "mine", interactive=True)
    done = effkit("claims", results)
    assert done.returncode == 2
    assert f"runs made by hand only: name a study, as in `effkit claims {results}/text`" in done.stderr
    assert effkit("claims", results / "text").returncode == 0


def test_the_table_of_all_runs_is_read_by_any_spreadsheet_and_runs_nothing_there(results: Path) -> None:
    host = json.loads(GOLDEN.read_text())["host"]
    put(results, "a", host=host | {"name": "=1+1", "cpu": "a\rb"})
    assert effkit("report", "--results", results).returncode == 0
    with (results / "report" / "tables" / "_runs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["host"], row["cpu"]) for row in rows} == {("'=1+1", "a\rb")}
    assert [row["candidate"] for row in rows] == [row["candidate"] for row in index.rows(index.read(results).runs)]
