"""A run, run again and compared, as a user does it."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import psutil
import pytest
import yaml

from effkit import attempts, store
from effkit.batch import Local, Outcome, Point
from effkit.params import parse
from effkit.record import Estimate, Record
from tests.analysis.two_runs import changed, golden, lost, predictions, with_candidate
from tests.batch.sweeps import family, project, run, start, wait_for
from tests.command_line import Result, effkit, started
from tests.conftest import parameters


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The results of one small run, and what it said."""
    folder = tmp_path_factory.mktemp("kept")
    path = folder / "t.yaml"
    path.write_text(yaml.safe_dump(parameters()))
    done = started("run", path, "--results", folder / "results")
    assert done.returncode == 0, done.stderr
    return folder / "results", done


@pytest.fixture(scope="module")
def kept(ran: tuple[Path, Result]) -> Path:
    return ran[0]


def committed(folder: Path) -> None:
    """Let a run be one of committed code, whatever the state of this checkout."""
    record = store.load(folder).record
    code = record.code.model_copy(update={"git_dirty": False})
    (folder / store.RECORD).write_text(record.model_copy(update={"code": code}).model_dump_json())


def test_a_run_prints_where_the_run_and_the_report_are(ran: tuple[Path, Result]) -> None:
    results, said = ran
    report = results / "report" / "report.html"
    assert f"report: {report}" in said.stdout
    assert report.exists()
    assert list((results / "report" / "tables").glob("*.csv"))
    assert list((results / "report" / "figures").glob("*.svg"))


