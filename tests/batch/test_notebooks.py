"""The notebook that tells a study is found by its parameter file's name, or by its modality."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from effkit.batch.notebooks import notebook_for
from effkit.spec import SpecError

ROOT = Path(__file__).resolve().parents[2]


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


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_that_takes_no_study_tells_no_file_of_its_name(notebook: Path) -> None:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    (declared,) = ("".join(each["source"]) for each in cells if "parameters" in each["metadata"].get("tags", ()))
    teller = notebook if "\nreference = " in declared else notebook.with_name("text.ipynb")
    for name in (notebook.stem, f"{notebook.stem}-of-mine"):
        assert notebook_for("text", ROOT / "params" / f"{name}.yaml") == teller
