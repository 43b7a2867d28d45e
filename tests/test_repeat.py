"""A run's parameters, notebook and surroundings, found again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from effkit import store
from effkit.analysis.circumstances import Difference
from effkit.bench import host
from effkit.bench.nvml import Card
from effkit.first import first_study
from effkit.params import parse
from effkit.repeat import again, install_line, made_anew, parameters
from effkit.spec import CandidateSpec, SpecError
from effkit.store import Loaded
from tests.analysis.two_runs import changed, golden
from tests.own_catalogues import STUMP, own_catalogue

ROOT = Path(__file__).parents[1]


def run(folder: Path, **parts: dict[str, object]) -> Loaded:
    """A run of a study on a bundled set, put together from the golden record."""
    spec = first_study().spec
    # Of the protocol all is said: a tier's values are no defaults.
    passed = spec.model_dump(mode="json", exclude_defaults=True) | {"protocol": spec.protocol.model_dump(mode="json")}
    record = changed(golden(), spec=dict(spec), **parts).model_copy(update={"spec_passed": passed, "candidates": ()})
    return Loaded(folder, record)


def test_parameters_make_the_same_study(tmp_path: Path) -> None:
    record = run(tmp_path).record
    assert parameters(record) == record.spec_passed
    assert parse(parameters(record)) == record.spec


def test_a_default_that_has_changed_since_is_written_out(tmp_path: Path) -> None:
    record = run(tmp_path).record
    protocol = record.spec.protocol.model_copy(update={"block_items": 7})
    old = changed(record, spec={"protocol": protocol})
    assert parse(parameters(old)) == old.spec
    assert parameters(old)["protocol"]["block_items"] == 7


def test_what_differs_from_then_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    known = again(run(tmp_path))
    kinds = {(each.kind, each.what): each for each in known.differences}
    assert kinds["host", "cpu"].before == "Synthetic CPU @ 2.50GHz"
    assert kinds["version", "effkit"].before == "0.1.0"
    assert ("parameter", "seed") not in kinds


def test_data_that_are_there_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    study = first_study()
    name = study.spec.task

    def data(sha256: str) -> list[Difference]:
        known = again(run(tmp_path, task={"name": name, "sha256": sha256}))
        return [each for each in known.differences if each.kind == "data"]

    assert data(study.load_task().sha256) == []
    assert [each.before for each in data("2-" + "0" * 64)] == ["2-" + "0" * 64]
    assert data("0" * 64) == []
    assert any(
        "another formula" in each for each in again(run(tmp_path, task={"name": name, "sha256": "0" * 64})).unknown
    )


def test_a_run_by_hand_says_that_its_cells_are_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    loaded = run(tmp_path)
    by_hand = Loaded(tmp_path, loaded.record.model_copy(update={"interactive": True}))
    assert any("by hand" in sentence for sentence in again(by_hand).unknown)


def test_the_notebook_is_the_one_it_was_executed_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert again(run(tmp_path)).source.stem == first_study().spec.name
    executed = {"metadata": {"papermill": {"input_path": "/elsewhere/notebooks/compression.ipynb"}}}
    (tmp_path / store.NOTEBOOK).write_text(json.dumps(executed))
    assert again(run(tmp_path)).source.stem == "compression"
    (tmp_path / store.NOTEBOOK).write_text("not json")
    assert again(run(tmp_path)).source.stem == first_study().spec.name


def test_a_model_of_ones_own_is_refused_with_what_to_do(tmp_path: Path) -> None:
    loaded = run(tmp_path)
    spec = golden().spec.model_copy(update={"task": "moods"})
    with pytest.raises(SpecError, match="moods.*Run that again"):
        again(Loaded(tmp_path, loaded.record.model_copy(update={"spec": spec})))


def test_an_entry_of_ones_own_that_is_missing_here_is_named_with_what_to_do(tmp_path: Path) -> None:
    entry = {"title": "Ours", "sources": [{"kind": "hub", "repo": "me/ours", "revision": "0" * 40}]}
    record = run(tmp_path).record.model_copy(update={"own_entries": {"ours": entry}})
    with pytest.raises(SpecError, match=rf"`ours` \(me/ours@{'0' * 40}\) .*`own_entries`.*EFFKIT_CATALOGUE"):
        again(Loaded(tmp_path, record))


def test_an_entry_of_ones_own_that_has_changed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("EFFKIT_CATALOGUE", own_catalogue(tmp_path / "own.yaml", stump=STUMP))
    record = run(tmp_path).record

    def unknown(entry: dict[str, object]) -> tuple[str, ...]:
        return again(Loaded(tmp_path, record.model_copy(update={"own_entries": {"stump": entry}}))).unknown

    assert not any("stump" in sentence for sentence in unknown(STUMP))
    assert not any("stump" in sentence for sentence in unknown({**STUMP, "title": "A stump", "cost": {"load_s": 2.0}}))
    assert any("entry of stump is another" in each for each in unknown({**STUMP, "settings": {"max_depth": 9}}))


def test_a_cascade_is_run_again_as_its_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    loaded = run(tmp_path)
    two = CandidateSpec(cascade=(CandidateSpec(model="logreg"), CandidateSpec(model="lightgbm-small")))
    spec = loaded.record.spec.model_copy(update={"candidates": (*loaded.record.spec.candidates, two)})
    known = again(Loaded(tmp_path, loaded.record.model_copy(update={"spec": spec})))
    assert not [each for each in known.differences if each.kind == "weights"]


def test_made_anew_is_not_what_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(host.PRODUCTS_VARIABLE, raising=False)
    kept = host.products_folder(tmp_path)
    with made_anew():
        assert host.products_folder(tmp_path) != kept and not list(host.products_folder(tmp_path).iterdir())
    assert host.products_folder(tmp_path) == kept
    monkeypatch.setattr("effkit.bench.nvml.used", lambda: Card(0, "Some GPU", "GPU-a", sliced=False))
    assert host.products_folder(tmp_path, "cuda") != kept, "a GPU makes something else"
    assert host.products_folder(tmp_path, "cpu") == kept
    monkeypatch.setattr(host, "versions", lambda: {"torch": "another"})
    assert host.products_folder(tmp_path) != kept, "other packages make something else"


def test_a_runs_packages_get_an_environment_of_their_own(tmp_path: Path) -> None:
    versions = {"python": "3.11.1", "effkit": "0.3.0", "numpy": "2.3.0", "torch": "2.12.0+cpu", "scipy": "1.16"}
    record = run(tmp_path, code={"versions": versions}).record
    found = (
        Difference("version", "torch", "2.12.0+cpu", "2.13.0"),
        Difference("version", "python", "3.11.1", "3.12.0"),
        Difference("host", "cores", "2", "4"),
    )
    assert install_line(record, found) == (
        "python3 -m venv ENV && ENV/bin/pip install -e . numpy==2.3.0 torch==2.12.0 scipy==1.16"
    )
    assert install_line(record, found[1:]) is None


def test_what_no_longer_goes_with_todays_defaults_is_written_out(tmp_path: Path) -> None:
    record = run(tmp_path).record
    then = {"base": "standard", "generations": 5, "interval": 0.02, "most_generations": 8}
    old = record.model_copy(
        update={
            "spec_passed": record.spec_passed | {"protocol": {"interval": 0.02, "most_generations": 8}},
            "spec": parse(record.spec_passed | {"protocol": then}),
        }
    )
    assert parse(parameters(old)) == old.spec
