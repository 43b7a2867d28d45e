"""What if: the page's script decides and shows numbers as Python does, for any candidates."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from effkit.analysis.asked import Asked
from effkit.analysis.contenders import Contender, GroupLoss, Known
from effkit.analysis.decide import decide
from effkit.analysis.luck import Ends
from effkit.analysis.rivals import numbers
from effkit.analysis.serving import Serving
from effkit.production import Budget, CostSpec
from effkit.report.sliders import Knobs, at
from effkit.report.units import SCALES, show
from tests.analysis.test_decide import asked as some_margin
from tests.analysis.test_decide import contender, exact, reference
from tests.report.scripted import for_knobs, script


def some(least: float, most: float) -> st.SearchStrategy[float]:
    return st.floats(least, most, allow_nan=False)


# Few values, so that numbers meet their limits exactly and candidates tie.
FEW = st.sampled_from([0.0, 0.005, 0.01, 0.02])
SECONDS = st.one_of(st.sampled_from([0.01, 0.02, 0.05, 0.1]), some(1e-4, 1.0))

ENDS = st.none() | st.tuples(
    st.none() | st.sampled_from([0.5, 0.98, 1.0]), st.none() | st.sampled_from([1.0, 1.02, 2.0])
)
"""The ends of a rate's interval, as shares of it."""


def about(per_s: float | None, shares: tuple[float | None, float | None] | None) -> Ends | None:
    if per_s is None or shares is None:
        return None
    low, high = (None if each is None else per_s * each for each in shares)
    return low, high


@st.composite
def knowns(draw: st.DrawFn, values: st.SearchStrategy[float]) -> Known:
    if draw(st.integers(0, 4)) == 0:
        low, high = draw(st.none() | values), draw(st.none() | values)
        return Known(None, low, high, "n too small: few calls")
    low, value, high = sorted(draw(st.tuples(values, values, values)))
    return Known(value, low, high)


@st.composite
def tails(draw: st.DrawFn) -> tuple[tuple[float, float], ...]:
    count = draw(st.integers(0, 3))
    rates = draw(st.lists(some(0.1, 1e4), min_size=count, max_size=count, unique=True))
    seconds = draw(st.lists(SECONDS, min_size=count, max_size=count))
    return tuple(zip(sorted(rates), sorted(seconds), strict=True))


@st.composite
def some_contenders(draw: st.DrawFn) -> list[Contender]:
    count, alike = draw(st.integers(2, 6)), draw(st.booleans())
    drawn = [draw(contenders(name=f"c{place}", reference=place == 0)) for place in range(count)]
    return [draw(nearly(each)) for each in drawn] if alike else drawn


def nearly(each: Contender) -> st.SearchStrategy[Contender]:
    """Good enough and near to the others, so that what is left is who takes fewer machines and who is best."""
    return st.builds(
        lambda usable_per_s, most_per_s, above_idle_j, ends: replace(
            each, system=each.name, enough_from=0.0, worse_below=0.0, p99_s=Known(1e-5, 1e-5, 1e-5),
            usable_per_s=usable_per_s, most_per_s=most_per_s, idle_w=20.0, above_idle_j=above_idle_j,
            usable_ends_per_s=about(usable_per_s, ends),
        ),
        usable_per_s=st.sampled_from([99.99999999999999, 50.0, 97.0, 100.0, 100.3]),
        most_per_s=st.sampled_from([None, 100.0, 100.3, 200.0]),
        above_idle_j=st.sampled_from([0.01, 0.5]),
        ends=ENDS,
    )  # fmt: skip


