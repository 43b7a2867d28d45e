"""Studies end to end on a bundled set: what works, what fails, and what is said of it."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from effkit import store
from effkit.analysis.family import family
from effkit.bench.host import Activity
from effkit.record import ClassItems, Record
from effkit.spec import SpecError
from effkit.study import Study, StudyFailed
from effkit.tasks import Task
from tests import own_models
from tests.conftest import REHEARSAL, parameters
from tests.own_catalogues import STUMP, own_catalogue


def study(**changes: Any) -> Study:
    return Study.from_params(**parameters(**changes))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """One run of two models and several of a user's own, some of which misbehave."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFKIT_RESULTS", str(tmp_path_factory.mktemp("results")))
        made = study(candidates=["logreg", {"model": "logreg", "fit_items": 20_000}, "lightgbm-small"])
        for name in ("wrong_by_size", "prints", "raises", "too_few", "out_of_memory", "killed", "fails_when_alone"):
            said = "tree" if name == "prints" else ""
            made.add(name.replace("_", "-"), getattr(own_models, name), family=said)
        made.run()
        return made


@pytest.fixture(scope="module")
def record(ran: Study) -> Record:
    return ran.record


@pytest.fixture(scope="module")
def again(record: Record, tmp_path_factory: pytest.TempPathFactory) -> Record:
    """Two of its models once more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFKIT_RESULTS", str(tmp_path_factory.mktemp("again")))
        return study().run()


def test_every_candidate_has_quality_latency_memory_and_a_gap(record: Record) -> None:
    for name in ("logreg", "wrong-by-size", "prints"):
        candidate = record.candidate(name)
        assert candidate.status == "ok", candidate.error
        assert candidate.quality and candidate.gap and candidate.latency and candidate.memory
        assert candidate.latency.mean_s.value > 0
        assert candidate.latency.ratio is not None and candidate.latency.ratio.verdict == "indicative"
        assert candidate.memory.peak_bytes > 0
        assert candidate.request_bytes and candidate.response_bytes
    assert record.candidate("logreg").making
    assert record.reference.gap is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("raises", "this model has a fault"),
        ("too-few", "predictions"),
        ("out-of-memory", "out of memory"),
        ("killed", "SIGKILL: most likely it ran out of memory"),
        ("fails-when-alone", "no batch of one"),
    ],
)
def test_a_candidate_that_misbehaves_says_why_and_the_others_go_on(record: Record, name: str, reason: str) -> None:
    candidate = record.candidate(name)
    assert candidate.status == "failed"
    assert candidate.error is not None and reason in candidate.error
    assert name in {each.name for each in record.failed}


def test_smoke_claims_no_speed_and_its_noise_is_not_assessed(record: Record) -> None:
    assert all(not check.assessed for check in record.noise)
    assert {check.metric for check in record.noise} >= {"latency", "throughput"}


def test_what_was_asked_stands_beside_what_was_resolved(record: Record) -> None:
    assert record.spec_passed["protocol"] == REHEARSAL
    assert record.spec.protocol.block_items == 16, "what is not said is the tier's"
    assert record.task.split_items["test"] == record.task.test_used == 171


def test_no_more_labels_are_told_than_there_were(record: Record) -> None:
    (found,) = (each for each in record.candidates if each.model == "logreg" and each.name != "logreg")
    labels = record.task.split_items["fit"]
    assert labels < 20_000
    assert (found.fit_items, found.title) == (labels, f"Linear model with {labels} labels")


def test_a_reference_that_fails_stops_the_study(results: Path) -> None:
    broken = study(reference="broken", candidates=["logreg"], own={"broken": own_models.raises})
    with pytest.raises(StudyFailed, match="this model has a fault"):
        broken.run()
    assert store.load_all(results) == []


def test_who_disturbed_a_visit_that_was_made_again_is_not_told_of_the_run(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy_s = iter([0.0, 1000.0])  # before and after the first visit; from then on nobody works
    monkeypatch.setattr("effkit.bench.host.activity", lambda *seen: Activity(next(busy_s, 1000.0), 0.0, 0.0))
    record = study(protocol={**REHEARSAL, "retries": 1}).run()
    assert record.contention is not None and (record.contention.repeated, record.contention.disturbed) == (1, 0)
    assert (record.host.others_share, record.host.steal_share) == (0.0, 0.0)


def test_a_run_is_saved_once_with_all_its_files(ran: Study, record: Record, results: Path) -> None:
    place = ran.save()
    assert {path.name for path in place.iterdir()} == {
        store.RECORD, store.SAMPLES, store.PREDICTIONS, store.PARAMS, store.LOG,
    }  # fmt: skip
    assert store.load(place).record == record
    samples = pd.read_parquet(place / store.SAMPLES)
    assert {"prepare_s", "infer_s", "items_per_s", "peak_bytes"} <= set(samples["metric"])
    predictions = pd.read_parquet(place / store.PREDICTIONS)
    assert set(predictions["candidate"]) == {each.name for each in record.candidates if each.quality is not None}
    mine = predictions[predictions["candidate"] == record.reference.name]
    assert len(mine) == record.task.test_used
    assert record.reference.quality is not None
    assert mine["score"].mean() == pytest.approx(record.reference.quality.value.value)
    with pytest.raises(store.StoreError, match="written once"):
        ran.save()


def test_a_rerun_makes_nothing_again_and_predicts_the_same(record: Record, again: Record) -> None:
    for name in ("logreg", "lightgbm-small"):
        assert all(step.reused for step in again.candidate(name).making)
        before, after = record.candidate(name).quality, again.candidate(name).quality
        assert before is not None and after is not None
        assert before.value == after.value


def test_a_task_of_ones_own(results: Path) -> None:
    pairs = [number // 2 for number in range(200)]
    frame = pd.DataFrame({"x": range(200), "side": ["left", "right"] * 100, "y": ["even", "odd"] * 100, "pair": pairs})
    task = Task.from_frame("parity", frame, target="y", groups=["side"], cluster="pair")
    made = study(
        task=task,
        reference="cheat",
        candidates=["shallow-tree"],
        own={"cheat": lambda items: ["even" if item["side"] == "left" else "odd" for item in items]},
    )
    record = made.run()
    assert record.reference.quality is not None
    assert record.reference.quality.value.value == 1.0
    assert {group.group for group in record.reference.quality.groups} == {"side=left", "side=right"}
    assert record.task.constant is not None and record.task.constant.answer in ("even", "odd")
    assert record.task.rarest is not None and record.task.rarest.n <= record.task.test_used / 2
    assert record.task.repeated == 0
    made.add("later", lambda items: ["odd"] * len(items))
    place = made.save()
    assert yaml.safe_load((place / store.PARAMS).read_text())["candidates"] == ["shallow-tree", "cheat"], "what ran"
    answers = pd.read_parquet(place / store.PREDICTIONS)
    assert (answers["cluster"] == answers["item"] // 2).all(), "which items depend on each other is kept"


def test_a_model_of_ones_own_is_known_by_the_hash_of_its_function(record: Record) -> None:
    mine, other, logreg = (record.candidate(name) for name in ("wrong-by-size", "prints", "logreg"))
    assert mine.functions_sha256.keys() == {"wrong-by-size"} and other.functions_sha256.keys() == {"prints"}
    assert mine.functions_sha256["wrong-by-size"] != other.functions_sha256["prints"]
    assert logreg.functions_sha256 == {}
    assert (mine.builder, other.builder, logreg.builder) == ("own", "own.tree", "tabular.logreg")
    assert [family(each) for each in (mine, other, logreg)] == ["unknown", "tree", "linear"]


def test_entries_of_ones_own_catalogue_are_measured_and_kept_whole(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "x,z,y\n" + "".join(f"{row},{row % 7},{('even', 'odd')[row % 2]}\n" for row in range(200))
    (tmp_path / "parity.csv").write_text(rows, encoding="utf-8")
    facts = {"modality": "tabular", "licence": "ours", "citation": "us"}
    parity = {
        **facts, "title": "Parity", "kind": "classification", "metric": "accuracy", "loader": "table", "target": "y",
        "files": [{"name": "parity.csv", "sha256": hashlib.sha256(rows.encode()).hexdigest()}],
        "sources": [{"kind": "local", "path": str(tmp_path)}],
    }  # fmt: skip
    stump = {
        **facts, "title": "Stump", "tasks": ["classification"], "builder": "tabular.tree", "trained_here": True,
        "settings": {"max_depth": 1, "min_samples_leaf": 5},
    }  # fmt: skip
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump({"tasks": {"parity": parity}, "models": {"stump": stump}}), encoding="utf-8")
    monkeypatch.setenv("EFFKIT_CATALOGUE", str(own))
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path / "cache"))
    record = study(task="parity", reference="stump", candidates=["stump"]).run()
    assert record.failed == () and record.identity is not None
    kept = {**parity, "sources": [{"kind": "local", "path": "$EFFKIT_LOCAL/parity"}]}
    assert record.own_entries == {"parity": kept, "stump": stump}, "a folder of this host is nobody else's"
    assert record.candidate("stump").builder == "tabular.tree"
    monkeypatch.delenv("EFFKIT_CATALOGUE")
    assert family(record.candidate("stump")) == "tree", "a report elsewhere would call it a model of one's own"


def test_what_is_given_in_python_is_called_as_no_entry_of_a_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFKIT_CATALOGUE", own_catalogue(tmp_path / "own.yaml", mine=STUMP))
    digits = Task.from_arrays("digits", ["a", "b"] * 20, [0, 1] * 20)
    for name, given in (
        ("mine", {"own": {"mine": own_models.always_one}}),
        ("random-forest", {"own": {"random-forest": own_models.always_one}}),
        ("digits", {"task": digits, "candidates": [], "reference": "one", "own": {"one": own_models.always_one}}),
    ):
        with pytest.raises(SpecError, match=f"`{name}` stands in the catalogue, .*: give yours another"):
            study(**given)


def test_one_function_by_two_names_is_refused() -> None:
    models = {"a": 0, "b": 1}
    looped = {name: lambda items: [answer] * len(items) for name, answer in models.items()}  # noqa: B023
    with pytest.raises(SpecError, match="`a` and `b` are the same function.*lambda items, model=model"):
        study(own=looped)
    study(own={name: lambda items, answer=answer: [answer] * len(items) for name, answer in models.items()})


def test_what_is_refused_leaves_the_study_as_it_was() -> None:
    made = study()
    with pytest.raises(SpecError, match="`random-forest` stands in the catalogue"):
        made.add("random-forest", own_models.always_one)
    made.add("mine", own_models.always_one)
    assert [each.name for each in made.spec.candidates] == ["logreg", "lightgbm-small", "mine"]


def test_balanced_accuracy_from_end_to_end(results: Path) -> None:
    rows = range(400)
    frame = pd.DataFrame({"x": rows, "z": [0.5] * 400, "y": ["yes" if row % 20 == 0 else "no" for row in rows]})
    task = Task.from_frame(
        "rare", frame, target="y", groups=["y"], metric="balanced_accuracy", test=np.arange(400) // 20 % 2 == 0
    )
    made = study(
        task=task, reference="careful", candidates=[],
        own={
            "careful": lambda items: ["yes" if item["x"] % 20 == 0 else "no" for item in items],
            "lazy": lambda items: ["no"] * len(items),
        },
    )  # fmt: skip
    record = made.run()
    careful, lazy = record.reference.quality, record.candidate("lazy").quality
    assert careful is not None and lazy is not None
    assert (careful.value.value, careful.value.high) == pytest.approx((1.0, 1.0))
    assert lazy.value.value == pytest.approx(0.5) and lazy.secondary == {"accuracy": 0.95}
    assert {group.group: group.value for group in lazy.groups} == {"y=no": 1.0, "y=yes": 0.0}
    gap = record.candidate("lazy").gap
    assert gap is not None and gap.difference == pytest.approx(-0.5) and gap.verdict == "inferior"
    assert record.task.constant is not None and record.task.constant.value == pytest.approx(0.5)
    assert record.task.rarest == ClassItems(name="yes", n=10)
    made.compare()._repr_html_()


def test_a_reference_without_an_error_is_told_before_measuring(results: Path) -> None:
    frame = pd.DataFrame({"x": np.arange(200.0), "z": [0.0, 1.0] * 100, "y": 2.0 * np.arange(200.0)})
    task = Task.from_frame("doubled", frame, target="y", kind="regression")
    made = study(
        task=task, reference="perfect", candidates=[], margin_points=None, margin_percent=2.0,
        own={"perfect": lambda items: [2.0 * item["x"] for item in items]},
    )  # fmt: skip
    with pytest.raises(StudyFailed, match="`perfect` makes no error, and a margin is a share of them: name another"):
        made.run()


@pytest.mark.parametrize("given", ["logreg", {"model": "logreg"}, 3])
def test_candidates_that_are_no_list_are_told_so(given: Any) -> None:
    with pytest.raises(SpecError, match="`candidates` got .*: give a list"):
        study(candidates=given)
    with pytest.raises(SpecError, match="`candidates` got .*: give a list"):
        study(candidates=given, own={"mine": own_models.always_one})


def test_candidates_may_come_one_by_one() -> None:
    made = study(candidates=(name for name in ("logreg", "lightgbm-small")), own={"mine": own_models.always_one})
    assert [each.name for each in made.spec.candidates] == ["logreg", "lightgbm-small", "mine"]


def test_a_model_of_ones_own_may_stand_among_the_candidates() -> None:
    made = study(candidates=["mine", "lightgbm-small"], own={"mine": own_models.always_one})
    assert [each.name for each in made.spec.candidates] == ["mine", "lightgbm-small"]
    with pytest.raises(SpecError, match="names mine twice"):
        study(candidates=["mine", "mine", "lightgbm-small"], own={"mine": own_models.always_one})


def test_adding_a_name_twice_is_refused() -> None:
    with pytest.raises(SpecError, match="candidate already"):
        study().add("logreg", own_models.always_one)


def test_own_models_learn_outside() -> None:
    with pytest.raises(SpecError, match="fit_items"):
        study(candidates=["lightgbm-small", {"model": "mine", "fit_items": 10}], own={"mine": own_models.always_one})


def test_own_models_have_no_learning_curve() -> None:
    with pytest.raises(
        SpecError, match="`mine` is your own model and learns outside effkit: it takes .* no learning curve"
    ):
        study(own={"mine": own_models.always_one}, learning_curve=[{"model": "mine", "fit_items": [50, 100]}])


def test_a_copy_may_have_another_task() -> None:
    tasks = [
        Task.from_arrays(name, np.arange(80.0).reshape(40, 2), [0, 1] * 20, groups=groups)
        for name, groups in (("first", []), ("second", ["x0"]))
    ]
    made = study(task=tasks[0])
    assert made.set(task=tasks[1]).load_task() is tasks[1] and made.set(seed=3).load_task() is tasks[0]
    assert made.load_task() is tasks[0]
    assert made.set(task="breast-cancer").load_task().name == "breast-cancer"
    with pytest.raises(SpecError, match=r"`task` got .* \(list\)"):
        made.set(task=[1, 2])


def test_a_margin_in_groups_takes_groups() -> None:
    with pytest.raises(SpecError, match="`budget.group_margin_points` asks of groups, and `breast-cancer` has none"):
        study(budget={"group_margin_points": 5.0})


def test_a_study_that_is_only_planned_makes_no_file(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    study().set(margin_points=3.0).plan()
    assert not list(tmp_path.iterdir())


def test_looking_before_running_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match=r"study.run\(\)"):
        study().compare()


def test_the_comparison_shows_itself(record: Record) -> None:
    from effkit.report.notebook import Comparison

    comparison = Comparison(record)
    assert "logreg" in str(comparison)
    assert "this model has a fault" in comparison._repr_html_()
    assert comparison.frame.index.name == "candidate"


def test_no_process_is_left_behind(record: Record) -> None:
    import psutil

    workers = [
        process
        for process in psutil.Process().children(recursive=True)
        if "effkit.bench.worker" in " ".join(process.cmdline())
    ]
    assert workers == []


def test_the_record_is_plain_json(record: Record) -> None:
    assert json.loads(record.model_dump_json())["schema_version"] == record.schema_version
