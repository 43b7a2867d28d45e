"""A parameter file is refused in words: the key, what it got, what it may be, the nearest name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effkit import resolve
from effkit.params import assigned, override, parse, read
from effkit.spec import CandidateSpec, Protocol, SpecError, StudySpec
from tests.conftest import parameters

GOOD = parameters(task="clothing-department", reference="mpnet-base", candidates=["tfidf-logreg", "mpnet-base"])


def refused(**changes: Any) -> str:
    with pytest.raises(SpecError) as caught:
        resolve.check(parse({**GOOD, **changes}), {}, None)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"candidates": "mpnet-base"}, ["`candidates` got 'mpnet-base': give a list, as in [mpnet-base]"]),
        ({"items": {"fit": "many"}}, ["`items.fit` got 'many': give a whole number above 0, or `all`"]),
        ({"protocol": 3}, ["`protocol` got 3", "smoke, standard, rigorous"]),
        ({"carbon": "FRA"}, ["`carbon` got 'FRA': give a mapping, of region, grid_g_per_kwh"]),
        ({"load": True}, ["`load` got True: give a mapping, of max_batch, shares"]),
        ({"candidates": ["mpnet-base", 3]}, ["`candidates.1` got 3: give a model's name, or a mapping, of model"]),
        ({"name": "My Study"}, ["`name` got 'My Study'", "small letters, digits and hyphens"]),
        ({"margin_pionts": 2}, ["margin_pionts", "Did you mean `margin_points`"]),
        ({"margin-points": 2}, ["`margin-points` is not a known key", "Did you mean `margin_points`"]),
        ({"budget": {"energy-j": 1}}, ["`budget.energy-j` is not a known key", "Did you mean `energy_j`"]),
        ({"margin_points": -1}, ["margin_points", "-1", "greater than 0"]),
        ({"margin_points": "much"}, ["margin_points", "'much'", "number"]),
        ({"reference": "mpnet"}, ["reference", "mpnet", "Did you mean `mpnet-base`"]),
        ({"task": "clothing-departmnet"}, ["clothing-departmnet", "Did you mean `clothing-department`"]),
        ({"candidates": ["tfidf-logrge", "mpnet-base"]}, ["tfidf-logrge", "Did you mean `tfidf-logreg`"]),
        ({"candidates": ["small-cnn", "mpnet-base"]}, ["small-cnn", "vision", "minilm-l6"]),
        ({"candidates": ["mpnet-base", "mpnet-base"]}, ["mpnet-base", "twice"]),
        ({"candidates": [{"model": "mpnet-base", "techniques": [{"int9": {}}]}], "reference": "mpnet-base+int9"},
         ["int9", "technique"]),
        ({"candidates": ["mpnet-base", {"model": "minilm-l6", "techniques": [{"resolution": {"pixels": 96}}]}]},
         ["resolution", "text"]),
        ({"protocol": "standrad"}, ["standrad", "Did you mean `standard`"]),
        ({"protocol": {"generatons": 3}}, ["protocol.generatons", "Did you mean `generations`"]),
        ({"budget": {"latency_p99": 1}}, ["latency_p99", "Did you mean `latency_p99_s`"]),
        ({"carbon": {"region": "FRANCE"}}, ["FRANCE"]),
        ({"margin_points": None, "margin_percent": 2.0}, ["margin_points", "classification"]),
        ({"margin_reason": ""}, ["margin_reason"]),
        ({"name": "../up"}, ["name", "../up"]),
        ({"seed": -1}, ["seed", "-1"]),
    ],
)  # fmt: skip
def test_wrong_parameters_are_refused_in_words(changes: dict[str, Any], words: list[str]) -> None:
    message = refused(**changes)
    for word in words:
        assert word in message


def test_a_missing_key_says_what_it_is_for() -> None:
    with pytest.raises(SpecError, match=r"`margin_reason` is missing: why this margin"):
        parse({key: value for key, value in GOOD.items() if key != "margin_reason"})


def test_a_region_is_one_however_it_is_written() -> None:
    carbon = parse({**GOOD, "carbon": {"region": "deu", "scenarios": ["fra", "World"]}}).carbon
    assert (carbon.region, carbon.place, carbon.scenarios) == ("DEU", "DEU", ("FRA", "WORLD"))


def test_every_wrong_key_is_named_at_once() -> None:
    message = refused(seed=-1, margin_points=-1)
    assert "seed" in message and "margin_points" in message


def test_nothing_is_downloaded_or_loaded_before_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(*arguments: Any, **options: Any) -> None:
        raise AssertionError("fetched before the study was checked")

    monkeypatch.setattr("effkit.catalogue.fetch", fetch)
    refused(task="nowhere")


def test_names_show_techniques_and_labels() -> None:
    candidate = CandidateSpec(model="lite", techniques=({"resolution": {"pixels": 96}},), fit_items="all")
    assert candidate.name == "lite+resolution-96@all"


def test_a_tier_fills_in_what_is_not_given() -> None:
    spec = parse({**GOOD, "protocol": {"base": "smoke", "generations": 2}})
    assert (spec.protocol.generations, spec.protocol.items) == (2, "few")
    assert Protocol().generations == 10


def test_a_rigorous_load_test_goes_nearer_to_saturation_unless_told_otherwise() -> None:
    """Queues at 0.9 take ten thousand requests and more to tell of, which other tiers do not send."""
    plain, rigorous, told = (
        parse({**GOOD, "protocol": tier, "load": load}).load
        for tier, load in (("standard", {}), ({"base": "rigorous", "threads": 2}, {}), ("rigorous", {"queries": 500}))
    )
    assert plain is not None and rigorous is not None and told is not None
    assert (plain.shares, plain.queries) == ((0.3, 0.6, 0.8), 4500)
    assert (rigorous.shares, rigorous.queries) == ((0.3, 0.6, 0.8, 0.9), 10_000)
    assert (told.shares, told.queries) == ((0.3, 0.6, 0.8, 0.9), 500)
    assert parse({**GOOD, "protocol": "rigorous"}).load is None


@given(
    generations=st.integers(1, 50), threads=st.integers(1, 8), tier=st.sampled_from(["smoke", "standard", "rigorous"])
)
def test_a_resolved_study_reads_back_as_itself(generations: int, threads: int, tier: str) -> None:
    protocol = {"base": tier, "generations": generations, "threads": threads}
    spec = parse({**GOOD, "protocol": protocol, "load": {"max_batch": 2}})
    assert StudySpec.model_validate_json(spec.model_dump_json()) == spec


def test_overrides_reach_inside_mappings_and_tiers() -> None:
    given = assigned(["protocol.generations=3", "margin_points=1", "budget.peak_bytes=5"])
    changed = override({**GOOD, "protocol": "smoke"}, given)
    spec = parse(changed)
    assert (spec.protocol.generations, spec.protocol.base, spec.margin_points) == (3, "smoke", 1.0)
    assert spec.budget.peak_bytes == 5
    assert GOOD["margin_points"] == 2.0


def test_another_tier_keeps_threads_and_device() -> None:
    asked = {**GOOD, "protocol": {"base": "rigorous", "generations": 30, "threads": 2, "device": "cuda"}}
    found = override(asked, {"protocol": "smoke"})["protocol"]
    assert found == {"base": "smoke", "threads": 2, "device": "cuda"}
    assert override({**GOOD, "protocol": "standard"}, {"protocol": "smoke"})["protocol"] == "smoke"


def test_what_is_changed_of_a_tier_stays_whichever_is_named_first() -> None:
    given = assigned(["protocol.generations=3", "protocol=smoke"])
    assert override({**GOOD, "protocol": "standard"}, given)["protocol"] == {"base": "smoke", "generations": 3}


@pytest.mark.parametrize("assignment", ["margin_points", "=3"])
def test_a_wrong_override_is_refused(assignment: str) -> None:
    with pytest.raises(SpecError, match="--set"):
        override(GOOD, assigned([assignment]))


def test_a_key_that_reaches_into_a_text_is_refused_wherever_it_was_given() -> None:
    with pytest.raises(SpecError, match=r"^`name\.deeper` reaches into `name`, which is 't' and not a mapping"):
        override(GOOD, {"name.deeper": 1})


def test_files_that_are_no_mapping_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.yaml"
    with pytest.raises(SpecError, match="no parameter file"):
        read(path)
    path.write_text("- a\n- b\n")
    with pytest.raises(SpecError, match="mapping"):
        read(path)
    path.write_text("name: [unclosed")
    with pytest.raises(SpecError, match="not valid YAML"):
        read(path)
    with pytest.raises(SpecError, match="Did you mean `text.yaml`"):
        read(tmp_path / "texts.yaml")


def test_yaml_objects_are_never_built(tmp_path: Path) -> None:
    path = tmp_path / "evil.yaml"
    path.write_text("name: !!python/object/apply:os.system ['true']")
    with pytest.raises(SpecError, match="not valid YAML"):
        read(path)


def test_one_wrong_candidate_is_one_sentence() -> None:
    said = refused(candidates=[{"modl": "mpnet-base"}])
    assert "Did you mean `model`" in said
    assert "at least 1 item" not in said


def test_a_key_that_is_null_can_be_reached_into() -> None:
    assert override({"load": None}, {"load.max_batch": 8}) == {"load": {"max_batch": 8}}


def test_an_assignment_that_is_no_yaml_is_named() -> None:
    with pytest.raises(SpecError, match="is not valid YAML"):
        assigned(["candidates=[a"])


def test_on_a_gpu_visits_are_as_long_as_its_counter_of_energy_needs() -> None:
    on_gpu, on_cpu = Protocol(device="cuda"), Protocol()
    assert (on_gpu.blocks, on_gpu.visit_s) == (1, 2.0)
    assert on_gpu.blocks * on_gpu.block_items == on_cpu.blocks * on_cpu.block_items
    assert on_gpu.blocks * on_gpu.visit_s == on_cpu.blocks * on_cpu.visit_s
    assert Protocol(device="cuda", blocks=3).blocks == 3
    smoke = Protocol.model_validate({"base": "smoke", "device": "cuda"})
    assert smoke.model_dump(exclude={"device"}) == Protocol(base="smoke").model_dump(exclude={"device"})
    assert Protocol.model_validate(on_gpu.model_dump()) == on_gpu