@st.composite
def contenders(draw: st.DrawFn, name: str, reference: bool) -> Contender:
    margin = draw(FEW | some(0, 0.1))
    verdict = "non-inferior" if reference else draw(
        st.sampled_from(["superior", "non-inferior", "inconclusive", "inferior"])
    )  # fmt: skip
    old = not reference and draw(st.integers(0, 5)) == 0
    maybe = st.none() | some(1e-3, 50.0)
    usable_per_s = draw(st.none() | st.sampled_from([1.0, 7.0, 70.0]) | some(0.1, 1e4))
    saturation_per_s, above_idle_j = draw(st.none() | some(0.1, 1e4)), draw(maybe)
    return Contender(
        name=name,
        reference=reference,
        family=draw(st.sampled_from(["linear", "tree", "trees", "network", "unknown"])),
        system=draw(st.sampled_from([name, name, "twin"])),
        quality=0.8,
        difference=0.0 if reference else draw(FEW.map(lambda each: -each) | some(-0.1, 0.1)),
        enough_from=0.0 if reference else None if old else draw(FEW | some(0, 0.1)),
        worse_below=0.0 if reference else None if old else draw(FEW | some(0, 0.1)),
        margin=margin,
        verdict=verdict,
        items_needed=None,
        groups=tuple(
            GroupLoss(f"g{place}", low, low + 0.02)
            for place, low in enumerate(draw(st.lists(some(-0.05, 0), max_size=2)))
        ),
        time=1.0 if reference else draw(st.sampled_from([0.1, 0.1005, 0.5, 1.0, 2.0]) | some(0.01, 5.0)),
        faster=not reference and draw(st.booleans()),
        p99_s=draw(knowns(SECONDS)),
        prepare_p99_s=draw(knowns(SECONDS)),
        infer_p99_s=draw(knowns(SECONDS)),
        peak_bytes=draw(knowns(st.sampled_from([1e8, 5e8, 1e9]))),
        weight_bytes=draw(knowns(st.sampled_from([1e7, 1e8]))),
        cold_start_s=draw(knowns(some(0.1, 10.0))),
        items_per_s=draw(knowns(some(1.0, 1e3))),
        energy_j=draw(knowns(some(0.1, 10.0))),
        rank=draw(st.sampled_from([None, "counter", "modelled-generic"])),
        usable_per_s=usable_per_s,
        most_per_s=draw(st.none() | st.sampled_from([7.0, 140.0]) | some(0.1, 1e4)),
        usable_ends_per_s=about(usable_per_s, draw(ENDS)),
        saturation_per_s=saturation_per_s,
        saturation_ends_per_s=about(saturation_per_s, draw(ENDS)),
        luck=draw(st.sampled_from([0.0, 0.0, 0.02, 0.3, None])),
        own_limit_s=draw(st.none() | SECONDS),
        repeated=draw(st.booleans()),
        assessed=draw(st.sampled_from([True, True, False])),
        tails=draw(tails()),
        bounded=draw(tails()),
        tail_high_s=draw(st.none() | SECONDS),
        untested=draw(st.booleans()),
        idle_w=draw(maybe),
        above_idle_j=above_idle_j,
        above_idle_ends_j=about(above_idle_j, draw(ENDS)) or (None, None),
        energy_off=draw(st.sampled_from([1.0, 1.0, 2.0, 10.0])),
        moved_bytes=draw(some(0, 1e6)),
        kept_bytes=draw(some(0, 1e9)),
    )  # fmt: skip


@st.composite
def some_asked(draw: st.DrawFn) -> Asked:
    def perhaps(values: st.SearchStrategy[float]) -> float | None:
        return draw(values) if draw(st.integers(0, 7)) == 0 else None

    limits = {
        "prepare_p99_s": perhaps(SECONDS), "infer_p99_s": perhaps(SECONDS), "peak_bytes": perhaps(st.just(500_000_000)),
        "energy_j": perhaps(some(0.1, 10)), "group_margin_points": perhaps(some(0.1, 5)),
        "weight_bytes": perhaps(st.just(10_000_000)), "cold_start_s": perhaps(some(0.1, 10)),
        "items_per_s": perhaps(some(1, 1e3)),
        "carbon_g_per_thousand": perhaps(some(1e-4, 10)), "money_per_thousand": perhaps(some(1e-4, 10)),
        "network_s": perhaps(some(0, 0.05)), "network_bytes_per_s": perhaps(some(1e5, 1e8)),
    }  # fmt: skip
    cost = CostSpec(
        machine_per_hour=1.0, currency="EUR", source="a test", transfer_per_gb=draw(some(0, 1)),
        storage_per_gb_month=draw(some(0, 1)),
    )  # fmt: skip
    budget = Budget().model_copy(update=limits)
    return Asked(
        draw(FEW | some(0, 0.1)),
        budget,
        draw(st.sampled_from([0.001, 0.01])),
        draw(st.none() | st.just(cost)),
        56.0,
        draw(some(1, 2)),
        draw(some(0, 50)),
        draw(st.sampled_from([1, 8])),
    )


def some_knobs() -> st.SearchStrategy[Knobs]:
    return st.builds(
        Knobs,
        margin=FEW | some(0, 0.1),
        latency_p99_s=st.none() | SECONDS,
        requests_per_s=st.none() | st.sampled_from([0.1, 1.0, 49.0, 100.0, 1e4]) | some(0.1, 1e4),
        price=st.none() | some(0.01, 100),
        grid_g_per_kwh=st.none() | some(1, 1000),
    )


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(known=some_contenders(), asked=some_asked(), knobs=some_knobs())
def test_the_script_decides_as_python_does(known: list[Contender], asked: Asked, knobs: Knobs) -> None:
    decided_alike(known, asked, knobs)


