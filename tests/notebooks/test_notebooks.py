"""Every notebook is thin, and runs from its first cell to its last."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import papermill
import pytest

from effkit import catalogue, store
from effkit.params import parse, read
from effkit.spec import StudySpec
from tests.conftest import REHEARSAL

ROOT = Path(__file__).parent.parent.parent
NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
STUDIES = {name: name for name in ("tabular", "text", "vision", "compression")} | {"cascades": "cascades-tabular"}
"""Notebooks of studies, and the parameter file whose keys each declares."""


def _cells(name: str, kind: str = "code") -> list[Any]:
    return [cell for cell in nbformat.read(NOTEBOOKS[name], as_version=4).cells if cell.cell_type == kind]


def _parameters(name: str) -> dict[str, Any]:
    """The parameters that a notebook declares, with their defaults."""
    cell = next(cell for cell in _cells(name) if "parameters" in cell.metadata.get("tags", ()))
    return {line.targets[0].id: ast.literal_eval(line.value) for line in ast.parse(cell.source).body}  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_has_one_cell_of_parameters(name: str) -> None:
    tagged = [cell for cell in _cells(name) if "parameters" in cell.metadata.get("tags", ())]
    assert len(tagged) == 1


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_committed_without_outputs(name: str) -> None:
    assert not any(cell.outputs or cell.execution_count for cell in _cells(name))
    raw = json.loads(NOTEBOOKS[name].read_text(encoding="utf-8"))
    assert raw["metadata"]["kernelspec"]["name"] == "python3"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_defines_nothing(name: str) -> None:
    nodes = [node for cell in _cells(name) for node in ast.walk(ast.parse(cell.source))]
    assert not [node for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_uses_public_names_alone(name: str) -> None:
    nodes = [node for cell in _cells(name) for node in ast.walk(ast.parse(cell.source))]
    for node in nodes:
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_"), node.attr
        if isinstance(node, ast.ImportFrom):
            assert not [each.name for each in node.names if each.name.startswith("_")]


@pytest.mark.parametrize("name", STUDIES)
def test_its_defaults_are_its_parameter_file(name: str) -> None:
    declared = _parameters(name)
    assert declared == read(ROOT / "params" / f"{STUDIES[name]}.yaml")
    assert list(declared) == list(StudySpec.model_fields)


def _execute(name: str, folder: Path, parameters: dict[str, Any]) -> None:
    """Run a notebook with papermill alone; its runs land in `folder`/results."""
    folder.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(store.RESULTS_VARIABLE, str(folder / "results"))
        papermill.execute_notebook(
            str(NOTEBOOKS[name]),
            str(folder / f"{name}.ipynb"),
            parameters=parameters,
            kernel_name="python3",
            progress_bar=False,
            cwd=str(ROOT / "notebooks"),
        )


def _only_run(folder: Path) -> store.Loaded:
    (run,) = store.load_all(folder / "results")
    return run


def _rehearse(notebook: str, params: str, folder: Path, protocol: Any = REHEARSAL, **changed: Any) -> store.Loaded:
    """Run a notebook with one of params/smoke, or skip where its data or weights cannot be had."""
    keys = read(ROOT / "params" / "smoke" / f"{params}.yaml") | {"protocol": protocol, **changed}
    spec = parse(keys)
    for needed in (spec.task, *dict.fromkeys(part.model for each in spec.candidates for part in each.parts)):
        try:
            catalogue.fetch(needed)
        except catalogue.CatalogueError as error:
            pytest.skip(f"{needed} is not cached and cannot be fetched: {error}")
    _execute(notebook, folder, keys)
    return _only_run(folder)


def _first(params: str, number: int) -> list[Any]:
    """So many candidates of one of params/smoke; the others are rehearsed with the slow tests."""
    candidates: list[Any] = read(ROOT / "params" / "smoke" / f"{params}.yaml")["candidates"]
    return candidates[:number]


@pytest.fixture(scope="module")
def tabular(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the rehearsal of the tabular study in it."""
    folder = tmp_path_factory.mktemp("tabular")
    _rehearse("tabular", "tabular", folder)
    return folder


def test_tabular_leaves_a_whole_run(tabular: Path) -> None:
    run = _only_run(tabular)
    assert run.record.interactive
    assert not run.record.failed
    files = {path.name for path in run.folder.iterdir()}
    assert {store.RECORD, store.SAMPLES, store.PREDICTIONS, store.PARAMS, store.LOG} <= files


