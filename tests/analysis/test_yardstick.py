"""The core's speed changes out of sight: the yardstick sees it, and the comparison allows for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from effkit.analysis.energy import envelope_to
from effkit.analysis.paired import PairedSamples
from effkit.analysis.power import Component
from effkit.analysis.yardstick import Stretches, asking, factors, pseudo_values, slopes

SLOPES = {"ref": 1.0, "mine": 1.4}
"""How strongly each model follows the core: cache-bound ones more, memory-bound ones less."""


def run(*, slower: float = 1.1, neighbour: float = 0.5, seed: int = 1, generations: int = 5) -> pd.DataFrame:
    """Visits on a core that a neighbour slows down by half for part of the time, in spells of some visits."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[object, ...]] = []
    slow = False
    for generation in range(generations):
        for block in range(2):
            for name, twin in (("ref", "a"), ("mine", ""), ("ref", "b")):
                place = (name, twin, generation, block, 0, 0, -1)
                calls, call_s = [], []
                for _ in range(40):
                    slow = slow if rng.random() < 0.97 else rng.random() < neighbour
                    speed = np.log(1.5) * slow
                    yard_s = 2e-5 * np.exp(speed + 0.01 * rng.standard_normal())
                    own = 0.01 * (slower if name == "mine" else 1.0)
                    stretch_s = own * np.exp(SLOPES[name] * speed + 0.01 * rng.standard_normal())
                    calls.append(16)
                    call_s.append(stretch_s)
                    rows += [
                        (*place, "stretch_calls", 16.0),
                        (*place, "stretch_call_s", stretch_s),
                        (*place, "stretch_cpu_s", stretch_s),
                        (*place, "stretch_yard_s", yard_s),
                    ]
                rows += [
                    (*place, "visit_prepare_s", 0.0 + 1e-9),
                    (*place, "visit_infer_s", float(np.average(call_s, weights=calls))),
                    (*place, "visit_calls", float(sum(calls))),
                ]
    columns = ["candidate", "twin", "generation", "block", "position", "attempt", "item", "metric", "value"]
    return pd.DataFrame(rows, columns=columns)


def read(frame: pd.DataFrame) -> PairedSamples:
    return PairedSamples(frame, "ref", pinned=True)


@pytest.mark.parametrize("seed", range(5))
def test_a_difference_is_found_on_a_core_whose_speed_changes_by_half(seed: int) -> None:
    frame = run(seed=seed)
    ratio = read(frame).ratio("mine", "latency")
    assert ratio is not None and ratio.as_seen is not None
    assert ratio.low is not None and ratio.high is not None
    assert ratio.as_seen.low is not None and ratio.as_seen.high is not None
    # What the models differ by, and what their slopes add at the run's mean speed.
    readings = frame.loc[frame["metric"] == "stretch_yard_s", "value"]
    truth = 1.1 * np.exp((SLOPES["mine"] - SLOPES["ref"]) * np.log(readings / 2e-5).mean())
    assert ratio.low < truth < ratio.high
    assert ratio.high - ratio.low < 0.2 * (ratio.as_seen.high - ratio.as_seen.low)


def test_the_reference_against_itself_sees_the_noise_go() -> None:
    checks = [next(iter(read(run(seed=seed)).noise)) for seed in range(5)]
    assert all(check.as_seen is not None and check.low is not None and check.high is not None for check in checks)
    assert np.mean([check.high - check.low for check in checks]) < 0.1  # type: ignore[operator]
    assert np.mean([check.as_seen.high - check.as_seen.low for check in checks]) > 0.2  # type: ignore[union-attr, operator]


def test_counted_joules_stay_what_the_counter_said_beside_a_modelled_memory() -> None:
    frame = run()
    calls = frame[frame["metric"] == "visit_calls"]
    seconds = calls["value"].to_numpy() * frame.loc[frame["metric"] == "visit_infer_s", "value"].to_numpy()
    joules = [
        calls.assign(metric="visit_cpu_j", value=calls["value"] * calls["candidate"].map({"ref": 1.0, "mine": 1.1})),
        calls.assign(metric="visit_memory_j", value=20 * seconds),  # a sixth of all, and a time as any other
    ]
    parts = (Component("cpu", "counter", "RAPL"), Component("memory", "modelled-generic", "a guess"))
    found = PairedSamples(pd.concat([frame, *joules]), "ref", pinned=True, components=parts)
    check, ratio = found.check("energy"), found.ratio("mine", "energy")
    assert check is not None and check.low is not None and check.high is not None and ratio is not None
    assert check.high - check.low < 0.03
    assert ratio.low is not None and ratio.high is not None
    assert ratio.high - ratio.low < 0.03
    assert ratio.value == pytest.approx(1.1, abs=0.03)


