"""Energy of a request: gross, net, ranked, and claimed only where every power model agrees."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from effkit.analysis.energy import energy
from effkit.analysis.paired import PairedSamples
from effkit.analysis.power import Component
from effkit.record import Rank
from tests.analysis.runs import CPU, RAPL, in_places, paired, samples


def test_energy_is_gross_and_net_and_says_that_it_is_modelled() -> None:
    seen = energy(paired(samples()), "mine", cores=2)
    assert seen is not None and seen.request_j is not None and seen.net_j is not None
    assert seen.request_j.value == pytest.approx(0.1, rel=0.01)
    assert seen.request_j.origin == "modelled"
    assert seen.net_j == pytest.approx(0.1 - 20.0 / (10 * 96), rel=0.01)
    counted = energy(paired(samples(), components=(RAPL,)), "mine", cores=2)
    assert counted is not None and counted.ratio is not None and counted.ratio.verdict == "higher"
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


def test_every_form_is_freed_from_what_the_place_of_a_start_is_worth() -> None:
    known = in_places(samples(slower=0.9, luck=0.002, window_s=4.0), 0.02)
    blind = known.assign(position=known["position"].where(known["metric"] != "load_s", -1))
    found, wide = (energy(paired(each, components=(TDP,)), "mine", cores=2) for each in (known, blind))
    assert found is not None and wide is not None and len(found.envelope) == len(wide.envelope) == 9
    for form, other in zip(found.envelope, wide.envelope, strict=True):
        assert form.low is not None and form.high is not None and other.low is not None and other.high is not None
        assert np.log(form.high / form.low) < 0.3 * np.log(other.high / other.low)


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


NVML = Component("gpu", "counter", "NVML energy counter")


def with_gpu_j(run: pd.DataFrame) -> pd.DataFrame:
    calls = run[run["metric"] == "visit_calls"]
    return pd.concat([run, calls.assign(metric="visit_gpu_j", value=10.0)])


@pytest.mark.parametrize("cpu", [RAPL, CPU], ids=["counted", "modelled"])
@pytest.mark.parametrize(("window_s", "resolved"), [(1.9, False), (2.0, True)])
def test_where_nvml_counts_every_window_needs_two_seconds_whatever_is_modelled(
    window_s: float, resolved: bool, cpu: Component
) -> None:
    run = with_gpu_j(samples(window_s=window_s))
    found = energy(paired(run, components=(cpu, NVML)), "mine", cores=2)
    assert found is not None and (found.request_j is not None) == resolved


def test_to_a_reference_whose_windows_are_too_short_nobody_has_a_ratio() -> None:
    run = samples(window_s=2.0)
    run.loc[(run["candidate"] == "ref") & (run["metric"] == "visit_window_s"), "value"] = 0.4
    found = energy(paired(run, components=(RAPL,)), "mine", cores=2)
    assert found is not None and found.request_j is not None and found.ratio is None


def test_where_a_gpu_may_be_used_that_nobody_reads_no_energy_is_told() -> None:
    run = PairedSamples(samples(), "ref", pinned=True, components=(RAPL,), lacks_gpu=True)
    found = energy(run, "mine", cores=2)
    assert found is not None and found.request_j is None and found.ratio is None
    assert found.note is not None and "the GPU's energy is missing" in found.note


@pytest.mark.parametrize(("rank", "factor"), [("modelled-tdp", 2.0), ("modelled-generic", 10.0)])
def test_a_power_that_is_guessed_may_be_off_by_more(rank: Rank, factor: float) -> None:
    run = samples(slower=0.5, window_s=4.0)
    found = energy(paired(run, components=(Component("cpu", rank, "a model", tdp_w=65.0),)), "mine", cores=2)
    assert found is not None and len(found.envelope) == 9
    words = {2.0: "twice the rated power", 10.0: "ten times the guessed power"}[factor]
    assert sum(words in form.form for form in found.envelope) == 3


@pytest.mark.parametrize("generations", [2, 6])
def test_a_counter_that_tells_nothing_of_a_window_makes_no_energy_small(generations: int) -> None:
    run = samples(generations=generations, blocks=2)
    mine = (run["candidate"] == "mine") & (run["generation"] == 0) & (run["block"] == 0)
    run.loc[mine & (run["metric"] == "visit_cpu_j"), "value"] = 0.0
    found = energy(paired(run, components=(RAPL,)), "mine", cores=2)
    assert found is not None and found.request_j is None and found.net_j is None and found.ratio is None
    assert found.note == "not resolvable: in some window the counter of the cpu told nothing"


def test_a_counter_that_tells_nothing_of_the_reference_leaves_nobody_a_ratio() -> None:
    run = samples(blocks=2)
    theirs = (run["candidate"] == "ref") & (run["twin"] == "b") & (run["generation"] == 0) & (run["block"] == 0)
    run.loc[theirs & (run["metric"] == "visit_cpu_j"), "value"] = 0.0
    found = energy(paired(run, components=(RAPL,)), "mine", cores=2)
    assert found is not None and found.request_j is not None and found.ratio is None


MEMORY = Component("memory", "modelled-generic", "a fixed power")


def with_memory(run: pd.DataFrame, power_w: float) -> pd.DataFrame:
    """The same run with a modelled memory beside its processor: a power times the window."""
    windows = run[run["metric"] == "visit_window_s"]
    return pd.concat([run, windows.assign(metric="visit_memory_j", value=power_w * windows["value"])])


def test_a_counted_processor_beside_a_modelled_memory_has_an_envelope_over_the_memory() -> None:
    found = energy(paired(with_memory(samples(slower=0.5), 20.0), components=(RAPL, MEMORY)), "mine", cores=2)
    assert found is not None and found.ratio is not None
    assert found.rank == "modelled-generic"
    assert [form.form for form in found.envelope] == [
        f"processor counted, memory {words}" for words in ("half", "as modelled", "double")
    ]


def with_memory_j(run: pd.DataFrame, **joules: float) -> pd.DataFrame:
    """The same run with these joules of a modelled memory in each visit, by candidate."""
    calls = run[run["metric"] == "visit_calls"]
    return pd.concat([run, calls.assign(metric="visit_memory_j", value=calls["candidate"].map(joules))])


def test_a_modelled_row_is_not_claimed_because_the_rest_of_the_run_is_counted() -> None:
    run = paired(with_memory_j(samples(slower=0.9), ref=0.2, mine=0.55), components=(RAPL, MEMORY))
    found = energy(run, "mine", cores=2)
    assert found is not None and found.ratio is not None and found.ratio.high is not None
    assert found.rank == "modelled-generic"
    assert found.ratio.high < 0.98, "the samples alone would claim it"
    assert [form.value > 1 for form in found.envelope] == [False, False, True]
    assert found.ratio.verdict == "within noise"


def test_a_counted_saving_over_a_counted_reference_is_claimed_whatever_else_the_run_measured() -> None:
    run = samples(slower=0.5)
    heavy = run[run["candidate"] == "mine"].assign(candidate="heavy")
    run = with_memory_j(pd.concat([run, heavy]), ref=0.01, mine=0.01, heavy=50.0)
    measured = paired(run, components=(RAPL, MEMORY))
    found = energy(measured, "mine", cores=2)
    assert found is not None and found.ratio is not None
    assert found.rank == "counter"
    assert found.envelope == () and found.ratio.verdict == "lower"
    other = energy(measured, "heavy", cores=2)
    assert other is not None and other.ratio is not None and other.envelope
    assert (other.rank, other.ratio.verdict) == ("modelled-generic", "higher")


def test_a_counted_row_over_a_modelled_reference_has_an_envelope() -> None:
    run = paired(with_memory_j(samples(slower=0.9), ref=0.6, mine=0.4), components=(RAPL, MEMORY))
    found = energy(run, "mine", cores=2)
    assert found is not None and found.rank == "counter"
    assert len(found.envelope) == 3 and found.ratio is not None and found.ratio.verdict == "lower"


def test_a_modelled_figure_whose_power_is_not_known_claims_nothing() -> None:
    found = energy(paired(samples(slower=0.5)), "mine", cores=2)
    assert found is not None and found.ratio is not None
    assert found.envelope == () and found.ratio.verdict == "within noise"


@pytest.mark.parametrize(("rank", "verdict"), [("modelled-tdp", "lower"), ("modelled-generic", "within noise")])
def test_what_a_whole_gpu_took_claims_nothing_of_a_slice(rank: Rank, verdict: str) -> None:
    run = with_memory_j(samples(slower=0.5), ref=0.2, mine=0.1)
    calls = run[run["metric"] == "visit_calls"]
    of_gpu = calls.assign(metric="visit_gpu_j", value=calls["candidate"].map({"ref": 100.0, "mine": 50.0}))
    gpu = Component("gpu", rank, "NVML")
    found = energy(paired(pd.concat([run, of_gpu]), components=(RAPL, MEMORY, gpu)), "mine", cores=2)
    assert found is not None and found.ratio is not None and found.ratio.high is not None
    assert found.ratio.high < 0.6 and found.ratio.verdict == verdict
