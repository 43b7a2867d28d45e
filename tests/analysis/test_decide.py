"""The decision: budgets first, the simplest that is good enough, and no guess where data are silent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effkit.analysis.asked import Asked
from effkit.analysis.contenders import Contender, GroupLoss, Known
from effkit.analysis.decide import decide, in_order, weigh
from effkit.production import Budget, CostSpec

PRICE = CostSpec(machine_per_hour=1.0, currency="EUR", source="a test")


def exact(value: float) -> Known:
    return Known(value, value, value)


def contender(name: str, time: float, **other: Any) -> Contender:
    tails, above_j = other.get("tails", ()), other.get("above_idle_j", 0.5 * time)
    fields: dict[str, Any] = {
        "reference": False, "faster": time < 0.99, "family": "network", "system": name, "quality": 0.8,
        "difference": -0.001,
        "enough_from": 0.005, "worse_below": 0.0, "margin": 0.01, "verdict": "non-inferior", "items_needed": None,
        "groups": (), "p99_s": exact(0.1 * time), "prepare_p99_s": exact(0.01 * time),
        "infer_p99_s": exact(0.09 * time), "peak_bytes": exact(1e9 * time), "weight_bytes": exact(1e8 * time),
        "cold_start_s": exact(5 * time), "items_per_s": exact(100 / time), "energy_j": exact(time),
        "rank": "counter", "usable_per_s": 10 / time, "most_per_s": None, "usable_ends_per_s": None,
        "saturation_per_s": None, "saturation_ends_per_s": None, "luck": 0.0, "own_limit_s": None,
        "tails": (), "bounded": (), "tail_high_s": tails[0][1] if tails else None,
        "untested": False, "repeated": True, "assessed": True,
        "idle_w": 20.0, "above_idle_j": above_j, "above_idle_ends_j": (above_j, above_j), "energy_off": 1.0,
        "moved_bytes": 1000.0, "kept_bytes": 1e8,
    }  # fmt: skip
    return Contender(name=name, time=time, **(fields | other))


def reference(**other: Any) -> Contender:
    fields = {"reference": True, "enough_from": 0.0, "difference": 0.0, "quality": 0.801}
    return contender("large", 1.0, **(fields | other))


def asked(margin: float = 0.01, cost: CostSpec | None = None, **budget: Any) -> Asked:
    return Asked(margin, Budget(**budget), 0.01, cost, 56.0, 1.0, 0.0)


SMALL, MIDDLE = contender("small", 0.1), contender("middle", 0.3)


def test_the_first_that_is_good_enough_is_chosen_and_nothing_after_it_matters() -> None:
    found = decide([reference(), MIDDLE, SMALL], asked())
    assert (found.kind, found.chosen) == ("smaller", "small")
    assert [each.contender.name for each in found.order] == ["small", "middle", "large"]
    assert found.before == ()


def test_a_worse_one_is_passed_over() -> None:
    worse = replace(SMALL, enough_from=0.05, worse_below=0.02, verdict="inferior")
    found = decide([reference(), MIDDLE, worse], asked())
    assert found.chosen == "middle"
    assert [each.outcome for each in found.before] == ["fails"]


def test_an_open_one_is_neither_chosen_nor_out() -> None:
    found = decide([reference(), replace(SMALL, enough_from=0.02, verdict="inconclusive")], asked())
    assert (found.kind, found.chosen) == ("reference", "large")
    assert [each.outcome for each in found.before] == ["open"]


@pytest.mark.parametrize(
    ("limit", "what"),
    [
        ({"latency_p99_s": 0.005}, "latency"),
        ({"latency_p99_s": 0.1, "network_s": 0.095}, "latency"),
        ({"latency_p99_s": 1.0, "network_bytes_per_s": 1.0}, "latency"),
        ({"prepare_p99_s": 0.0005}, "preparing"),
        ({"infer_p99_s": 0.005}, "inferring"),
        ({"peak_bytes": 10**7}, "memory"),
        ({"weight_bytes": 10**6}, "weights"),
        ({"cold_start_s": 0.1}, "starting"),
        ({"items_per_s": 2000.0}, "throughput"),
        ({"energy_j": 0.05}, "energy"),
        ({"carbon_g_per_thousand": 1e-6, "requests_per_s": 1.0}, "carbon"),
        ({"money_per_thousand": 0.001, "requests_per_s": 1.0}, "money"),
    ],
)
def test_every_limit_can_exclude(limit: dict[str, Any], what: str) -> None:
    weighed = weigh(SMALL, asked(cost=PRICE, **limit))
    assert [check.what for check in weighed.checks if check.outcome == "fails"] == [what]
    assert weighed.affordable == "fails"
    assert weighed.good_enough == "meets"
    assert decide([reference(), SMALL], asked(cost=PRICE, **limit)).kind == "none"


def test_what_is_not_known_is_open_and_bounds_still_decide() -> None:
    limit = asked(latency_p99_s=0.05)
    assert weigh(replace(SMALL, p99_s=Known(None, why="n too small")), limit).outcome == "open"
    assert weigh(replace(SMALL, p99_s=Known(None, None, 0.02, "n too small")), limit).outcome == "meets"
    assert weigh(replace(SMALL, p99_s=Known(None, 0.06, None, "n too small")), limit).outcome == "fails"
    assert weigh(replace(SMALL, p99_s=Known(0.05, 0.04, 0.06)), limit).outcome == "open"
    found = decide([reference(), replace(SMALL, p99_s=Known(None, why="n too small"))], limit)
    assert (found.kind, found.chosen) == ("open", None)


@pytest.mark.parametrize(
    ("limit", "outcome"), [(900.0, "meets"), (950.0, "meets"), (1000.0, "open"), (1100.0, "fails")]
)
def test_a_throughput_is_to_be_reached_by_the_whole_interval(limit: float, outcome: str) -> None:
    known = replace(SMALL, items_per_s=Known(1000.0, 950.0, 1050.0))
    assert weigh(known, asked(items_per_s=limit)).affordable == outcome
    assert weigh(replace(SMALL, items_per_s=Known(1000.0)), asked(items_per_s=limit)).affordable == "open"


def test_the_reference_can_be_out_and_a_larger_one_in() -> None:
    leaner = contender("larger", 2.0, peak_bytes=exact(2e9), p99_s=exact(0.01))
    found = decide([reference(), leaner], asked(latency_p99_s=0.05))
    assert (found.kind, found.chosen) == ("larger", "larger")


def test_of_equals_the_simpler_family_wins() -> None:
    linear = contender("linear", 0.2, family="linear")
    assert decide([reference(), SMALL, linear], asked()).chosen == "linear"


def test_a_simpler_family_that_is_larger_than_the_reference_does_not_go_first() -> None:
    forest = contender("forest", 90.0, family="trees", peak_bytes=exact(2e9))
    assert [each.name for each in in_order([reference(), forest, SMALL], 0.01)] == ["small", "large", "forest"]


@pytest.mark.parametrize("time", [0.998, 1.002])
def test_smaller_is_what_is_shown_faster_or_takes_less_memory_and_not_who_wins_a_toss(time: float) -> None:
    """With 1.3 times the memory a time that is as good as the reference's makes nothing smaller than it."""
    near = contender("near", time, faster=False, peak_bytes=exact(1.3e9))
    kinds = {
        "larger": near, "faster": replace(near, faster=True), "leaner": replace(near, peak_bytes=exact(0.94e9)),
        "as lean": replace(near, peak_bytes=exact(0.96e9)),
    }  # fmt: skip
    found = {name: decide([reference(), each], asked()).kind for name, each in kinds.items()}
    assert found == {"larger": "reference", "faster": "smaller", "leaner": "smaller", "as lean": "reference"}


