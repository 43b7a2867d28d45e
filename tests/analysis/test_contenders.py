"""A candidate as a decision sees it: what is known of the rates at which it serves."""

from __future__ import annotations

import math
from typing import Any, Literal

import pytest

from effkit.analysis.contenders import Contender, Known, contenders, unwaited
from effkit.analysis.decide import weigh
from effkit.record import (
    Cascade,
    Estimate,
    GroupQuality,
    Load,
    LoadPoint,
    PercentileRecord,
    Rank,
    Ratio,
    Record,
    Verdict,
)
from tests.analysis.test_cost import estimate
from tests.analysis.test_decide import asked
from tests.analysis.two_runs import golden, with_candidate


def point(share: float, tail_s: float | None) -> LoadPoint:
    p99 = PercentileRecord(level=99, value_s=tail_s, n=2000, n_effective=700)
    return LoadPoint(
        share=share,
        asked_per_s=100 * share,
        queries=2000,
        percentiles=(p99,),
        delay_p99_s=1e-4,
        generator_limited=False,
    )


def load(*tails_s: float | None, **other: Any) -> Load:
    points = tuple(point(share, tail_s) for share, tail_s in zip((0.3, 0.6, 0.8), tails_s, strict=True))
    return Load(max_batch=1, saturation_per_s=estimate(100.0), points=points, **other)


def found(**loads: Load) -> dict[str, Contender]:
    record = golden()
    for each in record.candidates:
        record = with_candidate(record, each.name, load=None)
    for name, each in loads.items():
        record = with_candidate(record, name.replace("_", "-"), load=each)
    return {each.name: each for each in contenders(record)}


def test_rates_of_different_tests_are_not_held_against_one_another() -> None:
    names = list(found())
    assert len(names) > 1 and all(each.usable_per_s is not None for each in found().values())
    one = found(minilm_l6=load(0.01, 0.02, 0.03, highest_per_s=estimate(70.0), bound="within"))
    assert one["minilm-l6"].usable_per_s == 70.0
    assert [each.usable_per_s for name, each in one.items() if name != "minilm-l6"] == [None] * (len(names) - 1)


@pytest.mark.parametrize("bound", ["below", "unknown"])
def test_beside_a_load_test_nobody_has_a_rate_by_latency_alone(bound: Literal["below", "unknown"]) -> None:
    """Not even where none keeps within the study's limit: without a limit the one would have its saturation."""
    some = found(minilm_l6=load(0.1, 0.2, 0.3, bound=bound))
    assert [each.usable_per_s for each in some.values()] == [None] * len(some)
    rates = {name: each.usable_within(None) for name, each in some.items()}
    assert [name for name, rate in rates.items() if rate is not None] == ["minilm-l6"]
    assert [name for name, each in some.items() if each.serves] == ["minilm-l6"]


def test_tails_end_where_one_is_not_borne_and_never_fall() -> None:
    tested = found(minilm_l6=load(0.02, 0.01, None))["minilm-l6"]
    assert tested.tails == ((30.0, 0.015), (60.0, 0.015))
    assert found(minilm_l6=load(None, 0.01, 0.02))["minilm-l6"].tails == ()


def test_a_p99_that_is_bounded_from_above_counts_by_its_bound() -> None:
    bounded = load(0.01, None, None, highest_per_s=estimate(60.0), bound="at least")
    second = bounded.points[1].percentiles[0].model_copy(update={"high_s": 0.05})
    points = (bounded.points[0], bounded.points[1].model_copy(update={"percentiles": (second,)}), bounded.points[2])
    tested = found(minilm_l6=bounded.model_copy(update={"points": points}))["minilm-l6"]
    assert (tested.tails, tested.bounded) == (((30.0, 0.01),), ((60.0, 0.05),))


def test_the_upper_end_of_p99_at_the_lowest_rate_shows_whether_a_limit_is_kept() -> None:
    tested = load(0.01, 0.02, 0.03)
    ended = tested.points[0].percentiles[0].model_copy(update={"high_s": 0.015})
    points = (tested.points[0].model_copy(update={"percentiles": (ended,)}), *tested.points[1:])
    some = found(minilm_l6=tested.model_copy(update={"points": points}), mpnet_base=tested)
    assert [some[name].tail_high_s for name in ("minilm-l6", "mpnet-base")] == [0.015, None]
    assert [some["minilm-l6"].shown_within(limit_s) for limit_s in (0.012, 0.015)] == [False, True]
    assert not some["mpnet-base"].shown_within(1.0), "whose interval is open above"


def test_without_a_limit_the_saturation_tells_the_rate() -> None:
    tested = found(minilm_l6=load(0.01, 0.02, None, highest_per_s=estimate(60.0), bound="at least"))["minilm-l6"]
    assert tested.usable_per_s == 60.0
    rate = tested.usable_within(None)
    assert rate is not None
    assert (rate.known, rate.most, rate.low, rate.high) == pytest.approx((70.0, 70.0, 63.0, 77.0))


