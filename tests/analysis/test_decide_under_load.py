"""The decision where requests wait for one another: rates of a load test, and what they leave of a limit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from effkit.analysis.contenders import Contender
from effkit.analysis.decide import decide, weigh
from effkit.record import Rank
from tests.analysis.test_decide import PRICE, SMALL, asked, contender, exact, reference


def test_another_latency_limit_asks_the_load_test_anew() -> None:
    tested = contender(
        "small", 0.1, usable_per_s=80.0, most_per_s=90.0, saturation_per_s=100.0, own_limit_s=0.1,
        tails=((30.0, 0.01), (60.0, 0.03), (80.0, 0.09)),
    )  # fmt: skip
    served = {limit_s: bounds(tested, limit_s) for limit_s in (None, 0.1, 0.2, 0.02, 0.005)}
    crossed = pytest.approx((100 * (1 - 28 / 55),) * 2)  # half-way between 1 / 0.7 and 1 / 0.4
    assert served == {None: (70.0, 70.0), 0.1: (80.0, 90.0), 0.2: (80.0, 100.0), 0.02: crossed, 0.005: None}
    strict = replace(tested, usable_per_s=45.0, most_per_s=None, own_limit_s=0.02)
    assert [bounds(strict, limit_s) for limit_s in (0.02, None, 9.0)] == [(45.0, 45.0), (70.0, 70.0), (80.0, 100.0)]
    other = replace(tested, usable_per_s=None)
    assert bounds(other, 0.1) == (80.0, 100.0), "its tails tell, where its rate is another's"
    untested = contender("small", 0.1, usable_per_s=7.0, own_limit_s=0.1)
    assert bounds(untested, 0.005) == (7.0, 7.0)
    assert bounds(replace(untested, saturation_per_s=100.0), 0.005) is None, "put under load, and no p99 is borne"


def test_a_bound_on_p99_shows_that_a_limit_is_kept_and_never_that_it_is_not() -> None:
    tested = contender(
        "small", 0.1, usable_per_s=30.0, saturation_per_s=100.0, own_limit_s=0.01, tails=((30.0, 0.01),),
        bounded=((60.0, 0.05), (80.0, 0.09)),
    )  # fmt: skip
    found = {limit_s: bounds(tested, limit_s) for limit_s in (0.005, 0.02, 0.05, 0.06, 0.2)}
    assert found == {0.005: None, 0.02: (30.0, 100.0), 0.05: (60.0, 100.0), 0.06: (60.0, 100.0), 0.2: (80.0, 100.0)}
    only = replace(tested, tails=(), tail_high_s=0.05)
    assert [bounds(only, limit_s) for limit_s in (0.04, 0.06)] == [None, (60.0, 100.0)]
    limited = asked(latency_p99_s=0.04, requests_per_s=10.0)
    (check,) = (each for each in weigh(only, limited).checks if each.what == "latency")
    assert check.outcome == "open" and "at no rate" in check.known.why and "every" not in check.known.why


def bounds(known: Contender, limit_s: float | None) -> tuple[float, float] | None:
    rate = known.usable_within(limit_s)
    return None if rate is None else (rate.known, rate.most)


def test_a_rate_under_load_has_an_interval_of_its_own() -> None:
    tested = contender(
        "small", 0.1, usable_per_s=80.0, usable_ends_per_s=(75.0, None), saturation_per_s=100.0,
        saturation_ends_per_s=(90.0, 110.0), own_limit_s=0.1, tails=((30.0, 0.01), (60.0, 0.03), (80.0, 0.09)),
    )  # fmt: skip
    rates = [tested.usable_within(limit_s) for limit_s in (None, 0.1, 0.2, 0.02)]
    ends = [(each.low, each.high) for each in rates if each]
    assert ends == [pytest.approx((63.0, 77.0)), (75.0, None), (80.0, 100.0), (30.0, 60.0)]


@pytest.mark.parametrize(
    ("ends", "chosen"),
    [
        ((19.0, 21.0), "small"),
        ((10.05, 40.0), "linear"),
        ((10.15, 40.0), "linear"),
        ((10.6, 40.0), "small"),
        ((None, 40.0), "linear"),
    ],
)
def test_fewer_machines_are_shown_by_the_interval_of_a_load_test(ends: tuple[float | None, float], chosen: str) -> None:
    """Twice the rate is half the machines, but of its lower end against the other's upper one 5 % less are asked."""
    linear = contender("linear", 0.2, family="linear", usable_per_s=10.0, usable_ends_per_s=(9.0, 10.0))
    small = replace(SMALL, usable_per_s=20.0, usable_ends_per_s=ends)
    known = [reference(usable_per_s=1.0), linear, small]
    assert decide(known, asked(requests_per_s=1000.0)).chosen == chosen
    wide = replace(linear, usable_ends_per_s=(9.0, None))
    assert decide([known[0], wide, small], asked(requests_per_s=1000.0)).chosen == "linear"


