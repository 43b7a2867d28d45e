"""Samples read as pairs: known truths come back, and what the data cannot carry is not claimed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from effkit.analysis.estimates import latency
from effkit.analysis.sequential import stein_interval
from tests.analysis.runs import in_places, paired, samples


def test_a_true_ratio_comes_back_with_its_verdict() -> None:
    ratio = paired(samples()).ratio("mine", "latency")
    assert ratio is not None
    assert ratio.low is not None and ratio.high is not None
    assert ratio.low < 2.0 < ratio.high
    assert ratio.high / ratio.low < 1.02
    assert (ratio.verdict, ratio.n) == ("higher", 10)
    throughput = paired(samples()).ratio("mine", "throughput")
    assert throughput is not None and throughput.verdict == "lower"


def test_the_reference_has_no_ratio_but_is_its_own_noise_check() -> None:
    found = paired(samples())
    assert found.ratio("ref", "latency") is None
    checks = {check.metric: check for check in found.noise}
    assert set(checks) == {"latency", "throughput", "energy"}
    assert all(check.assessed and not check.unstable for check in checks.values())
    assert checks["latency"].threshold >= 0.01


def test_what_starting_later_is_worth_neither_biases_a_ratio_nor_widens_it() -> None:
    frame = samples(slower=1.03, luck=0.002)
    known, unknown = in_places(frame, 0.02), in_places(frame, 0.02)
    unknown.loc[unknown["metric"] == "load_s", "position"] = -1
    found, blind = (paired(each).ratio("mine", "latency") for each in (known, unknown))
    assert found is not None and found.low is not None and found.high is not None
    assert blind is not None and blind.low is not None and blind.high is not None
    assert found.value == pytest.approx(blind.value) == pytest.approx(1.03, rel=0.005)
    assert found.high / found.low - 1 < 0.25 * (blind.high / blind.low - 1)
    assert (found.verdict, blind.verdict) == ("higher", "within noise")


def test_nor_does_it_between_two_that_are_not_the_reference() -> None:
    frame = samples(luck=0.0)
    mine = frame[frame["candidate"] == "mine"]
    known = in_places(pd.concat([frame, mine.assign(candidate="other")]), 0.02)
    unknown = known.assign(position=-1)
    found, blind = (paired(each).log_ratios("mine", "latency", over="other") for each in (known, unknown))
    assert np.abs(blind) == pytest.approx(np.full(10, 0.02))
    assert found == pytest.approx(np.zeros(10), abs=1e-9)


def test_a_run_is_called_unstable_at_the_level_that_it_says() -> None:
    found = paired(in_places(samples(luck=0.01, generations=6), 0.02))
    usual, strict = (found.a_a_log_ratios("latency", level=level) for level in (0.95, 0.99))
    assert usual.mean() == pytest.approx(strict.mean())
    assert strict.std() / usual.std() == pytest.approx(4.6041 / 4.0321 / (2.7764 / 2.5706), rel=1e-3), "Student's t"


def test_a_difference_within_the_noise_is_not_claimed() -> None:
    ratio = paired(samples(slower=1.005)).ratio("mine", "latency")
    assert ratio is not None and ratio.verdict == "within noise"


def test_unpinned_workers_need_a_larger_difference() -> None:
    pinned, unpinned = (
        paired(samples(slower=1.02), pinned=pinned).ratio("mine", "latency") for pinned in (True, False)
    )
    assert pinned is not None and pinned.verdict == "higher"
    assert unpinned is not None and unpinned.verdict == "within noise"


def test_a_reference_that_differs_from_itself_makes_the_run_unstable() -> None:
    found = paired(samples(twin_b=1.2))
    assert any(check.unstable for check in found.noise if check.metric == "latency")
    ratio = found.ratio("mine", "latency")
    assert ratio is not None and ratio.verdict == "unstable"


@pytest.mark.parametrize("generations", [1, 4])
def test_fewer_than_five_generations_only_indicate(generations: int) -> None:
    found = paired(samples(generations=generations))
    ratio = found.ratio("mine", "latency")
    assert ratio is not None and ratio.verdict == "indicative"
    assert not any(check.assessed for check in found.noise)
    seen = latency(found, "mine", seed=1)
    assert seen is not None
    assert (seen.mean_s.low is None) == (generations == 1)


def test_a_candidate_that_failed_half_way_keeps_what_it_had() -> None:
    frame = samples()
    kept = frame[(frame["candidate"] != "mine") | (frame["generation"] < 3)]
    ratio = paired(kept).ratio("mine", "latency")
    assert ratio is not None and (ratio.n, ratio.verdict) == (3, "indicative")


def repeated(frame: pd.DataFrame, *, slower: float) -> pd.DataFrame:
    """The same run, its first visit to the candidate disturbed once and then made again."""
    first = (frame["candidate"] == "mine") & (frame["generation"] == 0) & (frame["block"] == 0)
    disturbed = frame[first].copy()
    disturbed.loc[disturbed["metric"].str.endswith("_s"), "value"] *= slower
    disturbed.loc[disturbed["metric"] == "visit_others_share", "value"] = 0.6
    again = frame[first].assign(attempt=1)
    return pd.concat([frame[~first], disturbed, again], ignore_index=True)


def test_the_last_attempt_of_a_visit_counts_and_all_are_told() -> None:
    plain, found = paired(samples()), paired(repeated(samples(), slower=3.0))
    assert found.ratio("mine", "latency") == plain.ratio("mine", "latency")
    contention = found.contention()
    assert contention is not None
    assert (contention.visits, contention.repeated, contention.disturbed) == (30, 1, 0)
    one, other = latency(found, "mine", seed=1), latency(plain, "mine", seed=1)
    assert one is not None and other is not None and one.calls == other.calls


def disturb(frame: pd.DataFrame, *, generations: range, slower: float) -> pd.DataFrame:
    """The same run, the candidate's visits of some generations slowed down by others."""
    hit = (frame["candidate"] == "mine") & frame["generation"].isin(generations) & (frame["block"] >= 0)
    frame = frame.copy()
    frame.loc[hit & frame["metric"].isin(["visit_prepare_s", "visit_infer_s"]), "value"] *= slower
    frame.loc[hit & (frame["metric"] == "visit_others_share"), "value"] = 0.8
    return frame


