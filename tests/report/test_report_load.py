"""The table of load tests: what is too few says so, a late generator is marked, a bound is no value."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from effkit.record import CandidateRecord, Estimate, Load, LoadPoint, PercentileRecord, Record
from effkit.report import summarise
from effkit.report.values import Table
from effkit.spec import LoadSpec

MakeRecord = Callable[[str], Record]


def percentile(level: float, value_s: float | None) -> PercentileRecord:
    if value_s is None:
        return PercentileRecord(level=level, value_s=None, n=60, n_effective=41.0, reason="n too small: p99 needs more")
    return PercentileRecord(
        level=level, value_s=value_s, low_s=0.9 * value_s, high_s=1.2 * value_s, n=3000, n_effective=900.0
    )


def a_load(bound: str | None = "within") -> Load:
    points = tuple(
        LoadPoint(
            share=share,
            asked_per_s=share * 80,
            queries=3000,
            percentiles=(percentile(50, 0.014), percentile(99, p99)),
            delay_p99_s=1e-4,
            generator_limited=share == 0.6,
        )
        for share, p99 in ((0.3, 0.021), (0.6, None))
    )
    highest = None if bound in ("below", "unknown") else Estimate(value=44.0, low=40.0, high=47.0, n=21)
    return Load(
        max_batch=1,
        saturation_per_s=Estimate(value=80.0, low=78.0, high=82.0, n=3),
        points=points,
        highest_per_s=highest,
        bound=bound,
    )


def under_load(record: Record, load: Load | None) -> Table | None:
    def changed(each: CandidateRecord) -> CandidateRecord:
        return each.model_copy(update={"load": load}) if each.reference else each

    budget = record.spec.budget.model_copy(update={"latency_p99_s": 0.05})
    spec = record.spec.model_copy(update={"load": LoadSpec(shares=(0.3, 0.6)), "budget": budget})
    asked = record.model_copy(update={"spec": spec, "candidates": tuple(map(changed, record.candidates))})
    return next((each for each in summarise([asked]).studies[0].details if each.key == "load"), None)


def test_there_is_no_table_without_a_load_test(make_record: MakeRecord) -> None:
    assert under_load(make_record("yes"), None) is None


def test_what_was_tested_stands_in_the_table_alone(make_record: MakeRecord) -> None:
    record = make_record("yes")
    table = under_load(record, a_load())
    assert table is not None
    assert [row.name for row in table.rows] == [record.reference.name]
    cells = dict(zip([column.title for column in table.columns], table.rows[0].cells, strict=True))
    assert list(cells) == ["Saturation", "p50 at 30 %", "p99 at 30 %", "p50 at 60 %", "p99 at 60 %", "Highest rate"]
    assert cells["Saturation"].text.startswith("80")
    assert "21" in cells["p99 at 30 %"].text and cells["p99 at 30 %"].detail.startswith("[19")
    assert cells["p99 at 60 %"].text == "n too small"
    assert cells["p99 at 60 %"].detail.startswith("at least 12"), "as p50 has it"
    assert cells["Highest rate"].detail.startswith("[40")
    assert cells["p50 at 60 %"].claim == "generator-limited"
    assert "scheduled arrival" in table.note


@pytest.mark.parametrize(
    ("bound", "shown"), [("within", "44"), ("at least", "≥ 44"), ("below", "< 24"), ("unknown", "n too small")]
)
def test_a_bound_is_shown_as_one(make_record: MakeRecord, bound: str | None, shown: str) -> None:
    table = under_load(make_record("yes"), a_load(bound))
    assert table is not None
    assert table.rows[0].cells[-1].text.startswith(shown)


def test_the_numbers_are_in_the_csv(make_record: MakeRecord) -> None:
    record = make_record("yes")
    candidates = tuple(
        each.model_copy(update={"load": a_load()}) if each.reference else each for each in record.candidates
    )
    rows = summarise([record.model_copy(update={"candidates": candidates})]).studies[0].tidy
    found = {row.metric: row for row in rows if row.candidate == record.reference.name}
    assert found["saturation"].value == 80.0
    assert found["load_30_percent_p99"].value == 0.021
    assert found["load_60_percent_p99"].value is None and "n too small" in found["load_60_percent_p99"].reason
    assert found["highest_rate_within_budget"].verdict == "within"


def test_a_rate_that_is_known_to_be_too_much_bounds_the_highest(make_record: MakeRecord) -> None:
    load = a_load("at least").model_copy(update={"highest_per_s": Estimate(value=24.0, low=24.0, high=48.0, n=21)})
    table = under_load(make_record("yes"), load)
    assert table is not None
    assert table.rows[0].cells[-1].text.startswith("≥ 24") and table.rows[0].cells[-1].detail.startswith("below 48")


def test_a_candidate_that_failed_under_load_is_told_with_its_reason(make_record: MakeRecord) -> None:
    record = make_record("yes")
    changed = record.reference.model_copy(update={"load_failure": "out of pipes"})
    others = tuple(changed if each.reference else each for each in record.candidates)
    (section,) = summarise([record.model_copy(update={"candidates": others})]).studies
    assert any("failed under load" in sentence and "out of pipes" in sentence for sentence in section.limits)


@pytest.mark.parametrize(
    ("bound", "highest", "detail"),
    [
        ("at least", Estimate(value=44.0, low=44.0, n=21), "the highest rate whose p99 is known"),
        ("at least", Estimate(value=44.0, low=40.0, n=21), "the highest rate whose p99 is known; shown up to 40 /s"),
        ("at least", Estimate(value=44.0, n=21), "the highest rate whose p99 is known; shown at no rate"),
        ("within", Estimate(value=44.0, low=40.0, n=21), "shown up to 40 /s"),
        ("within", Estimate(value=44.0, high=47.0, n=21), "shown at no rate"),
        ("below", Estimate(value=24.0, high=24.0, n=21), "the lowest rate that was tried"),
        ("below", Estimate(value=24.0, high=30.0, n=21), "the lowest rate that was tried; not shown to be too much"),
    ],
)
def test_a_rate_says_how_much_of_it_its_interval_bears(
    make_record: MakeRecord, bound: str, highest: Estimate, detail: str
) -> None:
    table = under_load(make_record("yes"), a_load(bound).model_copy(update={"highest_per_s": highest}))
    assert table is not None
    assert table.rows[0].cells[-1].detail.replace("\u00a0", " ") == detail