def test_papermill_alone_gives_what_effkit_run_gives(tabular: Path, tmp_path: Path) -> None:
    import pandas as pd

    results = tmp_path / "results"
    command = [sys.executable, "-m", "effkit.cli", "run", "params/smoke/tabular.yaml", "--results", str(results),
               "--set", f"protocol={json.dumps(REHEARSAL)}"]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=600)
    alone, batch = _only_run(tabular), _only_run(tmp_path)
    assert (batch.folder / store.NOTEBOOK).exists()
    assert (results / "report" / "report.html").exists()
    assert batch.record.spec == alone.record.spec
    assert batch.record.task == alone.record.task
    for one, other in zip(batch.record.candidates, alone.record.candidates, strict=True):
        assert (one.name, one.quality, one.gap, one.parameters) == (
            other.name,
            other.quality,
            other.gap,
            other.parameters,
        )
    tables = [pd.read_parquet(run.folder / store.PREDICTIONS) for run in (alone, batch)]
    pd.testing.assert_frame_equal(*tables)


def test_a_rehearsal_says_that_nothing_was_trained_with_several_seeds(tabular: Path) -> None:
    executed = nbformat.read(tabular / "tabular.ipynb", as_version=4)
    (shown,) = (cell.outputs for cell in executed.cells if cell.get("id") == "seeds")
    assert [output.data["text/markdown"] for output in shown] == ["No model was trained with several seeds."]


def test_report_shows_saved_runs(tabular: Path, tmp_path: Path) -> None:
    _execute("report", tmp_path, {"results": str(tabular / "results")})
    shown = json.dumps(nbformat.read(tmp_path / "report.ipynb", as_version=4))
    assert _only_run(tabular).record.run in shown
    assert "<svg" in shown


def test_report_says_where_no_run_is_of_the_studies_that_are_named(tabular: Path, tmp_path: Path) -> None:
    _execute("report", tmp_path, {"results": str(tabular / "results"), "studies": ["another"]})
    said = (tmp_path / "report.ipynb").read_text(encoding="utf-8")
    assert "<li>No run above is of a study" in said and "<li>There are no runs yet" not in said


def test_report_says_when_there_is_nothing_yet(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    _execute("report", tmp_path, {"results": str(tmp_path / "empty")})
    assert "There are no runs yet" in (tmp_path / "report.ipynb").read_text(encoding="utf-8")


def test_your_model_takes_a_function_and_a_table(tmp_path: Path) -> None:
    _execute("your_model", tmp_path, {"protocol": REHEARSAL})
    record = _only_run(tmp_path).record
    mine = record.candidate("centroid")
    assert mine.status == "ok"
    assert mine.quality is not None and np.isfinite(mine.quality.value.value)
    assert mine.latency is not None


def test_text_shows_what_more_labels_do(tmp_path: Path) -> None:
    """Without an encoder, which takes more than a minute to start, warm up and visit twice."""
    few = {"model": "tfidf-logreg"}
    everything = {"model": "tfidf-logreg", "fit_items": "all"}
    record = _rehearse(
        "text", "text", tmp_path, reference="tfidf-logreg@all", candidates=[few, everything], name="labels"
    ).record
    assert not record.failed
    labels = [record.candidate(name).fit_items or 0 for name in ("tfidf-logreg", "tfidf-logreg@all")]
    assert 0 < labels[0] < labels[1]


def test_compression_takes_tables_too(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the extra `compress` is not installed")
    record = _rehearse(
        "compression", "compression-tabular", tmp_path, candidates=_first("compression-tabular", 2)
    ).record
    assert not record.failed
    linked = {
        candidate.name: [name for link in candidate.links for name in link.technique] for candidate in record.candidates
    }
    assert linked["lightgbm-large+features-6+onnx"] == ["features", "onnx"]


def test_cascades_show_what_they_save_and_where_they_break(tmp_path: Path) -> None:
    record = _rehearse("cascades", "cascades-tabular", tmp_path, candidates=_first("cascades-tabular", 3)).record
    assert not record.failed
    assert [bool(candidate.cascade) for candidate in record.candidates] == [False, False, True]
    shown = (tmp_path / "cascades.ipynb").read_text(encoding="utf-8")
    assert "requests go on" in shown and "If the traffic shifts" in shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("notebook", "params"),
    [
        ("tabular", "tabular-regression"),
        ("text", "text"),
        ("text", "text-retrieval"),
        ("vision", "vision"),
        ("compression", "compression"),
        ("compression", "compression-tabular"),
        ("compression", "compression-vision"),
        ("cascades", "cascades-tabular"),
        ("cascades", "cascades-text"),
        ("cascades", "cascades-vision"),
    ],
)
def test_the_other_rehearsals(notebook: str, params: str, tmp_path: Path) -> None:
    record = _rehearse(notebook, params, tmp_path, protocol="smoke").record
    assert not record.failed
    assert record.task.test_used == 200
