"""A candidate as a decision sees it: what is known of the rates at which it serves."""

from __future__ import annotations

from typing import Any

from effkit.analysis.contenders import Contender, contenders
from effkit.record import Load, LoadPoint, PercentileRecord
from tests.analysis.test_cost import estimate
from tests.analysis.two_runs import golden, with_candidate


def point(share: float, tail_s: float | None) -> LoadPoint:
    p99 = PercentileRecord(level=99, value_s=tail_s, n=2000, n_effective=700)
    return LoadPoint(
        share=share,
        asked_per_s=100 * share,
        queries=2000,
        percentiles=(p99,),
        delay_p99_s=1e-4,
        generator_limited=False,
    )


def load(*tails_s: float | None, **other: Any) -> Load:
    points = tuple(point(share, tail_s) for share, tail_s in zip((0.3, 0.6, 0.8), tails_s, strict=True))
    return Load(max_batch=1, saturation_per_s=estimate(100.0), points=points, **other)


def found(**loads: Load) -> dict[str, Contender]:
    record = golden()
    for each in record.candidates:
        record = with_candidate(record, each.name, load=None)
    for name, each in loads.items():
        record = with_candidate(record, name.replace("_", "-"), load=each)
    return {each.name: each for each in contenders(record)}


def test_rates_of_different_tests_are_not_held_against_one_another() -> None:
    names = list(found())
    assert len(names) > 1 and all(each.usable_per_s is not None for each in found().values())
    one = found(minilm_l6=load(0.01, 0.02, 0.03, highest_per_s=estimate(70.0), bound="within"))
    assert one["minilm-l6"].usable_per_s == 70.0
    assert [each.usable_per_s for name, each in one.items() if name != "minilm-l6"] == [None] * (len(names) - 1)


def test_tails_end_where_one_is_not_borne_and_never_fall() -> None:
    tested = found(minilm_l6=load(0.02, 0.01, None))["minilm-l6"]
    assert tested.tails == ((30.0, 0.015), (60.0, 0.015))
    assert found(minilm_l6=load(None, 0.01, 0.02))["minilm-l6"].tails == ()
