"""Deciding on a run: other keys without another run, and refusals in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from effkit import Budget, SpecError, decide
from effkit.migrations import read_record
from effkit.params import assigned
from effkit.record import Estimate, Record
from effkit.report import summarise
from effkit.report.words import WAITING
from effkit.untried import untried
from tests.analysis.two_runs import with_candidate
from tests.report.conftest import CASES, MakeRecord, candidate, gap, load_of_rate, reference
from tests.report.conftest import record as built

GOLDEN = Path(__file__).parent / "golden" / "record-v3.json"


@pytest.fixture
def make_record() -> MakeRecord:
    return lambda case: CASES[case]()


@pytest.fixture
def record() -> Record:
    return read_record(GOLDEN.read_bytes())


def test_a_decision_prints_as_an_argument(record: Record) -> None:
    reasoned = decide(record)
    text = str(reasoned)
    assert text.startswith("What is asked")
    assert "From the simplest upward" in text
    assert reasoned.kind == "smaller"
    assert "<ol" in reasoned._repr_html_()


def test_a_margin_that_is_chosen_afterwards_proves_nothing(record: Record) -> None:
    assert "proves nothing" not in str(decide(record))
    assert "proves nothing" in str(decide(record, margin_points=30.0))


def test_size_cold_start_and_throughput_are_limits(record: Record) -> None:
    limits = {
        "budget__latency_p99_s": None, "budget__peak_bytes": None, "budget__weight_bytes": 50_000_000,
        "budget__cold_start_s": 10, "budget__items_per_s": 300,
    }  # fmt: skip
    text = str(decide(record, **limits)).replace("\u00a0", " ")
    assert "Size on disk of at most 50 MB, cold start of at most 10 s and throughput of at least 300 /s." in text
    assert "size on disk is 90.9 MB, and 50 MB is allowed; throughput is 268 /s [262, 273], and 300 /s is asked" in text
    nearest = "MiniLM L6 comes nearest to the limit on throughput: 268 /s [262, 273], and 300 /s is asked for."
    assert nearest in text
    (batches,) = record.candidate("minilm-l6").throughput
    close = batches.model_copy(update={"items_per_s": Estimate(value=299.0, low=298.0, high=299.5, n=5)})
    text = str(decide(with_candidate(record, "minilm-l6", throughput=(close,)), **limits)).replace("\u00a0", " ")
    assert "throughput is 1 /s under the 300 /s asked for" in text
    few = batches.model_copy(update={"batch": 8})
    text = str(decide(with_candidate(record, "minilm-l6", throughput=(few,)), **limits)).replace("\u00a0", " ")
    assert "throughput is 268 /s [262, 273] in batches of 8, and 300 /s is asked for" in text


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
        ({"run": "x"}, "`run` is not a known key"),
        ({"budget__network_s": 9.0, "budget__latency_p99_s": 1.0}, "takes all of"),
        ({"budget__network_s": 0.1, "budget__latency_p99_s": None}, "give both"),
        ({"budget__infer_p99_s": 2.0, "budget__latency_p99_s": 1.0}, "leaves 1 for all computing"),
        ({"budget__money_per_thousand": 1.0}, "depends on the traffic"),
        ({"budget__money_per_thousand": 1.0, "budget__requests_per_s": 1.0}, "needs a price"),
        ({"margin_percent": 2.0}, "give one of"),
        ({"carbon__region": "DE"}, "DEU"),
    ],
)
def test_what_contradicts_itself_is_refused(record: Record, keys: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        decide(record, **keys)


def test_a_reason_that_ends_a_sentence_ends_it_once(record: Record) -> None:
    spec = record.spec.model_copy(update={"margin_reason": "a second reader sees them all."})
    steps = decide(record.model_copy(update={"spec": spec})).argument.steps
    (asked,) = (step.lines[0] for step in steps if step.title == "What is asked")
    assert asked.endswith(": a second reader sees them all.")


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


@pytest.mark.parametrize(
    ("case", "name", "verdict", "words"),
    [
        ("yes", "minilm-l6", "meets", "minilm-l6 is good enough."),
        ("yes", "tfidf-logreg", "fails", "tfidf-logreg is not good enough: worse by more than 1 point."),
        ("yes", "mpnet-base", "fails", "mpnet-base is not good enough: p99 latency is"),
        ("yes", "minilm-l6+int8", "open", "it failed in this run (the worker was killed while it quantised"),
        ("inconclusive", "minilm-l6", "open", "is not shown: 2,000 items cannot tell whether it is worse by 1 point"),
        ("smoke with a p99 limit", "minilm-l6", "open", "is not shown: whether its p99 latency stays within the limit"),
        ("labels", "tfidf-logreg", "fails", "tfidf-logreg is not good enough"),
        ("labels", "tfidf-logreg@all", "meets", "tfidf-logreg@all is good enough."),
    ],
)
def test_every_candidate_has_a_verdict_and_not_shown_is_not_no(
    make_record: MakeRecord, case: str, name: str, verdict: str, words: str
) -> None:
    reasoned = decide(make_record(case))
    assert reasoned.verdict(name) == verdict
    assert words in reasoned.sentence(name).replace("\u00a0", " ")


def test_a_verdict_on_nobody_names_those_there_are(make_record: MakeRecord) -> None:
    reasoned = decide(make_record("no"))
    for ask in (reasoned.verdict, reasoned.sentence):
        with pytest.raises(SpecError, match="`minilm-l6` is not a known candidate.*Known: mpnet-base, tfidf-logreg"):
            ask("minilm-l6")


def test_untried_techniques_are_lines_that_a_study_takes(record: Record) -> None:
    import yaml

    from effkit.spec import CandidateSpec

    reasoned = decide(record, budget__peak_bytes=1000, budget__latency_p99_s=None)
    assert reasoned.untried and reasoned.untried == untried(record, reasoned.decision)
    assert any("onnx" in line for line in reasoned.untried) and "Not tried yet" in str(reasoned)
    for line in reasoned.untried:
        (candidate,) = yaml.safe_load(line)
        assert CandidateSpec.model_validate(candidate).techniques


@pytest.mark.parametrize(
    ("types", "step"),
    [
        ({"bf16": True}, "{openvino: {precision: bf16}}"),
        ({"bf16": False}, "{openvino: {}}"),
        (None, "{openvino: {}}"),
    ],
)
def test_arithmetic_that_this_processor_refuses_is_not_advised(
    record: Record, types: dict[str, bool] | None, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("effkit.bench.host.short_types", lambda: types)
    lines = decide(record, budget__peak_bytes=1000, budget__latency_p99_s=None).untried
    assert [step in line for line in lines if "openvino" in line and "int8" not in line] == [True]


def test_what_runs_on_a_gpu_is_not_advised_to_leave_it(record: Record) -> None:
    protocol = record.spec.protocol.model_copy(update={"device": "cuda"})
    on_gpu = record.model_copy(update={"spec": record.spec.model_copy(update={"protocol": protocol})})
    lines = decide(on_gpu, budget__peak_bytes=1000, budget__latency_p99_s=None).untried
    assert any("{bf16: {}}" in line for line in lines)
    assert not any(runtime in line for line in lines for runtime in ("onnx", "openvino"))


def test_what_is_advised_of_a_model_with_other_labels_keeps_them() -> None:
    passes = gap(-0.004, -0.009, 0.001, "non-inferior")
    more = candidate("minilm-l6@all", "MiniLM L6, all labels", 0.0071, 0.838, model="minilm-l6", gap=passes)
    lines = decide(built(reference(), more), budget__peak_bytes=1000, budget__latency_p99_s=None).untried
    assert lines[0] == "- {model: minilm-l6, techniques: [{onnx: {}}], fit_items: all}"
    assert all(line.endswith(", fit_items: all}") for line in lines)


def test_more_pixels_than_a_network_works_on_are_not_advised() -> None:
    tried: dict[str, Any] = {"model": "efficientnet-lite2", "techniques": ({"onnx": {}},)}
    record = built(
        candidate("small-cnn", "Small CNN", 0.0412, 0.842, reference=True),
        candidate("efficientnet-lite2", "Lite2", 0.09, 0.861, speed="higher", gap=gap(0.019, 0.011, 0.027, "superior")),
        candidate("efficientnet-lite2+onnx", "Lite2", 0.08, 0.7, gap=gap(-0.1, -0.12, -0.08, "inferior"), **tried),
        params={"reference": "small-cnn"},
    )
    lines = decide(record, budget__peak_bytes=1000, budget__latency_p99_s=None).untried
    of_pixels = [line for line in lines if "resolution" in line]
    assert of_pixels == ["- {model: efficientnet-lite2, techniques: [{resolution: {pixels: 128}}]}"]


def test_the_command_line_and_the_function_agree(record: Record) -> None:
    given = assigned(["margin_points=3", "budget.peak_bytes=2_000_000_000"])
    assert str(decide(record, **given)) == str(decide(record, margin_points=3, budget__peak_bytes=2_000_000_000))


def test_a_price_is_told_in_the_currency_of_the_decision(record: Record) -> None:
    text = str(
        decide(
            record, budget__money_per_thousand=0.5, budget__requests_per_s=100.0, cost__machine_per_hour=0.3,
            cost__currency="CHF", cost__source="a made-up price",
        )
    ).replace("\u00a0", " ")  # fmt: skip
    assert "price of 1,000 requests of at most 0.500 CHF" in text


def test_workers_that_share_a_machine_may_be_others_than_the_study_gave(record: Record) -> None:
    price = {"cost__machine_per_hour": 0.3, "cost__currency": "CHF", "cost__source": "a made-up price"}
    given = {**price, "budget__requests_per_s": 1000.0, "budget__latency_p99_s": None}
    alone, shared = decide(record, **given), decide(record, **given, cost__workers_per_machine=8)
    assert "8 workers share a machine, as given" in str(shared) and "share a machine" not in str(alone)
    machines = [[each.serving.machines for each in found.decision.order if each.serving] for found in (alone, shared)]
    assert machines[0] and all(few < many for many, few in zip(*machines, strict=True))
    with pytest.raises(SpecError, match="workers_per_machine"):
        decide(record, **given, cost__workers_per_machine=0)


def test_how_many_items_would_do_is_told_for_the_margin_that_they_were_counted_for(make_record: MakeRecord) -> None:
    record = make_record("inconclusive")
    one = record.candidate("minilm-l6")
    assert one.gap is not None
    gap = one.gap.model_copy(update={"enough_from": 0.024, "worse_below": -0.002})
    record = record.model_copy(update={"candidates": (record.reference, one.model_copy(update={"gap": gap}))})
    own, other = (str(decide(record, margin_points=points)).replace("\u00a0", " ") for points in (1.0, 0.7))
    assert "cannot tell whether it is worse by 1 point (2.4 points would be shown); about 6,900 would" in own
    assert "cannot tell whether it is worse by 0.7 points (2.4 points would be shown) (" in other


def test_a_choice_at_a_traffic_says_that_waiting_was_not_measured(make_record: MakeRecord) -> None:
    record = make_record("yes")
    tried, free = decide(record), decide(record, budget__latency_p99_s=None)
    assert tried.argument.traffic == ("From 0.1 to 10,000 requests a second: MiniLM L6.", WAITING)
    assert "No traffic is named: latency is that of one request at a time." in str(tried)
    assert WAITING not in free.argument.traffic and "one request at a time" not in str(free)
    asked = decide(record, budget__requests_per_s=100.0)
    assert (tried.kind, asked.kind) == ("smaller", "open")
    assert asked.argument.traffic == ("From 0.1 to 10,000 requests a second: nothing can be chosen.", WAITING)
    assert "(no load test bears its p99)" in str(asked) and WAITING in asked.argument.traffic


def test_what_is_open_would_come_before_by_the_order_unless_another_needs_fewer_machines(
    make_record: MakeRecord,
) -> None:
    record = make_record("the larger one needs fewer machines")
    undecided = make_record("inconclusive").candidate("minilm-l6").gap
    first = with_candidate(record, "minilm-l6", gap=undecided)
    assert "Giant is chosen" in str(decide(first)) and "Still open" not in str(decide(first))
    faster = with_candidate(first, "minilm-l6", load=load_of_rate(600.0))
    assert "Still open, and would come before it: MiniLM L6." in str(decide(faster)).replace("\u00a0", " ")
    later = with_candidate(record, "giant", gap=undecided)
    assert "Still open, and would come before it: Giant." in str(decide(later))


def test_no_candidate_is_called_faster_by_less_than_the_noise_or_by_one_generation(make_record: MakeRecord) -> None:
    assert "MiniLM L6 is the fastest of those good enough" in str(
        decide(network_beside_linear(make_record("yes"), 0.5))
    )
    assert "the fastest" not in str(decide(network_beside_linear(make_record("yes"), 0.995)))
    assert "the fastest" not in str(decide(network_beside_linear(make_record("smoke"), 0.5)))


def network_beside_linear(record: Record, ratio: float) -> Record:
    """A linear model that is good enough, and a network that takes `ratio` of its time."""
    linear, network = record.candidate("tfidf-logreg"), record.candidate("minilm-l6")
    assert linear.latency is not None and network.latency is not None and linear.latency.ratio is not None
    over = linear.latency.ratio.model_copy(update={"value": linear.latency.ratio.value * ratio})
    quick = network.model_copy(update={"latency": network.latency.model_copy(update={"ratio": over})})
    enough = linear.model_copy(update={"gap": network.gap})
    return record.model_copy(
        update={
            "candidates": (record.reference, enough, quick),
            "spec": record.spec.model_copy(update={"budget": Budget()}),
        }
    )


def test_groups_that_a_margin_is_not_held_against_are_named(make_record: MakeRecord) -> None:
    record = make_record("groups")
    named = (
        "The margin in any group is not held against department=Trend and length=long: a group is judged from 200 test "
        "items on, so a loss there is not seen."
    )
    reasoned = decide(record, budget__group_margin_points=5.0)
    assert reasoned.chosen == "minilm-l6" and named in str(reasoned)
    assert named not in str(decide(make_record("yes")))
    assert named in summarise([record]).studies[0].answer.notes
    assert named not in summarise([make_record("yes")]).studies[0].answer.notes
