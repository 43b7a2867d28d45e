"""Studies of techniques: every link is tested, and what broke is a row that says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from effkit import resolve
from effkit.analysis.verdict import worth
from effkit.models.base import Recipe
from effkit.params import parse
from effkit.record import LayerCost, Record
from effkit.report import summarise
from effkit.spec import Frozen, SpecError
from effkit.study import Study
from effkit.techniques import Technique, register, registry
from tests.conftest import parameters

TREES = {"trees": {"most": 10}}
CHAINED = {"model": "lightgbm-small", "techniques": [TREES, {"leaves": {"most": 3}}]}
BROKEN = {"model": "lightgbm-small", "techniques": [{"hungry": {}}]}
BROKEN_FIRST = {"model": "lightgbm-small", "techniques": [{"hungry": {}}, TREES]}


class Leaves(Frozen):
    """What `leaves` may be given."""

    most: int


def fewer_leaves(recipe: Recipe, parameters: Leaves) -> Recipe:
    return replace(recipe, settings={**recipe.settings, "num_leaves": parameters.most})


def ask_for_too_much(recipe: Recipe, parameters: object) -> Recipe:
    return replace(recipe, settings={**recipe.settings, "min_child_samples": 100_000})


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """One run with a chain of two techniques and one that breaks the model."""
    trees = ("boosted trees",)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFKIT_RESULTS", str(tmp_path_factory.mktemp("results")))
        patch.setattr(registry, "_registered", {})
        register(Technique(
            "leaves", "Boosted trees.", lambda given: f"of {given.most} leaves", Leaves, trees, apply=fewer_leaves,
        ))  # fmt: skip
        register(Technique("hungry", "Many items.", lambda given: "hungry", takes=trees, apply=ask_for_too_much))
        made = Study.from_params(**parameters(candidates=["lightgbm-small", CHAINED, BROKEN, BROKEN_FIRST]))
        return made.run()


def test_each_link_has_a_gap_a_size_and_a_making_of_its_own(record: Record) -> None:
    first, second = record.candidate("lightgbm-small+trees-10+leaves-3").links
    assert (first.name, first.before) == ("lightgbm-small+trees-10", "lightgbm-small")
    assert (second.name, second.before) == ("lightgbm-small+trees-10+leaves-3", first.name)
    assert (first.technique, first.words) == (TREES, "with 10 trees")
    for link in (first, second):
        assert link.gap is not None and link.gap.n == record.task.test_used
        assert link.size is not None and link.size < 1
        assert link.making_s is not None and link.making_s > 0
        assert link.time_payback is not None and link.time_payback.outcome == "not resolvable"
        assert link.error is None


def test_a_beginning_that_is_no_candidate_is_predicted_and_not_timed(record: Record) -> None:
    assert {each.name for each in record.candidates} == {
        "lightgbm-small", "lightgbm-small+trees-10+leaves-3", "lightgbm-small+hungry", "lightgbm-small+hungry+trees-10",
    }  # fmt: skip
    assert all(link.latency is None for link in record.candidate("lightgbm-small+trees-10+leaves-3").links)
    assert record.reference.links == ()


def test_a_model_that_gives_one_answer_to_everything_is_a_failed_row(record: Record) -> None:
    broken = record.candidate("lightgbm-small+hungry")
    assert broken.status == "failed"
    assert broken.error is not None and "the same answer" in broken.error
    (link,) = broken.links
    assert link.error == broken.error
    assert link.time_payback is None and link.peak is None
    assert link.gap is None and link.size is None


def test_the_report_tells_every_link_in_a_sentence(record: Record) -> None:
    section = summarise([record]).studies[0]
    table = next(each for each in section.details if each.key == "links")
    assert [row.name for row in table.rows] == [
        "lightgbm-small+trees-10", "lightgbm-small+trees-10+leaves-3", "lightgbm-small+hungry",
        "lightgbm-small+hungry+trees-10",
    ]  # fmt: skip
    assert len(section.techniques) == 4
    assert "“hungry”, added to LightGBM small, is not worth it: it failed" in section.techniques[2]


def test_a_link_after_one_that_failed_is_not_to_blame(record: Record) -> None:
    first, second = record.candidate("lightgbm-small+hungry+trees-10").links
    assert worth(first) == ("not worth it", "it failed")
    assert worth(second) == ("not resolvable", "the chain before it failed")


@pytest.mark.slow  # two studies, each of which waits for its turn to measure
def test_what_mixed_precision_wrote_of_each_layer_stands_on_its_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EFFKIT_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(registry, "_registered", {})
    monkeypatch.setattr(registry, "TECHNIQUES", {})  # one of boosted trees takes the place of that of encoders
    register(Technique(
        "mixed", "Boosted trees.", lambda given: "mixed", Leaves, ("boosted trees",), apply=fewer_leaves,
    ))  # fmt: skip
    chain = {"model": "lightgbm-small", "techniques": [{"mixed": {"most": 3}}]}
    study = Study.from_params(**parameters(candidates=["lightgbm-small", chain]))
    assert study.run().candidates[1].links[0].sensitivity == ()
    for product in (tmp_path / "cache" / "products").glob("*/*/*/making.json"):
        folder = product.parent / "encoder"
        folder.mkdir()
        (folder / "sensitivity.json").write_text('[{"layer": "a", "cost": 0.1, "bytes_saved": 9, "bits": 8}]')
    plain, mixed = study.run().candidates
    assert plain.links == ()
    assert mixed.links[0].sensitivity == (LayerCost(layer="a", cost=0.1, bytes_saved=9, bits=8),)


def test_two_chains_of_one_name_are_refused() -> None:
    chains = [[{"distil": {"teacher": "mpnet-base", key: 3}}, more] for key, more in (
        ("layers", {"onnx": {}}), ("epochs", {"bf16": {}}),
    )]  # fmt: skip
    candidates = [{"model": "minilm-l6", "techniques": chain} for chain in chains]
    spec = parse(parameters(task="clothing-department", reference="mpnet-base", candidates=["mpnet-base", *candidates]))
    with pytest.raises(SpecError, match="would be the name of two chains"):
        resolve.check(spec, {}, None)


def test_beginnings_of_chains_are_named_like_candidates() -> None:
    spec = parse(parameters(candidates=["lightgbm-small", {"model": "logreg", "fit_items": 50}]))
    assert resolve.steps(spec.candidates) == []
    chain = {"model": "lightgbm-small", "techniques": [TREES, {"a": {}}, {"b": {}}], "fit_items": 50}
    spec = parse(parameters(candidates=["lightgbm-small", chain]))
    assert [each.name for each in resolve.steps(spec.candidates)] == [
        "lightgbm-small@50", "lightgbm-small+trees-10@50", "lightgbm-small+trees-10+a@50",
    ]  # fmt: skip


def test_a_runtime_that_is_missing_stops_a_study_before_anything_is_loaded(
    results: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    register(Technique(
        "elsewhere", "A runtime.", lambda given: "elsewhere", takes=("boosted trees",), apply=ask_for_too_much,
        runtime=lambda given: ("no_such_runtime",),
    ))  # fmt: skip
    study = Study.from_params(
        **parameters(candidates=["lightgbm-small", {"model": "lightgbm-small", "techniques": [{"elsewhere": {}}]}])
    )
    with pytest.raises(SpecError, match="no_such_runtime"):
        study.run()