def test_a_verdict_that_hangs_on_disturbed_visits_is_not_resolvable() -> None:
    run = disturb(samples(generations=10, slower=1.0), generations=range(5), slower=1.3)
    ratio = paired(run).ratio("mine", "latency")
    assert ratio is not None
    assert ratio.undisturbed == "within noise"
    same = disturb(samples(generations=10, slower=1.0), generations=range(10), slower=1.3)
    alone = paired(same).ratio("mine", "latency")
    assert alone is not None and (alone.undisturbed, alone.verdict) == ("indicative", "not resolvable")


def test_a_verdict_that_stands_without_disturbed_visits_stays() -> None:
    run = disturb(samples(generations=6, slower=2.0), generations=range(3), slower=1.05)
    ratio = paired(run).ratio("mine", "latency")
    assert ratio is not None and (ratio.undisturbed, ratio.verdict) == ("higher", "higher")


def test_a_host_that_is_always_busy_disturbs_nothing_by_it() -> None:
    frame = samples()
    frame.loc[frame["metric"] == "visit_steal_share", "value"] = 0.05
    contention = paired(frame).contention()
    assert contention is not None and (contention.disturbed, contention.steal_limit) == (0, 0.1)


def test_a_run_that_could_go_on_takes_its_interval_from_its_first_generations() -> None:
    run = samples(generations=8)
    fixed, adaptive = paired(run).ratio("mine", "latency"), paired(run, first=5).ratio("mine", "latency")
    assert fixed is not None and adaptive is not None
    assert fixed.value == adaptive.value
    assert (fixed.low, fixed.high) != (adaptive.low, adaptive.high)
    expected = stein_interval(paired(run).log_ratios("mine", "latency"), 5)
    assert expected is not None and (adaptive.low, adaptive.high) == pytest.approx((expected.low, expected.high))


def test_without_a_disturbed_visit_the_stopping_rule_alone_takes_no_verdict_back() -> None:
    rng = np.random.default_rng(7)
    logs = np.concatenate([0.001 * rng.standard_normal(5), 0.05 * rng.standard_normal(15)]) - 0.03
    frame = samples(generations=20, slower=1.0, luck=0.0)
    for generation, log in enumerate(logs):
        rows = (frame["candidate"] == "mine") & (frame["generation"] == generation)
        frame.loc[rows & frame["metric"].isin(["visit_prepare_s", "visit_infer_s"]), "value"] *= float(np.exp(log))
    ratio = paired(frame, first=5).ratio("mine", "latency")
    assert ratio is not None and (ratio.verdict, ratio.undisturbed) == ("lower", "lower")


def test_a_run_that_ended_early_has_an_interval_all_the_same() -> None:
    run = paired(samples(generations=2), first=5)
    ratio, expected = run.ratio("mine", "latency"), stein_interval(run.log_ratios("mine", "latency"), 2)
    assert ratio is not None and expected is not None
    assert (ratio.low, ratio.high) == pytest.approx((expected.low, expected.high))
