"""The plan says what a run takes before it is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from effkit.plan import measuring_s
from effkit.spec import parse
from effkit.study import Study
from tests.conftest import REHEARSAL
from tests.test_study import study


def test_a_plan_names_every_candidate_its_power_and_what_would_be_enough(results: Path) -> None:
    planned = study().plan()
    text = str(planned)
    assert {row.candidate for row in planned.rows} == {"logreg", "lightgbm-small"}
    assert "nothing to download" in text
    assert "Power" in text and "test items" in text
    assert "logreg" in planned._repr_html_()


def test_a_plan_learns_from_an_earlier_run_on_this_host(results: Path) -> None:
    made = study()
    assert not any(row.known for row in made.plan().rows)
    record = made.run()
    made.save()
    planned = made.plan()
    assert all(row.known for row in planned.rows)
    # A rehearsal is mostly overhead, which the plan does not know to the second.
    assert planned.total_s < 20 * record.footprint.wall_s


def test_regression_has_no_predicted_power(results: Path) -> None:
    planned = Study.from_params(
        name="r", task="diabetes", reference="logreg", candidates=["logreg", "shallow-tree"],
        margin_percent=2.0, margin_reason="a test", protocol=REHEARSAL,
    ).plan()  # fmt: skip
    assert planned.power is None
    assert "not predicted" in str(planned)


@pytest.mark.parametrize("tier", ["smoke", "standard", "rigorous"])
def test_slow_candidates_take_longer_and_the_reference_twice(tier: str) -> None:
    spec = parse({
        "name": "t", "task": "x", "reference": "a", "candidates": ["a"], "margin_points": 1.0,
        "margin_reason": "r", "protocol": tier,
    })  # fmt: skip
    fast = measuring_s(spec, call_s=0.001, load_s=1.0, copies=1)
    slow = measuring_s(spec, call_s=0.1, load_s=1.0, copies=1)
    assert slow > fast > 0
    assert (
        1.2 * slow < measuring_s(spec, call_s=0.1, load_s=1.0, copies=2) <= 2 * slow
    )  # its two workers share the calls
