"""Where an export goes, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from effkit.export import FORMATS, ExportError, export
from effkit.spec import SpecError
from effkit.store import Loaded


@pytest.mark.parametrize("to", [name for name, each in FORMATS.items() if each.suffix])
def test_without_a_place_the_file_is_named_after_the_run(
    run: Loaded, to: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert export(run, to) == f"text-{run.record.run}{FORMATS[to].suffix}"
    assert (tmp_path / f"text-{run.record.run}{FORMATS[to].suffix}").stat().st_size


def test_a_folder_takes_the_file_under_the_runs_name(run: Loaded, tmp_path: Path) -> None:
    assert Path(export(run, "csv", str(tmp_path))) == tmp_path / f"text-{run.record.run}.csv"


def test_an_unknown_format_is_refused_with_the_nearest(run: Loaded) -> None:
    with pytest.raises(SpecError, match="Did you mean `parquet`"):
        export(run, "parket")


def test_a_candidate_is_for_model_cards_alone(run: Loaded) -> None:
    with pytest.raises(ExportError, match="holds all candidates"):
        export(run, "csv", candidate="minilm-l6")


@pytest.mark.parametrize("to", [name for name, each in FORMATS.items() if each.suffix])
def test_a_place_that_cannot_be_written_is_said_with_the_fix(run: Loaded, to: str, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("")
    with pytest.raises(ExportError, match=r"taken/numbers cannot be written \(.+\): give another place with --out"):
        export(run, to, str(taken / "numbers"))
