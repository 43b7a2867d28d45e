import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from effkit.analysis.pareto import dominated, front


def test_front_by_hand() -> None:
    # accuracy up, latency down; the last equals the first
    points = [[0.90, 10], [0.80, 1], [0.85, 12], [0.90, 11], [0.90, 10]]
    assert front(points, ["max", "min"]).tolist() == [True, True, False, False, True]


@settings(max_examples=100)
@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 7), st.integers(1, 3)), elements=st.integers(0, 4).map(float)))
def test_front_is_never_empty_and_covers_the_rest(points: np.ndarray) -> None:
    mask = front(points, ["min"] * points.shape[1])
    assert mask.any()
    for point in points[~mask]:
        assert any((other <= point).all() and (other < point).any() for other in points[mask])
    for point in points[mask]:
        assert not any((other <= point).all() and (other < point).any() for other in points)


@pytest.mark.parametrize(("wins", "expected"), [(100, True), (95, True), (94, False), (0, False)])
def test_dominated_where_one_rival_wins_in_ninety_five_per_cent(wins: int, expected: bool) -> None:
    samples = [[[1.0, 0.5], [0.5, 0.6 if draw < wins else 0.4]] for draw in range(100)]
    assert dominated(samples, ["min", "max"]).tolist() == [expected, False]


def test_rivals_that_take_turns_dominate_nothing() -> None:
    samples = [[[1.0, 0.5], [0.5, 0.6 if draw % 2 else 0.4], [0.5, 0.4 if draw % 2 else 0.6]] for draw in range(100)]
    assert not any(front(sample, ["min", "max"])[0] for sample in samples)
    assert not dominated(samples, ["min", "max"])[0]


def test_wrong_input_is_named() -> None:
    with pytest.raises(ValueError, match="one direction per axis"):
        front([[1, 2]], ["min"])
    with pytest.raises(ValueError, match="'up' is unknown"):
        front([[1, 2]], ["min", "up"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="not measured"):
        front([[1, np.nan]], ["min", "min"])
