"""What an attempt leaves: for others to read, and for whoever comes next to finish."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from effkit import attempts, store
from effkit.attempts import Request
from tests.conftest import parameters


def begun(results: Path, study: str, notebook: str = "/elsewhere/x.ipynb") -> Path:
    """The folder of an attempt whose process was killed at once."""
    request = Request(identity="1-x", study=study, params=parameters(), notebook=notebook, again=False)
    folder, descriptor = attempts.begin(results, request)
    os.close(descriptor)
    return folder


@pytest.mark.parametrize("linked", [False, True])
def test_a_request_finds_its_notebook_and_names_no_home_folder(
    linked: bool, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "al"
    home.mkdir()
    (tmp_path / "home").symlink_to(home)
    monkeypatch.setenv("HOME", str(tmp_path / "home" if linked else home))
    folder = begun(results, "t", str(home / "notebooks" / "x.ipynb"))
    assert '"~/notebooks/x.ipynb"' in (folder / attempts.REQUEST).read_text()
    assert Path(attempts.request(folder).notebook).parents[1].samefile(home)


def test_how_an_attempt_ended_names_no_home_folder_and_no_secret(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/al")
    folder = attempts.give_up(begun(results, "t"), "failed", "OSError: /home/al/x, from https://al:word@store/x?sig=1")
    failure = attempts.failure(folder)
    assert failure is not None and failure.sentence == "OSError: ~/x, from https://…@store/x?…"


def test_an_attempt_that_cannot_be_finished_is_named_and_keeps_no_other_from_it(
    results: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stuck, other = begun(results, "a"), begun(results, "b")
    (stuck / store.RECORD).write_text("{}")
    stuck.with_name(store.name_of(stuck)).mkdir()  # where it would be published
    attempts.recover(results)
    assert str(stuck) in caplog.text and stuck.exists()
    assert [each.folder.name for each in attempts.unfinished(results)] == [
        stuck.name,
        f".{store.name_of(other)}{store.FAILED}",
    ]
