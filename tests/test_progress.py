"""The log of a run: what is said while it goes on, and kept beside its record."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from effkit.progress import log_to


def test_a_log_names_no_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/al")
    with log_to(tmp_path / "log.txt"):
        logging.getLogger("effkit.store").warning("left out: %s cannot be read", "/home/al/results/t/a")
    assert (tmp_path / "log.txt").read_text().endswith(" WARNING left out: ~/results/t/a cannot be read\n")
