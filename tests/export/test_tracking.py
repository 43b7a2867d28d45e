"""A run in MLflow: everything that was measured, once, with its origin."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effkit.export import ExportError, export
from effkit.export.table import numbers
from effkit.export.tracking import _keyed, _uri
from effkit.store import RECORD, Loaded

needs_mlflow = pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None, reason="mlflow-skinny is in the extras `test` and `mlflow`"
)


@given(st.lists(st.text(), max_size=20))
def test_every_name_has_a_key_that_mlflow_takes(names: list[str]) -> None:
    keys = list(_keyed((name, None) for name in names))
    assert len(keys) == len(names)
    assert all(len(key) <= 250 and key.replace("_", "").replace("-", "").isascii() for key in keys)


def test_a_folder_is_a_place_of_its_own_and_an_address_is_left_alone(tmp_path: Path) -> None:
    assert _uri(str(tmp_path)) == tmp_path.as_uri()
    assert _uri("http://127.0.0.1:5000") == "http://127.0.0.1:5000"
    assert _uri("sqlite:///runs.db") == "sqlite:///runs.db"
    assert _uri("databricks") == "databricks"


def test_a_key_has_no_slash_whatever_a_group_is_called() -> None:
    names = ["gap in unit=km/", "gap in unit=a//b", "gap in unit=a"]
    assert list(_keyed((name, None) for name in names)) == ["gap in unit_km_", "gap in unit_a__b", "gap in unit_a"]


@pytest.mark.parametrize("out", ["127.0.0.1:5000", "localhost:5000", "mlflow.example.org:80/team"])
def test_a_server_without_a_scheme_is_no_folder(run: Loaded, out: str) -> None:
    with pytest.raises(ExportError, match=f"has no scheme: give http://{out}"):
        export(run, "mlflow", out)
    assert not Path(out).exists()


def test_without_mlflow_the_error_says_what_to_install(
    run: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "mlflow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ExportError, match=r"\.\[mlflow\]"):
        export(run, "mlflow", str(tmp_path / "mlruns"))
    assert not (tmp_path / "mlruns").exists()
    assert "MLFLOW_ALLOW_FILE_STORE" not in os.environ


@needs_mlflow
def test_every_number_is_logged_with_its_interval_and_origin(run: Loaded, tmp_path: Path) -> None:
    parent, children = _logged(run, tmp_path)
    assert parent.info.status == "FINISHED"
    assert parent.data.params["seed"] == "1" and parent.data.params["carbon.region"] == "FRA"
    assert parent.data.tags["version.torch"] == "2.13.0"
    assert {each.info.run_name: each.info.status for each in children} == {
        "mpnet-base": "FINISHED", "tfidf-logreg": "FINISHED", "minilm-l6": "FINISHED", "minilm-l6+int8": "FAILED",
    }  # fmt: skip
    small = next(each for each in children if each.info.run_name == "minilm-l6")
    rows = [row for row in numbers(run) if row.candidate == "minilm-l6" and row.value is not None]
    assert len(small.data.metrics) == sum(1 + (row.low is not None) + (row.high is not None) for row in rows)
    assert small.data.metrics["latency_mean"] == 0.0071
    assert small.data.metrics["latency_mean.low"] < 0.0071 < small.data.metrics["latency_mean.high"]
    for key in small.data.metrics:
        if not key.endswith((".low", ".high")):
            assert small.data.tags[f"origin.{key}"] in ("measured", "counted", "modelled")
    assert "energy_request" not in next(each for each in children if each.info.run_name == "tfidf-logreg").data.metrics


@needs_mlflow
def test_the_runs_own_files_are_its_artifacts(run: Loaded, tmp_path: Path) -> None:
    parent, _ = _logged(run, tmp_path)
    names = {path.name for path in Path(parent.info.artifact_uri.removeprefix("file://")).iterdir()}
    assert names == {RECORD, "predictions.parquet", "numbers.csv"}


@needs_mlflow
def test_a_run_is_logged_once_and_one_that_was_interrupted_again(
    run: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.tracking import MlflowClient

    def full(*arguments: object) -> None:
        raise OSError("disk full")

    place = str(tmp_path / "mlruns")
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_artifacts", full)
        with pytest.raises(OSError, match="disk full"):
            export(run, "mlflow", place)
    export(run, "mlflow", place)
    with pytest.raises(ExportError, match="already"):
        export(run, "mlflow", place)


@needs_mlflow
def test_a_server_that_does_not_answer_is_said_in_a_sentence(
    run: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    def silent(*arguments: object, **options: object) -> None:
        raise MlflowException("API request failed\nwith a long tail")

    monkeypatch.setattr(MlflowClient, "search_runs", silent)
    with pytest.raises(ExportError, match=r"does not take it \(API request failed\): see whether its server runs"):
        export(run, "mlflow", str(tmp_path / "mlruns"))


def _logged(run: Loaded, tmp_path: Path):
    from mlflow.tracking import MlflowClient

    place = str(tmp_path / "mlruns")
    assert "experiment text" in export(run, "mlflow", place)
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    try:
        client = MlflowClient(tracking_uri=_uri(place))
        found = client.search_runs([client.get_experiment_by_name("text").experiment_id])
    finally:
        del os.environ["MLFLOW_ALLOW_FILE_STORE"]
    (parent,) = [each for each in found if "mlflow.parentRunId" not in each.data.tags]
    return parent, [each for each in found if each.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
