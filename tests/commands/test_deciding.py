"""Deciding in a pipeline: exit codes that tell no from not shown, and JSON that is all there is to read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from effkit import store
from tests.command_line import effkit, started
from tests.report.conftest import CASES
from tests.test_index import LATER, put, rehearsed


@pytest.fixture
def run(results: Path) -> Path:
    """A run in which one candidate is good enough, one is not, and one failed."""
    folder = results / "text" / "a"
    folder.mkdir(parents=True)
    (folder / store.RECORD).write_text(CASES["yes"]().model_dump_json(), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("minilm-l6", 0, "minilm-l6 is good enough."),
        ("tfidf-logreg", 1, "tfidf-logreg is not good enough: worse by more than"),
        ("minilm-l6+int8", 3, "Whether minilm-l6+int8 is good enough is not shown: it failed in this run"),
    ],
)
def test_what_is_required_is_told_by_the_exit_code(run: Path, name: str, code: int, words: str) -> None:
    done = effkit("decide", run, "--require", name)
    assert done.returncode == code
    assert done.stderr.startswith(words)
    assert done.stdout == effkit("decide", run).stdout, "the argument is the same"


def test_without_a_requirement_the_exit_code_is_0_whatever_is_decided(run: Path) -> None:
    done = effkit("decide", run, "--set", "budget.peak_bytes=1000")
    assert done.returncode == 0 and "Nothing is chosen" in done.stdout


def test_what_is_set_is_what_is_required(run: Path) -> None:
    done = effkit("decide", run, "--set", "budget.peak_bytes=1000", "--require", "minilm-l6")
    assert done.returncode == 1
    assert "peak memory is 369 MB, and 1 kB is allowed" in done.stderr.replace("\u00a0", " ")


def test_a_name_that_no_candidate_has_is_refused_with_those_there_are(run: Path) -> None:
    done = effkit("decide", run, "--require", "minilm-l7", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Did you mean `minilm-l6`?" in done.stderr
    assert "Known: minilm-l6, minilm-l6+int8, mpnet-base, tfidf-logreg." in done.stderr


def test_json_stands_alone_on_stdout(run: Path) -> None:
    done = effkit("decide", run, "--json", "--require", "tfidf-logreg")
    assert done.returncode == 1 and "not good enough" in done.stderr
    found = json.loads(done.stdout)
    assert (found["kind"], found["chosen"]) == ("smaller", "minilm-l6")
    assert {each["candidate"]: each["verdict"] for each in found["candidates"]} == {
        "mpnet-base": "fails", "tfidf-logreg": "fails", "minilm-l6": "meets", "minilm-l6+int8": "open",
    }  # fmt: skip


def test_a_rehearsal_that_was_passed_over_is_said_in_one_line_and_not_on_stdout(results: Path) -> None:
    put(results, "a")
    put(results, "b", started_at=LATER, spec=rehearsed())
    done = started("decide", results / "text", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run"] == "a"
    assert "text: a newer rehearsal was passed over (b); name its folder to see it" in done.stderr.splitlines()
