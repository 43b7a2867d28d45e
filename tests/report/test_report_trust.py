"""`effkit check`: every reason for doubt has its number and what would help, and the report says the same."""

from __future__ import annotations

from typing import Any

import pytest

from effkit.record import (
    CandidateRecord,
    ClassItems,
    Constant,
    Contention,
    EnergyComponent,
    Load,
    LoadPoint,
    PowerForm,
    Record,
)
from effkit.report.summary import section
from effkit.report.trust import doubts
from effkit.report.view import View
from tests.report.conftest import MakeRecord, energy, estimate, ratio

QUIET = Contention(visits=40, repeated=2, disturbed=0, others_limit=0.1, steal_limit=0.01)


def reasons(record: Record) -> set[str]:
    return {doubt.reason for doubt in doubts(View(record))}


def quiet(record: Record, **host: Any) -> Record:
    """The same record from a host on which nothing is to be criticised."""
    clean = {"others_share": 0.0, "steal_share": 0.0, "pinned": True, "coordinator_shares_core": False}
    changed = record.host.model_copy(update={**clean, "resident_together": True, **host})
    return record.model_copy(update={"host": changed, "contention": QUIET})


def with_reference(record: Record, **changes: Any) -> Record:
    candidates = tuple(each.model_copy(update=changes) if each.reference else each for each in record.candidates)
    return record.model_copy(update={"candidates": candidates})


def test_the_report_says_what_check_says(make_record: MakeRecord) -> None:
    record = quiet(make_record("yes"), pinned=False, others_share=0.4)
    said = section(record).limits
    found = doubts(View(record))
    assert {"contended", "isolation"} <= {doubt.reason for doubt in found}
    assert all(doubt.sentence in said and doubt.fix for doubt in found)


@pytest.mark.parametrize(("disturbed", "expected"), [(0, False), (4, False), (9, True)])
def test_visits_that_stayed_disturbed(make_record: MakeRecord, disturbed: int, expected: bool) -> None:
    record = quiet(make_record("yes"))
    record = record.model_copy(update={"contention": QUIET.model_copy(update={"disturbed": disturbed})})
    assert ("contended" in reasons(record)) is expected


@pytest.mark.parametrize(("repeated", "words"), [(1, "after 1 repetition."), (2, "after 2 repetitions.")])
def test_repetitions_are_counted(make_record: MakeRecord, repeated: int, words: str) -> None:
    seen = QUIET.model_copy(update={"disturbed": 9, "repeated": repeated})
    record = quiet(make_record("yes")).model_copy(update={"contention": seen})
    (doubt,) = (each for each in doubts(View(record)) if each.reason == "contended")
    assert doubt.sentence.endswith(words)


@pytest.mark.parametrize(("names", "words"), [(("minilm-l6",), "saves"), (("minilm-l6", "tfidf-logreg"), "save")])
def test_of_several_whose_saving_hangs_on_the_power_model_all_are_meant(
    make_record: MakeRecord, names: tuple[str, ...], words: str
) -> None:
    split = energy(0.1, 5, ratio(0.8, "within noise"), envelope=(PowerForm(form="cubic", value=0.8),))
    record = make_record("yes")
    candidates = tuple(
        each.model_copy(update={"energy": split}) if each.name in names else each for each in record.candidates
    )
    said = section(record.model_copy(update={"candidates": candidates})).limits
    assert sum(f" {words} energy depends on the form" in limit for limit in said) == 1


def test_a_warm_up_that_did_not_settle_is_given_more_by_both_its_limits(make_record: MakeRecord) -> None:
    """Calls of a few milliseconds use up `warm_up_most_calls` and end at `warm_up_s`, long before `warm_up_most_s`."""
    record = quiet(make_record("yes"))
    latency = record.reference.latency
    assert latency is not None
    restless = with_reference(record, latency=latency.model_copy(update={"steady": False}))
    (doubt,) = (each for each in doubts(View(restless)) if "did not settle" in each.sentence)
    assert "`protocol.warm_up_s`" in doubt.fix and "`protocol.warm_up_most_s`" in doubt.fix


