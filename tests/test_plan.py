"""The plan says what a run takes before it is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from effkit import Study
from effkit.params import parse
from effkit.plan import NOTEBOOK_S
from effkit.plan_rows import REOPEN_S, START_OVERHEAD_S, VISIT_OVERHEAD_S, measuring_s
from tests.conftest import parameters
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
    for row in planned.rows:
        before = record.candidate(row.candidate)
        assert before.latency and before.cold_start
        load_s = before.cold_start.load_s.value
        assert row.prepare_s == pytest.approx(REOPEN_S + load_s)
        assert row.measure_s == pytest.approx(
            measuring_s(
                made.spec,
                call_s=before.latency.mean_s.value,
                load_s=before.cold_start.import_s.value + load_s,
                copies=2 if before.reference else 1,
            )
        )
    assert planned.total_s == pytest.approx(NOTEBOOK_S + sum(row.prepare_s + row.measure_s for row in planned.rows))


def test_regression_has_no_predicted_power(results: Path) -> None:
    planned = study(
        task="diabetes",
        reference="logreg",
        candidates=["logreg", "shallow-tree"],
        margin_points=None,
        margin_percent=2.0,
    ).plan()
    assert planned.power is None
    assert "not predicted" in str(planned)


@pytest.mark.parametrize("tier", ["smoke", "standard", "rigorous"])
def test_slow_candidates_take_longer_and_the_reference_twice(tier: str) -> None:
    spec = parse(parameters(protocol=tier))
    fast = measuring_s(spec, call_s=0.001, load_s=1.0, copies=1)
    slow = measuring_s(spec, call_s=0.1, load_s=1.0, copies=1)
    assert slow > fast > 0
    assert (
        1.2 * slow < measuring_s(spec, call_s=0.1, load_s=1.0, copies=2) <= 2 * slow
    )  # its two workers share the calls


def test_the_time_of_a_schedule_that_can_be_counted_by_hand() -> None:
    protocol = {
        "generations": 2, "blocks": 3, "block_items": 4, "calls": 24, "visit_s": 0.5, "warm_up_s": 3.0,
        "warm_up_most_calls": 300, "batch": 2, "throughput_s": 0.1,
    }  # fmt: skip
    found = measuring_s(parse(parameters(protocol=protocol)), call_s=0.1, load_s=1.0, copies=1)
    warm_up_s = 80 * 0.1  # four passes over twenty items
    visit_s = 4 * 0.1 + 0.5 + VISIT_OVERHEAD_S  # a pass to re-warm; one pass of four calls falls short of `visit_s`
    batches_s = 2 * 2 * 0.1  # the warm call and the measured one
    assert found == pytest.approx(2 * (START_OVERHEAD_S + 1.0 + warm_up_s + 3 * visit_s + batches_s))


def test_what_chains_share_is_planned_once(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "effkit.catalogue.download_bytes", lambda name: {"minilm-l6": 90, "mpnet-base": 400}.get(name, 0)
    )
    cut = {"tokens": {"most": 64}}
    distil = {"distil": {"teacher": "mpnet-base", "layers": 3}}
    planned = Study.from_params(
        "params/compression.yaml",
        candidates=[
            "minilm-l6",
            {"model": "minilm-l6", "techniques": [cut]},
            {"model": "minilm-l6", "techniques": [cut, distil]},
            {"model": "minilm-l6", "techniques": [cut, distil, {"int8": {"runtime": "openvino"}}]},
        ],
    ).plan(results)
    assert [row.download_bytes for row in planned.rows] == [90, 0, 400, 0]
    plain, cut_only, taught, in_int8 = (row.prepare_s for row in planned.rows)
    assert taught > 3 * cut_only and in_int8 < taught / 2 and plain > 0
