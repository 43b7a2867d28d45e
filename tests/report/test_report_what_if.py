"""What if: the page's script says what Python says, for any candidates and wherever the sliders stand."""

from __future__ import annotations

import hashlib
import json
import math
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import quickjs
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import effkit
from effkit.analysis.asked import Asked
from effkit.analysis.compared import numbers
from effkit.analysis.contenders import Contender, GroupLoss, Known
from effkit.analysis.decide import decide
from effkit.analysis.rates import Ends
from effkit.analysis.serving import Serving
from effkit.migrations import read_record
from effkit.production import Budget, CostSpec
from effkit.record import Quality, Record
from effkit.report import render_html, summarise
from effkit.report.front import _Axis
from effkit.report.sliders import Knobs, at
from effkit.report.units import SCALES, show
from effkit.report.view import View
from effkit.report.what_if import WhatIf, for_script, shown, what_if
from effkit.report.words import WAITING
from effkit.spec import SpecError
from tests.analysis.test_decide import asked as some_margin
from tests.analysis.test_decide import contender, exact, reference

MakeRecord = Callable[[str], Record]
GOLDEN = Path(__file__).parent.parent / "golden"
SCRIPT = resources.files("effkit.report").joinpath("templates/what_if.js").read_text(encoding="utf-8")


@cache
def _engine() -> Any:
    context = quickjs.Context()
    context.eval(SCRIPT)
    return context


def script(function: str, *arguments: Any) -> Any:
    """Call a function of the page's script."""
    told = ", ".join(json.dumps(each, allow_nan=False) for each in arguments)
    return json.loads(_engine().eval(f"JSON.stringify(whatIf.{function}({told}))"))


def for_knobs(knobs: Knobs) -> dict[str, float | None]:
    return {
        "margin": knobs.margin, "latency": knobs.latency_p99_s, "traffic": knobs.requests_per_s,
        "price": knobs.price, "grid": knobs.grid_g_per_kwh,
    }  # fmt: skip


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
    saturation_per_s = draw(st.none() | some(0.1, 1e4))
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
        own_limit_s=draw(st.none() | SECONDS),
        repeated=draw(st.booleans()),
        assessed=draw(st.sampled_from([True, True, False])),
        tails=draw(tails()),
        untested=draw(st.booleans()),
        idle_w=draw(maybe),
        above_idle_j=draw(maybe.map(lambda each: None if each is None else each - 1.0)),
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
            limits = {
                "carbon_g_per_thousand": each.serving.carbon_g_per_thousand,
                "money_per_thousand": each.serving.money_per_thousand,
            }
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


def knobs_at(found: WhatIf, places: dict[str, int | None]) -> tuple[Knobs, str]:
    """Sliders at places of their own; None is off where that can be."""
    values: dict[str, float | None] = {
        "margin": found.begin.margin, "latency": found.begin.latency_p99_s, "traffic": found.begin.requests_per_s,
        "price": found.begin.price, "grid": found.begin.grid_g_per_kwh,
    }  # fmt: skip
    words = ""
    for slider in found.sliders:
        place = places.get(slider.knob)
        if place is None and slider.can_be_off:
            values[slider.knob] = None
            continue
        place = slider.start if place is None else place % len(slider.values)
        values[slider.knob] = slider.values[place]
        words = slider.words[place] if slider.knob == "traffic" else words
    assert values["margin"] is not None
    made = Knobs(values["margin"], values["latency"], values["traffic"], values["price"], values["grid"])
    return made, words


PLACES = st.fixed_dictionaries(
    {knob: st.none() | st.integers(0, 400) for knob in ("margin", "latency", "traffic", "price", "grid")}
)


@cache
def _golden() -> tuple[View, WhatIf]:
    view = View(read_record((GOLDEN / "record-v3.json").read_text(encoding="utf-8")))
    found = what_if(view)
    assert found is not None
    return view, found


@settings(max_examples=200)
@given(places=PLACES)
def test_the_page_shows_what_the_notebook_shows(places: dict[str, int | None]) -> None:
    view, found = _golden()
    same(view, found, places)


def same(view: View, found: WhatIf, places: dict[str, int | None]) -> None:
    knobs, rate = knobs_at(found, places)
    mine = json.loads(json.dumps(asdict(shown(view, found, knobs))))
    theirs = script("shown", for_script(found), for_knobs(knobs), rate)
    for key in ("margin_px", "limit_px"):
        one, other = mine.pop(key), theirs.pop(key)
        assert one == (None if other is None else pytest.approx(other))
    assert theirs == mine