@pytest.mark.parametrize(
    ("bound", "high", "most"),
    [("at least", 80.0, 80.0), ("at least", None, 100.0), ("at least", 120.0, 100.0), ("within", 80.0, None)],
)
def test_a_rate_that_is_no_less_is_no_more_than_the_next_or_saturation(
    bound: Literal["at least", "within"], high: float | None, most: float | None
) -> None:
    highest = Estimate(value=60.0, low=60.0, high=high, n=20)
    tested = found(minilm_l6=load(0.01, 0.02, None, highest_per_s=highest, bound=bound))["minilm-l6"]
    assert (tested.usable_per_s, tested.most_per_s, tested.saturation_per_s) == (60.0, most, 100.0)


def test_a_rate_under_load_has_the_interval_that_was_measured_or_ends_at_saturation() -> None:
    for high, end in ((80.0, 80.0), (None, 110.0)):
        highest = Estimate(value=70.0, low=60.0, high=high, n=20)
        tested = found(minilm_l6=load(0.01, 0.02, 0.03, highest_per_s=highest, bound="within"))["minilm-l6"]
        assert tested.usable_ends_per_s == (60.0, pytest.approx(end))


def test_a_rate_from_latency_has_the_latencys_interval_and_a_load_test_the_luck_of_one_process() -> None:
    latency = golden().candidate("minilm-l6").latency
    assert latency is not None
    mean_s = Estimate(value=0.01, low=0.01 / 1.1, high=0.01 * 1.1, n=9)
    record = with_candidate(golden(), "minilm-l6", latency=latency.model_copy(update={"mean_s": mean_s}))
    alone = of_minilm(with_candidate(record, "minilm-l6", load=None))
    assert alone.usable_ends_per_s == pytest.approx((70 / 1.1, 70 * 1.1))
    assert alone.luck == 0.0, "its generations are in the interval"
    highest = estimate(70.0)
    tested = with_candidate(record, "minilm-l6", load=load(0.01, 0.02, 0.03, highest_per_s=highest, bound="within"))
    assert of_minilm(tested).luck == pytest.approx(3 * math.log(1.1)), "of one and not of the mean over nine"
    bare = latency.model_copy(update={"mean_s": Estimate(value=0.01, n=1)})
    assert of_minilm(with_candidate(tested, "minilm-l6", latency=bare)).luck is None


def test_five_generations_bear_a_claim_on_speed() -> None:
    record = golden()
    latency = record.candidate("minilm-l6").latency
    assert latency is not None
    for n, assessed in ((4, False), (5, True)):
        some = latency.model_copy(update={"mean_s": latency.mean_s.model_copy(update={"n": n})})
        assert of_minilm(with_candidate(record, "minilm-l6", latency=some)).assessed == assessed


def test_a_load_test_that_bears_no_p99_leaves_everybody_open() -> None:
    """Whether or not the few requests happen to look fast: nobody passes by what is not known."""
    some = found(minilm_l6=load(None, None, None, bound="unknown"))
    assert all(each.untested for each in some.values())
    assert some["minilm-l6"].usable_per_s is None and some["minilm-l6"].usable_within(0.02) is None


def test_groups_are_judged_from_200_items_and_20_clusters_on() -> None:
    record = golden()
    quality = record.candidate("minilm-l6").quality
    assert quality is not None
    groups = tuple(
        GroupQuality(
            group=f"{n} items, {units}", n=n, value=0.8, difference=0.0, low=-0.01, high=0.01, verdict="number only",
            units=units,
        )
        for n, units in ((300, None), (300, 300), (300, 20), (300, 19), (199, 199), (199, None))
    )  # fmt: skip
    record = with_candidate(record, "minilm-l6", quality=quality.model_copy(update={"groups": groups}))
    judged = next(each for each in contenders(record) if each.name == "minilm-l6").groups
    assert [each.group for each in judged] == ["300 items, None", "300 items, 300", "300 items, 20"]


def test_who_has_no_p99_under_load_is_untested() -> None:
    assert all(each.untested for each in found().values())
    for mine in ({}, {"mpnet_base": load(None, 0.01, 0.02)}):
        some = found(minilm_l6=load(0.01, 0.02, 0.03), **mine)
        assert {name for name, each in some.items() if not each.untested} == {"minilm-l6"}
    # Its p99 at the lowest rate is not borne, but that at the highest within the study's own limit is.
    borne = load(None, 0.01, 0.02, highest_per_s=estimate(70.0), bound="within")
    some = found(minilm_l6=load(0.01, 0.02, 0.03), mpnet_base=borne)
    assert not some["mpnet-base"].untested


def test_a_traffic_is_tried_as_if_nobody_waited_where_nobody_was_put_under_load() -> None:
    assert not any(each.loaded or each.untested for each in unwaited(tuple(found().values())))
    some = tuple(found(minilm_l6=load(None, None, None, bound="unknown")).values())
    assert [each.name for each in some if each.loaded] == ["minilm-l6"]
    assert unwaited(some) == some