def test_an_unstable_reference(make_record: MakeRecord) -> None:
    record = quiet(make_record("yes"))
    noise = tuple(check.model_copy(update={"unstable": True, "ratio": 1.04}) for check in record.noise)
    said = [doubt.sentence for doubt in doubts(View(record.model_copy(update={"noise": noise})))]
    assert any("differs from itself in latency by 4.0 %" in sentence for sentence in said)


def test_a_late_generator(make_record: MakeRecord) -> None:
    point = LoadPoint(
        share=0.8, asked_per_s=40.0, queries=500, percentiles=(), delay_p99_s=0.01, generator_limited=True
    )
    load = Load(max_batch=1, saturation_per_s=estimate(50.0), points=(point,), others_share=0.0)
    record = quiet(make_record("yes"))
    assert "generator-limited" not in reasons(record)
    assert "generator-limited" in reasons(with_reference(record, load=load))
    assert "contended" not in reasons(with_reference(record, load=load))
    for busy, who in (({"others_share": 0.4}, "other processes"), ({"steal_share": 0.4}, "the hypervisor")):
        seen = with_reference(record, load=load.model_copy(update={"others_share": 0.0, "steal_share": 0.0, **busy}))
        (doubt,) = (each for each in doubts(View(seen)) if each.reason == "contended")
        assert f"under load, {who} took 40 % of a core" in doubt.sentence


def test_a_load_test_that_failed_is_a_doubt(make_record: MakeRecord) -> None:
    record = quiet(make_record("yes"))
    before = doubts(View(record))
    failed = with_reference(record, load=None, load_failure="LoadGen sent nothing; tried twice")
    (doubt,) = (each for each in doubts(View(failed)) if each not in before)
    assert doubt.sentence.startswith("There is no load test of MPNet base")
    assert "tried twice" in doubt.sentence and "Run it again" in doubt.fix


def test_that_nobody_knows_how_busy_others_were_under_load_is_said(make_record: MakeRecord) -> None:
    load = Load(max_batch=1, saturation_per_s=estimate(50.0), points=(), others_share=None)
    (doubt,) = (each for each in doubts(View(with_reference(quiet(make_record("yes")), load=load)))
                if each.reason == "contended")  # fmt: skip
    assert doubt.sentence == (
        "How busy other processes kept this machine while MPNet base was under load is not known."
    )


@pytest.mark.parametrize("net_j", [0.0, -0.2])
def test_energy_above_idle_that_is_none_is_a_doubt(make_record: MakeRecord, net_j: float) -> None:
    record = quiet(make_record("yes"))
    before = doubts(View(record))
    assert record.reference.energy is not None
    noisy = with_reference(record, energy=record.reference.energy.model_copy(update={"net_j": net_j}))
    (doubt,) = (each for each in doubts(View(noisy)) if each not in before)
    assert doubt.sentence.startswith("The energy above idle of MPNet base is not resolvable")
    assert "`protocol.visit_s`" in doubt.fix


def test_candidates_that_were_not_resident_together(make_record: MakeRecord) -> None:
    record = quiet(make_record("yes"), resident_together=False, memory_bytes=64 * 10**9)
    (doubt,) = (each for each in doubts(View(record)) if each.reason == "isolation")
    assert "more memory than could be spared of what was free" in doubt.sentence  # which says nothing of all there is
    assert doubt.fix == "Close what else holds memory, or use a host with more than 64 GB."


def test_mixed_ranks(make_record: MakeRecord) -> None:
    record = quiet(make_record("yes"))
    energy = record.reference.energy
    assert energy is not None
    assert "mixed ranks" in reasons(with_reference(record, energy=energy.model_copy(update={"rank": "counter"})))