@pytest.mark.parametrize("step", [0, 3, 40, 77])
def test_every_case_is_shown_alike(any_record: Record, step: int) -> None:
    view = View(any_record)
    found = what_if(view)
    if found is None:
        assert len(view.contenders) < 2
        return
    for traffic in (None, step):
        same(view, found, {"margin": step, "latency": 2 * step, "traffic": traffic, "price": step, "grid": step})


def test_it_begins_where_the_study_stands(make_record: MakeRecord) -> None:
    view = View(make_record("yes"))
    found = what_if(view)
    assert found is not None
    assert (found.shown.kind, found.shown.notes) == (view.decision.kind, ())
    assert found.labels[found.shown.chosen or 0] == view.of(view.decision.chosen or "")
    assert shown(view, found, knobs_at(found, {"latency": found.sliders[1].start})[0]).kind == view.decision.kind
    for slider in found.sliders:
        assert len(slider.values) == len(slider.words) > 20
        assert list(slider.values) == sorted(set(slider.values))


def test_another_margin_only_explores(make_record: MakeRecord) -> None:
    view = View(make_record("yes"))
    found = what_if(view)
    assert found is not None
    moved = shown(view, found, replace(found.begin, margin=found.sliders[0].values[1]))
    assert moved.notes[0] == found.explores
    assert "proves nothing" in found.explores


def test_nothing_is_served_without_a_traffic(make_record: MakeRecord) -> None:
    view = View(make_record("yes"))
    found = what_if(view)
    assert found is not None
    keys = [head.key for head in found.heads]
    without = shown(view, found, replace(found.begin, requests_per_s=None))
    served = shown(view, found, replace(found.begin, requests_per_s=100.0, price=None))
    columns = [keys.index(key) for key in ("machines", "served_energy", "carbon", "money")]
    assert [without.hidden[column] for column in columns] == [True] * 4
    assert [served.hidden[column] for column in columns] == [False, False, False, True]


def test_a_traffic_that_is_tried_says_that_waiting_was_not_measured(make_record: MakeRecord) -> None:
    view = View(make_record("yes"))
    found = what_if(view)
    assert found is not None
    for latency_s, requests_per_s in ((0.05, None), (None, 100.0), (0.05, 100.0)):
        seen = shown(view, found, replace(found.begin, latency_p99_s=latency_s, requests_per_s=requests_per_s))
        assert seen.kind == "smaller"
        assert (WAITING in seen.notes) == (latency_s is not None and requests_per_s is not None)
    same(view, found, {"latency": found.sliders[1].start, "traffic": 40})


def test_a_traffic_that_the_study_names_takes_a_load_test(make_record: MakeRecord) -> None:
    record = make_record("yes")
    budget = record.spec.budget.model_copy(update={"requests_per_s": 100.0})
    view = View(record.model_copy(update={"spec": record.spec.model_copy(update={"budget": budget})}))
    found = what_if(view)
    assert found is not None
    assert (found.shown.kind, found.shown.notes) == (view.decision.kind, (WAITING,)) == ("open", (WAITING,))
    same(view, found, {slider.knob: slider.start for slider in found.sliders})


def test_what_is_no_more_than_a_bound_says_so(make_record: MakeRecord) -> None:
    """Two of the three are known to serve 100 a second and may serve 102: for 203 three machines do, or two."""
    view = View(make_record("the larger one needs fewer machines"))
    found = what_if(view)
    assert found is not None
    column = [head.key for head in found.heads].index("machines")
    knobs = replace(found.begin, requests_per_s=203.0)
    seen = shown(view, found, knobs)
    assert [line.cells[column].text for line in seen.lines] == ["at most 3", "at most 3", "1"]
    assert [line.cells[column + 2].text.startswith("at most") for line in seen.lines] == [True, True, False]
    assert seen.sentence == "Giant is chosen: MiniLM L6 is good enough too, but needs more machines than another."
    theirs = script("shown", for_script(found), for_knobs(knobs), "")
    assert theirs["sentence"] == seen.sentence
    assert theirs["lines"] == json.loads(json.dumps([asdict(line) for line in seen.lines]))
    may_do = shown(view, found, replace(knobs, requests_per_s=101.0))  # with one machine, as the giant does
    assert (may_do.kind, may_do.lines[0].cells[column].text) == ("smaller", "at most 2")


