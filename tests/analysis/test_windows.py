"""The audit finds every overlap, and none where there is none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from effkit.analysis.windows import audited
from effkit.record import Window


def window(start_s: float, end_s: float, clock: str = "one") -> Window:
    return Window(clock=clock, start_s=start_s, end_s=end_s)


def test_windows_that_touch_do_not_overlap() -> None:
    proof = audited({"a": [window(0, 1), window(3, 4)], "b": [window(1, 3)], "c": [window(0.5, 2, "two")], "d": []})
    assert proof.overlaps == ()
    assert (proof.runs, proof.windows, proof.clocks, proof.silent) == (3, 4, 2, ("d",))


def test_an_overlap_is_named_with_its_length() -> None:
    proof = audited({"a": [window(0, 10)], "b": [window(1, 2)], "c": [window(9.5, 12)]})
    assert [(each.first, each.second, each.length_s) for each in proof.overlaps] == [("a", "b", 1.0), ("a", "c", 0.5)]


SPANS = some.lists(
    some.tuples(some.sampled_from(["one", "two"]), some.integers(0, 50), some.integers(1, 10)), max_size=8
)


@given(SPANS)
def test_overlaps_are_found_wherever_two_windows_of_a_clock_share_time(spans: list[tuple[str, int, int]]) -> None:
    held = {str(number): [window(start, start + long, clock)] for number, (clock, start, long) in enumerate(spans)}
    shared = any(
        clock == other and start < second + length and second < start + long
        for number, (clock, start, long) in enumerate(spans)
        for other, second, length in spans[number + 1 :]
    )
    assert bool(audited(held).overlaps) == shared
