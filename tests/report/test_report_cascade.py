"""Cards of cascades: a ratio is no better than the weaker of its two ends."""

from __future__ import annotations

import pytest

from effkit.record import Estimate
from effkit.report.cascade import cascade_cards
from effkit.report.view import View
from tests.analysis.two_runs import golden, with_candidate
from tests.report.conftest import energy, ratio


@pytest.mark.parametrize(
    ("last", "told"), [("counter", "measured · hardware counter"), ("modelled-generic", "modelled · generic power")]
)
def test_energy_against_the_last_stage_has_the_rank_of_the_weaker_of_the_two(last: str, told: str) -> None:
    record = golden()
    whole = next(each for each in record.candidates if each.cascade)
    assert whole.cascade is not None
    routed = whole.cascade.model_copy(update={"energy": ratio(0.4, "lower")})
    record = with_candidate(record, whole.name, energy=energy(0.3, 5, None, rank="counter"), cascade=routed)
    record = with_candidate(record, routed.stages[-1].name, energy=energy(0.8, 5, None, rank=last))
    (card,) = cascade_cards(View(record))
    cells = {column.title: cell for column, cell in card.facts}
    assert cells["Energy"].origin == told


def test_no_alarm_is_promised_where_items_depend_on_each_other() -> None:
    record = golden()
    whole = next(each for each in record.candidates if each.cascade)
    assert whole.cascade is not None
    routed = whole.cascade.model_copy(update={"alarm": None})
    (card,) = cascade_cards(View(with_candidate(record, whole.name, cascade=routed)))
    assert "is not told: test items depend on each other" in card.sentences[-1]
    assert record.model_validate_json(with_candidate(record, whole.name, cascade=routed).model_dump_json())


@pytest.mark.parametrize(
    ("first", "told"),
    [
        (0.01, "Of 100 items, 1 is answered by TF-IDF and 99 by MPNet base."),
        (0.02, "Of 100 items, 2 are answered by TF-IDF and 98 by MPNet base."),
    ],
)
def test_one_item_is_answered_and_two_are(first: float, told: str) -> None:
    record = golden()
    whole = next(each for each in record.candidates if each.cascade)
    assert whole.cascade is not None
    answered = [Estimate(value=share, n=2000) for share in (first, 1 - first)]
    stages = tuple(
        stage.model_copy(update={"answered": share})
        for stage, share in zip(whole.cascade.stages, answered, strict=True)
    )
    routed = whole.cascade.model_copy(update={"stages": stages})
    (card,) = cascade_cards(View(with_candidate(record, whole.name, cascade=routed)))
    assert card.sentences[0] == told