def test_memory_breaks_a_tie_within_the_noise() -> None:
    tied = contender("tied", 0.1005, peak_bytes=exact(1e7))
    assert [each.name for each in in_order([reference(), SMALL, tied], 0.01)][:2] == ["tied", "small"]
    assert [each.name for each in in_order([reference(), SMALL, tied], 0.001)][:2] == ["small", "tied"]


def test_where_nothing_is_saved_the_best_is_taken() -> None:
    little = {"usable_per_s": 100.0, "above_idle_j": 0.001}
    known = [reference(**little), contender("small", 0.1, **little)]
    at_one = decide(known, asked(requests_per_s=1.0, cost=PRICE))
    assert (at_one.kind, at_one.chosen, at_one.enough) == ("indifferent", "large", "small")
    busy = [reference(usable_per_s=10.0), contender("small", 0.1, usable_per_s=100.0)]
    at_many = decide(busy, asked(requests_per_s=1000.0))
    assert (at_many.kind, at_many.chosen) == ("smaller", "small")


def test_a_gap_that_may_be_chance_makes_nothing_the_best() -> None:
    little = {"usable_per_s": 100.0, "above_idle_j": 0.001}
    known = [
        reference(**little, p99_s=exact(1.0)),
        contender("linear", 0.1, family="linear", difference=-0.002, **little),
        contender("network", 0.2, difference=-0.001, **little),
    ]
    limited = asked(requests_per_s=0.1, latency_p99_s=0.5)
    found = decide(known, limited)
    assert (found.kind, found.chosen, found.enough) == ("smaller", "linear", None)
    better = replace(known[2], verdict="superior", difference=0.002)
    found = decide([*known[:2], better], limited)
    assert (found.kind, found.chosen, found.enough) == ("indifferent", "network", "linear")


