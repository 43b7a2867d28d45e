"""Claims on the page, in the CSV file and on the command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from effkit.address import MIRROR
from effkit.analysis.claim_figures import Figure
from effkit.analysis.claim_terms import Condition, known_claims
from effkit.record import Record
from effkit.report import render_html, summarise, write
from effkit.report.claims import said
from tests.command_line import effkit
from tests.report.conftest import minilm, record, reference, tfidf

MakeRecord = Callable[[str], Record]


def test_every_claim_stands_once_touched_or_untested(any_record: Record) -> None:
    found = summarise([any_record]).claims
    keys = [each.key for each in (*found.cards, *found.untested)]
    assert sorted(keys) == sorted(each.id for each in known_claims())
    assert all(each.verdict.text == "untested" for each in found.untested)
    assert all(each.lines for each in found.cards)
    assert not any(each.lines for each in found.untested)


def test_the_note_counts_the_verdicts_and_warns_of_chance(make_record: MakeRecord) -> None:
    found = summarise([make_record("yes")]).claims
    assert f"{len(known_claims())} claims were looked at on Synthetic CPU" in found.note
    assert f"{len(found.untested)} untested" in found.note
    assert "chance" in found.note


def test_the_page_shows_verdicts_with_numbers_and_folds_the_rest(make_record: MakeRecord) -> None:
    page = render_html(summarise([make_record("yes")]))
    section = page[page.index('id="claims"') :]
    assert "MiniLM is three times smaller than MPNet" in section
    assert "weights 0.207×; quality −0.5\u00a0% [−1.1,\u00a0+0.1]" in section
    folded = section[section.index('<details id="claims-untested"') :]
    assert "Half precision costs no quality" in folded
    assert "params/compression-runtimes.yaml would" in folded


def test_text_of_a_run_is_escaped(make_record: MakeRecord) -> None:
    broken = minilm(status="failed", error="<b>no</b>", latency=None, gap=None, quality=None)
    page = render_html(summarise([record(reference(), broken)]))
    assert "&lt;b&gt;no&lt;/b&gt;" in page[page.index('id="claims"') :]
    assert "<b>no</b>" not in page


def test_numbers_stand_in_a_table(make_record: MakeRecord, tmp_path: Path) -> None:
    write([make_record("yes")], tmp_path)
    with (tmp_path / "tables" / "_claims.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    fast = next(row for row in rows if row["claim"] == "minilm-five-times-faster")
    assert (fast["verdict"], fast["candidate"], fast["before"]) == ("supported", "minilm-l6", "mpnet-base")
    assert float(fast["value"]) == pytest.approx(0.0071 / 0.0412)
    assert (fast["at_least"], fast["at_most"], fast["holds"]) == ("", "0.25", "True")


@pytest.mark.parametrize(
    ("condition", "figure", "expected"),
    [
        ({"quantity": "latency", "at_most": 1}, Figure(0.3427, 0.294, 0.4), "latency 0.343× [0.294,\u00a00.400]"),
        ({"quantity": "size", "at_most": 1}, Figure(0.25, 0.25, 0.25), "weights 0.250×"),
        ({"quantity": "latency", "at_most": 1}, Figure(99.96, 99.2, 100.4), "latency 100× [99.2,\u00a0100]"),
        ({"quantity": "latency", "at_most": 1}, Figure(155.2, 136.4, 1766.0), "latency 155× [136,\u00a01,766]"),
        (
            {"quantity": "quality_percent", "at_least": 0},
            Figure(-0.01, -1.0, 0.5),
            "quality 0.0\u00a0% [−1.0,\u00a0+0.5]",
        ),
        (
            {"quantity": "machines", "at_per_s": 10000, "at_most": 1},
            Figure(0.5, 0.4, 0.6),
            "machines at 10,000/s 0.500× [0.400,\u00a00.600]",
        ),
    ],
)
def test_a_number_is_said_with_its_interval(condition: dict[str, object], figure: Figure, expected: str) -> None:
    assert said(Condition.model_validate(condition), figure) == expected


@pytest.mark.parametrize("width", [80, 100])
def test_the_command_wraps_and_cuts_nothing_off(width: int, tmp_path: Path) -> None:
    run = tmp_path / "text" / "20260301T141200-3f9ac2"
    run.mkdir(parents=True)
    (run / "record.json").write_text(record(reference(), minilm(), tfidf()).model_dump_json(), encoding="utf-8")
    for place in (run, run.parent, tmp_path):
        done = effkit("claims", place, COLUMNS=str(width))
        assert done.returncode == 0, done.stderr
        assert max(map(len, done.stdout.splitlines())) <= width
        assert "…" not in done.stdout
        words = " ".join(done.stdout.split())
        assert all(each.statement in words for each in known_claims())
        assert "latency 0.172×" in words


def test_the_command_says_where_there_is_nothing(tmp_path: Path) -> None:
    done = effkit("claims", tmp_path, COLUMNS="80")
    assert done.returncode == 2
    assert f"{tmp_path} has no runs yet" in done.stderr and "Traceback" not in done.stderr


def test_the_command_names_a_store_by_its_address(tmp_path: Path) -> None:
    (tmp_path / MIRROR).write_text(json.dumps({"address": "s3://bucket/results", "name": "mine"}), encoding="utf-8")
    done = effkit("claims", tmp_path, COLUMNS="80")
    assert done.returncode == 2
    assert "s3://bucket/results has no runs yet" in done.stderr and str(tmp_path) not in done.stderr


def test_the_command_says_of_runs_made_by_hand_how_to_judge_by_them(tmp_path: Path) -> None:
    run = tmp_path / "text" / "20260301T141200-3f9ac2"
    run.mkdir(parents=True)
    by_hand = record(reference(), minilm(), tfidf()).model_copy(update={"interactive": True})
    (run / "record.json").write_text(by_hand.model_dump_json(), encoding="utf-8")
    done = effkit("claims", tmp_path, COLUMNS="80")
    assert done.returncode == 2 and "has runs made by hand only" in done.stderr
    assert effkit("claims", run.parent, COLUMNS="80").returncode == 0


def test_the_command_names_a_record_that_it_cannot_read(tmp_path: Path) -> None:
    for name in ("20260301T141200-3f9ac2", "20260302T141200-3f9ac2"):
        (tmp_path / "text" / name).mkdir(parents=True)
    good = record(reference(), minilm(), tfidf()).model_dump_json()
    (tmp_path / "text" / "20260301T141200-3f9ac2" / "record.json").write_text(good, encoding="utf-8")
    (tmp_path / "text" / "20260302T141200-3f9ac2" / "record.json").write_text("{}", encoding="utf-8")
    done = effkit("claims", tmp_path, COLUMNS="80")
    assert done.returncode == 0
    assert "left out: " in done.stderr and "20260302T141200-3f9ac2" in done.stderr
