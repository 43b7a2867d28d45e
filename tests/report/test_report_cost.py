"""Cost in the report: what the traffic decides, what it does not, and nothing made up where nothing is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from effkit.analysis.flips import Flip
from effkit.record import Estimate, Load, Making, Record
from effkit.report import render_html, summarise
from effkit.report.sections import StudySection
from effkit.report.units import DASH
from effkit.report.values import Cell, Chart, Table
from effkit.spec import Budget, CarbonSpec, CostSpec
from tests.report.conftest import estimate

MakeRecord = Callable[[str], Record]
PRICE = CostSpec(machine_per_hour=0.36, currency="EUR", source="a made-up price")


def section_of(record: Record, **spec: Any) -> StudySection:
    return summarise([record.model_copy(update={"spec": record.spec.model_copy(update=spec)})]).studies[0]


def changed(record: Record, name: str, **fields: Any) -> Record:
    candidates = (c.model_copy(update=fields) if c.name == name else c for c in record.candidates)
    return record.model_copy(update={"candidates": tuple(candidates)})


def made(energy_j: float | None) -> tuple[Making, ...]:
    return (Making(step="train", time_s=60.0, energy_j=energy_j, rank="modelled-generic", items=10, reused=False),)


def row(table: Table | None, name: str) -> tuple[Cell, ...]:
    assert table is not None
    return next(each for each in table.rows if each.name == name).cells


def folded(study: StudySection, key: str) -> Table | None:
    return next((table for table in study.details if table.key == key), None)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_machines_for_every_traffic(make_record: MakeRecord) -> None:
    table = section_of(make_record("yes")).traffic
    assert table is not None
    assert [column.title for column in table.columns] == [
        "1 request a second", "100 requests a second", "10,000 requests a second",
    ]  # fmt: skip
    assert [cell.text for cell in row(table, "mpnet-base")] == ["1 machine", "6 machines", "589 machines"]
    assert [cell.text for cell in row(table, "minilm-l6")] == ["1 machine", "2 machines", "102 machines"]
    assert plain(row(table, "minilm-l6")[2].claim) == "[100, 104]"
    assert "out of memory" in next(each for each in table.rows if each.name == "minilm-l6+int8").failure


def test_who_has_no_rate_is_not_said_to_need_as_few_machines(make_record: MakeRecord) -> None:
    record = make_record("yes")
    below = Load(
        max_batch=1, saturation_per_s=Estimate(value=50.0, n=3), points=(), highest_per_s=None, bound="below",
    )  # fmt: skip
    table = section_of(changed(record, record.reference.name, load=below)).traffic
    assert table is not None and "every candidate" not in table.note


def test_it_says_where_cost_decides_nothing_and_from_where_it_does(make_record: MakeRecord) -> None:
    table = section_of(make_record("yes")).traffic
    assert table is not None
    for words in (
        "At 1 request a second every candidate needs one machine: cost decides nothing there.",
        "Above 17 requests a second MPNet base needs a second machine, TF-IDF + logistic regression only above 1,667.",
        "At 1 request a second nearly all the energy is that of idle machines.",
        "70 % of what it answers one by one (waiting was not measured)",
        "how several workers share a machine was not measured",
        "the grid of FRA",
    ):
        assert words in plain(table.note)


def test_several_rates_at_which_machines_idle_are_told_in_one_breath(make_record: MakeRecord) -> None:
    record = make_record("yes")
    rarely = record.model_copy(update={"spec": record.spec.model_copy(update={"traffic": (0.1, 0.5)})})
    table = section_of(rarely).traffic
    assert table is not None
    assert "At 0.1 and 0.5 requests a second nearly all the energy is that of idle machines." in plain(table.note)


@pytest.mark.parametrize(
    ("limit_s", "words"),
    [(0.07, "While no request waits for another the choice changes at "), (None, "The choice changes at ")],
)
def test_where_the_choice_changes_waiting_was_not_measured(
    make_record: MakeRecord, limit_s: float | None, words: str
) -> None:
    study = section_of(make_record("yes"), budget=Budget(latency_p99_s=limit_s))
    (note,) = (chart.note for chart in study.charts if chart.kind == "traffic")
    assert words in note


def test_rates_within_the_noise_or_their_intervals_are_not_told_apart(make_record: MakeRecord) -> None:
    record = make_record("gpu")
    reference, near = record.reference.latency, record.candidate("minilm-l6").latency
    assert reference is not None and near is not None
    for factor, spread, told in ((1.005, 0.001, False), (1.05, 0.001, True), (1.05, 0.05, False)):
        mean_s = estimate(factor * reference.mean_s.value, spread)
        table = section_of(changed(record, "minilm-l6", latency=near.model_copy(update={"mean_s": mean_s}))).traffic
        assert table is not None and ("needs a second machine" in table.note) == told


def test_money_only_with_a_price(make_record: MakeRecord) -> None:
    record = make_record("yes")
    without, priced = section_of(record).traffic, section_of(record, cost=PRICE).traffic
    assert "EUR" not in row(without, "mpnet-base")[0].detail
    assert plain(row(priced, "mpnet-base")[0].detail).startswith("0.100 EUR, 21.5 kJ, ")
    assert priced is not None and "A machine is 0.36 EUR an hour (a made-up price)." in plain(priced.note)


def test_what_serving_takes_has_its_interval_where_digits_show_one(make_record: MakeRecord) -> None:
    table = section_of(make_record("yes"), cost=PRICE).traffic
    assert "251 J [244, 259]" in plain(row(table, "minilm-l6")[2].detail)
    assert "21.5 kJ, " in plain(row(table, "mpnet-base")[0].detail), "whose ends read alike"


def test_what_would_change_it_has_the_units_of_price_traffic_and_grid(
    make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = (
        Flip("price", 0.9, 0.36, "reference", "mpnet-base"),
        Flip("requests_per_s", 1.0, 1526.0, "reference", "mpnet-base"),
        Flip("grid", 90.0, 56.0, "reference", "mpnet-base"),
    )
    monkeypatch.setattr("effkit.report.changes.flips", lambda *_: moved)
    argument = section_of(make_record("yes"), cost=PRICE).argument
    assert argument is not None
    (step,) = (each for each in argument.steps if each.title == "What would change it")
    said = [plain(line).partition(", MPNet")[0] for line in step.lines]
    assert said == [
        "With a price per machine and hour above 0.900 EUR (now 0.360 EUR)",
        "With a traffic below 1 request a second (now 1,526 requests a second)",
        "With a grid above 90 g/kWh (now 56 g/kWh)",
    ]


def test_workers_that_share_a_machine_are_told_as_given(make_record: MakeRecord) -> None:
    study = section_of(make_record("yes"), cost=PRICE.model_copy(update={"workers_per_machine": 8}))
    assert study.traffic is not None and study.what_if is not None and study.argument is not None
    assert [cell.text for cell in row(study.traffic, "mpnet-base")] == ["1 machine", "1 machine", "74 machines"]
    assert [cell.text for cell in row(study.traffic, "minilm-l6")] == ["1 machine", "1 machine", "13 machines"]
    note, given = plain(study.traffic.note), "8 workers share a machine, as given; they were measured one at a time."
    assert f"with each worker at 70 % of what it answers one by one (waiting was not measured). {given}" in note
    assert "Above 136 requests a second MPNet base needs a second machine" in note
    assert "several workers" not in note
    assert given in study.argument.traffic
    assert given in next(chart.note for chart in study.charts if isinstance(chart, Chart) and chart.kind == "price")
    hints = {head.title: head.hint for head in study.what_if.heads}
    assert hints["Machines"] == "at that traffic, 8 workers on each, as given"
    rows = {(n.candidate, n.metric): n for n in study.tidy}
    assert rows["minilm-l6", "machines_at_10000_per_s"].reason == "from latency, 8 workers on a machine"


def test_energy_that_is_not_known_leaves_machines(make_record: MakeRecord) -> None:
    cell = row(section_of(make_record("yes")).traffic, "tfidf-logreg")[0]
    assert (cell.text, cell.detail) == ("1 machine", "")


def test_every_number_says_what_it_rests_on(make_record: MakeRecord) -> None:
    table = section_of(make_record("yes")).traffic
    assert table is not None
    assert {column.origin for column in table.columns} == {"modelled · from latency"}
    load = Load(max_batch=1, saturation_per_s=Estimate(value=20.0, n=3), points=(), bound="at least",
                highest_per_s=Estimate(value=16.0, low=16.0, n=3))  # fmt: skip
    tested = section_of(changed(make_record("yes"), "mpnet-base", load=load)).traffic
    assert tested is not None
    assert row(tested, "mpnet-base")[1].origin == "modelled · from a load test"
    assert [cell.text for cell in row(tested, "mpnet-base")[:2]] == ["1 machine", "at most 7 machines"]
    assert "may be higher than is known" in tested.note
    both = changed(changed(make_record("yes"), "mpnet-base", load=load), "minilm-l6", load=load.model_copy(
        update={"highest_per_s": Estimate(value=40.0, low=40.0, n=3)}))  # fmt: skip
    bounded = section_of(both).traffic
    assert bounded is not None and "may need a second machine" in bounded.note
    assert "are not comparable" in tested.note


def test_what_is_no_more_than_a_bound_is_not_said_to_be_alike(make_record: MakeRecord) -> None:
    load = Load(max_batch=1, saturation_per_s=Estimate(value=40.0, n=3), points=(), bound="at least",
                highest_per_s=Estimate(value=32.0, low=32.0, n=3))  # fmt: skip
    record = make_record("yes")
    for each in ("mpnet-base", "minilm-l6", "tfidf-logreg"):
        record = changed(record, each, load=load)
    study = section_of(record, traffic=(1.0, 100.0, 150.0))
    assert study.traffic is not None
    assert [cell.text for cell in row(study.traffic, "minilm-l6")] == [
        "1 machine", "at most 4 machines", "at most 5 machines",
    ]  # fmt: skip
    assert plain(study.traffic.note).startswith("At 1 request a second every candidate needs one machine")
    assert "every candidate needs 4" not in plain(study.traffic.note)
    verdicts = {n.metric: n.verdict for n in study.tidy if n.candidate == "minilm-l6"}
    assert (verdicts["machines_at_1_per_s"], verdicts["machines_at_100_per_s"]) == ("", "at most")


@pytest.mark.parametrize(("low", "claim"), [(40.0, "[2, 3]"), (30.0, "[2, 4]"), (None, "not shown to be enough")])
def test_machines_are_at_most_so_many_where_the_rate_is_shown_and_else_have_their_interval(
    make_record: MakeRecord, low: float | None, claim: str
) -> None:
    load = Load(max_batch=1, saturation_per_s=Estimate(value=50.0, n=3), points=(), bound="at least",
                highest_per_s=Estimate(value=40.0, low=low, n=21))  # fmt: skip
    cell = row(section_of(changed(make_record("yes"), "mpnet-base", load=load)).traffic, "mpnet-base")[1]
    assert (cell.text, plain(cell.claim)) == ("at most 3 machines" if low == 40.0 else "3 machines", claim)


@pytest.mark.parametrize(("low", "told"), [(26.0, True), (24.0, False), (None, False)])
def test_all_are_said_to_need_as_many_machines_only_where_no_interval_says_otherwise(
    make_record: MakeRecord, low: float | None, told: bool
) -> None:
    record = make_record("yes")
    for name, end in (("mpnet-base", 26.0), ("tfidf-logreg", 26.0), ("minilm-l6", low)):
        highest = Estimate(value=30.0, low=end, high=33.0, n=21)
        record = changed(record, name, load=Load(
            max_batch=1, saturation_per_s=Estimate(value=50.0, n=3), points=(), bound="within", highest_per_s=highest,
        ))  # fmt: skip
    table = section_of(record, traffic=(100.0,)).traffic
    assert table is not None and plain(row(table, "minilm-l6")[0].text) == "4 machines"
    assert ("every candidate needs 4 machines" in plain(table.note)) == told


def test_rates_under_load_are_told_apart_by_their_intervals(make_record: MakeRecord) -> None:
    def tested(value: float, low: float, high: float) -> Load:
        highest = Estimate(value=value, low=low, high=high, n=21)
        saturation = Estimate(value=100.0, n=3)
        return Load(max_batch=1, saturation_per_s=saturation, points=(), highest_per_s=highest, bound="within")

    record = changed(make_record("yes"), "mpnet-base", load=tested(40.0, 30.0, 50.0))
    # 55 against 50 could be the luck of the one process behind each: of latency, single ones spread by 4 %.
    for low, told in ((45.0, False), (55.0, False), (60.0, True)):
        table = section_of(changed(record, "minilm-l6", load=tested(60.0, low, 70.0))).traffic
        assert table is not None and ("needs a second machine" in table.note) == told


def test_it_says_why_no_energy_is_told_where_requests_are_answered_together(make_record: MakeRecord) -> None:
    rate = Estimate(value=100.0, low=95.0, high=105.0, n=20)
    for max_batch, told in ((1, False), (8, True)):
        tested = Load(max_batch=max_batch, saturation_per_s=rate, points=(), highest_per_s=rate, bound="within")
        table = section_of(changed(make_record("yes"), "minilm-l6", load=tested)).traffic
        assert table is not None and ("one item at a time" in table.note) == told


def test_an_open_price_says_that_nothing_is_known_of_how_far_it_reaches(make_record: MakeRecord) -> None:
    """Where the rate reaches below the lowest that was tried, no price is shown to be enough."""
    rate = Estimate(value=100.0, high=105.0, n=20)
    tested = Load(max_batch=1, saturation_per_s=rate, points=(), highest_per_s=rate, bound="within")
    record = changed(make_record("yes"), "minilm-l6", load=tested)
    budget = Budget(requests_per_s=1000.0, money_per_thousand=1.0)
    html = plain(render_html(summarise([section_record(record, budget)])))
    assert "how far it may reach is not known" in html


def section_record(record: Record, budget: Budget) -> Record:
    return record.model_copy(update={"spec": record.spec.model_copy(update={"budget": budget, "cost": PRICE})})


def test_a_load_test_that_met_the_budget_nowhere_gives_no_machines(make_record: MakeRecord) -> None:
    load = Load(max_batch=1, saturation_per_s=Estimate(value=20.0, n=3), points=(), bound="below",
                highest_per_s=Estimate(value=6.0, n=3))  # fmt: skip
    cells = row(section_of(changed(make_record("yes"), "mpnet-base", load=load)).traffic, "mpnet-base")
    assert {(cell.text, cell.detail) for cell in cells} == {
        (DASH, "no rate of the load test is shown to meet the p99 budget")
    }


def test_the_overhead_reaches_every_carbon_figure(make_record: MakeRecord) -> None:
    record = make_record("yes")
    grams = {}
    for pue in (1.0, 2.0):
        study = section_of(record, carbon=CarbonSpec(region="FRA", pue=pue))
        grams[pue] = {n.metric: n.value for n in study.tidy if n.candidate == "minilm-l6" and "co2e" in n.metric}
        headings = [each.hint for each in study.comparison.columns if each.title == "CO₂e"]
        assert headings == ["per 1,000, FRA" + (", PUE 2" if pue == 2 else "")]
    assert len(grams[1.0]) >= 6
    for metric, value in grams[1.0].items():
        assert grams[2.0][metric] == pytest.approx(2 * value)


def test_making_pays_back_where_a_saving_is_claimed(make_record: MakeRecord) -> None:
    study = section_of(make_record("yes"))
    table = folded(study, "payback")
    energy, time = row(table, "minilm-l6")
    assert (energy.text, energy.detail) == (DASH, "the energy of making it is not known")
    assert (plain(time.text), time.origin or "measured") == ("9.27 thousand", "measured")
    assert row(table, "mpnet-base")[0].text == "reference"
    assert table is not None and "MPNet base is taken to be there already" in table.note
    known = section_of(changed(make_record("yes"), "minilm-l6", making=made(7400.0)))
    assert plain(row(folded(known, "payback"), "minilm-l6")[0].text) == "9.04 thousand"
    rehearsal = folded(section_of(make_record("smoke")), "payback")
    assert {cell.detail for cell in row(rehearsal, "minilm-l6")} == {"no saving is claimed"}


def test_a_year_adds_making_to_serving(make_record: MakeRecord) -> None:
    assert folded(section_of(make_record("yes")), "year") is None
    table = folded(section_of(changed(make_record("yes"), "minilm-l6", making=made(7400.0))), "year")
    cells = row(table, "minilm-l6")
    assert plain(cells[0].text).endswith("kg") and plain(cells[-1].text) == "7.40 kJ"
    assert row(table, "mpnet-base")[0].text == DASH


def test_a_years_share_of_a_machine_is_told_with_the_years_that_it_lasts(make_record: MakeRecord) -> None:
    record = changed(make_record("yes"), "minilm-l6", making=made(7400.0))
    for years, words in ((4.0, "each machine, shared over 4 years."), (1.0, "each machine, shared over 1 year.")):
        asked = CarbonSpec(region="FRA", embodied_kg=1200, lifetime_years=years)
        table = folded(section_of(record, carbon=asked), "year")
        assert table is not None and table.note.endswith(words)


def test_csv_rows_of_cost(make_record: MakeRecord) -> None:
    rows = {(n.candidate, n.metric): n for n in section_of(make_record("yes"), cost=PRICE).tidy}
    machines = rows["minilm-l6", "machines_at_10000_per_s"]
    assert (machines.value, machines.low, machines.high, machines.origin) == (102, 100, 104, "modelled")
    assert rows["mpnet-base", "money_per_thousand_at_1_per_s"].unit == "EUR"
    assert rows["minilm-l6", "co2e_per_thousand_FRA_at_100_per_s"].rank == "modelled-generic"
    assert rows["minilm-l6", "payback_energy"].value is None
    assert ("tfidf-logreg", "energy_per_thousand_at_1_per_s") not in rows


def test_what_people_wrote_of_a_price_is_escaped(make_record: MakeRecord) -> None:
    evil = "<script>alert('x')</script>"
    record = make_record("yes")
    cost = CostSpec(machine_per_hour=1.0, currency=evil, source=evil)
    page = render_html(summarise([record.model_copy(update={"spec": record.spec.model_copy(update={"cost": cost})})]))
    assert "At your traffic" in page
    assert "<script>alert" not in page and "&lt;script&gt;" in page


def test_every_case_has_its_costs_or_none(any_record: Record) -> None:
    study = section_of(any_record, cost=PRICE)
    measured = [c for c in any_record.candidates if c.status == "ok" and c.latency]
    assert (study.traffic is not None) == bool(measured)
