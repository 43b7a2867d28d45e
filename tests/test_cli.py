"""The command line, as a user meets it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from effkit import catalogue
from effkit.bench import selftest
from effkit.hashing import sha256_of
from tests.batch.test_runner import PARAMS
from tests.command_line import effkit, started


@pytest.fixture
def params(tmp_path: Path) -> Path:
    path = tmp_path / "t.yaml"
    path.write_text(yaml.safe_dump(PARAMS))
    return path


def test_every_study_is_checked_before_the_first_one_runs(params: Path, results: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(yaml.safe_dump({**PARAMS, "reference": "logrge"}))
    done = started("run", params, wrong, "--results", results)
    assert done.returncode == 2
    assert "Did you mean `logreg`" in done.stderr
    assert "Traceback" not in done.stderr
    assert not results.exists()


def test_a_key_can_be_changed_from_the_command_line(params: Path) -> None:
    done = effkit("plan", params, "--protocol", "standard", "--set", "margin_points=5")
    assert done.returncode == 0, done.stderr
    assert "(standard)" in done.stdout
    assert "margin of 5 points" in done.stdout


def test_a_failed_candidate_makes_the_exit_code_1(params: Path, results: Path) -> None:
    too_many = {"model": "shallow-tree", "techniques": [{"features": {"most": 999}}]}  # told once its data are there
    keys = {**PARAMS, "reference": "logreg", "candidates": ["logreg", too_many]}
    params.write_text(yaml.safe_dump(keys))
    done = started("run", params, "--results", results)
    assert done.returncode == 1
    assert "shallow-tree+features-999 failed" in done.stderr and "keep fewer" in done.stderr
    assert (results / "report" / "report.html").exists()


def test_a_report_without_runs_says_what_to_do(results: Path) -> None:
    done = effkit("report", "--results", results)
    assert done.returncode == 2
    assert "effkit run" in done.stderr


def test_an_audit_without_runs_proves_nothing(results: Path) -> None:
    done = effkit("audit", "--results", results)
    assert done.returncode == 2
    assert "has no runs yet" in done.stderr and done.stdout == ""


def test_an_unknown_name_to_fetch_is_refused_with_the_nearest() -> None:
    done = effkit("fetch", "minilm-l7")
    assert done.returncode == 2
    assert "minilm-l6" in done.stderr
    assert "Traceback" not in done.stderr


def test_names_to_fetch_are_checked_before_the_first_one_is_fetched() -> None:
    done = effkit("fetch", "breast-cancer", "minilm-l7")
    assert done.returncode == 2 and done.stdout == ""


def test_the_catalogue_shows_small_downloads_in_a_unit_that_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "missing_bytes", lambda name: 12_300)
    said = effkit("catalogue", EFFKIT_CACHE=str(tmp_path), COLUMNS="200").stdout
    assert "no, 12.3\u00a0kB" in said and "0 MB" not in said


def test_the_catalogue_lists_whole_names() -> None:
    done = effkit("catalogue")
    assert done.returncode == 0
    assert "efficientnet-lite0" in done.stdout and "clothing-department" in done.stdout
    assert "distil" in done.stdout and "openvino" in done.stdout


def moods(**declared: Any) -> dict[str, Any]:
    """A catalogue of one task with one file."""
    entry = {
        "title": "Moods", "modality": "tabular", "kind": "classification", "metric": "accuracy", "loader": "table",
        "target": "mood", "licence": "ours", "citation": "us", **declared,
    }  # fmt: skip
    return {"tasks": {"moods": entry}}


def test_what_is_fetched_is_told_with_its_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    file = tmp_path / "mine" / "moods.csv"
    file.write_text("mood\ngood\n")
    given = moods(
        files=[{"name": file.name, "sha256": sha256_of(file)}],
        sources=[{"kind": "local", "path": str(file.parent)}],
    )
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(given), encoding="utf-8")
    environment = {"EFFKIT_CATALOGUE": str(tmp_path / "own.yaml"), "EFFKIT_CACHE": str(tmp_path / "cache")}
    done = effkit("fetch", "moods", **environment)
    assert done.returncode == 0, done.stderr
    name, _, folder = done.stdout.rstrip("\n").partition(": ")
    assert (name, (Path(folder) / file.name).read_text()) == ("moods", file.read_text())


def test_the_catalogue_says_of_nothing_that_it_is_fetched_before_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, revision = {"name": "moods.csv", "sha256": "0" * 64}, "0" * 40
    source = {"kind": "hub", "repo": "me/moods", "revision": revision, "files": {"moods.csv": "moods.csv"}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(moods(files=[file], sources=[source])), encoding="utf-8")
    monkeypatch.setenv("EFFKIT_CATALOGUE", str(tmp_path / "own.yaml"))
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path / "cache"))
    (line,) = [each for each in effkit("catalogue").stdout.splitlines() if each.startswith("moods")]
    assert " no" in line and "yes" not in line


def test_the_doctor_tells_the_energy_rank_of_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "PROTOCOL", selftest.PROTOCOL.model_copy(update={"generations": 2}))
    done = effkit("doctor")
    assert done.returncode == 0
    assert re.search(r"\benergy .*(\((metered|counter|modelled-[a-z]+)\)|could not start)", done.stdout), done.stdout
    assert re.search(r"\bself-test  ", done.stdout), done.stdout


def test_an_unwritable_results_folder_is_said_before_measuring(params: Path, tmp_path: Path) -> None:
    file = tmp_path / "results"
    file.write_text("")
    done = effkit("run", params, "--results", file)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
