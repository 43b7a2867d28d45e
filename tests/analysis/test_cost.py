"""Machines, money, energy and carbon at a traffic, and when making pays back: sums one can do by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effkit.analysis.carbon import embodied_g_per_hour
from effkit.analysis.cost import HEAD_ROOM, Capacity, capacity, machines, provision
from effkit.analysis.payback import energy_break_even, making_j, time_break_even, year_grams
from effkit.record import CandidateRecord, Energy, Estimate, Latency, Load, Making, PowerForm, Ratio
from effkit.spec import CarbonSpec, CostSpec

FRANCE = CarbonSpec(region="FRA")
PRICE = CostSpec(machine_per_hour=0.36, currency="EUR", source="made up")


def estimate(value: float, spread: float = 0.1, **other: Any) -> Estimate:
    return Estimate(value=value, low=value * (1 - spread), high=value * (1 + spread), n=5, **other)


def ratio(value: float, verdict: str = "lower") -> Ratio:
    return Ratio(value=value, low=value * 0.9, high=value * 1.1, n=5, verdict=verdict, threshold=0.01)  # type: ignore[arg-type]


def load(**other: Any) -> Load:
    return Load(max_batch=1, saturation_per_s=estimate(50.0), points=(), **other)


def candidate(mean_s: float = 0.01, gross_j: float = 0.3, **other: Any) -> CandidateRecord:
    against = other.pop("against", None)
    fields: dict[str, Any] = {
        "latency": Latency(
            mean_s=estimate(mean_s), prepare_s=estimate(mean_s), infer_s=estimate(mean_s), percentiles=(),
            ratio=against, cpu_s=None, calls=700, steady=True,
        ),
        "energy": Energy(
            request_j=estimate(gross_j, origin="modelled"), net_j=gross_j - 0.2, idle_w=20.0, components=(),
            rank="modelled-generic", window_s=30.0, ratio=against,
        ),
    }  # fmt: skip
    return CandidateRecord(name="mine", model="mine", title="Mine", **(fields | other))


def made(energy_j: float | None = 6000.0, time_s: float = 60.0) -> Making:
    return Making(step="train", time_s=time_s, energy_j=energy_j, rank="modelled-generic", items=100, reused=False)


def test_without_a_load_test_seven_tenths_of_the_rate_one_by_one_are_used() -> None:
    found = capacity(candidate(0.01))
    assert found is not None
    assert (found.basis, found.head_room, found.usable_per_s) == ("latency", HEAD_ROOM, pytest.approx(70))
    assert found.per_s.low == pytest.approx(1 / 0.011) and found.per_s.high == pytest.approx(1 / 0.009)


def test_the_highest_rate_that_met_the_budget_needs_no_head_room() -> None:
    tested = capacity(candidate(load=load(highest_per_s=estimate(33.0), bound="within")))
    assert tested is not None
    assert (tested.basis, tested.usable_per_s, tested.at_least) == ("load test", pytest.approx(33), False)
    bounded = capacity(candidate(load=load(highest_per_s=estimate(40.0), bound="at least")))
    assert bounded is not None and bounded.at_least


def test_machines_of_a_rate_that_is_no_less_are_at_most_so_many() -> None:
    highest = Estimate(value=40.0, low=40.0, n=20)
    tested = candidate(load=load(highest_per_s=highest, bound="at least"))  # which saturates at 50
    told = {q: found for q in (30.0, 90.0, 100.0) if (found := provision(tested, q, carbon=FRANCE)) is not None}
    assert {q: (found.machines.value, found.at_most) for q, found in told.items()} == {
        30.0: (1, False), 90.0: (3, True), 100.0: (3, True),
    }  # fmt: skip
    known = provision(candidate(load=load(highest_per_s=highest, bound="within")), 90.0, carbon=FRANCE)
    assert known is not None and (known.machines.value, known.at_most) == (3, False)


def test_machines_have_the_interval_of_a_rate_that_may_be_lower_or_reach_saturation() -> None:
    """A worker is seen to serve 40 a second, is shown to serve 30, and saturates at 50, 55 at most."""
    told = {}
    for bound in ("at least", "within"):
        highest = Estimate(value=40.0, low=30.0, n=20)
        found = provision(candidate(load=load(highest_per_s=highest, bound=bound)), 300.0, carbon=FRANCE, cost=PRICE)
        assert found is not None and found.money_per_thousand is not None
        told[bound] = (found.machines.low, found.machines.value, found.machines.high, found.fewer_may_do, found.at_most)
        assert found.money_per_thousand.high == pytest.approx(10 * 0.36 / (3.6 * 300))
    assert told == {"at least": (6, 8, 10, True, False), "within": (6, 8, 10, False, False)}
    unshown = candidate(load=load(highest_per_s=Estimate(value=40.0, n=20), bound="at least"))
    alone = provision(unshown, 300.0, carbon=FRANCE)
    assert alone is not None and (alone.machines.value, alone.machines.high, alone.at_most) == (8, None, False)


def test_a_load_test_without_a_budget_gives_its_saturation() -> None:
    found = capacity(candidate(load=load()))
    assert found is not None and (found.basis, found.usable_per_s) == ("saturation", pytest.approx(35))


@pytest.mark.parametrize(
    "unknown",
    [{"latency": None}, {"load": load(highest_per_s=estimate(15.0), bound="below")}, {"load": load(bound="unknown")}],
)
def test_where_no_rate_is_known_nothing_is_counted(unknown: dict[str, Any]) -> None:
    assert capacity(candidate(**unknown)) is None
    assert provision(candidate(**unknown), 100.0, carbon=FRANCE, cost=PRICE) is None


@pytest.mark.parametrize(("requests_per_s", "needed"), [(0.01, 1), (1, 1), (70, 1), (71, 2), (700, 10), (10_000, 143)])
def test_machines_are_whole_and_never_none(requests_per_s: float, needed: int) -> None:
    found = capacity(candidate(0.01))
    assert found is not None
    assert machines(requests_per_s, found, 1).value == needed


@given(st.floats(1e-3, 1e6), st.floats(1e-2, 1e4), st.floats(0.0, 0.9))
def test_machines_cover_the_traffic_with_none_to_spare(requests_per_s: float, per_s: float, spread: float) -> None:
    number = machines(requests_per_s, Capacity(estimate(per_s, spread), HEAD_ROOM, "latency"), 1)
    assert number.origin == "modelled"
    assert number.low is not None and number.high is not None
    assert 1 <= number.low <= number.value <= number.high
    usable = HEAD_ROOM * per_s
    assert number.value * usable >= requests_per_s * (1 - 1e-6)
    assert number.value == 1 or (number.value - 1) * usable <= requests_per_s


def test_a_rate_without_an_interval_leaves_machines_without_one() -> None:
    number = machines(100.0, Capacity(Estimate(value=10.0, n=1), 1.0, "load test"), 1)
    assert (number.value, number.low, number.high) == (10, None, None)
    open_ended = machines(100.0, Capacity(Estimate(value=10.0, low=0.0, high=20.0, n=3), 1.0, "load test"), 1)
    assert (open_ended.low, open_ended.high) == (None, None)
    with pytest.raises(ValueError, match="above 0"):
        machines(0.0, Capacity(Estimate(value=10.0, n=1), 1.0, "load test"), 1)


def test_money_for_a_thousand_requests() -> None:
    """A machine at 0.36 an hour serves 3,600 requests in it at one a second: 0.1 for 1,000."""
    one = provision(candidate(), 1.0, carbon=FRANCE, cost=PRICE)
    assert one is not None and one.money_per_thousand is not None
    assert one.money_per_thousand.value == pytest.approx(0.1)
    many = provision(candidate(), 10_000.0, carbon=FRANCE, cost=PRICE)
    assert many is not None and many.money_per_thousand is not None
    assert many.money_per_thousand.value == pytest.approx(143 * 0.36 / 36_000)
    without = provision(candidate(), 1.0, carbon=FRANCE)
    assert without is not None and without.money_per_thousand is None


def test_workers_that_share_a_machine_serve_together() -> None:
    """Each serves 70 a second: 560 on a machine, where they are eight."""
    shared = PRICE.model_copy(update={"workers_per_machine": 8})
    found = provision(candidate(), 10_000.0, carbon=FRANCE, cost=shared)
    assert found is not None and found.money_per_thousand is not None
    assert (found.workers, found.usable_per_s, found.machines.value) == (8, pytest.approx(560), 18)
    assert found.money_per_thousand.value == pytest.approx(18 * 0.36 / 36_000)
    highest = Estimate(value=40.0, low=40.0, n=20)
    tested = candidate(load=load(highest_per_s=highest, bound="at least"))  # which saturates at 50
    told = [provision(tested, q, carbon=FRANCE, cost=shared) for q in (320.0, 360.0)]
    assert [(each.machines.value, each.at_most) for each in told if each] == [(1, False), (2, True)]


def test_an_idle_machine_is_nearly_all_the_energy_of_a_small_traffic() -> None:
    small, large = (provision(candidate(), q, carbon=FRANCE) for q in (1.0, 70.0))
    assert small is not None and large is not None
    assert small.energy_j_per_thousand is not None and large.energy_j_per_thousand is not None
    assert small.energy_j_per_thousand.value == pytest.approx(1000 * (20 + 0.1))
    assert large.energy_j_per_thousand.value == pytest.approx(1000 * (20 / 70 + 0.1))
    assert small.idle_share == pytest.approx(20 / 20.1)
    low, high = small.energy_j_per_thousand.low, small.energy_j_per_thousand.high
    assert (low, high) == (pytest.approx(1000 * (20 + 0.07)), pytest.approx(1000 * (20 + 0.13)))


@pytest.mark.parametrize("missing", ["net_j", "idle_w", "request_j"])
def test_energy_that_is_not_known_is_not_provisioned(missing: str) -> None:
    energy = candidate().energy
    assert energy is not None
    found = provision(candidate(energy=energy.model_copy(update={missing: None})), 1.0, carbon=FRANCE)
    assert found is not None and found.machines.value == 1
    assert found.energy_j_per_thousand is None and found.carbon_g_per_thousand is None and found.idle_share is None


def test_carbon_has_the_grid_the_overhead_and_the_machines_making() -> None:
    asked = CarbonSpec(region="WORLD", pue=1.5, embodied_kg=876.6, lifetime_years=4.0)
    found = provision(candidate(), 100.0, carbon=asked)
    assert found is not None and found.carbon_g_per_thousand is not None and found.energy_j_per_thousand is not None
    operation = found.energy_j_per_thousand.value / 3.6e6 * 475 * 1.5
    assert embodied_g_per_hour(876.6, 4.0) == pytest.approx(25)
    assert found.carbon_g_per_thousand.value == pytest.approx(operation + 2 * 25 / 360_000 * 1000, rel=1e-3)
    nowhere = provision(candidate(), 100.0, carbon=CarbonSpec(region="ATLANTIS"))
    assert nowhere is not None and nowhere.carbon_g_per_thousand is None


def test_a_year_is_making_once_and_serving() -> None:
    mine = candidate(making=(made(), made()))
    served = provision(mine, 1.0, carbon=FRANCE)
    assert served is not None and served.carbon_g_per_thousand is not None
    total = year_grams(mine, served, FRANCE)
    assert total is not None
    without = year_grams(candidate(), served, FRANCE)
    assert without is not None
    assert without.value == pytest.approx(served.carbon_g_per_thousand.value * 8766 * 3.6)
    assert total.value - without.value == pytest.approx(12_000 / 3.6e6 * 56, rel=0.01)
    unknown = candidate(making=(made(None),))
    assert year_grams(unknown, served, FRANCE) is None


def test_making_pays_back_after_what_it_took_over_what_a_request_saves() -> None:
    mine, reference = candidate(against=ratio(0.25), making=(made(),)), candidate(0.04, 0.8)
    energy, time = energy_break_even(mine, reference).requests, time_break_even(mine, reference).requests
    assert energy is not None and time is not None
    assert (energy.value, energy.origin) == (pytest.approx(6000 / 0.6), "modelled")
    assert (time.value, time.origin) == (pytest.approx(60 / 0.03), "measured")
    assert energy.low == pytest.approx(6000 / (0.88 * (1 - 0.225)))
    assert energy.high == pytest.approx(6000 / (0.72 * (1 - 0.275)))


def test_energy_pays_back_as_late_as_the_outermost_form_of_power_model_has_it() -> None:
    mine, reference = candidate(against=ratio(0.25), making=(made(),)), candidate(0.04, 0.8)
    assert mine.energy is not None
    forms = (
        PowerForm(form="cubic", value=0.2, low=0.15, high=0.24),
        PowerForm(form="flat", value=0.6, low=0.5, high=0.7),
    )
    mine = mine.model_copy(update={"energy": mine.energy.model_copy(update={"envelope": forms})})
    energy = energy_break_even(mine, reference).requests
    assert energy is not None
    assert energy.value == pytest.approx(6000 / 0.6)
    assert energy.low == pytest.approx(6000 / (0.88 * (1 - 0.15)))
    assert energy.high == pytest.approx(6000 / (0.72 * (1 - 0.7)))


@pytest.mark.parametrize("verdict", ["higher", "within noise", "indicative", "unstable", "not resolvable"])
def test_nothing_pays_back_where_no_saving_is_claimed(verdict: str) -> None:
    mine = candidate(against=ratio(0.25, verdict), making=(made(),))
    for find in (energy_break_even, time_break_even):
        found = find(mine, candidate(0.04, 0.8))
        assert found.requests is None and found.reason == "no saving is claimed"


def test_making_that_is_not_known_or_not_there() -> None:
    reference = candidate(0.04, 0.8)
    assert energy_break_even(candidate(against=ratio(0.25)), reference).reason == "nothing was made"
    partly = candidate(against=ratio(0.25), making=(made(), made(None)))
    assert making_j(partly) is None
    assert energy_break_even(partly, reference).reason == "the energy of making it is not known"
    assert time_break_even(partly, reference).requests is not None


@given(st.floats(0.01, 0.8), st.floats(1.0, 1e6))
def test_more_saved_is_sooner_paid_back(value: float, energy_j: float) -> None:
    reference = candidate(0.04, 0.8)
    found = energy_break_even(candidate(against=ratio(value), making=(made(energy_j),)), reference).requests
    assert found is not None and found.low is not None and found.high is not None
    assert 0 < found.low <= found.value <= found.high < math.inf
    dearer = energy_break_even(candidate(against=ratio(value), making=(made(2 * energy_j),)), reference).requests
    assert dearer is not None and dearer.value == pytest.approx(2 * found.value)
