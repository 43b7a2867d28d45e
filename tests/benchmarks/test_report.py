"""RESULTS.md keeps what it has, takes what is new, and no note outlives its figures."""

from __future__ import annotations

import pytest

from benchmarks.report import PAGE, PARTS, kept, page

PART = "## Load generator\n\nHost: a machine; effkit 0.3.0; 2026-11-28 to {day}.\n\n**In short:** it agrees."
NOTES = {"all": "Of one machine.", "loadgen": {"of": "2026-11-29", "said": "It was warm."}}


def test_a_page_is_read_back_without_its_notes() -> None:
    part = PART.format(day="2026-11-29")
    made = page({"loadgen": part}, NOTES)
    assert "- **Load generator**: it agrees." in made and "It was warm." in made
    assert kept(made) == {"loadgen": part}


def test_a_note_of_another_day_is_left_out() -> None:
    assert "It was warm." not in page({"loadgen": PART.format(day="2026-12-01")}, NOTES)


def test_what_was_not_run_is_named_and_the_page_is_read_whole() -> None:
    assert "Not run yet: aa, ab, " in page({"loadgen": PART.format(day="2026-11-29")}, NOTES)
    assert set(kept(PAGE.read_text(encoding="utf-8"))) == set(PARTS)


def test_a_note_on_no_part_is_refused() -> None:
    with pytest.raises(ValueError, match="notes.yaml speaks of speed; parts are aa"):
        page({}, {**NOTES, "speed": {"of": "2026-11-29", "said": "fast"}})