@pytest.mark.parametrize("counted", [False, True])
def test_every_form_of_power_model_carries_the_doubt_about_the_slopes(counted: bool) -> None:
    """Where power is constant, energy is that power times the time, and is known no better than the time is."""
    frame = run()
    calls = frame[frame["metric"] == "visit_calls"]
    seconds = calls["value"].to_numpy() * frame.loc[frame["metric"] == "visit_infer_s", "value"].to_numpy()
    tables = [frame, *(calls.assign(metric=f"visit_{name}_s", value=seconds) for name in ("cpu", "window"))]
    if counted:
        tables += [calls.assign(metric="visit_cpu_j", value=1e-9), calls.assign(metric="visit_memory_j", value=seconds)]
        parts = (Component("cpu", "counter", "RAPL"), Component("memory", "modelled-generic", "a guess"))
    else:
        tables.append(calls.assign(metric="visit_cpu_j", value=20 * seconds))
        parts = (Component("cpu", "modelled-tdp", "a model", tdp_w=65.0),)
    found = PairedSamples(pd.concat(tables), "ref", pinned=True, components=parts)
    forms = {form.form: form for form in envelope_to(found, "mine", "ref", cores=1)}
    form = forms["processor counted, memory as modelled" if counted else "constant, the rated power"]
    time = found.ratio("mine", "latency")
    assert time is not None
    assert (form.low, form.value, form.high) == pytest.approx((time.low, time.value, time.high), rel=1e-6)


def test_the_record_tells_how_far_the_speed_changed() -> None:
    frame = run()
    shares = [
        frame[frame["metric"] == "visit_calls"].assign(metric=f"visit_{name}_share", value=0.0)
        for name in ("others", "steal")
    ]
    contention = read(pd.concat([frame, *shares])).contention()
    assert contention is not None and contention.slowdown == pytest.approx(1.5, rel=0.1)


def stretches(rng: np.random.Generator, *, moving: bool) -> Stretches:
    candidate = np.repeat([0, 1], 200)
    speed = np.log(1.5) * (rng.random(400) < 0.5) if moving else np.zeros(400)
    call_s = 0.01 * np.exp(np.array([0.8, 1.3])[candidate] * speed + 0.01 * rng.standard_normal(400))
    return Stretches(
        candidate=candidate,
        visit=np.repeat(np.arange(20), 20),
        block=np.tile(np.repeat(np.arange(10), 20), 2),
        generation=np.tile(np.repeat(np.arange(5), 40), 2),
        calls=np.ones(400),
        call_s=call_s,
        cpu_s=call_s,
        wait_s=np.zeros(400),
        yard_s=2e-5 * np.exp(speed + 0.001 * rng.standard_normal(400)),
    )


def test_slopes_come_back() -> None:
    found = slopes(stretches(np.random.default_rng(1), moving=True), 2e-5)
    assert found[0] == pytest.approx([0.8, 1.3], abs=0.05)


def test_where_the_core_keeps_its_speed_nothing_is_adjusted() -> None:
    seen = stretches(np.random.default_rng(1), moving=False)
    assert factors(seen, slopes(seen, 2e-5), 2e-5) == pytest.approx(np.ones(20), abs=1e-3)


def test_pseudo_values_of_a_plain_mean_are_the_values() -> None:
    logs = np.array([0.1, 0.3, np.nan, 0.2])
    assert pseudo_values(logs, np.tile(logs, (4, 1))) == pytest.approx(logs, nan_ok=True)


def waiting(seen: Stretches, waits: NDArray[np.float64]) -> Stretches:
    """The same stretches behind others on the core: `waits` is the log by which the clock runs on."""
    call_s = seen.call_s * np.exp(waits)
    return replace(seen, call_s=call_s, wait_s=seen.wait_s + call_s - seen.call_s)


def compared(seen: Stretches) -> float:
    """Log of the second candidate's time over the first's, all at the run's mean speed and wait."""
    seen = replace(seen, asking=asking(seen))
    even = np.log(np.bincount(seen.visit, weights=seen.call_s) / 20 * factors(seen, slopes(seen, 2e-5), 2e-5))
    return float(even[10:].mean() - even[:10].mean())


