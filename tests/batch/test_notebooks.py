"""The notebook that tells a study is found by its parameter file's name, or by its modality."""

from __future__ import annotations

from pathlib import Path

import pytest

from effkit.batch.notebooks import notebook_for
from effkit.spec import SpecError


def test_a_missing_notebook_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match=r"notebooks/text.ipynb above .*: run it in a checkout of effkit, or put the"):
        notebook_for("text", tmp_path / "params" / "t.yaml")


def test_a_notebook_of_the_files_own_name_goes_before_its_modalitys(tmp_path: Path) -> None:
    folder, params = tmp_path / "notebooks", tmp_path / "params" / "t.yaml"
    folder.mkdir()
    (folder / "tabular.ipynb").touch()
    assert notebook_for("tabular", params) == folder / "tabular.ipynb"
    (folder / "t.ipynb").touch()
    assert notebook_for("tabular", params) == folder / "t.ipynb"
    assert notebook_for("tabular", params.with_name("t-vision.yaml")) == folder / "t.ipynb"
    assert notebook_for("tabular", params.with_name("mine.yaml")) == folder / "tabular.ipynb"
    assert notebook_for("tabular", params.with_name("t-of-mine.yaml")) == folder / "t.ipynb"
