"""Energy of a request: gross, net, ranked, and claimed only where every power model agrees."""

from __future__ import annotations

import pytest

from effkit.analysis.energy import energy
from effkit.analysis.paired import Component
from tests.analysis.runs import RAPL, paired, samples


def test_energy_is_gross_and_net_and_says_that_it_is_modelled() -> None:
    seen = energy(paired(samples()), "mine", cores=2)
    assert seen is not None and seen.request_j is not None and seen.net_j is not None
    assert seen.request_j.value == pytest.approx(0.1, rel=0.01)
    assert seen.request_j.origin == "modelled"
    assert seen.net_j == pytest.approx(0.1 - 20.0 / (10 * 96), rel=0.01)
    assert seen.ratio is not None and seen.ratio.verdict == "higher"
    counted = energy(paired(samples(), components=(RAPL,)), "mine", cores=2)
    assert counted is not None and counted.request_j is not None and counted.request_j.origin == "measured"


def test_windows_that_are_too_short_are_not_resolvable_and_never_0() -> None:
    seen = energy(paired(samples(window_s=1.0)), "mine", cores=2)
    assert seen is not None
    assert seen.request_j is None and seen.ratio is None
    assert seen.note is not None and "15 s are needed" in seen.note
    resolved = energy(paired(samples(window_s=1.1), components=(RAPL,)), "mine", cores=2)
    assert resolved is not None and resolved.request_j is not None


TDP = Component("cpu", "modelled-tdp", "a model", tdp_w=65.0)


def test_a_modelled_saving_is_claimed_where_every_form_agrees() -> None:
    run = samples(slower=0.5, window_s=4.0)
    run.loc[(run["candidate"] == "mine") & (run["metric"] == "visit_window_s"), "value"] /= 2
    found = energy(paired(run, components=(TDP,)), "mine", cores=2)
    assert found is not None and found.ratio is not None
    assert found.envelope and all(form.high is not None and form.high < 0.99 for form in found.envelope)
    assert found.ratio.verdict == "lower"


def test_a_modelled_saving_that_hangs_on_the_form_is_not_claimed() -> None:
    run = samples(slower=0.5)
    waits = (run["candidate"] == "mine") & (run["metric"] == "visit_window_s")
    run.loc[waits, "value"] *= 4  # half the work in four times the time: a constant power says more, a linear one less
    found = energy(paired(run, components=(TDP,)), "mine", cores=2)
    assert found is not None and found.ratio is not None and found.ratio.verdict == "within noise"
    values = [form.value for form in found.envelope]
    assert min(values) < 1 < max(values)


def test_a_counter_has_no_envelope() -> None:
    found = energy(paired(samples(), components=(RAPL,)), "mine", cores=2)
    assert found is not None and found.envelope == ()


def test_a_single_window_that_is_too_short_for_its_counter_is_not_resolvable() -> None:
    run = samples(window_s=2.0)
    short = (run["candidate"] == "mine") & (run["metric"] == "visit_window_s") & (run["generation"] == 0)
    run.loc[short, "value"] = 0.3
    found = energy(paired(run, components=(RAPL,)), "mine", cores=2)
    assert found is not None and found.request_j is None
    assert found.note is not None and "each needs 0.5 s" in found.note
