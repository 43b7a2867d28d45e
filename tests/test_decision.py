"""Deciding on a run: other keys without another run, and refusals in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from effkit import SpecError, decide
from effkit.migrations import read_record
from effkit.params import assigned
from effkit.record import Record
from effkit.untried import untried

GOLDEN = Path(__file__).parent / "golden" / "record-v3.json"


@pytest.fixture
def record() -> Record:
    return read_record(GOLDEN.read_bytes())


def test_a_decision_prints_as_an_argument(record: Record) -> None:
    reasoned = decide(record)
    text = str(reasoned)
    assert text.startswith("What is asked")
    assert "From the simplest and smallest upward" in text
    assert reasoned.kind in ("smaller", "reference", "larger", "indifferent", "open", "none")
    assert "<ol" in reasoned._repr_html_()


def test_a_margin_that_is_chosen_afterwards_proves_nothing(record: Record) -> None:
    assert "proves nothing" not in str(decide(record))
    assert "proves nothing" in str(decide(record, margin_points=30.0))


def test_a_budget_that_nothing_meets_is_answered_in_words(record: Record) -> None:
    reasoned = decide(record, budget__peak_bytes=1000, budget__latency_p99_s=None)
    assert (reasoned.kind, reasoned.chosen) == ("none", None)
    assert "Nothing is chosen" in str(reasoned)
    assert "comes nearest to the limit on peak memory" in str(reasoned)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"task": "x"}, "part of what was measured"),
        ({"marginn": 1}, "Did you mean"),
        ({"budget__network_s": 9.0, "budget__latency_p99_s": 1.0}, "takes all of"),
        ({"budget__network_s": 0.1, "budget__latency_p99_s": None}, "give both"),
        ({"budget__infer_p99_s": 2.0, "budget__latency_p99_s": 1.0}, "leaves 1 for all computing"),
        ({"budget__money_per_thousand": 1.0}, "depends on the traffic"),
        ({"budget__money_per_thousand": 1.0, "budget__requests_per_s": 1.0}, "needs a price"),
        ({"margin_percent": 2.0}, "give one of"),
    ],
)
def test_what_contradicts_itself_is_refused(record: Record, keys: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        decide(record, **keys)


def test_several_runs_are_refused(record: Record) -> None:
    with pytest.raises(SpecError, match="took turns on one host"):
        decide([record, record])  # type: ignore[arg-type]


def test_a_run_without_rivals_is_refused(record: Record) -> None:
    alone = record.model_copy(update={"candidates": (record.reference,)})
    with pytest.raises(SpecError, match="Only the reference"):
        decide(alone)
    failed = record.reference.model_copy(update={"status": "failed"})
    with pytest.raises(SpecError, match="failed in this run"):
        decide(record.model_copy(update={"candidates": (failed, *record.candidates[:1])}))


def test_untried_techniques_are_lines_that_a_study_takes(record: Record) -> None:
    import yaml

    from effkit.spec import CandidateSpec

    reasoned = decide(record, budget__peak_bytes=1000, budget__latency_p99_s=None)
    assert reasoned.untried == untried(record, reasoned.decision)
    for line in reasoned.untried:
        (candidate,) = yaml.safe_load(line)
        assert CandidateSpec.model_validate(candidate).techniques


def test_the_command_line_and_the_function_agree(record: Record) -> None:
    given = assigned(["margin_points=3", "budget.peak_bytes=2_000_000_000"])
    assert str(decide(record, **given)) == str(decide(record, margin_points=3, budget__peak_bytes=2_000_000_000))
