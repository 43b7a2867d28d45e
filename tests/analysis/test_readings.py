"""A candidate's numbers: those that are measured carry their degrees of freedom, and what is missing stays missing."""

from __future__ import annotations

from effkit.analysis.readings import counted, readings
from effkit.params import parse
from tests.analysis.two_runs import golden


def test_degrees_of_freedom_are_the_generations_less_one() -> None:
    record = golden()
    found = {each.name: each for each in readings(record.candidate("minilm-l6"), record.spec)}
    assert found["mean latency"].freedom == found["p99 latency"].freedom == 4
    assert found["mean latency to the reference"].to_reference
    assert found["energy of a request"].energy and found["energy to the reference"].energy
    assert found["peak memory of the process"].freedom == 0


def test_where_a_run_could_go_on_they_are_those_of_the_decision() -> None:
    record = golden()
    params = record.spec_passed | {"protocol": {"base": "standard", "generations": 5, "interval": 0.02}}
    latency = record.candidate("minilm-l6").latency
    assert latency is not None
    more = latency.model_copy(update={"mean_s": latency.mean_s.model_copy(update={"n": 12})})
    candidate = record.candidate("minilm-l6").model_copy(update={"latency": more})
    found = {each.name: each for each in readings(candidate, parse(params))}
    assert found["mean latency"].freedom == 4
    assert found["p99 latency"].freedom == 11, "a percentile's interval resamples all generations"
    assert next(iter(readings(candidate, record.spec))).freedom == 11


def test_what_was_not_measured_is_no_number() -> None:
    record = golden()
    bare = record.candidate("minilm-l6+int8")
    assert readings(bare, record.spec) == ()
    assert counted(bare) == {}
    small = {each.name for each in readings(record.candidate("tfidf-logreg"), record.spec)}
    assert "energy of a request" not in small
