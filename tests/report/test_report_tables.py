"""Tables, limits and CSV rows: what is missing stays missing, and every number says how it came to be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from effkit.decision import Reasoned, decide
from effkit.production import Budget
from effkit.record import Estimate, Ratio, Record
from effkit.report import Heading, Sentences, comparison_frame, or_why_not, summarise
from effkit.report.comparison import percentile_cell
from effkit.report.notebook import Comparison
from effkit.report.savings import speed
from effkit.report.sections import StudySection
from effkit.report.units import DASH, factor, fixed, interval, rate, share, show, signed, signed_interval, times
from effkit.report.values import Cell
from effkit.spec import CarbonSpec
from tests.analysis.two_runs import with_candidate
from tests.report.conftest import energy, gap, ratio

MakeRecord = Callable[[str], Record]


def section_of(record: Record) -> StudySection:
    return summarise([record]).studies[0]


def cell(study: StudySection, name: str, column: str):
    place = [c.title for c in study.comparison.columns].index(column)
    return next(row for row in study.comparison.rows if row.name == name).cells[place]


def folded(study: StudySection, key: str, name: str) -> dict[str, Cell]:
    """The cells of a candidate in a folded table, by column."""
    table = next(each for each in study.details if each.key == key)
    row = next(each for each in table.rows if each.name == name)
    return dict(zip([column.title for column in table.columns], row.cells, strict=True))


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (show(None, "s"), DASH),
        (show(0.0123, "s"), "12.3 ms"),
        (show(0.00042, "s"), "420 µs"),
        (show(90, "s"), "90 s"),
        (show(5400, "s"), "1.50 h"),
        (show(90_900_000, "bytes"), "90.9 MB"),
        (show(0, "bytes"), "0 B"),
        (show(1.37e9, "flop"), "1.37 GFLOP"),
        (interval(0.0121, 0.0125, "s", 0.0123), "[12.1, 12.5]"),
        (interval(None, None, "s", 1.0), ""),
        (interval(0.1026, 0.1034, "s", 0.103), "[102.6, 103.4]"),
        (show(0.00045, "s", like=0.19), "0.450 ms"),
        (show(429_871, "items/s", like=21.0), "430,000 /s"),
        (interval(418_123, 441_234, "items/s", 429_871, like=21.0), "[418,000, 441,000]"),
        (signed(-1.12), "−1.1"),
        (signed(-0.01), "0.0"),
        (signed_interval(-0.04, 0.04), "[−0.04, +0.04]"),
        (signed_interval(0.0, 0.0), "[0.0, 0.0]"),
        (fixed(-0.002, 2), "0.00"),
        (fixed(-0.312, 2), "−0.31"),
        (times(1.456), "1.46×"),
        (times(41.3), "41×"),
        (times(0.0031), "0.0031×"),
        (share(1 / 12), "1/12"),
        (share(0.44), "44 %"),
        (share(1.4), "1.40×"),
        (rate(1.003), "1 request a second"),
        (rate(1.01), "1.01 requests a second"),
    ],
)
def test_numbers_are_shown_with_their_unit(text: str, expected: str) -> None:
    assert text.replace("\u00a0", " ") == expected


@pytest.mark.parametrize(("seen_s", "said"), [(0.0071, False), (0.0080, True)])
def test_that_a_ratio_and_the_latencies_beside_it_may_not_fit_is_said_where_they_do_not(
    make_record: MakeRecord, seen_s: float, said: bool
) -> None:
    record = make_record("yes")
    one = record.candidate("minilm-l6")
    assert one.latency is not None
    mean = one.latency.mean_s.model_copy(update={"value": seen_s})
    moved = one.model_copy(update={"latency": one.latency.model_copy(update={"mean_s": mean})})
    others = [moved if each.name == one.name else each for each in record.candidates]
    table = section_of(record.model_copy(update={"candidates": tuple(others)})).comparison
    assert ("put to one speed of the core" in table.note) is said


def test_a_factor_has_its_interval_beside_it() -> None:
    found = Ratio(value=10.2, low=10.1, high=10.4, n=5, verdict="higher", threshold=0.01)
    assert factor(found, inverted=False) == ("10×", "[10.1,\u00a010.4]")


@pytest.mark.parametrize(
    ("verdict", "words", "ends"),
    [("lower", "2.0× faster", "[1.6,\u00a02.5]"), ("within noise", "none shown, within noise", ""),
     ("indicative", "~2.0× faster, indicative", "")],
)  # fmt: skip
def test_what_may_be_said_of_a_speed_comes_apart_from_its_interval(verdict: str, words: str, ends: str) -> None:
    said = speed(Ratio(value=0.5, low=0.4, high=0.625, n=5, verdict=verdict, threshold=0.01))
    assert (said.words, said.ends) == (words, ends)
    assert str(said) == f"{said.words} {said.ends}".rstrip()


def test_failed_candidates_stay_in_the_table_with_their_reason(make_record: MakeRecord) -> None:
    row = next(r for r in section_of(make_record("yes")).comparison.rows if r.name == "minilm-l6+int8")
    assert "failed" in row.tags
    assert "out of memory at 7.8 GB" in row.failure
    assert row.cells == ()


def test_none_never_becomes_zero(make_record: MakeRecord) -> None:
    study = section_of(make_record("yes"))
    assert cell(study, "tfidf-logreg", "Energy").text == "not resolvable"
    assert cell(study, "tfidf-logreg", "CO₂e").text == DASH
    bare = make_record("gpu").candidate("minilm-l6").model_copy(
        update={"quality": None, "latency": None, "memory": None, "energy": None, "throughput": (), "parameters": None,
                "operations": None, "cold_start": None, "gap": None, "making": ()}
    )  # fmt: skip
    record = make_record("gpu")
    emptied = section_of(record.model_copy(update={"candidates": (record.reference, bare)}))
    for table in (emptied.comparison, *emptied.details):
        for row in table.rows:
            if row.name == "minilm-l6":
                assert not any(each.text.startswith("0") for each in row.cells), table.key
    assert all(number.value != 0 for number in emptied.tidy if number.candidate == "minilm-l6")


def test_percentiles_from_too_few_calls_say_so(make_record: MakeRecord) -> None:
    assert percentile_cell(make_record("smoke").reference, 99).text == "n too small"


def test_origins_stand_in_the_heading_or_in_every_cell(make_record: MakeRecord) -> None:
    study = section_of(make_record("yes"))
    origins = {column.title: column.origin for column in study.comparison.columns}
    assert origins["Mean latency"] == "measured"
    assert origins["CO₂e"] == "modelled"
    assert origins["Energy"] == "modelled · generic power"
    record = make_record("yes")
    mixed = (make_record("gpu").reference, *record.candidates[1:])
    study = section_of(record.model_copy(update={"candidates": mixed}))
    assert cell(study, "mpnet-base", "Energy").origin == "measured · hardware counter"
    assert cell(study, "minilm-l6", "Energy").origin == "modelled · generic power"
    assert any("different ranks" in limit for limit in study.limits)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("yes", "energy ≈ constant × time"),
        ("yes", "is not resolvable: modelled windows of 3.2 s"),
        ("yes", "MiniLM L6, int8 failed"),
        ("yes", "Too few items for a verdict in department=Trend and length=long"),
        ("smoke", "Speeds and their ratios are indicative"),
        ("smoke", "n is too small"),
        ("smoke", "The run's own noise was not assessed for latency"),
        ("inconclusive", "about 6,900 would decide it in 80 % of such runs"),
        ("seeds", "the verdict changes with the training seed"),
        ("holm", "not after allowing for all that were tried"),
    ],
)
def test_limits_are_said_in_plain_sentences(make_record: MakeRecord, case: str, words: str) -> None:
    assert words in " ".join(section_of(make_record(case)).limits).replace("\u00a0", " ")


def test_a_grid_that_is_the_worlds_average_is_told_so(make_record: MakeRecord) -> None:
    record = make_record("yes")
    said = {}
    for region in ("FRA", "WORLD"):
        spec = record.spec.model_copy(update={"carbon": CarbonSpec(region=region)})
        said[region] = " ".join(section_of(record.model_copy(update={"spec": spec})).limits)
    assert CarbonSpec().region == "WORLD" and "the world's average grid" in said["WORLD"]
    assert "average grid" not in said["FRA"]


def test_limits_of_the_host(make_record: MakeRecord) -> None:
    record = make_record("yes")
    host = record.host.model_copy(update={"pinned": False, "coordinator_shares_core": True, "others_share": 0.4})
    noise = tuple(check.model_copy(update={"unstable": True, "ratio": 1.04}) for check in record.noise)
    said = " ".join(section_of(record.model_copy(update={"host": host, "noise": noise})).limits)
    for words in ("shares a core", "not pinned", "40 % of a core", "differs from itself in latency by 4.0 %"):
        assert words in said


def test_budget_meets_misses_or_does_not_know(make_record: MakeRecord) -> None:
    table = section_of(make_record("yes")).budget
    assert table is not None
    said = {row.name: [each.text for each in row.cells] for row in table.rows}
    assert said["mpnet-base"] == ["does not meet", "does not meet"]
    assert said["minilm-l6"] == ["meets", "meets"]
    smoke = section_of(make_record("smoke with a p99 limit")).budget
    assert smoke is not None
    assert smoke.rows[0].cells[0].text == "unknown"


def test_a_figure_says_what_its_line_is_where_there_is_one(make_record: MakeRecord) -> None:
    notes = {}
    for case in ("yes", "slower"):
        (notes[case],) = (each.note for each in section_of(make_record(case)).charts if each.kind == "latency")
    assert notes["yes"].startswith("The line joins candidates that no other beats on both")
    assert notes["slower"] == ""


def test_a_throughput_has_its_intervals_and_says_which_batches_where_they_are_others(make_record: MakeRecord) -> None:
    record = make_record("yes")
    small = record.candidate("minilm-l6")
    few = small.model_copy(
        update={"throughput": tuple(each.model_copy(update={"batch": 8}) for each in small.throughput)}
    )
    study = section_of(record.model_copy(update={"candidates": (record.reference, few)}))
    shown = {name: cell(study, name, "Throughput") for name in ("mpnet-base", "minilm-l6")}
    assert {name: plain(each.detail) for name, each in shown.items()} == {
        "mpnet-base": "[45.2, 47.0]", "minilm-l6": "[262, 273]",
    }  # fmt: skip
    assert {name: plain(each.claim) for name, each in shown.items()} == {
        "mpnet-base": "", "minilm-l6": "5.8× more [5.6, 6.0], in batches of 8",
    }  # fmt: skip


@pytest.mark.parametrize("column", ["Mean latency", "p99 latency", "Throughput", "Peak memory", "Energy", "CO₂e"])
def test_a_column_has_one_unit_that_of_the_reference(make_record: MakeRecord, column: str) -> None:
    record = make_record("yes")
    quick = record.candidate("tfidf-logreg").model_copy(update={"energy": energy(0.01, 5, ratio(0.01, "lower"))})
    study = section_of(record.model_copy(update={"candidates": (record.reference, quick)}))
    texts = [cell(study, name, column).text for name in ("mpnet-base", "tfidf-logreg")]
    assert len({text.partition("\u00a0")[2] for text in texts}) == 1, texts


def test_an_end_of_a_gap_does_not_read_as_the_margin(make_record: MakeRecord) -> None:
    record = make_record("inconclusive")
    told = {}
    for low in (-0.0104, -0.0124):
        open_ = gap(-0.006, low, -0.003, "inconclusive", p_value=0.2, p_holm=0.4, items_needed=59_000)
        near = record.candidate("minilm-l6").model_copy(update={"gap": open_})
        study = section_of(record.model_copy(update={"candidates": (record.reference, near)}))
        told[low] = (plain(study.answer.sentence), plain(cell(study, "minilm-l6", "Gap").detail))
    assert told[-0.0104][1] == "[−1.04, −0.30]" and told[-0.0104][1] in told[-0.0104][0]
    assert told[-0.0124][1] == "[−1.2, −0.3]"


def test_errors_and_their_intervals_stand_in_one_unit(make_record: MakeRecord) -> None:
    record = make_record("regression")
    large = {
        "mpnet-base": Estimate(value=1012.0, low=981.0, high=1043.0, n=5),
        "minilm-l6": Estimate(value=997.0, low=967.0, high=1027.0, n=5),
    }
    changed = tuple(
        each.model_copy(update={"quality": each.quality.model_copy(update={"value": large[each.name]})})
        for each in record.candidates
        if each.quality
    )
    study = section_of(record.model_copy(update={"candidates": changed}))
    shown = [cell(study, name, "Quality") for name in large]
    assert [(plain(each.text), plain(each.detail)) for each in shown] == [
        ("1.01 thousand", "[0.98, 1.04]"), ("0.997 thousand", "[0.967, 1.027]"),
    ]  # fmt: skip


def test_a_ratio_as_seen_keeps_its_digits_where_it_is_small(make_record: MakeRecord) -> None:
    record = make_record("yes")
    quick = record.candidate("tfidf-logreg")
    assert quick.latency is not None and quick.latency.ratio is not None
    seen = quick.latency.ratio.model_copy(update={"as_seen": Estimate(value=0.0024, low=0.0023, high=0.0025, n=5)})
    quick = quick.model_copy(update={"latency": quick.latency.model_copy(update={"ratio": seen})})
    study = section_of(record.model_copy(update={"candidates": (record.reference, quick)}))
    found = folded(study, "latency", "tfidf-logreg")["Ratio"]
    assert (plain(found.text), plain(found.detail)) == ("0.00240", "[0.00230, 0.00250]")


def test_folded_numbers_say_how_they_came_to_be(make_record: MakeRecord) -> None:
    study = section_of(make_record("yes"))
    origins = {table.key: {column.title: column.origin for column in table.columns} for table in study.details}
    assert origins["energy"]["Above idle"] == origins["energy"]["Idle power"] == "modelled · generic power"
    assert (origins["energy"]["Windows"], origins["energy"]["CPU"]) == ("measured", "modelled")
    assert origins["making"]["Energy"] == "modelled · generic power"
    assert origins["making"]["Time"] == origins["groups"]["Gap to reference"] == "measured"


def test_a_limit_says_how_what_is_held_against_it_came_to_be(make_record: MakeRecord) -> None:
    record = make_record("yes")
    budget = Budget(energy_j=1.0, weight_bytes=50_000_000, prepare_p99_s=0.25)
    study = section_of(record.model_copy(update={"spec": record.spec.model_copy(update={"budget": budget})}))
    assert study.budget is not None and study.what_if is not None
    columns = {column.title: (plain(column.hint), column.origin) for column in study.budget.columns}
    assert columns["energy per request"] == ("at most 1 J", "modelled")
    assert columns["size on disk"] == ("at most 50 MB", "counted")
    assert columns["p99 of preparing"][0] == "at most 250 ms"
    heads = {head.title: head.origin for head in study.what_if.heads}
    assert (heads["Energy per request"], heads["Size on disk"]) == ("modelled", "counted")
    assert (heads["p99 latency"], heads["Machines"]) == ("measured", "modelled")


def test_a_comparison_prints_in_columns_and_with_its_origins(make_record: MakeRecord) -> None:
    answer, _, head, *lines = str(Comparison(make_record("yes"))).splitlines()
    assert "MiniLM L6 is enough" in answer
    assert head.index("Gap") < 40, "a failure's long reason widens no column"
    assert any("out of memory at 7.8 GB" in line for line in lines)
    assert lines[-1] == (
        "measured: Quality, Gap, Mean latency, p99 latency, Throughput and Peak memory; "
        "modelled · generic power: Energy; modelled: CO₂e. The report has the intervals."
    )


def test_a_throughput_is_a_limit_to_be_reached(make_record: MakeRecord) -> None:
    record = make_record("yes")
    spec = record.spec.model_copy(update={"budget": Budget(weight_bytes=50_000_000, items_per_s=300.0)})
    study = section_of(record.model_copy(update={"spec": spec}))
    assert study.budget is not None and study.what_if is not None
    hints = {column.title: column.hint.replace("\u00a0", " ") for column in study.budget.columns}
    assert hints == {"size on disk": "at most 50 MB", "throughput": "at least 300 /s"}
    heads = {head.title: head.hint.replace("\u00a0", " ") for head in study.what_if.heads}
    assert (heads["Size on disk"], heads["Throughput"]) == ("at most 50 MB", "at least 300 /s")
    said = {row.name: [each.text for each in row.cells] for row in study.budget.rows}
    assert (said["minilm-l6"], said["tfidf-logreg"]) == (["does not meet", "does not meet"], ["meets", "meets"])


def test_tidy_rows_carry_unit_origin_and_verdict(make_record: MakeRecord) -> None:
    rows = {(n.candidate, n.metric): n for n in section_of(make_record("yes")).tidy}
    mean = rows["minilm-l6", "latency_mean"]
    assert (mean.unit, mean.origin, mean.verdict, mean.chosen) == ("s", "measured", "lower", True)
    assert rows["minilm-l6", "co2e_per_thousand_IND"].origin == "modelled"
    assert rows["tfidf-logreg", "energy_request"].value is None
    assert "out of memory" in rows["minilm-l6+int8", "status"].reason


def test_frame_has_a_row_per_candidate_and_no_invented_zero(make_record: MakeRecord) -> None:
    frame = comparison_frame(make_record("yes"))
    assert list(frame.index) == ["mpnet-base", "tfidf-logreg", "minilm-l6", "minilm-l6+int8"]
    assert frame["energy_j"].isna()["tfidf-logreg"]
    assert frame["latency_mean_s"].isna()["minilm-l6+int8"]
    assert frame.loc["minilm-l6", "verdict"] == "non-inferior"


def test_every_case_can_be_summarised(any_record: Record) -> None:
    study = section_of(any_record)
    assert study.limits
    assert len(study.comparison.rows) == len(any_record.candidates)


def test_sentences_show_whatever_signs_they_hold() -> None:
    said = Sentences(["mine failed: `<lambda>` gave *2* of $3", "ok"])
    assert "<li>mine failed: `&lt;lambda&gt;` gave *2* of $3</li>" in said._repr_html_()
    assert str(said).splitlines()[1] == "ok" and list(said)[1] == "ok"


def test_a_notebook_of_many_runs_goes_on_past_one_with_nothing_to_compare(make_record: MakeRecord) -> None:
    record = make_record("yes")
    assert isinstance(or_why_not(decide, record), Reasoned)
    alone = record.model_copy(update={"candidates": (record.reference,)})
    assert "Only the reference was measured" in str(or_why_not(decide, alone))
    assert "A &lt;b&gt;" in Heading("A <b>")._repr_html_() and str(Heading("A <b>")) == "A <b>"


def test_a_groups_verdict_is_said_in_one_way_and_never_as_one_by_the_margin(make_record: MakeRecord) -> None:
    record = make_record("yes")
    mini = record.candidate("minilm-l6")
    assert mini.quality is not None
    told = {
        "worse": "a loss is shown", "better": "a gain is shown", "number only": "too few for a verdict",
        "no difference shown": "no difference shown",
    }  # fmt: skip
    groups = tuple(
        mini.quality.groups[0].model_copy(update={"group": verdict, "verdict": verdict, "difference": -0.1 * number})
        for number, verdict in enumerate(told)
    )
    quality = mini.quality.model_copy(update={"groups": groups})
    study = section_of(with_candidate(record, "minilm-l6", quality=quality))
    rows = [row for table in study.details if table.key == "groups" for row in table.rows if row.name == "minilm-l6"]
    assert [row.cells[-1].claim for row in rows] == list(told.values())