@pytest.mark.parametrize(("luck", "chosen"), [(0.0, "small"), (0.02, "small"), (0.05, "linear"), (None, "linear")])
def test_the_luck_of_the_one_process_behind_a_load_test_is_allowed_for(luck: float | None, chosen: str) -> None:
    """Rates of 10 and 11.2, sharp in the process that was asked; another of the same may be off by its luck."""
    linear = contender("linear", 0.2, family="linear", usable_per_s=10.0, usable_ends_per_s=(9.9, 10.1), luck=luck)
    small = replace(SMALL, usable_per_s=11.2, usable_ends_per_s=(11.1, 11.3), luck=luck)
    assert decide([reference(usable_per_s=1.0), linear, small], asked(requests_per_s=10_000.0)).chosen == chosen


@pytest.mark.parametrize(("low", "kind"), [(8.0, "indifferent"), (None, "smaller")])
def test_rates_whose_intervals_overlap_save_no_machines_and_unknown_ones_show_nothing(
    low: float | None, kind: str
) -> None:
    small = replace(SMALL, usable_per_s=20.0, usable_ends_per_s=(low, 30.0), above_idle_j=0.001)
    alike = reference(usable_per_s=10.0, usable_ends_per_s=(9.0, 11.0), above_idle_j=0.001)
    assert decide([alike, small], asked(requests_per_s=1000.0, cost=PRICE)).kind == kind


def test_of_few_generations_no_fewer_machines_are_claimed() -> None:
    linear = contender("linear", 0.2, family="linear", usable_per_s=5.0)
    for pair in ((linear, replace(SMALL, assessed=False)), (replace(linear, assessed=False), SMALL)):
        assert decide([reference(usable_per_s=1.0), *pair], asked(requests_per_s=1000.0)).chosen == "linear"


def test_who_is_beaten_itself_decides_nothing_between_two_others() -> None:
    """The network needs fewer machines than the linear model, but is not shown to than the trees before it."""
    beaten = contender("beaten", 0.3, family="linear", usable_per_s=100.0, usable_ends_per_s=(95.0, 100.0))
    trees = contender("trees", 0.2, family="trees", usable_per_s=105.0, usable_ends_per_s=(90.0, 160.0))
    network = replace(SMALL, usable_per_s=200.0, usable_ends_per_s=(150.0, 200.0))
    known = [reference(usable_per_s=1.0), beaten, trees, network]
    assert decide(known, asked(requests_per_s=1000.0)).chosen == "trees"
    better = replace(network, usable_ends_per_s=(170.0, 200.0))
    assert decide([*known[:3], better], asked(requests_per_s=1000.0)).chosen == "small"


def test_the_network_takes_its_part_of_the_limit_under_load_too() -> None:
    tested = contender("small", 0.01, usable_per_s=80.0, own_limit_s=0.1, tails=((30.0, 0.01), (60.0, 0.03)))
    known = [reference(), tested]
    far, near = (
        decide(known, asked(latency_p99_s=0.1, network_s=network_s, requests_per_s=450.0)) for network_s in (0.08, 0.0)
    )
    machines = [each.serving.machines for found in (far, near) for each in found.order if each.contender is tested]
    assert machines == [10, 6]  # 45 a second within 20 ms, 80 within the study's own 100 ms


def test_who_misses_the_limit_at_every_rate_of_the_load_test_is_open() -> None:
    """More machines would each be less busy than at the lowest rate tried, and unloaded it keeps within the limit."""
    late = contender("small", 0.1, usable_per_s=None, own_limit_s=0.02, tails=((30.0, 0.05), (60.0, 0.09)))
    limited = asked(latency_p99_s=0.02, requests_per_s=10.0)
    (check,) = (each for each in weigh(late, limited).checks if each.what == "latency")
    assert check.outcome == "open" and "at no rate of the load test" in check.known.why
    assert decide([reference(p99_s=exact(0.01)), late], limited).chosen == "large"
    assert weigh(late, asked(latency_p99_s=0.02)).outcome == "meets", "without a traffic nobody queues"


@pytest.mark.parametrize(("high_s", "outcome"), [(0.018, "meets"), (0.022, "open"), (None, "open")])
def test_at_a_traffic_a_limit_is_met_where_the_whole_interval_at_the_lowest_rate_is_within(
    high_s: float | None, outcome: str
) -> None:
    """However well the p99 as it was seen keeps within it."""
    tails = ((30.0, 0.015), (60.0, 0.09))
    tested = contender("small", 0.1, usable_per_s=35.0, own_limit_s=0.02, tails=tails, tail_high_s=high_s)
    for limits in ({"latency_p99_s": 0.02}, {"latency_p99_s": 0.03, "network_s": 0.01}):
        weighed = weigh(tested, asked(requests_per_s=10.0, **limits))
        (check,) = (each for each in weighed.checks if each.what == "latency")
        assert weighed.serving is not None and check.outcome == outcome
        assert outcome == "meets" or "shows it at no rate" in check.known.why
        assert weigh(tested, asked(**limits)).affordable == "meets", "without a traffic nobody queues"