def test_a_dry_run_says_that_nothing_differs_and_runs_nothing(kept: Path) -> None:
    done = effkit("rerun", kept / "t", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Nothing differs between the run and here" in done.stdout
    assert len(store.load_all(kept)) == 1


def test_a_run_that_is_run_again_is_reproduced(kept: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(kept, results)
    (before,) = store.load_all(results)
    done = started("rerun", before.folder)
    assert done.returncode == 0, done.stderr
    first, second = store.load_all(results)
    assert second.record.spec == first.record.spec == parse(parameters())
    assert second.record.code.params_sha256 == first.record.code.params_sha256
    assert f"effkit compare {first.folder} {second.folder}" in done.stdout
    making = [step for each in second.record.candidates for step in each.making]
    assert making and not any(step.reused for step in making), "what is kept would agree with itself"
    committed(first.folder)
    committed(second.folder)
    said = effkit("compare", first.folder, second.folder)
    assert said.returncode == 0, said.stdout
    assert said.stdout.splitlines()[-1] == "Reproduced: everything that must be the same is."


def test_a_run_that_was_copied_out_of_its_results_is_run_again_into_the_usual_ones(
    kept: Path, tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = store.load_all(kept)
    accepted = tmp_path / "copies" / "accepted"
    shutil.copytree(run.folder, accepted)
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "t").symlink_to(kept / "t")
    asked: list[Path] = []

    def not_here(self: Local, points: Sequence[Point], **how: object) -> Iterator[Outcome]:
        asked.append(self.results)
        yield Outcome(points[0], "failed", None, "it is not run here", 0.0)

    monkeypatch.setattr(Local, "run", not_here)
    for folder in (accepted, run.folder, linked / "t" / run.run):
        done = effkit("rerun", folder)
        assert done.returncode == 1 and "it is not run here" in done.stderr
    assert asked == [results, kept, linked]


def test_a_rerun_that_is_asked_to_end_leaves_no_process_and_nothing_made_anew(
    tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path / "cache"))
    params = project(tmp_path)
    code, said = run("run", params / "t.yaml", "--results", results)
    assert code == 0, said
    (before,) = store.load_all(results)
    running = start("rerun", before.folder)
    wait_for(results, "worker")
    (anew,) = (tmp_path / "cache").glob("effkit-anew-*")
    processes = [each for kind in family(results).values() for each in kind]
    running.send_signal(signal.SIGTERM)
    said, _ = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert "t: running" in said and "Stopped; no process was left behind." in said
    assert not psutil.wait_procs(processes, timeout=10)[1]
    assert not anew.exists()
    (attempt,) = attempts.unfinished(results)
    assert attempt.failure is not None and attempt.failure.status == "stopped"


def test_an_answer_that_was_tampered_with_makes_the_exit_code_1(kept: Path, tmp_path: Path) -> None:
    (run,) = store.load_all(kept)
    one, other = tmp_path / "t" / "one", tmp_path / "t" / "other"
    for folder in (one, other):
        shutil.copytree(run.folder, folder)
        committed(folder)
    frame = pd.read_parquet(other / store.PREDICTIONS)
    wrong = frame.index[(frame["candidate"] == "logreg")][7]
    frame.loc[wrong, "score"] = 1 - frame.loc[wrong, "score"]
    frame.to_parquet(other / store.PREDICTIONS, index=False)
    done = effkit("compare", one, other)
    assert done.returncode == 1
    assert f"logreg (seed 1) differs in 1 of {(frame['candidate'] == 'logreg').sum()} test items" in done.stdout
    assert f": {frame.loc[wrong, 'item']}. " in done.stdout


def test_a_run_and_itself_are_refused(kept: Path) -> None:
    done = effkit("compare", kept / "t", kept / "t")
    assert done.returncode == 2
    assert "give two runs" in done.stderr


def test_runs_of_two_tasks_are_refused_in_a_sentence(kept: Path, tmp_path: Path) -> None:
    (run,) = store.load_all(kept)
    other = tmp_path / "t" / "other"
    shutil.copytree(run.folder, other)
    task = run.record.task.model_copy(update={"name": "adult-income"})
    (other / store.RECORD).write_text(run.record.model_copy(update={"task": task}).model_dump_json())
    done = effkit("compare", run.folder, other)
    assert done.returncode == 2
    assert "different tasks: breast-cancer in A and adult-income in B" in done.stderr
    assert "Traceback" not in done.stderr


def kept_as(folder: Path, record: Record, answers: pd.DataFrame | None) -> Path:
    """Put a run where the command line finds it."""
    folder.mkdir(parents=True)
    (folder / store.RECORD).write_text(record.model_dump_json(), encoding="utf-8")
    if answers is not None:
        answers.to_parquet(folder / store.PREDICTIONS)
    return folder


def slowed() -> Record:
    """The golden record under another seed, so that everything may differ, with one mean latency half as long again."""
    record = changed(golden(), spec={"seed": 2})
    latency = record.candidate("minilm-l6").latency
    assert latency is not None
    mean = latency.mean_s
    moved = Estimate(value=1.5 * mean.value, low=1.5 * mean.low, high=1.5 * mean.high, n=mean.n)
    return with_candidate(record, "minilm-l6", latency=latency.model_copy(update={"mean_s": moved}))


@pytest.mark.parametrize(
    ("asked", "code"), [((), 0), (("worse",), 1), (("slower",), 1), (("slower", "worse"), 1)], ids=str
)
def test_a_run_that_fell_behind_ends_with_1_where_that_is_asked(
    tmp_path: Path, asked: tuple[str, ...], code: int
) -> None:
    a = kept_as(tmp_path / "text" / "a", golden(), predictions())
    b = kept_as(tmp_path / "text" / "b", slowed(), lost(15))
    done = effkit("compare", a, b, *[word for each in asked for word in ("--fail-if", each)])
    assert done.returncode == code, done.stdout
    said = {"worse": "B is worse: minilm-l6.", "slower": "B is slower: mean latency of minilm-l6."}
    assert done.stderr.splitlines() == [said[each] for each in asked]
    assert "−37.50 points" in done.stdout and "worse in B" in done.stdout
    back = effkit("compare", b, a, *[word for each in asked for word in ("--fail-if", each)])
    assert (back.returncode, back.stderr) == (0, ""), "what got better has not fallen behind"


def test_where_nothing_tells_the_exit_code_is_3_and_not_0(tmp_path: Path) -> None:
    bare = golden().model_copy(
        update={"candidates": tuple(each.model_copy(update={"latency": None}) for each in golden().candidates)}
    )
    a = kept_as(tmp_path / "text" / "a", bare, None)
    b = kept_as(tmp_path / "text" / "b", changed(bare, spec={"seed": 2}), predictions())
    assert effkit("compare", a, b).returncode == 0
    names = "minilm-l6, mpnet-base, tfidf-logreg"
    for asked, why in (("worse", "its quality was not compared"), ("slower", "no latency has an interval in both")):
        done = effkit("compare", a, b, "--fail-if", asked)
        assert done.returncode == 3
        assert f"Whether B is {asked} is not shown of {names}: {why}." in done.stderr
    assert effkit("compare", a, b, "--fail-if", "larger").returncode == 2


def test_of_an_unstable_run_whether_it_is_slower_is_not_shown(tmp_path: Path) -> None:
    unstable = tuple(each.model_copy(update={"unstable": True}) for each in golden().noise)
    a = kept_as(tmp_path / "text" / "a", golden(), predictions())
    b = kept_as(tmp_path / "text" / "b", slowed().model_copy(update={"noise": unstable}), predictions())
    done = effkit("compare", a, b, "--fail-if", "slower")
    assert done.returncode == 3, done.stderr
    names = "minilm-l6, mpnet-base, tfidf-logreg"
    assert done.stderr == f"Whether B is slower is not shown of {names}: latency is unstable in one of them.\n"


def test_a_candidate_that_fell_out_of_the_second_run_does_not_pass(tmp_path: Path) -> None:
    a = kept_as(tmp_path / "text" / "a", golden(), predictions())
    record = changed(golden(), spec={"seed": 2})
    without = record.model_copy(update={"candidates": tuple(c for c in record.candidates if c.name != "minilm-l6")})
    b = kept_as(tmp_path / "text" / "b", without, predictions())
    done = effkit("compare", a, b, "--fail-if", "worse", "--fail-if", "slower")
    assert done.returncode == 3, done.stderr
    assert "Whether B is worse is not shown of minilm-l6: its quality was not compared." in done.stderr


def test_predictions_that_cannot_be_read_are_no_verdict(tmp_path: Path) -> None:
    a = kept_as(tmp_path / "text" / "a", golden(), predictions())
    b = kept_as(tmp_path / "text" / "b", changed(golden(), spec={"seed": 2}), predictions())
    (b / store.PREDICTIONS).write_bytes(b"cut off")
    done = effkit("compare", a, b, "--fail-if", "worse")
    assert done.returncode == 2 and "predictions.parquet cannot be read" in done.stderr
