"""Whether results can be written is known before anything is measured; which run stands for a study is one rule."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path
from typing import Any

import pytest

from effkit import places, store
from tests.test_index import LATER, put, rehearsed


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write everywhere")
def test_an_unwritable_folder_is_said_before_measuring(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(store.StoreError, match="--results"):
        places.check_writable(locked / "results")


def test_a_results_path_that_is_a_file_is_said_before_measuring(tmp_path: Path) -> None:
    file = tmp_path / "results"
    file.write_text("")
    with pytest.raises(store.StoreError, match="--results"):
        places.check_writable(file)


def test_a_full_disk_is_said_before_measuring(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")._replace(free=10 * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(store.StoreError, match="10 MiB free"):
        places.check_writable(results)


@pytest.mark.parametrize(
    ("newer", "what"),
    [
        ({"spec": rehearsed()}, "rehearsal"),
        ({"interactive": True}, "run by hand"),
        ({"spec": rehearsed(), "interactive": True}, "rehearsal"),
    ],
)
def test_a_newer_rehearsal_or_run_by_hand_displaces_nothing_and_is_named(
    results: Path, caplog: pytest.LogCaptureFixture, newer: dict[str, Any], what: str
) -> None:
    stands = put(results, "a")
    passed_over = put(results, "b", started_at=LATER, **newer)
    assert places.load_newest(results / "text").folder == stands
    assert caplog.messages == [f"text: a newer {what} was passed over (b); name its folder to see it"]
    caplog.clear()
    assert places.load_newest(passed_over).folder == passed_over
    assert caplog.messages == []


def test_where_there_are_only_rehearsals_the_newest_is_taken(results: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(results, "a", spec=rehearsed())
    last = put(results, "b", started_at=LATER, spec=rehearsed())
    assert places.load_newest(results / "text").folder == last
    assert caplog.messages == []


def test_a_run_by_hand_stands_before_rehearsals(results: Path) -> None:
    by_hand = put(results, "a", interactive=True)
    put(results, "b", started_at=LATER, spec=rehearsed())
    assert places.load_newest(results / "text").folder == by_hand


def test_a_newest_run_that_cannot_be_read_is_no_reason_to_take_another(
    results: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken, last = put(results, "a"), put(results, "b", started_at=LATER, spec=rehearsed())
    (broken / store.RECORD).write_text("{ no")
    assert places.load_newest(results / "text").folder == last
    assert "left out" in caplog.text and str(broken) in caplog.text
    (last / store.RECORD).write_text("{ no")
    with pytest.raises(store.StoreError, match="cannot be read"):
        places.load_newest(results / "text")


def test_a_cache_whose_disk_is_full_is_said_before_measuring(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    results.mkdir()
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=0 if path == tmp_path else 2**40))
    with pytest.raises(store.StoreError, match=f"{tmp_path} has 0 MiB free.*EFFKIT_CACHE"):
        places.check_room(results)


def test_a_folder_that_takes_no_file_is_told_and_left_as_it_was(results: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(store.StoreError, match="cannot be written .File too large."):
            places.check_writable(results)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(results.iterdir()) == []


def test_a_run_is_found_by_whatever_names_its_folder(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stands = put(results, "a")
    monkeypatch.setenv("HOME", str(results.parent))
    for place in (f"file://{results}/text", "~/results/text", results / "text"):
        assert places.load_newest(place).folder == stands