@pytest.mark.parametrize("seed", range(5))
def test_a_crowd_that_never_leaves_the_core_alone_is_not_taken_for_a_models_own_wait(seed: int) -> None:
    rng = np.random.default_rng(seed)
    seen = stretches(rng, moving=False)
    # Each candidate has waited throughout, and by chance the second never less than the first usually.
    waits = rng.uniform(0.8, 1.4, 400) + np.where(seen.candidate == 1, 0.2, 0.0)
    crowded = compared(waiting(seen, waits))
    assert crowded == pytest.approx(compared(seen), abs=0.02)
    untold = replace(waiting(seen, waits), wait_s=np.zeros(400))
    assert abs(compared(untold) - compared(seen)) > 0.1, "this is what the kernel's word is asked for"


@pytest.mark.parametrize("seed", range(5))
def test_waits_between_the_calls_are_not_taken_for_less_than_no_wait_of_ones_own(seed: int) -> None:
    rng = np.random.default_rng(seed)
    seen = stretches(rng, moving=False)
    taken = waiting(seen, np.where(rng.random(400) < 0.4, rng.uniform(0.2, 1.0, 400), 0.0))
    # The kernel counts all of a worker's waiting, and by chance the second was put off between its calls more often.
    between = np.where(rng.random(400) < np.where(seen.candidate == 1, 0.15, 0.05), 0.05, 0.0)
    counted = replace(taken, wait_s=taken.wait_s + between * seen.call_s)
    assert compared(counted) == pytest.approx(compared(taken), abs=0.002)


def test_a_model_that_waits_of_its_own_keeps_its_wait() -> None:
    rng = np.random.default_rng(1)
    seen = stretches(rng, moving=False)
    asks = replace(seen, call_s=np.where(seen.candidate == 1, 2.0, 1.0) * seen.call_s)  # half of its time on a GPU
    crowded = waiting(asks, rng.uniform(0.0, 1.0, 400))
    assert compared(crowded) == pytest.approx(compared(asks), abs=0.02)
    assert compared(asks) == pytest.approx(np.log(2.0), abs=0.02)


@pytest.mark.parametrize("crowded", [False, True])
def test_what_a_model_waits_of_its_own_stays_in_its_times_however_it_varies(crowded: bool) -> None:
    rng = np.random.default_rng(1)
    seen = stretches(rng, moving=False)
    wire_s = np.where(seen.candidate == 1, rng.lognormal(0.0, 0.2, 400), 0.0) * seen.call_s
    asks = replace(seen, call_s=seen.call_s + wire_s, wait_s=np.full(400, 1e-9))
    found = waiting(asks, np.where(rng.random(400) < 0.4, rng.uniform(0.2, 1.0, 400), 0.0)) if crowded else asks
    assert compared(found) == pytest.approx(np.log(1 + np.exp(0.02)), abs=0.02)


def test_waiting_for_the_core_is_taken_out() -> None:
    rng = np.random.default_rng(1)
    seen = stretches(rng, moving=False)
    waits = np.where(rng.random(400) < 0.4, rng.uniform(0.2, 1.0, 400), 0.0)
    taken = waiting(seen, waits)
    raw = np.bincount(taken.visit, weights=taken.call_s) / 20
    even = raw * factors(taken, slopes(taken, 2e-5), 2e-5)
    assert np.std(np.log(even)) < 0.2 * np.std(np.log(raw))
    assert slopes(taken, 2e-5)[1] == pytest.approx([1.0, 1.0], abs=0.05)


@pytest.mark.parametrize("seed", range(5))
def test_threads_are_not_taken_for_waiting_less_than_others(seed: int) -> None:
    """Two threads take 1.8 times as much CPU time as wall time, and where one is late, the clock runs on alone."""
    rng = np.random.default_rng(seed)
    seen = stretches(rng, moving=False)
    late = np.where(seen.candidate == 1, np.exp(rng.uniform(0.0, 0.1, 400)), 1.0)
    threaded = replace(seen, call_s=late * seen.call_s, cpu_s=np.where(seen.candidate == 1, 1.8, 1.0) * seen.cpu_s)
    assert compared(threaded) == pytest.approx(compared(seen), abs=0.06)
    crowded = compared(waiting(threaded, rng.uniform(0.8, 1.4, 400)))
    assert crowded == pytest.approx(compared(seen), abs=0.08), "in a crowd that never leaves as well"


def test_too_few_stretches_adjust_nothing() -> None:
    seen = stretches(np.random.default_rng(1), moving=True)
    few = np.array([0, 199, 200, 399])  # four rows, and six numbers to be told from them
    tiny = Stretches(**{
        name: np.unique(value[few], return_inverse=True)[1] if name in ("visit", "block") else value[few]
        for name, value in vars(seen).items()
        if name != "asking"
    })  # fmt: skip
    assert not slopes(tiny, 2e-5).any()
