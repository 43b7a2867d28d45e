"""What if: the page says what the notebook says, wherever the sliders stand."""

from __future__ import annotations

import hashlib
import json
import math
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import effkit
from effkit.migrations import read_record
from effkit.record import Estimate, Load, Quality, Record
from effkit.report import render_html, summarise
from effkit.report.cost import traffic_table
from effkit.report.front import _Axis
from effkit.report.sliders import Knobs
from effkit.report.view import View
from effkit.report.what_if import WhatIf, for_script, shown, what_if
from effkit.report.words import WAITING
from effkit.spec import SpecError
from tests.report.scripted import SCRIPT, for_knobs, script

MakeRecord = Callable[[str], Record]
GOLDEN = Path(__file__).parent.parent / "golden"


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


@pytest.mark.parametrize(("low", "text"), [(40.0, "at most 3"), (30.0, "3"), (None, "3")])
def test_machines_are_at_most_so_many_where_at_your_traffic_says_so(
    make_record: MakeRecord, low: float | None, text: str
) -> None:
    record = make_record("yes")
    load = Load(max_batch=1, saturation_per_s=Estimate(value=50.0, n=3), points=(), bound="at least",
                highest_per_s=Estimate(value=40.0, low=low, n=21))  # fmt: skip
    tested = tuple(each.model_copy(update={"load": load}) if each.reference else each for each in record.candidates)
    view = View(record.model_copy(update={"candidates": tested}))
    found = what_if(view)
    table = traffic_table(view, None)
    assert found is not None and table is not None
    place = found.labels.index(view.of(record.reference.name))
    column = [head.key for head in found.heads].index("machines")
    knobs = replace(found.begin, requests_per_s=100.0)
    seen = shown(view, found, knobs)
    assert seen.lines[place].cells[column].text == text
    said = next(each for each in table.rows if each.name == record.reference.name).cells[1]
    assert said.text == f"{text} machines"
    theirs = script("shown", for_script(found), for_knobs(knobs), "")
    assert theirs["lines"] == json.loads(json.dumps([asdict(line) for line in seen.lines]))


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


def test_on_paper_stands_what_the_table_was_made_under(make_record: MakeRecord) -> None:
    page = render_html(summarise([make_record("yes")]))
    (rule,) = [line for line in page.splitlines() if line.startswith("@media print { .ek .what-if")]
    assert ".knob .row" in rule and not re.search(r"\.knobs|\.told", rule)