def test_a_limit_on_energy_shows_its_column_with_or_without_a_traffic(make_record: MakeRecord) -> None:
    view = View(make_record("energy"))
    found = what_if(view)
    assert found is not None
    keys = [head.key for head in found.heads]
    assert "groups" in keys
    for traffic in (None, 10):
        same(view, found, {"traffic": traffic})
    for requests_per_s in (None, 100.0):
        seen = shown(view, found, replace(found.begin, requests_per_s=requests_per_s))
        assert not seen.hidden[keys.index("energy")]
        outcomes = {
            found.labels[place]: line.cells[keys.index("energy")].outcome for place, line in enumerate(seen.lines)
        }
        assert outcomes == {"MiniLM L6": "meets", "MPNet base": "fails"}


def test_the_page_admits_this_script_alone(make_record: MakeRecord) -> None:
    page = render_html(summarise([make_record("yes")]))
    digest = b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert f"script-src 'sha256-{digest}'" in policy[1]
    assert page.count(f"<script>{SCRIPT}</script>") == 1
    assert len(re.findall("<script", page)) == 2  # the other holds numbers
    assert "<noscript>" in page


def test_numbers_cannot_break_out_of_their_place(make_record: MakeRecord) -> None:
    evil = "</script><script>alert(1)</script>{enough}"
    record = make_record("yes")
    candidates = tuple(each.model_copy(update={"title": f"{each.title}{evil}"}) for each in record.candidates)
    hostile = record.model_copy(update={"candidates": candidates})
    page = render_html(summarise([hostile]))
    assert "<script>alert" not in page
    told = re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    assert told is not None
    assert evil in json.loads(told[1])["labels"][0]
    found = what_if(View(hostile))
    assert found is not None
    same(View(hostile), found, {"margin": 30, "traffic": 40})


def test_the_widget_redraws_with_python(make_record: MakeRecord) -> None:
    panel = effkit.what_if(make_record("yes"))
    asked = panel.shown
    panel.move(margin=0.0, latency=None, traffic=100.0)
    assert panel.shown.notes
    assert not all(panel.shown.hidden)
    texts = [each.value for each in panel.children[2].children if hasattr(each, "value")] + [panel.children[3].value]
    assert "<svg" in texts[0] and "<table" in texts[1]
    assert panel.shown.sentence.split("{")[0] in panel.children[1].value.replace("&#39;", "'")
    panel.reset()
    assert panel.shown == asked
    with pytest.raises(KeyError, match="no slider"):
        panel.move(memory=1.0)


def test_a_run_with_nothing_to_compare_says_so(make_record: MakeRecord) -> None:
    record = make_record("yes")
    with pytest.raises(SpecError, match="Only the reference"):
        effkit.what_if(record.model_copy(update={"candidates": (record.reference,)}))


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1e6, 1e11, 1e30])
def test_errors_of_any_size_have_ticks(make_record: MakeRecord, scale: float) -> None:
    record = make_record("regression")
    candidates = tuple(
        each.model_copy(update={"quality": _times(each.quality, scale), "gap": each.gap and _times(each.gap, scale)})
        for each in record.candidates
    )
    found = what_if(View(record.model_copy(update={"candidates": candidates})))
    assert found is not None and found.front is not None
    ticks = [float(tick.text) for tick in found.front.y_ticks]
    assert ticks == pytest.approx([0.41 * scale, 0.42 * scale, 0.43 * scale], rel=1e-9, abs=0)
    assert [tick.at for tick in found.front.y_ticks] == pytest.approx([50.934, 125.616, 200.297], abs=0.01)


@pytest.mark.parametrize(
    ("first_s", "last_s", "wanted"),
    [
        (0.022, 0.045, [0.03, 0.04]),
        (0.011, 0.018, [0.012, 0.014, 0.016, 0.018]),
        (0.0101, 0.0103, [0.0101, 0.01015, 0.0102, 0.01025, 0.0103]),
        (0.001, 0.5, [0.001, 0.01, 0.1]),
    ],
)
def test_an_axis_of_latency_has_two_ticks_at_least(first_s: float, last_s: float, wanted: list[float]) -> None:
    axis = _Axis([first_s, last_s], 46.0, 426.0, log=True)
    ticks = axis.ticks()
    assert len(ticks) >= 2 and set(wanted) <= {round(tick, 6) for tick in ticks}


def _times(part: Any, scale: float) -> Any:
    """A quality or a gap in another unit."""
    if isinstance(part, Quality):
        return part.model_copy(update={"value": _times(part.value, scale)})
    told = part.model_dump(include={"value", "low", "high", "difference", "margin"})
    return part.model_copy(update={name: scale * number for name, number in told.items()})


def test_axes_are_finite(any_record: Record) -> None:
    found = what_if(View(any_record))
    if found is not None and found.front is not None:
        assert all(math.isfinite(mark.x) and math.isfinite(mark.y) for mark in found.front.marks)
