"""How far an input can move: a flip is where the decision really changes, and nowhere nearer."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effkit.analysis.asked import Asked
from effkit.analysis.contenders import Contender
from effkit.analysis.decide import decide
from effkit.analysis.flips import LEAST_PER_S, MOST_PER_S, Flip, choices, flips
from tests.analysis.test_decide import PRICE, SMALL, asked, contender, exact, reference

KNOWN = [reference(), SMALL]


def of_the_margin(known: list[Contender], now: Asked) -> list[Flip]:
    return of_one("margin", known, now)


def of_one(name: str, known: list[Contender], now: Asked) -> list[Flip]:
    """Its flips alone: each input takes as long as another to search."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("effkit.analysis.flips.INPUTS", (name,))
        return list(flips(known, now))


def test_the_margin_at_which_the_small_one_is_no_longer_enough() -> None:
    (flip,) = of_the_margin(KNOWN, asked())
    assert flip.at == pytest.approx(0.005, rel=2e-3)
    assert (flip.now, flip.kind, flip.chosen) == (0.01, "reference", "large")


@given(enough=st.floats(0.0005, 0.5))
def test_beyond_a_flip_the_choice_is_what_it_says(enough: float) -> None:
    known = [reference(), replace(SMALL, enough_from=enough)]
    now = asked()
    found = of_the_margin(known, now)
    assert found, "there is a margin at which the small one begins, or ceases, to be enough"
    for flip in found:
        assert decide(known, replace(now, margin=flip.at)).chosen == flip.chosen != decide(known, now).chosen
        towards = flip.at + 3e-3 * (0.01 - flip.at)
        nearer = towards if abs(towards - 0.01) < abs(flip.at - 0.01) else flip.at
        assert decide(known, replace(now, margin=nearer * (1.002 if flip.at < 0.01 else 0.998))).chosen in (
            decide(known, now).chosen, flip.chosen,
        )  # fmt: skip


def test_a_limit_that_is_not_asked_for_flips_where_it_would_exclude() -> None:
    (flip,) = [each for each in flips(KNOWN, asked()) if each.input == "latency_p99_s"]
    assert flip.now is None
    assert flip.at == pytest.approx(0.01, rel=2e-3)
    assert flip.kind == "none"


@pytest.mark.parametrize(
    ("limit", "at"),
    [({"weight_bytes": 20_000_000}, 1e7), ({"cold_start_s": 1.0}, 0.5), ({"items_per_s": 500.0}, 1000.0)],
)
def test_a_limit_that_only_the_small_one_meets_flips_where_it_is_out_too(limit: dict[str, Any], at: float) -> None:
    (name,) = limit
    (flip,) = of_one(name, KNOWN, asked(**limit))
    assert (flip.at, flip.now, flip.kind) == (pytest.approx(at, rel=2e-3), limit[name], "none")
    assert not of_one(name, KNOWN, asked())


def test_price_and_grid_weigh_on_all_alike_until_they_are_limited() -> None:
    free = flips(KNOWN, asked(cost=PRICE, requests_per_s=100.0))
    assert not {each.input for each in free} & {"price", "grid"}
    tight = flips(KNOWN, asked(cost=PRICE, requests_per_s=100.0, money_per_thousand=0.01))
    assert "price" in {each.input for each in tight}


def test_the_choice_over_traffic_covers_all_of_it_without_gaps() -> None:
    little = {"above_idle_j": 0.001}
    known = [reference(**little), contender("small", 0.1, **little)]
    found = choices(known, asked(cost=PRICE))
    assert found[0].from_per_s == pytest.approx(LEAST_PER_S)
    assert found[-1].to_per_s == pytest.approx(MOST_PER_S)
    assert all(one.to_per_s == other.from_per_s for one, other in itertools.pairwise(found))
    assert found[0].decision.kind == "indifferent"
    assert found[-1].decision.chosen == "small"
    assert found[0].to_per_s == pytest.approx(10.0, rel=5e-3)  # what one machine of the reference serves


def test_the_choice_over_traffic_is_that_of_requests_that_need_not_wait_where_nobody_was_put_under_load() -> None:
    little = {"above_idle_j": 0.001, "untested": True}
    known = [reference(p99_s=exact(0.03), **little), contender("small", 0.1, **little)]
    found = choices(known, asked(latency_p99_s=0.05, cost=PRICE))
    assert [each.decision.chosen for each in found] == ["large", "small"]
    (named,) = choices(known, asked(latency_p99_s=0.05, cost=PRICE, requests_per_s=10.0))
    assert (named.decision.kind, named.decision.chosen) == ("open", None), "as the study is answered itself"


def test_unknown_numbers_of_a_candidate_give_no_false_start() -> None:
    known = [reference(), replace(SMALL, energy_j=exact(1.0), p99_s=replace(SMALL.p99_s, value=None, high=None))]
    assert "latency_p99_s" not in {each.input for each in flips(known, asked())}


def test_a_margin_that_a_record_does_not_tell_has_no_flip() -> None:
    old = [reference(), replace(SMALL, enough_from=None, worse_below=None)]
    assert not of_the_margin(old, asked())


def test_a_limit_that_nobody_asks_for_is_only_made_tighter() -> None:
    tested = {"own_limit_s": None, "tails": ((7.5, 0.09), (15.0, 0.2))}
    known = [reference(usable_per_s=15.0, p99_s=exact(0.063), **tested), contender("small", 0.5, **tested)]
    now = asked(requests_per_s=10.0)
    assert "latency_p99_s" not in {each.input for each in flips(known, now)}


def test_a_limit_that_is_shown_to_be_kept_at_no_rate_flips_at_the_upper_end_of_the_lowest() -> None:
    tested = {"own_limit_s": 0.035, "usable_per_s": 12.0, "tails": ((10.0, 0.03), (20.0, 0.05)), "tail_high_s": 0.04}
    known = [reference(p99_s=exact(0.01), **tested)]
    now = asked(latency_p99_s=0.035, requests_per_s=9.0)
    found = {each.kind: each.at for each in of_one("latency_p99_s", known, now)}
    assert found == {"none": pytest.approx(0.01, rel=2e-3), "reference": pytest.approx(0.04, rel=2e-3)}