@pytest.mark.slow
@settings(max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
@given(known=some_contenders(), asked=some_asked(), knobs=some_knobs())
def test_the_script_decides_as_python_does_in_many_cases(known: list[Contender], asked: Asked, knobs: Knobs) -> None:
    decided_alike(known, asked, knobs)


@pytest.mark.parametrize("untested", [False, True])
@pytest.mark.parametrize("verdict", ["non-inferior", "superior"])
@pytest.mark.parametrize("reference_s", [0.01, 1.0])
def test_it_does_so_at_a_traffic_where_little_is_saved(reference_s: float, verdict: str, untested: bool) -> None:
    alike = {"usable_per_s": 100.0, "idle_w": 20.0, "above_idle_j": 0.001}
    known = [
        reference(p99_s=exact(reference_s), tails=((10.0, 0.001),), **alike),
        contender("linear", 0.1, family="linear", difference=-0.002, untested=untested, **alike),
        contender("network", 0.2, difference=-0.001, verdict=verdict, **alike),
    ]
    for traffic in (None, 0.1):
        decided_alike(known, some_margin(0.01), Knobs(0.01, 0.5, traffic, None, None))


@pytest.mark.parametrize("verdict", ["non-inferior", "superior"])
@pytest.mark.parametrize("noise", [0.001, 0.01])
@pytest.mark.parametrize("per_s", [10.0, 10.03, 10.4, 10.7])
def test_it_does_so_where_many_machines_hang_on_little(per_s: float, noise: float, verdict: str) -> None:
    alike = {"idle_w": 20.0, "above_idle_j": 0.001}
    known = [
        reference(usable_per_s=10.0, **alike),
        contender("linear", 0.1, family="linear", difference=-0.002, usable_per_s=10.0, **alike),
        contender("network", 0.2, difference=-0.001, verdict=verdict, usable_per_s=per_s, **alike),
    ]
    for traffic in (10.01, 10_000.0):
        decided_alike(known, replace(some_margin(0.01), noise=noise), Knobs(0.01, None, traffic, 1.0, None))


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(known=some_contenders(), asked=some_asked(), knobs=some_knobs())
def test_it_does_so_at_limits_that_are_just_met(known: list[Contender], asked: Asked, knobs: Knobs) -> None:
    knobs = replace(knobs, requests_per_s=knobs.requests_per_s or 49.0, grid_g_per_kwh=knobs.grid_g_per_kwh or 56.0)
    for each in decide(known, at(asked, knobs)).order:
        if each.serving is not None:
            for carbon_g, money in zip(each.serving.carbon_ends_g, each.serving.money_ends, strict=True):
                limits = {"carbon_g_per_thousand": carbon_g, "money_per_thousand": money}
                decided_alike(known, replace(asked, budget=asked.budget.model_copy(update=limits)), knobs)


def decided_alike(known: list[Contender], asked: Asked, knobs: Knobs) -> None:
    made = decide(known, at(asked, knobs))
    frozen = numbers([each.contender for each in decide(known, asked).order], asked)
    found = script("decide", asdict(frozen), for_knobs(knobs))
    names = [each.contender.name for each in made.order]
    told = [None if place is None else names[place] for place in (found["chosen"], found["enough"])]
    assert (found["kind"], *told) == (made.kind, made.chosen, made.enough)
    for mine, theirs in zip(made.order, found["weighed"], strict=True):
        assert theirs["outcome"] == mine.outcome
        moving = {check.what: check.outcome for check in mine.checks if check.what in theirs["found"]}
        assert theirs["found"] == moving
        assert (theirs["serving"] is None) == (mine.serving is None)
        if mine.serving is not None:
            told = theirs["serving"]
            served_alike(mine.serving, told)
            assert (told["fewer"] is None) == (mine.serving.fewer is None)
            assert told["at_most"] == mine.serving.at_most
            served_alike(mine.serving.at_least, told["fewer"] or told)


def served_alike(mine: Serving, theirs: dict[str, Any]) -> None:
    assert theirs["machines"] == mine.machines
    for key, value in (
        ("money", mine.money_per_thousand),
        ("energy", mine.energy_j_per_thousand),
        ("carbon", mine.carbon_g_per_thousand),
    ):
        assert theirs[key] == (None if value is None else pytest.approx(value, rel=1e-9, abs=0))


@settings(max_examples=600)
@given(value=st.none() | st.just(0.0) | some(1e-9, 1e12), unit=st.sampled_from(["count", "j", "g"]))
@example(value=0.125, unit="count")
@example(value=1.125, unit="count")
@example(value=12.25, unit="j")
@example(value=999.5, unit="g")
@example(value=123456.0, unit="count")
def test_the_script_shows_numbers_as_python_does(value: float | None, unit: Any) -> None:
    assert script("show", value, SCALES[unit]) == show(value, unit)