@pytest.mark.parametrize(
    ("apart", "sentence", "fix"),
    [
        ("GPU memory", "more memory on the GPU than could be spared", "or use a larger one."),
        ("GPU exclusive", "lets one process in at a time", "`nvidia-smi -c DEFAULT`"),
    ],
)
def test_why_a_gpu_kept_them_apart(apart: str, sentence: str, fix: str, make_record: MakeRecord) -> None:
    record = quiet(make_record("yes"), resident_together=False, apart=apart)
    (doubt,) = (each for each in doubts(View(record)) if each.reason == "isolation")
    assert sentence in doubt.sentence and fix in doubt.fix


@pytest.mark.parametrize(
    ("strangers", "words"),
    [(0.0, ""), (None, "could not be told"), (0.4, "0.4 of them on average")],
)
def test_company_on_the_gpu(strangers: float | None, words: str, make_record: MakeRecord) -> None:
    record = quiet(make_record("yes"), gpu_strangers=strangers)
    assert "contended" not in reasons(record)  # on the CPU
    said = [each.sentence for each in doubts(View(on_gpu(record))) if each.reason == "contended"]
    assert len(said) == bool(words) and all(words in sentence for sentence in said)


@pytest.mark.parametrize(
    ("strangers", "words"),
    [(0.0, ""), (None, "while MPNet base was under load could not be told"), (2.0, "under load, 2 of them during one")],
)
def test_company_on_the_gpu_under_load(strangers: float | None, words: str, make_record: MakeRecord) -> None:
    load = Load(max_batch=1, saturation_per_s=estimate(50.0), points=(), others_share=0.0, gpu_strangers=strangers)
    record = quiet(make_record("yes"))
    if strangers is None:
        assert "contended" not in reasons(with_reference(record, load=load))  # of a model on the CPU
    assert record.reference.memory is not None
    memory = record.reference.memory.model_copy(update={"device_allocated_bytes": 5})
    tested = View(with_reference(record, load=load, memory=memory))
    said = [each.sentence for each in doubts(tested) if each.reason == "contended"]
    assert len(said) == bool(words) and all(words in sentence for sentence in said)


@pytest.mark.parametrize(
    ("why", "fix"),
    [
        ("9.0 s of windows, and 15 s are needed", "Raise `protocol.visit_s`."),
        ("in some window the counter of the cpu told nothing", "Run it again: "),
    ],
)
def test_energy_that_is_not_resolvable_is_so_once_and_longer_visits_are_no_cure_for_all(
    make_record: MakeRecord, why: str, fix: str
) -> None:
    record = make_record("yes")
    found = record.reference.energy
    assert found is not None
    unresolved = found.model_copy(update={"request_j": None, "note": f"not resolvable: {why}"})
    record = with_reference(record, energy=unresolved)
    (doubt,) = (each for each in doubts(View(record)) if "energy of MPNet base" in each.sentence)
    assert doubt.sentence == f"The energy of MPNet base is not resolvable: {why}."
    assert doubt.fix.startswith(fix)
    assert ("not resolvable", why) in [
        (cell.text, cell.detail) for row in section(record).comparison.rows for cell in row.cells
    ]


def test_a_width_that_was_asked_and_missed_takes_more_generations(make_record: MakeRecord) -> None:
    record = quiet(make_record("yes"))

    def fixes(interval: float | None, half: float, most: int = 30) -> list[str]:
        candidates = tuple(_as_wide(each, half) for each in record.candidates)
        protocol = record.spec.protocol.model_copy(update={"interval": interval, "most_generations": most})
        asked = record.model_copy(
            update={"candidates": candidates, "spec": record.spec.model_copy(update={"protocol": protocol})}
        )
        return [each.fix for each in doubts(View(asked)) if "known to no better than" in each.sentence]

    assert fixes(None, 0.04) == fixes(0.05, 0.04) == []
    assert fixes(None, 0.06) == ["Ask for `protocol.interval: 0.02`."]
    ran = max(each.latency.mean_s.n for each in record.candidates if each.latency)
    assert fixes(0.02, 0.04, ran) == [f"Raise `protocol.most_generations` (now {ran})."]
    (longer,) = fixes(0.02, 0.04, ran + 1)
    assert longer.startswith("Raise `protocol.generations`") and not fixes(0.04, 0.042)


