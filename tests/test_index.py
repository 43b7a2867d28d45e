"""The index: it saves reading records and is never believed against them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from effkit import index, store

GOLDEN = Path(__file__).parent / "golden" / "record-v3.json"


LATER = "2026-03-02T14:12:00Z"
"""A day after the golden record began."""


def rehearsed() -> dict[str, Any]:
    """The parameters of the golden record, under the protocol of a rehearsal."""
    spec: dict[str, Any] = json.loads(GOLDEN.read_text())["spec"]
    return spec | {"protocol": spec["protocol"] | {"base": "smoke"}}


def put(results: Path, run: str, **changes: Any) -> Path:
    """Put a record of the tests under another name."""
    raw = json.loads(GOLDEN.read_text()) | {"run": run} | changes
    folder = results / "text" / run
    folder.mkdir(parents=True)
    (folder / store.RECORD).write_text(json.dumps(raw))
    return folder


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every record that is really read."""
    seen: list[Path] = []
    load = store.load

    def watched(folder: Path) -> store.Loaded:
        seen.append(folder)
        return load(folder)

    monkeypatch.setattr(store, "load", watched)
    return seen


def test_a_record_is_read_once(results: Path, opened: list[Path]) -> None:
    folders = [put(results, name) for name in ("a", "b")]
    first = index.read(results)
    assert sorted(opened) == folders
    assert index.read(results) == first
    assert len(opened) == 2
    put(results, "c")
    assert [each.run for each in index.read(results).runs] == ["a", "b", "c"]
    assert len(opened) == 3


def test_a_line_tells_what_the_record_does(results: Path) -> None:
    record = store.load(put(results, "a")).record
    (run,) = index.read(results).runs
    (again,) = index.read(results).runs
    assert run == again
    assert (run.identity, run.replicate, run.sweep) == (record.identity, record.replicate, record.sweep)
    assert (run.windows, run.started_at, run.code) == (record.windows, record.started_at, record.code)
    rows = index.rows([run])
    assert all(tuple(row) == index.COLUMNS for row in rows)
    assert [row["candidate"] for row in rows] == [each.name for each in record.candidates]
    latency = [each.latency.mean_s.value if each.latency else None for each in record.candidates]
    assert [row["latency_s"] for row in rows] == latency
    added = [each.memory.added_bytes if each.memory else None for each in record.candidates]
    assert [row["added_bytes"] for row in rows] == added


def test_a_record_that_changed_or_went_is_noticed(results: Path) -> None:
    folder = put(results, "a")
    put(results, "b")
    index.read(results)
    raw = json.loads((folder / store.RECORD).read_text()) | {"sweep": "another"}
    (folder / store.RECORD).write_text(json.dumps(raw))
    assert [each.sweep for each in index.read(results).runs if each.run == "a"] == ["another"]
    (folder / store.RECORD).unlink()
    assert [each.run for each in index.read(results).runs] == ["b"]


@pytest.mark.parametrize("damage", [b"", b"nonsense", b'{"version": 1', b'\n{"version": 0}\n', bytes(range(256))])
def test_a_damaged_index_costs_time_and_nothing_else(results: Path, damage: bytes) -> None:
    put(results, "a")
    before = index.read(results)
    (results / index.INDEX).write_bytes(damage)
    put(results, "b")
    assert [each.run for each in index.read(results).runs] == ["a", "b"]
    assert index.read(results).runs[0] == before.runs[0]


def test_an_index_that_may_not_be_read_costs_time_and_nothing_else(results: Path) -> None:
    put(results, "a")
    (results / index.INDEX).mkdir()  # which is refused as another user's own file is
    for _ in range(2):
        assert [each.run for each in index.read(results).runs] == ["a"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{ no", GOLDEN.read_bytes()[:5000], b'{"schema_version": 3}', b"null", b"[]", b'{"schema_version": 0}'],
)
def test_a_record_that_cannot_be_read_is_named_stays_and_counts_for_nothing(results: Path, content: bytes) -> None:
    broken = put(results, "a") / store.RECORD
    put(results, "b")
    broken.write_bytes(content)
    for _ in range(2):
        found = index.read(results)
        assert [each.run for each in found.runs] == ["b"]
        (sentence,) = found.unreadable
        assert str(broken) in sentence
    assert broken.read_bytes() == content


def test_a_record_that_may_not_be_looked_at_is_named_and_the_rest_is_read(results: Path) -> None:
    put(results, "a")
    record = put(results, "b") / store.RECORD
    record.unlink()
    record.symlink_to(record)  # it is there, and refused to root too, as what others keep to themselves is to all else
    for _ in range(2):
        found = index.read(results)
        assert [each.run for each in found.runs] == ["a"]
        (sentence,) = found.unreadable
        assert f"{record} cannot be read" in sentence


def test_the_index_is_written_anew_when_most_of_it_is_out_of_date(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "SLACK_LINES", 4)
    path = put(results, "a") / store.RECORD
    other = results / f"{index.INDEX}.{os.getpid()}"  # of another host, whose process has the same number
    other.write_text("half")
    for number in range(8):
        os.utime(path, ns=(number * 10**9, number * 10**9))
        index.read(results)
    assert other.read_text() == "half"
    assert len((results / index.INDEX).read_bytes().strip().split(b"\n\n")) < 8
    assert len(index.read(results).runs) == 1


def test_runs_by_hand_and_with_failed_candidates_are_not_done(results: Path) -> None:
    put(results, "a", identity="1-x", interactive=True)
    raw = json.loads(GOLDEN.read_text())
    raw["candidates"][-1] |= {"status": "failed", "error": "it was a test"}
    put(results, "b", identity="1-x", candidates=raw["candidates"], interactive=False)
    assert index.done(results, "1-x") is None
    whole = [each | {"status": "ok", "error": None} for each in raw["candidates"]]
    put(results, "c", identity="1-x", candidates=whole, interactive=False)
    found = index.done(results, "1-x")
    assert found is not None and found.run == "c"


def test_a_line_tells_whether_its_run_stands_for_the_study(results: Path) -> None:
    put(results, "a")
    put(results, "b", started_at=LATER, spec=rehearsed())
    put(results, "c", started_at=LATER, interactive=True)
    for _ in range(2):
        runs = index.read(results).runs
        assert {each.run: (each.rehearsal, each.interactive) for each in runs} == {
            "a": (False, False), "b": (True, False), "c": (False, True),
        }  # fmt: skip
        assert [each.run for each in store.newest(runs)] == ["a"]
    assert {row["run"]: row["rehearsal"] for row in index.rows(runs)} == {"a": False, "b": True, "c": False}


def test_studies_that_were_only_run_by_hand_are_kept_only_where_one_is_named(results: Path) -> None:
    put(results, "a", interactive=True)
    assert index.unattended(index.read(results).runs) == []
    put(results, "b", started_at=LATER)
    assert [each.run for each in index.unattended(index.read(results).runs)] == ["a", "b"]
