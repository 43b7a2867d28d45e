"""Published numbers are compared as text, and what cannot be had is said."""

from __future__ import annotations

import pytest

from benchmarks import published, published_text
from benchmarks.published import Case, Outcome, agrees, places_in_common, report, reproduce, shown


@pytest.mark.parametrize(
    ("printed", "found", "same"),
    [
        ("0.6660", 0.66596, True),
        ("0.6660", 0.66606, False),
        ("0.73…", 0.7399, True),
        ("0.73…", 0.7299, False),
        ("109", 109.486, True),
        ("-3635.5", -3635.52, True),
        ("4652008", 4652008.0, True),
    ],
)
def test_numbers_agree_as_printed(printed: str, found: float, same: bool) -> None:
    assert agrees(printed, found) is same


def test_how_far_numbers_agree_is_said() -> None:
    assert places_in_common("0.6660", 0.6664) == 3
    assert places_in_common("12", 13.0) == -1
    assert shown("0.6660", 0.6664) == "0.6664"
    case = Case("what", "where", ("0.50", "0.6660"), lambda: [0.5, 0.6664])
    assert reproduce(case).reproduced == "**1 of 2**; all agree to 2 decimals"


@pytest.mark.parametrize("what", ["Diabetes, ridge, R²", "Diabetes, lasso, three folds, R²"])
def test_a_published_score_on_bundled_data(what: str) -> None:
    (case,) = (case for case in published.cases() if case.what == what)
    outcome = reproduce(case)
    assert outcome.reproduced in ("yes", f"all {len(case.published)}")


def test_without_a_hub_the_row_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    published_text._silence.cache_clear()
    try:
        outcome = reproduce(published.cases()[0])
    finally:
        published_text._silence.cache_clear()
    assert outcome.reproduced == "not reproduced: no hub here (switched off by HF_HUB_OFFLINE)"
    assert "| – | not reproduced: no hub here" in report([outcome])


def test_the_page_counts_what_was_reproduced() -> None:
    case = Case("what", "where", ("0.5",), lambda: [0.5])
    page = report([reproduce(case), Outcome(case, missing="no carrier")])
    assert "1 of 1 numbers agree to the last printed digit; 1 could not be tried." in page
