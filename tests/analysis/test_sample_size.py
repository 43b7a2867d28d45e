import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effkit.analysis.sample_size import items_for_power, power


def test_one_point_at_a_discordance_of_ten_per_cent() -> None:
    # (1.95996 + 0.84162)^2 * 0.10 / 0.01^2
    assert items_for_power(0.01) == 7849
    assert items_for_power(0.01, power=0.75) == 6941
    assert power(7849, 0.01) == pytest.approx(0.80, abs=1e-4)


def test_three_candidates_take_more_than_one() -> None:
    # z of 1 - 0.025 / 3 is 2.39398: (2.39398 + 0.84162)^2 * 0.10 / 0.01^2
    assert items_for_power(0.01, alpha=0.025 / 3) == 10470
    assert power(7849, 0.01, alpha=0.025 / 3) == pytest.approx(0.658, abs=1e-3)


@settings(max_examples=50)
@given(st.floats(0.005, 0.1), st.floats(0.5, 0.99), st.floats(0.02, 0.5), st.floats(-0.004, 0.02))
def test_power_and_items_are_inverse(margin: float, wanted: float, discordance: float, gap: float) -> None:
    n = items_for_power(margin, wanted, discordance, gap)
    assert power(n, margin, discordance, gap) >= wanted - 1e-9
    if n > 1:
        assert power(n - 1, margin, discordance, gap) < wanted


def test_a_gap_at_the_margin_cannot_pass() -> None:
    with pytest.raises(ValueError, match="no number of items"):
        items_for_power(0.01, true_gap=-0.01)
    assert power(5000, 0.01, true_gap=-0.01) == pytest.approx(0.025)


def test_wrong_input_is_named() -> None:
    with pytest.raises(ValueError, match=r"one point is 0\.01"):
        power(100, 0)
    with pytest.raises(ValueError, match=r"between \|true_gap\| and 1"):
        power(100, 0.01, discordance=0.01, true_gap=0.02)


def test_without_discordance_power_is_certain() -> None:
    assert power(10, 0.01, discordance=0.0) == 1.0
