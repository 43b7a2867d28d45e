import pytest
from hypothesis import given
from hypothesis import strategies as st

from effkit.analysis.carbon import (
    GridFactor,
    embodied_g_per_hour,
    embodied_g_per_request,
    factor,
    grams_per_thousand,
    grid,
    regions,
    thousand_requests_g,
)
from effkit.production import CarbonSpec


def test_a_low_a_middle_and_a_high_grid() -> None:
    assert [round(factor(region).g_per_kwh) for region in ("FRA", "WORLD", "IND")] == [56, 475, 713]
    # 3.6 kJ is one watt-hour: a thousand requests are one kWh.
    assert grams_per_thousand(3600, factor("WORLD")) == pytest.approx(475)


def test_every_factor_says_where_it_is_from() -> None:
    assert len(regions()) > 200
    for region in regions():
        power = factor(region)
        assert power.g_per_kwh > 0 and 2000 < power.year < 2030
        assert power.kind == "average" and "codecarbon 3.3.2" in power.source and power.name
        assert region == "WORLD" or (len(region) == 3 and region.isupper())


@pytest.mark.parametrize(("given", "nearest"), [("France", "FRA"), ("germany", "DEU"), ("USAA", "USA")])
def test_an_unknown_region_names_the_nearest(given: str, nearest: str) -> None:
    with pytest.raises(KeyError, match=nearest):
        factor(given)


def test_of_a_region_without_a_factor_a_record_has_no_grid_and_no_carbon() -> None:
    nowhere, own = CarbonSpec(region="XXX"), CarbonSpec(region="XXX", grid_g_per_kwh=100.0)
    assert grid(nowhere) is None and thousand_requests_g(3600, nowhere) is None
    assert thousand_requests_g(3600, own) == pytest.approx(100), "a study's own factor needs no region"
    assert thousand_requests_g(3600, own, "WORLD") == pytest.approx(475)


def test_case_does_not_matter_and_nothing_is_assumed() -> None:
    assert factor("fra") == factor("FRA")
    with pytest.raises(KeyError, match="ISO 3166"):
        factor("")


@given(st.floats(0, 1e6), st.floats(1, 3), st.floats(0, 10))
def test_sci_adds_embodied_after_pue(energy_j: float, pue: float, embodied_g: float) -> None:
    own = GridFactor("HERE", 100.0, 2024, "marginal", "meter", "Here")
    grams = grams_per_thousand(energy_j, own, pue=pue, embodied_g_per_request=embodied_g)
    assert grams == pytest.approx(1000 * (energy_j / 3.6e6 * 100 * pue + embodied_g))


def test_a_machines_making_is_shared_over_its_hours_and_their_requests() -> None:
    """1,000 kg over four years are 28.5 g an hour, whoever is served in it."""
    assert embodied_g_per_hour(1000, 4) == pytest.approx(28.5, abs=0.05)
    shared = embodied_g_per_request(embodied_g_per_hour(1000, 4), machines=2, requests_per_s=10)
    assert shared == pytest.approx(2 * embodied_g_per_hour(1000, 4) / 36_000)
    assert 36_000 * shared == pytest.approx(57, abs=0.1)
    assert embodied_g_per_hour(0, 1) == 0


def test_wrong_input_is_named() -> None:
    with pytest.raises(ValueError, match="lifetime_years 0"):
        embodied_g_per_hour(1000, 0)
    with pytest.raises(ValueError, match="serve nobody"):
        embodied_g_per_request(25.0, machines=1, requests_per_s=0)
    with pytest.raises(ValueError, match="leave the call out"):
        grams_per_thousand(float("nan"), factor("FRA"))
    with pytest.raises(ValueError, match=r"pue is 0\.9"):
        grams_per_thousand(1, factor("FRA"), pue=0.9)
