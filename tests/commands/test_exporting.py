"""Exports from the command line: where they are is printed, and what is wrong is said in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from effkit.store import Loaded
from tests.command_line import effkit
from tests.export.conftest import run  # noqa: F401 - the fixture


@pytest.mark.parametrize("to", ["csv", "parquet", "latex", "model-card"])
def test_what_was_written_is_printed(run: Loaded, tmp_path: Path, to: str) -> None:  # noqa: F811
    done = effkit("export", run.folder.parent, "--to", to, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).stat().st_size


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--to", "modelcard"], "Did you mean `model-card`"),
        (["--to", "csv", "--candidate", "minilm-l6"], "holds all candidates"),
        (["--to", "model-card", "--candidate", "nobody"], "is not in this run"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(run: Loaded, arguments: list[str], words: str) -> None:  # noqa: F811
    done = effkit("export", run.folder, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