def test_who_was_not_tested_under_load_does_not_pass_where_a_faster_one_is_open() -> None:
    late = contender("fast", 0.1, usable_per_s=None, tails=((30.0, 0.05), (60.0, 0.09)))
    untested = contender("slow", 0.15, usable_per_s=None, untested=True)
    limited = asked(latency_p99_s=0.02, requests_per_s=10.0)
    (check,) = (each for each in weigh(untested, limited).checks if each.what == "latency")
    assert check.outcome == "open" and "no load test" in check.known.why
    assert decide([reference(p99_s=exact(1.0)), late, untested], limited).kind == "open"
    tested = reference(p99_s=exact(0.01), tails=((10.0, 0.015),), usable_per_s=None)
    found = decide([tested, late, untested], limited)
    assert (found.kind, found.chosen) == ("reference", "large")
    assert weigh(untested, asked(latency_p99_s=0.02)).outcome == "meets", "without a traffic nobody queues"
    assert weigh(untested, asked(latency_p99_s=0.001, requests_per_s=10.0)).outcome == "fails"


def test_a_limit_on_p99_at_a_traffic_takes_a_load_test() -> None:
    known = [reference(p99_s=exact(0.03), untested=True), replace(SMALL, untested=True)]
    found = decide(known, asked(latency_p99_s=0.05, requests_per_s=10.0))
    assert (found.kind, [each.affordable for each in found.order]) == ("open", ["open", "open"])
    for limits in ({"latency_p99_s": 0.05}, {"requests_per_s": 10.0}):
        assert decide(known, asked(**limits)).chosen == "small"


@pytest.mark.parametrize(
    ("limit", "outcome"), [(0.0140, "meets"), (0.0138, "open"), (0.009, "open"), (0.0064, "open"), (0.0063, "fails")]
)
def test_money_is_held_against_a_limit_by_the_ends_of_the_rate(limit: float, outcome: str) -> None:
    """31 machines at 33 a second are 0.0086, but the rate is between 20 and 45: 23 to 50 machines."""
    tested = contender("small", 0.1, usable_per_s=33.0, usable_ends_per_s=(20.0, 45.0))
    weighed = weigh(tested, asked(requests_per_s=1000.0, money_per_thousand=limit, cost=PRICE))
    (check,) = (each for each in weighed.checks if each.what == "money")
    assert check.outcome == outcome
    assert check.known.value == pytest.approx(31 / 3600)
    assert (check.known.low, check.known.high) == pytest.approx((23 / 3600, 50 / 3600))


def test_carbon_is_held_against_a_limit_by_the_ends_of_rate_energy_and_a_modelled_power() -> None:
    tested = contender(
        "small", 0.1, usable_per_s=33.0, usable_ends_per_s=(20.0, 45.0), above_idle_j=0.5, above_idle_ends_j=(0.4, 0.6),
    )  # fmt: skip
    per_j = 56.0 / 3.6e6
    least, most = 1000 * (23 * 20 / 1000 + 0.4) * per_j, 1000 * (50 * 20 / 1000 + 0.6) * per_j
    powers: tuple[tuple[Rank, float], ...] = (("counter", 1.0), ("modelled-generic", 10.0))
    for rank, off in powers:
        wide = replace(tested, rank=rank, energy_off=off)
        for limit, outcome in ((least / off, "fails"), (least, "open"), (most, "open"), (most * off, "meets")):
            near = limit * (0.999 if outcome == "fails" else 1.001)
            if off == 1.0 and limit == most:
                outcome = "meets"
            weighed = weigh(wide, asked(requests_per_s=1000.0, carbon_g_per_thousand=near))
            (check,) = (each for each in weighed.checks if each.what == "carbon")
            assert check.outcome == outcome
            assert ("guessed power" in check.known.why) == (off == 10.0)


def test_a_rate_that_is_not_shown_to_be_enough_meets_no_limit_on_money() -> None:
    tested = contender("small", 0.1, usable_per_s=33.0, usable_ends_per_s=(None, 45.0))
    for limit, outcome in ((1e9, "open"), (0.001, "fails")):
        weighed = weigh(tested, asked(requests_per_s=1000.0, money_per_thousand=limit, cost=PRICE))
        (check,) = (each for each in weighed.checks if each.what == "money")
        assert check.outcome == outcome