def test_energies_of_different_ranks_are_not_compared() -> None:
    alike = {"usable_per_s": 100.0}
    known = [reference(**alike), contender("small", 0.1, above_idle_j=0.0, idle_w=2.0, **alike)]
    assert decide(known, asked(requests_per_s=1.0)).kind == "smaller"
    mixed = [replace(known[0], rank="modelled-generic"), known[1]]
    assert decide(mixed, asked(requests_per_s=1.0)).kind == "indifferent"


def test_fewer_machines_beat_the_order() -> None:
    known = [reference(usable_per_s=1.0), contender("linear", 0.2, family="linear", usable_per_s=5.0), SMALL]
    assert decide(known, asked(requests_per_s=1000.0)).chosen == "small"


@pytest.mark.parametrize(
    ("most_per_s", "chosen"), [(None, "small"), (6.0, "small"), (9.4, "small"), (10.0, "linear"), (50.0, "linear")]
)
def test_fewer_machines_are_claimed_only_where_the_bounds_carry_them(most_per_s: float | None, chosen: str) -> None:
    """At 1,000 a second 100 machines of the small one do for certain, and the linear one needs no more than 200."""
    linear = contender("linear", 0.2, family="linear", usable_per_s=5.0, most_per_s=most_per_s)
    known = [reference(usable_per_s=1.0), linear, replace(SMALL, usable_per_s=10.0, most_per_s=80.0)]
    assert decide(known, asked(requests_per_s=1000.0)).chosen == chosen


@pytest.mark.parametrize(("per_s", "chosen"), [(10.03, "linear"), (10.09, "linear"), (10.4, "linear"), (10.7, "small")])
def test_machines_within_the_noise_or_next_to_none_do_not_beat_the_order(per_s: float, chosen: str) -> None:
    """At 10,000 a second 998 and 992 machines against 1,000 are noise, 962 are not worth a word, and 935 are."""
    linear = contender("linear", 0.2, family="linear", usable_per_s=10.0, usable_ends_per_s=(9.99, 10.01))
    small = replace(SMALL, usable_per_s=per_s, usable_ends_per_s=(0.999 * per_s, 1.001 * per_s))
    assert decide([reference(usable_per_s=1.0), linear, small], asked(requests_per_s=10_000.0)).chosen == chosen


@pytest.mark.parametrize(("share", "chosen"), [(0.75, "linear"), (0.9, "linear"), (0.999, "small")])
def test_fewer_machines_are_shown_by_latency_only_where_its_intervals_are_apart(share: float, chosen: str) -> None:
    """10 ms [7.5, 13.3] against 9 ms [6.8, 11.9] are 143 machines against 129, and show nothing."""
    ends = {per_s: (share * per_s, per_s / share) for per_s in (70.0, 70 / 0.9)}
    linear = contender("linear", 0.2, family="linear", usable_per_s=70.0, usable_ends_per_s=ends[70.0])
    small = replace(SMALL, usable_per_s=70 / 0.9, usable_ends_per_s=ends[70 / 0.9])
    assert decide([reference(usable_per_s=1.0), linear, small], asked(requests_per_s=10_000.0)).chosen == chosen