def test_parts_of_the_latency_that_are_not_told_apart_are_held_to_no_limit() -> None:
    latency = golden().candidate("minilm-l6").latency
    assert latency is not None
    told = latency.model_copy(
        update={"prepare_percentiles": latency.percentiles, "infer_percentiles": latency.percentiles}
    )
    record = with_candidate(golden(), "minilm-l6", latency=told)
    known = next(each for each in contenders(record) if each.name == "minilm-l6")
    assert known.prepare_p99_s.value == known.infer_p99_s.value == known.p99_s.value is not None
    for changed in ({"model": "a function of mine"}, {"builder": "own.linear"}, {"cascade": Cascade.model_construct()}):
        found = contenders(with_candidate(record, "minilm-l6", **changed))
        of_one = next(each for each in found if each.name == "minilm-l6")
        for part in (of_one.prepare_p99_s, of_one.infer_p99_s):
            assert (part.value, part.why) == (None, "its preparing and inferring are not told apart")
    assert of_minilm(with_candidate(record, "minilm-l6", builder="own.linear")).family == "linear"


def test_memory_is_what_a_worker_takes_here_and_on_the_gpu() -> None:
    memory = golden().candidate("minilm-l6").memory
    assert memory is not None and memory.device_reserved_bytes is None
    on_gpu = memory.model_copy(update={"device_allocated_bytes": 5, "device_reserved_bytes": 7_000_000})
    assert on_gpu.taken_bytes == memory.taken_bytes + 7_000_000 == memory.floor_bytes + on_gpu.added_bytes
    (one,) = (
        each for each in contenders(with_candidate(golden(), "minilm-l6", memory=on_gpu)) if each.name == "minilm-l6"
    )
    assert one.peak_bytes.value == on_gpu.taken_bytes


def test_size_cold_start_and_throughput_are_the_records() -> None:
    record = golden()
    start, (batches,) = record.candidate("minilm-l6").cold_start, record.candidate("minilm-l6").throughput
    assert start is not None
    one = of_minilm(record)
    assert one.weight_bytes == Known(90_900_000, 90_900_000, 90_900_000)
    assert one.cold_start_s.value == pytest.approx(3.1 + 0.8 + 0.06)
    assert (one.cold_start_s.low, one.cold_start_s.high) == pytest.approx((3.8808, 4.0392))
    assert one.items_per_s == Known(batches.items_per_s.value, batches.items_per_s.low, batches.items_per_s.high)
    alone = start.model_copy(update={"load_s": Estimate(value=0.8, n=1)})
    bare = of_minilm(with_candidate(record, "minilm-l6", cold_start=alone, throughput=(), memory=None))
    assert (bare.cold_start_s.value, bare.cold_start_s.low) == (one.cold_start_s.value, None)
    assert (bare.items_per_s.why, bare.weight_bytes.why) == ("not measured", "not counted")
    other = batches.model_copy(update={"batch": 8})
    small = of_minilm(with_candidate(record, "minilm-l6", throughput=(other,))).items_per_s
    assert (small.value, small.why) == (batches.items_per_s.value, "in batches of 8"), "of few test items"
    both = of_minilm(with_candidate(record, "minilm-l6", throughput=(batches, other)))
    assert both.items_per_s == one.items_per_s


@pytest.mark.parametrize(
    ("rank", "off", "words"),
    [("counter", 1, ""), ("modelled-tdp", 2, "rated power"), ("modelled-generic", 10, "guessed power")],
)
def test_joules_are_as_wide_as_a_modelled_power_may_be_off(rank: Rank, off: float, words: str) -> None:
    energy = golden().candidate("minilm-l6").energy
    assert energy is not None
    told = energy.model_copy(update={"rank": rank, "request_j": Estimate(value=0.3, low=0.2, high=0.4, n=5)})
    found = of_minilm(with_candidate(golden(), "minilm-l6", energy=told))
    known = found.energy_j
    assert (known.value, known.low, known.high) == pytest.approx((0.3, 0.2 / off, 0.4 * off))
    assert words in known.why and found.energy_off == off
    limits = {limit_j: weigh(found, asked(energy_j=limit_j)).affordable for limit_j in (0.41, 0.41 * off, 0.19 / off)}
    assert limits == {0.41: "meets" if off == 1 else "open", 0.41 * off: "meets", 0.19 / off: "fails"}


@pytest.mark.parametrize(
    ("verdict", "value", "faster"),
    [
        ("lower", 0.97, True), ("within noise", 0.97, False), ("unstable", 0.5, False), ("higher", 1.2, False),
        ("indicative", 0.9, True), ("indicative", 0.97, False),
    ],
)  # fmt: skip
def test_faster_is_what_the_verdict_says(verdict: Verdict, value: float, faster: bool) -> None:
    latency = golden().candidate("minilm-l6").latency
    assert latency is not None
    ratio = Ratio(value=value, n=5, verdict=verdict, threshold=0.01)
    record = with_candidate(golden(), "minilm-l6", latency=latency.model_copy(update={"ratio": ratio}))
    assert of_minilm(record).faster == faster
    assert of_minilm(with_candidate(record, "minilm-l6", latency=None)).faster is False


def of_minilm(record: Record) -> Contender:
    return next(each for each in contenders(record) if each.name == "minilm-l6")
