"""A run to export: the golden record in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from effkit.store import RECORD, Loaded
from tests.analysis.two_runs import golden, predictions


@pytest.fixture
def run(tmp_path: Path) -> Loaded:
    folder = tmp_path / "results" / "text" / golden().run
    folder.mkdir(parents=True)
    (folder / RECORD).write_text(golden().model_dump_json(), encoding="utf-8")
    predictions().to_parquet(folder / "predictions.parquet")
    return Loaded(folder, golden())