def test_fewer_machines_are_fewer_by_a_share_at_the_ends_of_both_rates() -> None:
    """A direction that is shown is no saving: 100 machines, or 98, against 111, or 101."""
    linear = contender("linear", 0.2, family="linear", usable_per_s=90.0, usable_ends_per_s=(85.0, 99.0))
    small = replace(SMALL, usable_per_s=101.0, usable_ends_per_s=(100.5, 102.0))
    assert decide([reference(usable_per_s=1.0), linear, small], asked(requests_per_s=10_000.0)).chosen == "linear"
    apart = replace(linear, usable_ends_per_s=(85.0, 95.0))
    assert decide([reference(usable_per_s=1.0), apart, small], asked(requests_per_s=10_000.0)).chosen == "small"


@pytest.mark.parametrize(("noise", "chosen", "kind"), [(0.01, "linear", "indifferent"), (0.001, "small", "smaller")])
def test_a_machine_by_chance_neither_beats_the_order_nor_saves(noise: float, chosen: str, kind: str) -> None:
    """At 100 a second it takes one machine of 100.2 and two of 99.9, which is 0.3 % less."""
    at_edge = replace(asked(requests_per_s=100.0, cost=PRICE), noise=noise)
    small = replace(SMALL, usable_per_s=100.2, above_idle_j=0.001)
    linear = contender("linear", 0.2, family="linear", usable_per_s=99.9)
    assert decide([reference(usable_per_s=1.0), linear, small], at_edge).chosen == chosen
    found = decide([reference(usable_per_s=99.9, above_idle_j=0.001), small], at_edge)
    assert [each.serving.machines for each in found.order if each.serving] == [1, 2]
    assert found.kind == kind


def test_the_first_gives_way_to_who_needs_fewer_and_not_to_who_only_may() -> None:
    first = contender("first", 0.3, family="linear", usable_per_s=100.0)
    may = contender("may", 0.2, family="tree", usable_per_s=90.0, most_per_s=200.0)
    sure = replace(SMALL, usable_per_s=250.0)
    at_many = asked(requests_per_s=1000.0)
    assert decide([reference(usable_per_s=1.0), first, may, sure], at_many).chosen == "small"
    assert decide([reference(usable_per_s=1.0), first, may], at_many).chosen == "first"
    may_do_with_three = replace(may, most_per_s=400.0)
    found = decide([reference(usable_per_s=1.0), first, may_do_with_three, sure], at_many)
    assert found.chosen == "may", "nobody is shown to need fewer than it, and it comes first of those"


@pytest.mark.parametrize(("most_per_s", "kind"), [(None, "indifferent"), (120.0, "indifferent"), (150.0, "smaller")])
def test_nothing_is_said_not_to_be_saved_where_fewer_machines_may_do(most_per_s: float | None, kind: str) -> None:
    alike = {"usable_per_s": 100.0, "above_idle_j": 0.001}
    known = [reference(**alike), contender("small", 0.1, most_per_s=most_per_s, **alike)]
    assert decide(known, asked(requests_per_s=150.0, cost=PRICE)).kind == kind


@pytest.mark.parametrize(("limit", "outcome"), [(0.06, "meets"), (0.04, "open"), (0.02, "fails")])
def test_what_bounded_machines_cost_is_held_against_a_limit_at_both_ends(limit: float, outcome: str) -> None:
    bounded = replace(SMALL, usable_per_s=5.0, most_per_s=10.0)  # 10 to 20 machines at 100 a second
    weighed = weigh(bounded, asked(requests_per_s=100.0, money_per_thousand=limit, cost=PRICE))
    (check,) = (each for each in weighed.checks if each.what == "money")
    assert check.outcome == outcome
    assert (check.known.low, check.known.high) == pytest.approx((10 / 360, 20 / 360))


def test_workers_that_share_a_machine_need_fewer_machines() -> None:
    known = [reference(usable_per_s=1.0), replace(SMALL, usable_per_s=10.0, most_per_s=12.0)]
    shared = replace(asked(requests_per_s=1000.0, cost=PRICE), workers_per_machine=8)
    served = [each.serving for each in decide(known, shared).order if each.serving]
    assert [(each.machines, each.at_least.machines) for each in served] == [(13, 11), (125, 125)]
    assert served[0].money_per_thousand == pytest.approx(13 / 3600)


