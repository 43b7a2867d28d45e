"""What an error keeps to itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from effkit.secrecy import from_home, without_secrets


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("No such file or directory: '/home/al/models/x'", "No such file or directory: '~/models/x'"),
        ("copy it to /home/al, or to /home/al.", "copy it to ~, or to ~."),
        ("file:///home/al/x", "file://~/x"),
        ("/home/alice/x, /home/al-2/x, /home/al.old/x, /mnt/home/al/x", None),
        ("s3://home/al/x is not there", None),
    ],
)
def test_a_home_folder_tells_no_name(monkeypatch: pytest.MonkeyPatch, said: str, told: str | None) -> None:
    monkeypatch.setenv("HOME", "/home/al")
    assert without_secrets(said) == (told or said)


def test_where_the_root_is_home_paths_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/")
    assert without_secrets("in /data/x and /") == "in /data/x and /"


def test_a_shared_file_names_a_path_from_home_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/al")
    assert from_home(Path("/home/al/x/y.ipynb")) == "~/x/y.ipynb"
    assert from_home(Path("/home/alice/y.ipynb")) == "/home/alice/y.ipynb"
    monkeypatch.setenv("HOME", "/")
    assert from_home(Path("/data/y.ipynb")) == "/data/y.ipynb"


@pytest.mark.parametrize("name", ["DB_PASSWD", "GPG_PASSPHRASE", "PGPASSWORD"])
def test_a_password_is_no_text_for_others_whatever_its_variable_calls_it(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "open sesame")
    assert without_secrets("refused: open sesame") == "refused: …"
