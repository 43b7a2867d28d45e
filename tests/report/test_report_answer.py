"""The answer: each sentence a manager may read, and what each one must not claim."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from effkit.analysis.cost import HEAD_ROOM
from effkit.production import Budget
from effkit.record import Record
from effkit.report import summarise
from effkit.report.values import Answer
from effkit.report.words import WAITING
from tests.report.conftest import candidate, estimate, gap, giant, minilm, record, reference, tfidf
from tests.test_decision import network_beside_linear

MakeRecord = Callable[[str], Record]


def answer_of(record: Record) -> Answer:
    return summarise([record]).studies[0].answer


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("case", "kind", "words"),
    [
        ("yes", "yes", ["MiniLM L6 is enough", "by more than 1 point (−0.4 [−0.9, +0.1])", "5.8× faster [5.6, 6.0]"]),
        ("no", "no", ["3.1 points below MPNet base [−4.4, −1.8]", "1 point is what was allowed"]),
        (
            "inconclusive",
            "not shown",
            ["1.1 points below", "these 2,000 test items cannot decide; about 6,900 would, in 80 %"],
        ),
        ("superior", "yes", ["E5 small beats MPNet base by 1.9 points [+1.1, +2.7]. Of what was asked, MiniLM L6"]),
        ("better", "better", ["E5 small beats MPNet base by 1.9 points [+1.1, +2.7]", "3.0× faster"]),
        (
            "smoke with a p99 limit",
            "not shown",
            ["MiniLM L6 is good enough", "p99 latency stays within the limit is not"],
        ),
        ("failed", "none", ["None of the candidates could be measured"]),
        ("reference failed", "none", ["The reference MPNet base failed"]),
        ("regression", "yes", ["by more than 2 % (−1.0 [−1.7, −0.2])"]),
        ("seeds", "not shown", ["its verdict changes with the training seed"]),
        ("seeds, worse", "not shown", ["its verdict changes with the training seed"]),
        ("larger", "no", ["Giant beats MPNet base by 1.9 points [+1.1, +2.7], but takes neither less time"]),
        ("groups", "not shown", ["MiniLM L6 is good enough overall (−0.4 [−0.9, +0.1]), but groups cannot be judged"]),
        ("holm", "not shown", ["not after allowing for all the candidates tried"]),
        ("slower", "yes", ["but answers 1.46× slower"]),
        ("one is out and one is open", "not shown", ["TF-IDF", "these 2,000 test items cannot decide"]),
        (
            "all are out",
            "no",
            ["None of the candidates meets what is asked. Of MiniLM L6, the closest, p99"],
        ),
        ("only the reference at other labels", "none", ["Every candidate is the reference at another number"]),
        ("the larger one needs fewer machines", "no", ["Giant is good enough", "at this traffic MiniLM L6 needs more"]),
        (
            "only a larger one meets",
            "no",
            ["Neither MPNet base nor anything smaller", "Giant does, and is no"],
        ),
    ],
)
def test_sentence(make_record: MakeRecord, case: str, kind: str, words: list[str]) -> None:
    found = answer_of(make_record(case))
    assert found.kind == kind
    for each in words:
        assert each in plain(found.sentence)


def test_smoke_claims_no_speed(make_record: MakeRecord) -> None:
    found = answer_of(make_record("smoke"))
    assert found.word == "Yes (rehearsal)"
    assert "faster" not in found.sentence
    assert any("indicative" in note for note in found.notes)
    assert any(figure.value.startswith("~") and "indicative" in figure.caption for figure in found.figures)


def test_the_better_number_of_labels_enters_and_it_is_said(make_record: MakeRecord) -> None:
    found = answer_of(make_record("labels"))
    assert found.chosen == "tfidf-logreg@all"
    assert any("enters with 16,000 labels; with 8,000 labels it is 2.5 points worse" in plain(n) for n in found.notes)


def test_superior_leads_and_the_faster_one_is_compared_with_it(make_record: MakeRecord) -> None:
    found = answer_of(make_record("superior"))
    assert found.chosen == "minilm-l6"
    assert any("2.3 points below E5 small" in plain(n) and "no interval" in n for n in found.notes)


def test_a_word_where_efficiency_does_not_matter(make_record: MakeRecord) -> None:
    notes = " ".join(answer_of(make_record("tiny")).notes)
    assert "Every candidate answers within 1 ms" in notes
    assert "already meets the budget for p99 latency" in notes


def test_nothing_is_chosen_without_evidence(make_record: MakeRecord) -> None:
    for case in ("no", "inconclusive", "failed", "reference failed", "seeds", "holm"):
        assert answer_of(make_record(case)).chosen is None


def test_energy_makes_a_headline_only_where_both_were_counted(make_record: MakeRecord) -> None:
    assert any("energy" in f.caption for f in answer_of(make_record("gpu")).figures)
    assert not any("energy" in f.caption for f in answer_of(make_record("yes")).figures)
    counted = make_record("gpu")
    mixed = counted.model_copy(update={"candidates": (make_record("yes").reference, counted.candidate("minilm-l6"))})
    assert not any("energy" in f.caption for f in answer_of(mixed).figures)


def test_one_request_a_second_is_one(make_record: MakeRecord) -> None:
    found = answer_of(nearly_as_fast(make_record("gpu"), 1.0))
    assert found.kind == "no matter" and "at 1 request a second it needs as many machines" in found.sentence


def test_more_memory_is_no_part_of_the_memory(make_record: MakeRecord) -> None:
    captions = {figure.value: figure.caption for figure in answer_of(make_record("larger")).figures}
    assert captions["11×"] == "the memory"


def test_a_limit_on_p99_at_the_studys_traffic_stays_open_without_a_load_test(make_record: MakeRecord) -> None:
    record = make_record("yes")
    budget = record.spec.budget.model_copy(update={"requests_per_s": 100.0})
    found = answer_of(record.model_copy(update={"spec": record.spec.model_copy(update={"budget": budget})}))
    assert (found.kind, found.chosen) == ("not shown", None)
    assert "MiniLM L6 is good enough" in plain(found.sentence)
    assert "stays within the limit is not known (no load test bears its p99)" in plain(found.sentence)
    assert WAITING in found.notes and WAITING not in answer_of(record).notes


def test_the_fastest_is_named_where_a_simpler_one_is_taken(make_record: MakeRecord) -> None:
    found = answer_of(network_beside_linear(make_record("yes"), 0.5))
    assert found.chosen == "tfidf-logreg"
    assert (
        "MiniLM L6 is the fastest of those good enough, but a simpler one is taken: a linear model before a network."
        in found.notes
    )
    for ratio in (0.995, 2.0):
        notes = answer_of(network_beside_linear(make_record("yes"), ratio)).notes
        assert not any("the fastest" in note for note in notes)


def test_how_often_more_items_would_decide_goes_by_the_training_seeds(make_record: MakeRecord) -> None:
    record = make_record("inconclusive")
    one = record.candidate("minilm-l6")
    assert one.quality is not None
    for seeds, words in (
        ((0.838,), "about 6,900 would, in 80 % of such runs."),
        (
            (0.838, 0.836),
            "about 6,900 would, in 80 % of such runs (for one training seed; for all of them together less often).",
        ),
    ):
        changed = one.model_copy(update={"quality": one.quality.model_copy(update={"seed_values": seeds})})
        found = summarise([record.model_copy(update={"candidates": (record.reference, changed)})]).studies[0]
        assert found.answer.sentence.endswith(words)
        assert any(words.partition("would, ")[2] in limit for limit in found.limits)


def test_that_the_reference_itself_is_not_shown_to_keep_the_budget_is_said_where_nothing_is_chosen(
    make_record: MakeRecord,
) -> None:
    record = make_record("no")
    latency = record.reference.latency
    assert latency is not None
    unknown = tuple(
        each.model_copy(update={"value_s": None, "low_s": None, "high_s": None, "reason": "n too small"})
        if each.level == 99
        else each
        for each in latency.percentiles
    )
    open_one = record.reference.model_copy(update={"latency": latency.model_copy(update={"percentiles": unknown})})
    others = [each for each in record.candidates if not each.reference]
    budget = record.spec.budget.model_copy(update={"peak_bytes": None})
    spec = record.spec.model_copy(update={"budget": budget})
    found = summarise([record.model_copy(update={"candidates": (open_one, *others), "spec": spec})]).studies[0]
    assert (found.answer.kind, found.answer.chosen) == ("no", None)
    (note,) = [note for note in found.answer.notes if note.startswith("Whether MPNet base is within the budget")]
    assert note.endswith("so nothing is chosen, not even the reference.")
    assert not any("not even the reference" in note for note in answer_of(record).notes)


@pytest.mark.parametrize(("requests_per_s", "words"), [(10.0, "as many"), (10_000.0, "about as many")])
def test_of_machines_that_differ_by_chance_about_as_many_are_needed(
    make_record: MakeRecord, requests_per_s: float, words: str
) -> None:
    found = answer_of(nearly_as_fast(make_record("gpu"), requests_per_s))
    assert found.kind == "no matter"
    assert f"it needs {words} machines and about as much energy: take the best, MPNet base" in found.sentence
    assert not any("counted may be chance" in note for note in found.notes)


def test_one_machine_against_two_by_chance_is_said_to_be(make_record: MakeRecord) -> None:
    record = make_record("gpu")
    assert record.reference.latency is not None
    between = HEAD_ROOM / (0.9975 * record.reference.latency.mean_s.value)
    found = answer_of(nearly_as_fast(record, between))
    assert found.kind == "no matter" and "about as many machines" in found.sentence
    assert "That 1 and 2 machines are counted may be chance: neither is shown to serve more." in found.notes


def test_that_nothing_smaller_is_good_enough_says_nothing_of_what_is_larger() -> None:
    worse = candidate("tree", "Tree", 0.001, 0.8, gap=gap(-0.042, -0.055, -0.03, "inferior", p_value=0.99, p_holm=1.0))
    found = answer_of(record(reference(), tfidf(), worse, giant(), params={"budget": {}}))
    assert (found.kind, found.chosen) == ("no", None)
    better = "Giant beats MPNet base by 1.9 points [+1.1, +2.7], but takes neither less time nor less memory."
    smaller = "None of the smaller candidates is good enough. The closest, TF-IDF"
    assert plain(found.sentence).startswith(f"{better} {smaller}")
    alone = answer_of(record(reference(), tfidf(), worse, params={"budget": {}}))
    assert alone.sentence.startswith("None of the candidates is good enough. The closest, TF-IDF")
    assert "beats" not in alone.sentence


def test_how_many_were_tried_is_told(make_record: MakeRecord) -> None:
    """Any of them may be chosen, so every verdict allows for all: that is why a study of two decides more."""
    facts = {fact.term: fact.text for fact in summarise([make_record("yes")]).studies[0].facts}
    assert facts["Tried"].startswith("2 candidates: a verdict in favour of one allows for all")  # a third failed
    alone = summarise([record(reference(), tfidf())]).studies[0].facts
    assert "Tried" not in {fact.term for fact in alone}


def test_one_that_beats_the_reference_outside_the_budget_is_said_to() -> None:
    better = candidate("e5-small", "E5 small", 0.0139, 0.861, gap=gap(0.019, 0.011, 0.027, "superior"))
    found = answer_of(record(reference(), better, params={"budget": {"weight_bytes": 1}}))
    assert (found.kind, found.chosen) == ("no", None)
    assert plain(found.sentence).startswith("E5 small beats MPNet base by 1.9 points [+1.1, +2.7], but size on disk is")


def test_a_gap_that_reads_as_nothing_is_neither_above_nor_below() -> None:
    better = candidate("e5-small", "E5 small", 0.0139, 0.861, gap=gap(0.019, 0.011, 0.027, "superior"))
    close = minilm(gap=gap(0.0189, -0.002, 0.04, "non-inferior"))
    found = answer_of(record(reference(), close, better, tfidf()))
    assert found.chosen == "minilm-l6"
    assert any(note.startswith("MiniLM L6 is level with E5 small. That gap has no interval") for note in found.notes)


def nearly_as_fast(record: Record, requests_per_s: float) -> Record:
    """The reference and one that takes half a per cent less time, at a traffic."""
    reference, near = record.reference, record.candidate("minilm-l6")
    assert reference.latency is not None and near.latency is not None
    mean_s = estimate(0.995 * reference.latency.mean_s.value)
    near = near.model_copy(
        update={"latency": near.latency.model_copy(update={"mean_s": mean_s}), "energy": reference.energy}
    )
    spec = record.spec.model_copy(update={"budget": Budget(requests_per_s=requests_per_s)})
    return record.model_copy(update={"spec": spec, "candidates": (reference, near)})
