"""Parameter files through papermill, with real kernels, interrupts and failing notebooks."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
import yaml

from effkit import attempts, index, store
from effkit.batch import Local, Outcome
from effkit.batch.sweep import point
from effkit.spec import SpecError
from tests.conftest import parameters
from tests.own_catalogues import STUMP, own_catalogue

ROOT = Path(__file__).parents[2]
PARAMS = parameters()
ALONE = parameters(reference="logreg", candidates=["logreg"])
"""For tests of what is kept, whatever is measured."""


@pytest.fixture
def params(tmp_path: Path) -> Path:
    """A parameter file beside a notebooks/ folder of its own, in a folder that papermill would take for a parameter."""
    project = tmp_path / "{task} {"
    (project / "notebooks").mkdir(parents=True)
    path = project / "params" / "t.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(PARAMS))
    return path


def notebook(path: Path, *cells: str) -> None:
    """Write a notebook whose first cell declares the parameters."""
    names = "name = task = reference = candidates = margin_points = margin_reason = protocol = None; seed = 1"
    first = nbformat.v4.new_code_cell(names, metadata={"tags": ["parameters"]})
    document = nbformat.v4.new_notebook(cells=[first, *(nbformat.v4.new_code_cell(cell) for cell in cells)])
    document.metadata["kernelspec"] = {"name": "no-such-kernel", "display_name": "?", "language": "python"}
    nbformat.write(document, path)


STUDY = (
    "from effkit import Study\n"
    "study = Study.from_params(name=name, task=task, reference=reference, candidates=candidates,\n"
    "    margin_points=margin_points, margin_reason=margin_reason, protocol=protocol, seed=seed)"
)


def ended(
    results: Path, keys: dict[str, Any], source: Path, watch: Callable[[str], None] = lambda line: None
) -> Outcome:
    """Run one study to its end."""
    (outcome,) = Local(results).run([point(keys, source)], again=True, watch=lambda _, line: watch(line))
    return outcome


def failed(results: Path, keys: dict[str, Any], source: Path) -> str:
    """Run one study, which fails, and return the sentence that says why."""
    outcome = ended(results, keys, source)
    assert outcome.status == "failed"
    return outcome.sentence


def test_a_run_ends_as_a_folder_with_everything(params: Path, results: Path) -> None:
    notebook(params.parents[1] / "notebooks" / "tabular.ipynb", STUDY, "study.run()", "study.save()")
    seen: list[str] = []
    outcome = ended(results, ALONE, params, seen.append)
    assert outcome.status == "done" and outcome.folder is not None
    loaded = store.load(outcome.folder)
    assert {path.name for path in loaded.folder.iterdir()} == {
        store.RECORD, store.SAMPLES, store.PREDICTIONS, store.PARAMS, store.NOTEBOOK, store.LOG, attempts.REQUEST,
    }  # fmt: skip
    assert loaded.record.run == loaded.folder.name
    assert not loaded.record.interactive
    assert loaded.record.code.notebook_sha256
    assert any("%" in line for line in seen)
    executed = json.loads((loaded.folder / store.NOTEBOOK).read_text())
    assert any(cell.get("outputs") for cell in executed["cells"])


def test_a_notebook_that_fails_after_saving_keeps_the_run_and_says_so(params: Path, results: Path) -> None:
    notebook(params.parents[1] / "notebooks" / "tabular.ipynb", STUDY, "study.run()", "study.save()", "1 / 0")
    assert re.search(r"ZeroDivisionError.*kept", failed(results, ALONE, params))
    assert len(store.load_all(results)) == 1


def test_a_notebook_that_fails_before_saving_leaves_an_attempt_and_no_run(params: Path, results: Path) -> None:
    notebook(params.parents[1] / "notebooks" / "tabular.ipynb", "raise OSError('no such luck')")
    assert re.search(r"tabular.ipynb, cell \d+: OSError: no such luck", failed(results, PARAMS, params))
    (attempt,) = attempts.unfinished(results)
    assert attempt.failure is not None and attempt.failure.status == "failed"
    assert not attempt.alive
    assert index.read(results).runs == ()


def test_what_an_attempt_leaves_names_no_home_folder(
    params: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    results = params.parents[1] / "results"
    fails = "from pathlib import Path\nraise OSError(f'{Path.home()}/models/x is not there')"
    notebook(params.parents[1] / "notebooks" / "tabular.ipynb", fails)
    assert "OSError: ~/models/x is not there" in failed(results, PARAMS, params)
    (attempt,) = attempts.unfinished(results)
    left = {path.name: path.read_text() for path in attempt.folder.iterdir()}
    assert left.keys() == {attempts.REQUEST, attempts.FAILURE, store.NOTEBOOK}
    assert "~/models/x is not there" in left[store.NOTEBOOK]
    assert not [name for name, text in left.items() if str(tmp_path) in text]


def test_a_notebook_that_never_saves_is_a_failure(params: Path, results: Path) -> None:
    notebook(params.parents[1] / "notebooks" / "tabular.ipynb", "1 + 1")
    assert "study.save" in failed(results, PARAMS, params)


def test_a_relative_folder_is_the_callers_and_not_the_notebooks(
    params: Path, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("EFFKIT_CACHE", "EFFKIT_CATALOGUE", "EFFKIT_LOCAL", "EFFKIT_PRODUCTS", "EFFKIT_SLOT")
    (tmp_path / "effkit_catalogue").write_text("{}")
    seen = f"import os; raise OSError(' '.join(os.environ[name] for name in {names}))"
    notebook(params.parents[1] / "notebooks" / "tabular.ipynb", seen)
    monkeypatch.chdir(tmp_path)
    for name in names:
        monkeypatch.setenv(name, name.lower())
    assert " ".join(str(tmp_path / name.lower()) for name in names) in failed(results, PARAMS, params)


def test_a_study_whose_folder_lies_on_another_disk_is_still_of_its_results(
    params: Path, results: Path, tmp_path: Path
) -> None:
    (tmp_path / "large" / "t").mkdir(parents=True)
    results.mkdir()
    (results / "t").symlink_to(tmp_path / "large" / "t")
    told = "import os; raise OSError(os.environ['EFFKIT_RUN'])"
    notebook(params.parents[1] / "notebooks" / "tabular.ipynb", told)
    assert f"OSError: {results}/t/" in failed(results, PARAMS, params)
    assert (results / attempts.LOCKS).is_dir()
    assert [path.name for path in (tmp_path / "large").iterdir()] == ["t"]


def test_a_notebook_that_does_not_hand_on_a_parameter_measures_nothing(params: Path, results: Path) -> None:
    notebook(params.parents[1] / "notebooks" / "tabular.ipynb", STUDY, "study.run()", "study.save()")
    said = failed(results, {**PARAMS, "items": {"fit": 50, "test": 50}}, params)
    assert "runs another study than was asked for: it does not hand on `items`" in said


def test_a_catalogue_that_changed_since_measures_nothing(
    params: Path, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = own_catalogue(tmp_path / "own.yaml", stump=STUMP)
    monkeypatch.setenv("EFFKIT_CATALOGUE", own)
    changed = yaml.safe_dump({"models": {"stump": {**STUMP, "settings": {"max_depth": 9}}}})
    edit = f"from pathlib import Path\nPath({own!r}).write_text({changed!r})"
    notebook(params.parents[1] / "notebooks" / "tabular.ipynb", edit, STUDY, "study.run()", "study.save()")
    said = failed(results, {**PARAMS, "candidates": [*PARAMS["candidates"], "stump"]}, params)
    assert "your own catalogue, or a technique, has changed since" in said


def test_wrong_parameters_start_no_kernel(params: Path, results: Path) -> None:
    with pytest.raises(SpecError, match="Did you mean `margin_points`"):
        ended(results, {**PARAMS, "margin_pionts": 1}, params)
    assert not results.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_process_and_no_run(params: Path, results: Path, number: int) -> None:
    notebook(params.parents[1] / "notebooks" / "tabular.ipynb", STUDY, "study.run()", "study.save()")
    command = [sys.executable, "-m", "effkit.cli", "run", str(params), "--results", str(results)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True,
        # A shell starts what it puts in the background with interrupts ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    family = _wait_for_a_worker(psutil.Process(running.pid))
    running.send_signal(number)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "no process was left behind" in stderr
    assert not psutil.wait_procs(family, timeout=10)[1]
    (attempt,) = attempts.unfinished(results)
    assert attempt.failure is not None and attempt.failure.status == "stopped"
    assert index.read(results).runs == ()


def _wait_for_a_worker(parent: psutil.Process) -> list[psutil.Process]:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        family = parent.children(recursive=True)
        if any("effkit.bench.worker" in " ".join(_command(child)) for child in family):
            return family
        time.sleep(0.1)
    raise AssertionError("no worker appeared within a minute")


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