def _as_wide(candidate: CandidateRecord, half: float) -> CandidateRecord:
    if candidate.latency is None or candidate.latency.ratio is None:
        return candidate
    ratio = candidate.latency.ratio
    wide = ratio.model_copy(update={"low": ratio.value * (1 - half), "high": ratio.value * (1 + half)})
    return candidate.model_copy(update={"latency": candidate.latency.model_copy(update={"ratio": wide})})


def test_energy_without_the_gpus(make_record: MakeRecord) -> None:
    record = quiet(make_record("yes"), gpu_strangers=0.0)

    def told(record: Record) -> bool:
        return any("The GPU's energy is missing" in each.sentence for each in doubts(View(record)))

    assert not told(record) and told(on_gpu(record))
    energy = record.reference.energy
    assert energy is not None
    gpu = EnergyComponent(component="gpu", energy_j=1.0, rank="counter", method="NVML energy counter")
    whole = energy.model_copy(update={"components": (*energy.components, gpu)})
    assert not told(with_reference(on_gpu(record), energy=whole))


def on_gpu(record: Record) -> Record:
    protocol = record.spec.protocol.model_copy(update={"device": "cuda"})
    return record.model_copy(update={"spec": record.spec.model_copy(update={"protocol": protocol})})


def with_task(record: Record, **facts: Any) -> Record:
    return record.model_copy(update={"task": record.task.model_copy(update=facts)})


def about_data(record: Record) -> list[str]:
    """What is said of labels and items, fix included."""
    return [
        f"{doubt.sentence} {doubt.fix}".replace("\u00a0", " ")
        for doubt in doubts(View(record))
        if doubt.reason == "data"
    ]


@pytest.mark.parametrize(("value", "told"), [(0.9, True), (0.835, True), (0.832, True), (0.8319, False)])
def test_one_answer_to_everything_that_keeps_within_the_margin(
    make_record: MakeRecord, value: float, told: bool
) -> None:
    record = with_task(make_record("yes"), constant=Constant(answer="Tops", value=value))
    found = about_data(record)
    assert len(found) == told
    if told:
        said = f"If the answer is always “Tops”, accuracy is {100 * value:.1f} %, and that of MPNet base is 84.2 %: "
        assert found[0].startswith(f"{said}a margin of 1 point cannot tell a model from that. Take a smaller margin, ")


def test_what_is_said_of_the_data_stands_beside_the_answer_and_among_the_limits(make_record: MakeRecord) -> None:
    plain = make_record("yes")
    record = with_task(plain, constant=Constant(answer="Tops", value=0.84), repeated=40)
    found = [doubt for doubt in doubts(View(record)) if doubt.reason == "data"]
    assert len(found) == 2 and "40 of 2,000 test items (2.0 %)" in found[1].sentence
    study = section(record)
    assert {doubt.sentence for doubt in found} <= set(study.answer.notes)
    assert {f"{doubt.sentence} {doubt.fix}" for doubt in found} <= set(study.limits)
    assert len(study.limits) == len(section(plain).limits) + 2  # each once
    assert about_data(plain) == [] and about_data(make_record("reference failed")) == []


@pytest.mark.parametrize(("value", "told"), [(0.428, True), (0.43, False)])
def test_of_an_error_the_reference_must_save_more_than_the_margin(
    make_record: MakeRecord, value: float, told: bool
) -> None:
    record = with_task(make_record("regression"), constant=Constant(answer="2.07", value=value))
    assert [
        f"mean absolute error is {value}, and that of MPNet base is 0.420" in each for each in about_data(record)
    ] == ([True] * told)


def test_a_rare_class_is_told_where_it_counts_like_every_other(make_record: MakeRecord) -> None:
    record = with_task(make_record("yes"), rarest=ClassItems(name="Trend", n=12))
    assert about_data(record) == []
    balanced = with_task(record, metric="balanced_accuracy")
    (said,) = about_data(balanced)
    assert "“Trend” has only 12 test items" in said
    assert "points of balanced accuracy" in [each.caption for each in section(balanced).answer.figures]
