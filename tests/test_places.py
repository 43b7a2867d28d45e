"""Whether results can be written is known before anything is measured."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

import pytest

from effkit import places, store


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


def test_a_cache_whose_disk_is_full_is_said_before_measuring(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
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