def test_groups_have_a_margin_of_their_own() -> None:
    grouped = replace(SMALL, groups=(GroupLoss("a=1", -0.01, 0.01), GroupLoss("a=2", -0.04, -0.02)))
    outcomes = {
        margin: next(c.outcome for c in weigh(grouped, asked(group_margin_points=margin)).checks if c.what == "groups")
        for margin in (1.0, 3.0, 5.0)
    }
    assert outcomes == {1.0: "fails", 3.0: "open", 5.0: "meets"}
    none = weigh(SMALL, asked(group_margin_points=3.0))
    assert none.good_enough == "open"


def test_the_same_system_enters_once_with_the_better_labels() -> None:
    more = contender("small@all", 0.1, system="small", difference=0.002)
    found = decide([reference(), SMALL, more], asked())
    assert found.twins == {"small": "small@all"}
    assert found.chosen == "small@all"


def test_an_old_record_tells_its_own_margin_only() -> None:
    old = replace(SMALL, enough_from=None, worse_below=None)
    assert decide([reference(), old], asked(0.01)).chosen == "small"
    other = decide([reference(), old], asked(0.02))
    assert other.order[0].outcome == "open"
    assert "no other margin" in other.order[0].checks[0].known.why


@given(
    margin=st.floats(0.001, 0.1),
    limits=st.tuples(st.floats(0.001, 1.0), st.integers(10**7, 10**10)),
    enough=st.lists(st.floats(0.0, 0.1), min_size=1, max_size=5),
    times=st.lists(st.floats(0.01, 3.0), min_size=5, max_size=5),
)
def test_whatever_is_asked_the_chosen_meets_it_and_nothing_before_it_does(
    margin: float, limits: tuple[float, int], enough: list[float], times: list[float]
) -> None:
    known = [
        reference(),
        *(contender(f"c{n}", times[n], enough_from=each, worse_below=each / 2) for n, each in enumerate(enough)),
    ]
    found = decide(known, asked(margin, latency_p99_s=limits[0], peak_bytes=limits[1]))
    assert all(each.outcome != "meets" for each in found.before)
    if found.chosen is None:
        assert all(each.outcome != "meets" for each in found.order)
    else:
        assert found.weighed(found.chosen).outcome == "meets"
    wider = decide(known, asked(2 * margin, latency_p99_s=2 * limits[0], peak_bytes=2 * limits[1]))
    if found.chosen is not None:
        names = [each.contender.name for each in wider.order]
        assert wider.chosen is not None
        assert names.index(wider.chosen) <= names.index(found.chosen)


def test_a_single_generation_neither_meets_nor_misses_a_limit() -> None:
    alone = replace(SMALL, p99_s=Known(0.01), energy_j=Known(0.1))
    outcomes = {c.what: c.outcome for c in weigh(alone, asked(latency_p99_s=0.02, energy_j=0.05)).checks}
    assert outcomes["latency"] == outcomes["energy"] == "open"


def test_money_and_carbon_of_a_single_generation_stay_open() -> None:
    limited = asked(money_per_thousand=1e9, carbon_g_per_thousand=1e9, requests_per_s=1.0, cost=PRICE)
    for repeated, outcome in ((True, "meets"), (False, "open")):
        checks = {c.what: c.outcome for c in weigh(replace(SMALL, repeated=repeated), limited).checks}
        assert checks["money"] == checks["carbon"] == outcome


def test_energy_that_is_not_known_is_no_energy_saved_or_not_saved() -> None:
    alike = {"usable_per_s": 100.0, "idle_w": None}
    known = [reference(**alike), contender("small", 0.1, **alike)]
    assert decide(known, asked(requests_per_s=1.0)).kind == "smaller"


def test_who_was_not_put_under_load_does_not_keep_the_others_from_being_compared() -> None:
    known = [
        reference(usable_per_s=1.0), contender("linear", 0.2, family="linear", usable_per_s=5.0), SMALL,
        contender("unasked", 0.5, usable_per_s=None),
    ]  # fmt: skip
    assert decide(known, asked(requests_per_s=1000.0)).chosen == "small"
    first = contender("first", 0.01, family="linear", usable_per_s=None)
    assert decide([*known, first], asked(requests_per_s=1000.0)).chosen == "first"
