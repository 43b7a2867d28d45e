"""The energy of requests at a traffic: told only where it resolves, and where it was measured as it is served."""

from __future__ import annotations

from typing import Any

import pytest

from effkit.analysis.contenders import contenders
from effkit.analysis.cost import provision
from effkit.analysis.decide import weigh
from effkit.analysis.joules import above_idle_j
from effkit.record import CandidateRecord
from tests.analysis.test_cost import FRANCE, candidate, estimate, load
from tests.analysis.test_decide import asked
from tests.analysis.two_runs import golden, with_candidate


def with_energy(**changed: Any) -> CandidateRecord:
    energy = candidate().energy
    assert energy is not None
    return candidate(energy=energy.model_copy(update=changed))


def test_energy_above_idle_has_the_spread_of_gross_energy_and_is_never_below_nothing() -> None:
    found = above_idle_j(candidate())
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.07, 0.13))
    near = above_idle_j(with_energy(net_j=0.02))
    assert near is not None and near.low == 0.0


@pytest.mark.parametrize("net_j", [0.0, -0.05])
def test_energy_that_is_not_above_idle_does_not_resolve_wherever_it_is_asked_for(net_j: float) -> None:
    """A joule below nothing meets no carbon limit, be it next to nothing or generous."""
    found = provision(with_energy(net_j=net_j), 1.0, carbon=FRANCE)
    assert found is not None and found.energy_j_per_thousand is None and found.carbon_g_per_thousand is None
    record = golden()
    for each in record.candidates:
        record = with_candidate(record, each.name, load=None)
    energy = record.candidate("minilm-l6").energy
    assert energy is not None
    record = with_candidate(record, "minilm-l6", energy=energy.model_copy(update={"net_j": net_j, "idle_w": 0.001}))
    mine = next(each for each in contenders(record) if each.name == "minilm-l6")
    for limit_g in (1e-9, 1e9):
        weighed = weigh(mine, asked(requests_per_s=1.0, carbon_g_per_thousand=limit_g))
        (check,) = (each for each in weighed.checks if each.what == "carbon")
        assert check.outcome == "open" and check.known.value is None
        assert weighed.serving is not None and weighed.serving.energy_j_per_thousand is None


@pytest.mark.parametrize(("max_batch", "told"), [(1, True), (8, False)])
def test_where_requests_are_answered_together_no_energy_is_told(max_batch: int, told: bool) -> None:
    """Joules of one item at a time, with machines that answer eight together, could exceed what a machine draws."""
    tested = load(highest_per_s=estimate(33.0), bound="within").model_copy(update={"max_batch": max_batch})
    found = provision(candidate(load=tested), 1000.0, carbon=FRANCE)
    assert found is not None and found.machines.value == 31
    assert (found.energy_j_per_thousand is not None, found.carbon_g_per_thousand is not None) == (told, told)
