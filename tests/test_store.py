"""Runs are written once, whole, the record last; what cannot be read is named and left out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from effkit import store
from effkit.migrations import read_record
from effkit.record import Record

GOLDEN = Path(__file__).parent / "golden" / "record-v1.json"


@pytest.fixture
def record() -> Record:
    return read_record(GOLDEN.read_bytes())


def written(results: Path, record: Record, run: str = "20260101T000000-abc") -> Path:
    staged = store.stage(results, record.spec.name, run)
    frame = pd.DataFrame({"value": [1.0]})
    store.write(staged, record, frame, frame, {"name": record.spec.name})
    return staged


def test_a_run_appears_only_when_it_is_whole(results: Path, record: Record) -> None:
    staged = written(results, record)
    assert store.load_all(results) == []
    place = store.publish(staged)
    assert place == results / record.spec.name / "20260101T000000-abc"
    (loaded,) = store.load_all(results)
    assert loaded.record == record
    assert {path.name for path in place.iterdir()} == {
        "record.json",
        "samples.parquet",
        "predictions.parquet",
        "params.yaml",
    }


def test_a_staged_run_without_a_record_is_not_published(results: Path) -> None:
    staged = store.stage(results, "t", "run")
    with pytest.raises(store.StoreError, match="did not finish"):
        store.publish(staged)
    store.discard(staged)
    assert not staged.exists()


def test_a_run_is_written_once(results: Path, record: Record) -> None:
    store.publish(written(results, record))
    with pytest.raises(store.StoreError, match="written once"):
        store.publish(written(results, record))


def test_a_corrupt_record_is_named_and_the_rest_loads(
    results: Path, record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    store.publish(written(results, record))
    broken = store.publish(written(results, record, "20260102T000000-def"))
    (broken / store.RECORD).write_text("{ not json")
    assert len(store.load_all(results)) == 1
    assert str(broken) in caplog.text


def test_the_newest_run_of_each_study_is_kept(results: Path, record: Record) -> None:
    older = record.model_copy(update={"started_at": record.started_at.replace(year=2001), "run": "old"})
    loaded = [store.Loaded(results, record), store.Loaded(results, older)]
    assert [each.record.run for each in store.newest(loaded)] == [record.run]


def test_a_rehearsal_or_a_run_by_hand_stands_only_where_nothing_better_does(results: Path, record: Record) -> None:
    later = record.started_at.replace(year=record.started_at.year + 1)
    smoke = record.spec.model_copy(update={"protocol": record.spec.protocol.model_copy(update={"base": "smoke"})})
    batch = store.Loaded(results / "batch", record)
    by_hand = store.Loaded(results / "by-hand", record.model_copy(update={"interactive": True, "started_at": later}))
    rehearsal = store.Loaded(results / "smoke", record.model_copy(update={"spec": smoke, "started_at": later}))
    assert store.newest([rehearsal, batch, by_hand]) == [batch]
    assert store.newest([rehearsal, by_hand]) == [by_hand]
    assert store.newest([rehearsal]) == [rehearsal]


def test_results_are_found_from_inside_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EFFKIT_RESULTS", raising=False)
    for folder in ("params", "notebooks"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert store.results_dir() == tmp_path / "results"
    assert store.results_dir("elsewhere") == Path("elsewhere")


def test_the_home_folder_is_known_where_no_shell_put_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("EFFKIT_RUN", raising=False)
    assert store.results_dir("~/runs") == tmp_path / "runs"
    monkeypatch.setenv("EFFKIT_RESULTS", "~/runs")
    assert store.results_dir() == tmp_path / "runs"
