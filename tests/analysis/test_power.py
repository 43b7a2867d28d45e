"""The envelope over power models: what holds under all of them may be said, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effkit.analysis.interval import Floats
from effkit.analysis.power import RATED, SHAPES, agree, envelope
from effkit.analysis.statistics import ratio_over_generations
from effkit.record import PowerForm

GENERATIONS, BLOCKS = 5, 2


def line(
    call_s: float, busy: float = 1.0, *, window_s: float = 2.0, luck: float = 0.002, seed: int = 0, other_w: float = 0.0
):
    """A worker that takes `call_s` a call, keeps `busy` cores busy, and asks `other_w` of a GPU."""
    rng = np.random.default_rng(seed)
    seconds = call_s * np.exp(luck * rng.standard_normal((GENERATIONS, BLOCKS)))
    windows = np.full((GENERATIONS, BLOCKS), window_s)
    return busy * windows, windows, windows / seconds, other_w * windows


def forms(candidate, *, memory_w: float = 20.0, tdp_w: float = 8.0, cores: int = 2) -> dict[str, PowerForm]:
    found = envelope(candidate, line(0.04, seed=1), line(0.04, seed=2), memory_w=memory_w, tdp_w=tdp_w, cores=cores)
    return in_forms(found)


def in_forms(found: dict[str, Floats]) -> dict[str, PowerForm]:
    """Each form's log ratios with their interval."""
    ends = {form: ratio_over_generations(logs) for form, logs in found.items()}
    return {
        form: PowerForm(
            form=form,
            value=float(np.exp(np.nanmean(found[form]))),
            low=each.low if each else None,
            high=each.high if each else None,
        )
        for form, each in ends.items()
    }


def test_every_shape_is_tried_with_the_rated_power_halved_and_doubled() -> None:
    assert set(forms(line(0.01))) == {f"{shape}, {rated}" for shape in SHAPES for rated in RATED}


def test_at_one_load_every_form_says_what_time_says() -> None:
    for form in forms(line(0.01)).values():
        assert form.low is not None and form.high is not None
        assert form.low < 0.25 < form.high
        assert form.high / form.low < 1.02


def test_the_forms_are_the_formulas() -> None:
    found = forms(line(0.04, busy=0.5, luck=0.0), memory_w=2.0)
    # Loads are 1/2 for the reference and 1/4 for the candidate; both take 40 ms.
    assert found["constant, the rated power"].value == pytest.approx(1.0, rel=0.01)
    assert found["linear in load, the rated power"].value == pytest.approx((8 / 4 + 2) / (8 / 2 + 2), rel=0.01)
    cubic = (4 * (0.1 + 0.9 / 64) + 2) / (4 * (0.1 + 0.9 / 8) + 2)
    assert found["cubic in load, half the rated power"].value == pytest.approx(cubic, rel=0.01)


def test_a_gpu_is_in_every_form_as_it_was_read() -> None:
    same = {"memory_w": 2.0, "tdp_w": 8.0, "cores": 2}
    base = line(0.04, luck=0.0, other_w=94.0)
    found = in_forms(envelope(line(0.04, luck=0.0, other_w=44.0), base, base, **same))
    assert found["linear in load, the rated power"].value == pytest.approx((8 / 2 + 2 + 44) / (8 / 2 + 2 + 94))
    assert all(form.high is not None and form.high < 0.6 for form in found.values())


def test_a_saving_of_cpu_time_alone_is_not_one_of_energy() -> None:
    """It waits as long as the reference computes: the constant form sees nothing."""
    found = tuple(forms(line(0.04, busy=0.3)).values())
    assert {form.high is not None and form.high < 0.99 for form in found} == {True, False}
    assert agree(found, 0.01, "lower") == "within noise"


def test_a_saving_of_time_and_cpu_time_stands() -> None:
    found = tuple(forms(line(0.01)).values())
    assert agree(found, 0.01, "lower") == "lower"
    assert agree(found, 0.01, "higher") == "within noise"


@pytest.mark.parametrize("verdict", ["indicative", "unstable", "not resolvable", "within noise"])
def test_what_claims_nothing_stays_as_it_is(verdict) -> None:
    assert agree((), 0.01, verdict) == verdict


def test_without_a_form_or_an_interval_nothing_is_claimed() -> None:
    assert agree((), 0.01, "lower") == "within noise"
    assert agree((PowerForm(form="constant", value=0.2),), 0.01, "lower") == "within noise"


@given(st.floats(0.3, 3.0), st.floats(0.3, 3.0), st.floats(0.01, 0.2))
def test_a_direction_needs_every_form(first: float, second: float, threshold: float) -> None:
    found = [PowerForm(form="f", value=value, low=value * 0.99, high=value * 1.01) for value in (first, second)]
    lower = all(np.log(value * 1.01) < -threshold for value in (first, second))
    higher = all(np.log(value * 0.99) > threshold for value in (first, second))
    assert (agree(found, threshold, "lower") == "lower") == lower
    assert (agree(found, threshold, "higher") == "higher") == higher


def test_visits_that_were_not_made_are_left_out() -> None:
    cpu_s, window_s, calls, other_j = line(0.01)
    for table in (cpu_s, window_s, calls):
        table[0, :] = np.nan
        table[1, 0] = np.nan
    found = forms((cpu_s, window_s, calls, other_j))
    assert found["constant, the rated power"].value == pytest.approx(0.25, rel=0.01)
    assert forms(tuple(np.full((GENERATIONS, BLOCKS), np.nan) for _ in range(4))) == {}


@pytest.mark.parametrize("wrong", [{"tdp_w": 0.0}, {"cores": 0}, {"memory_w": -1.0}, {"tdp_w": float("nan")}])
def test_a_machine_that_cannot_be_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match="no rated power"):
        forms(line(0.01), **wrong)
