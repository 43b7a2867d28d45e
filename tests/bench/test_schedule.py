"""The schedule is a function of the seed, fair to every candidate, and stratified by size."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from effkit.bench.schedule import (
    STARTS,
    VISITS,
    block_items,
    calls_per_visit,
    entries,
    kept_calls_per_visit,
    order,
    order_number,
)
from effkit.spec import Protocol


def test_the_reference_is_entered_twice_and_every_other_candidate_once() -> None:
    names = [entry.name for entry in entries(["a", "ref", "b"], "ref")]
    assert names == ["a", "ref#a", "ref#b", "b"]


@given(seed=st.integers(0, 2**32), what=st.sampled_from([STARTS, VISITS]), number=st.integers(0, 100))
def test_everyone_comes_once_in_an_order_that_the_seed_fixes(seed: int, what: int, number: int) -> None:
    names = list("abcdef")
    drawn = order(names, seed=seed, what=what, number=number)
    assert sorted(drawn) == names
    assert drawn == order(names, seed=seed, what=what, number=number)


def test_orders_differ_between_blocks_and_from_those_of_starts() -> None:
    drawn = [tuple(order(list("abcdef"), seed=1, what=what, number=n)) for what in (STARTS, VISITS) for n in range(10)]
    assert len(set(drawn)) > 15


@given(seed=st.integers(0, 2**32), count=st.integers(2, 8), orders=st.integers(1, 10))
def test_of_any_two_each_is_first_as_often_as_the_other(seed: int, count: int, orders: int) -> None:
    names = [str(number) for number in range(count)]
    drawn = [order(names, seed=seed, what=STARTS, number=number) for number in range(2 * orders)]
    for first in names:
        assert sum(each.index(first) for each in drawn) == orders * (count - 1), "a mean place of its own"
        for second in set(names) - {first}:
            assert sum(each.index(first) < each.index(second) for each in drawn) == orders


@given(blocks=st.integers(1, 6), pairs=st.integers(1, 5))
def test_a_blocks_order_is_mirrored_by_the_next_and_by_its_own_a_generation_later(blocks: int, pairs: int) -> None:
    numbers = np.array([[order_number(each, block, blocks) for block in range(blocks)] for each in range(2 * pairs)])
    assert len(set(numbers.ravel() // 2)) == pairs * -(-blocks // 2), "no more blocks than that have one order"
    even, odd = numbers[::2], numbers[1::2]
    assert (even // 2 == odd // 2).all() and (even % 2 != odd % 2).all()
    for first in range(0, blocks - 1, 2):
        one, other = numbers[:, first], numbers[:, first + 1]
        assert (one // 2 == other // 2).all() and (one % 2 != other % 2).all()


def test_as_many_calls_of_a_generation_are_kept_however_it_is_cut() -> None:
    assert [kept_calls_per_visit(Protocol(blocks=blocks)) for blocks in (1, 3, 4)] == [1000, 334, 250]


@given(count=st.integers(1, 300), wanted=st.integers(1, 40), seed=st.integers(0, 1000))
def test_a_block_draws_distinct_items_across_all_sizes(count: int, wanted: int, seed: int) -> None:
    indices = np.arange(1000, 1000 + count)
    sizes = np.random.default_rng(seed).random(count)
    drawn = block_items(indices, sizes, wanted, seed=seed, number=0)
    assert len(set(drawn.tolist())) == len(drawn) == min(count, wanted)
    strata = np.array_split(indices[np.argsort(sizes, kind="stable")], len(drawn))
    assert all(len(set(stratum.tolist()) & set(drawn.tolist())) == 1 for stratum in strata)


def test_all_visits_together_reach_the_calls_of_the_protocol() -> None:
    protocol = Protocol()
    visits = protocol.generations * protocol.blocks
    assert calls_per_visit(protocol) * visits >= protocol.calls
    assert 2 * calls_per_visit(protocol, workers=2) * visits >= protocol.calls


def test_no_item_comes_twice_before_all_of_its_size_have_come() -> None:
    indices, sizes = np.arange(670), np.random.default_rng(1).random(670)
    drawn = np.concatenate([block_items(indices, sizes, 67, seed=3, number=number) for number in range(10)])
    assert sorted(drawn.tolist()) == indices.tolist()
    assert set(block_items(indices, sizes, 67, seed=3, number=10).tolist()) <= set(indices.tolist())
