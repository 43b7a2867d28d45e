"""Where answers may differ, the reason is told; everywhere else they must be the same."""

from __future__ import annotations

import pytest

from effkit.analysis.circumstances import circumstances, differences
from effkit.analysis.excuses import excuse
from effkit.record import Cascade, Record
from effkit.spec import CandidateSpec
from tests.analysis.two_runs import changed, golden, with_candidate

NAME = "minilm-l6"


def told(first: Record, second: Record, name: str = NAME) -> str:
    return excuse(first, second, name, differences(circumstances(first), circumstances(second)))


def cascade(accept_points: float | None, select_items: int = 100) -> Record:
    """The golden record, one candidate of which chose its thresholds at a bound."""
    how = Cascade.model_construct(accept_points=accept_points, calibrate_items=100, select_items=select_items)
    return with_candidate(golden(), NAME, cascade=how)


def with_another(asked: CandidateSpec) -> Record:
    """The golden record with one candidate more, as a study would name it."""
    record = golden()
    measured = record.candidate(NAME).model_copy(update={"name": asked.name, "model": asked.model or asked.name})
    asked_for = {"candidates": (*record.spec.candidates, asked)}
    return changed(record.model_copy(update={"candidates": (*record.candidates, measured)}), spec=asked_for)


def test_a_run_beside_itself_has_no_excuse() -> None:
    assert told(golden(), golden()) == ""


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (changed(golden(), host={"cpu": "another"}), "hosts differ"),
        (changed(golden(), code={"git_commit": "1" * 40}), "versions differ"),
        (changed(golden(), spec={"seed": 2}), "seeds differ"),
        (with_candidate(golden(), NAME, fit_items=7), "training items differ"),
        (with_candidate(golden(), NAME, weights_sha256={"a": "b"}), "weights differ"),
    ],
)
def test_what_is_not_the_same_excuses(other: Record, words: str) -> None:
    assert words in told(golden(), other)
    assert words in told(other, golden())


def test_two_runs_with_uncommitted_changes_are_not_known_to_be_of_one_code() -> None:
    dirty = changed(golden(), code={"git_dirty": True})
    assert "uncommitted changes" in told(dirty, dirty)


def with_function(sha256: str | None) -> Record:
    """The golden record with a model of one's own, and the hash of its function where one is given."""
    functions = {} if sha256 is None else {"mine": sha256}
    return with_candidate(with_another(CandidateSpec(model="mine")), "mine", functions_sha256=functions)


def test_a_model_of_ones_own_is_the_same_where_its_hash_is() -> None:
    assert told(with_function("a"), with_function("a"), "mine") == ""
    other = told(with_function("a"), with_function("b"), "mine")
    assert "of your own has another hash" in other and "version of Python" in other
    for first, second in ((None, None), ("a", None), (None, "a")):
        assert "no hash" in told(with_function(first), with_function(second), "mine")
    assert told(with_function(None), with_function("a"), "mpnet-base") == ""


def test_a_stage_of_ones_own_excuses_its_cascade_unless_its_hash_is_the_same() -> None:
    asked = CandidateSpec(cascade=(CandidateSpec(model="mine"), CandidateSpec(model="mpnet-base")))
    found = with_another(asked)
    assert "of your own" in told(found, found, asked.name)
    hashed = with_candidate(found, asked.name, functions_sha256={"mine": "a"})
    assert told(hashed, hashed, asked.name) == ""
    assert "of your own" in told(hashed, with_candidate(found, asked.name, functions_sha256={"mine": "b"}), asked.name)


def test_an_entry_of_ones_own_catalogue_is_known_by_its_weights() -> None:
    of_catalogue = with_another(CandidateSpec(model="mine")).model_copy(update={"own_entries": {"mine": {}}})
    assert told(of_catalogue, of_catalogue, "mine") == ""
    other = with_candidate(of_catalogue, "mine", weights_sha256={"model.safetensors": "b"})
    assert told(of_catalogue, other, "mine") == "the weights differ"


def test_an_entry_of_ones_own_that_says_something_else_excuses() -> None:
    candidate = CandidateSpec(model="mine", techniques=({"distil": {"teacher": "theirs"}},))
    asked, name = with_another(candidate), candidate.name

    def holding(**entries: dict[str, object]) -> Record:
        return asked.model_copy(update={"own_entries": entries})

    first = holding(mine={"title": "Ours", "settings": {"C": 1.0}}, theirs={})
    assert told(first, holding(mine={"title": "Another", "settings": {"C": 1.0}}, theirs={}), name) == ""
    other = holding(mine={"title": "Ours", "settings": {"C": 2.0}}, theirs={})
    assert told(first, other, name) == "the catalogue's entry of mine differs"
    assert told(first, other, "mpnet-base") == ""
    taught = holding(mine={"settings": {"C": 1.0}}, theirs={"settings": {"C": 2.0}})
    assert told(first, taught, name) == "the catalogue's entry of theirs differs"


@pytest.mark.parametrize("other", [cascade(1.0), cascade(None), cascade(0.5, select_items=90)])
def test_thresholds_chosen_otherwise_excuse_a_cascade(other: Record) -> None:
    assert told(cascade(0.5), cascade(0.5)) == ""
    assert "thresholds" in told(cascade(0.5), other)


def test_what_a_gpu_trained_need_not_come_out_the_same() -> None:
    memory = golden().candidate(NAME).memory
    assert memory is not None
    on_gpu = with_candidate(golden(), NAME, memory=memory.model_copy(update={"device_allocated_bytes": 5}))
    assert "no fixed order" in told(on_gpu, on_gpu)
    assert told(golden(), golden()) == ""


def test_what_a_gpu_trained_need_not_come_out_the_same_where_the_cpu_serves_it() -> None:
    asked = CandidateSpec(model="mlp", techniques=({"onnx": {}},))
    on_cpu = with_another(asked)
    on_gpu = changed(on_cpu, spec={"protocol": on_cpu.spec.protocol.model_copy(update={"device": "cuda"})})
    assert "no fixed order" in told(on_gpu, on_gpu, asked.name)
    assert told(on_cpu, on_cpu, asked.name) == ""
    assert told(on_gpu, on_gpu, "tfidf-logreg") == ""  # which no GPU has anything to do with
