"""Curves, gaps recovered, shifts and alarms of cascades, from arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from effkit.analysis.cascade import Stages, alarm_band, cost_of, curve, mixes, recovered
from effkit.balance import class_weights

N = 600


def stages(seed: int = 0, *, informed: bool = True, last: float = 0.9) -> Stages:
    """A weak stage and a strong one; confidence tells where the weak one is right, or nothing."""
    rng = np.random.default_rng(seed)
    weak = (rng.random(N) < 0.7).astype(float)
    strong = (rng.random(N) < last).astype(float)
    confidence = rng.random(N) + (0.8 * weak if informed else 0.0)
    return Stages(np.stack([weak, strong]), confidence[None], (0.9,), (0.1, 1.0), None, seed)


def test_the_curve_runs_from_the_first_stage_to_the_last() -> None:
    found = stages()
    points = curve(found)
    assert (points[0].escalated, points[-1].escalated) == (0.0, 1.0)
    assert points[0].quality.value == found.scores[0].mean()
    assert points[-1].quality.value == found.scores[-1].mean()
    assert (points[0].cost, points[-1].cost) == (pytest.approx(0.1), pytest.approx(1.1))
    assert all(point.quality.origin == "modelled" for point in points)
    assert [point.escalated for point in points] == sorted(point.escalated for point in points)


def test_costs_are_those_of_all_stages_that_are_asked() -> None:
    found = replace(stages(), costs=(0.1, 0.5))
    by = found.answered_by
    assert cost_of(found, by) == pytest.approx(0.1 + 0.5 * np.mean(by == 1))
    assert cost_of(replace(found, costs=None), by) is None


def test_a_confidence_that_knows_recovers_more_than_half_and_one_that_does_not_half() -> None:
    knows = recovered(stages(informed=True)).value
    assert knows is not None and knows.low is not None and knows.low > 0.5
    values = [recovered(stages(seed, informed=False)).value for seed in range(20)]
    assert np.mean([each.value for each in values if each]) == pytest.approx(0.5, abs=0.06)


def test_nothing_is_recovered_where_the_last_stage_is_not_better() -> None:
    found = recovered(stages(last=0.7))
    assert found.value is None and "not shown to be better" in found.reason


def test_a_last_stage_that_is_better_in_one_cluster_is_not_shown_to_be_better() -> None:
    weak = (np.arange(N) >= 50).astype(float)
    found = Stages(np.stack([weak, np.ones(N)]), np.linspace(0, 1, N)[None], (0.9,), (0.1, 1.0), None, 0)
    assert recovered(found).value is not None
    clustered = recovered(replace(found, clusters=np.arange(N) // 50))
    assert clustered.value is None and "not shown to be better" in clustered.reason


def test_items_that_depend_on_each_other_widen_the_interval() -> None:
    one = stages()
    doubled = Stages(
        np.repeat(one.scores, 4, axis=1), np.repeat(one.confidences, 4, axis=1), one.thresholds, one.costs, None, 1
    )
    clustered = replace(doubled, clusters=np.repeat(np.arange(N), 4))
    narrow, wide = curve(doubled)[10].quality, curve(clustered)[10].quality
    assert None not in (narrow.low, narrow.high, wide.low, wide.high)
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)  # type: ignore[operator]


def test_the_worst_mix_comes_first_and_the_smallest_last() -> None:
    found = stages()
    by = found.answered_by
    lost = (np.take_along_axis(found.scores, by[None], axis=0)[0] < found.scores[-1]).astype(int)
    kinds = np.where(np.arange(N) < 10, "few", np.where((lost == 1) | (np.arange(N) % 10 == 3), "lossy", "fine"))
    made = mixes(found, {"kind": kinds})
    assert made[0].kind == "kind=lossy" and made[0].gap is not None and made[0].gap.value < 0
    assert made[-1].kind == "kind=few" and made[-1].gap is None and made[-1].verdict == "too few items"
    assert sum(mix.n for mix in made) == N
    assert all(mix.escalated.n == mix.n for mix in made)


def test_shares_of_a_mix_know_of_clusters() -> None:
    found, clusters = stages(), np.repeat(np.arange(20), N // 20)
    together = replace(found, confidences=np.repeat(np.arange(20) % 3 / 2, N // 20)[None], clusters=clusters)
    (mix,) = mixes(together, {"kind": np.repeat("all", N)})
    assert mix.escalated.low is not None and mix.escalated.high is not None
    assert mix.escalated.value == pytest.approx(0.7) and mix.escalated.high - mix.escalated.low > 0.35


def test_chance_has_as_many_tries_as_a_mix_has_kinds() -> None:
    wins, losses = np.arange(N) < 30, (np.arange(N) >= 30) & (np.arange(N) < 85)
    answers = np.stack([~losses, ~wins]).astype(float)
    found = Stages(answers, np.ones((1, N)), (0.5,), None, None, 0)  # nothing goes on
    kinds = {f"column{number}": np.repeat("all", N) for number in range(8)}
    assert {mix.verdict for mix in mixes(found, {"column0": kinds["column0"]})} == {"worse"}
    assert {mix.verdict for mix in mixes(found, kinds)} == {"no difference shown"}


def test_a_kind_without_a_disagreement_may_yet_lose() -> None:
    found = replace(stages(), thresholds=(2.0,))  # everything goes on to the last stage
    (mix,) = mixes(found, {"kind": np.repeat("all", N)})
    assert mix.gap is not None and mix.gap.value == 0
    assert mix.gap.low is not None and mix.gap.low < -0.005


def test_an_alarm_is_rare_while_nothing_changes_and_comes_when_it_does() -> None:
    rng = np.random.default_rng(0)
    false = missed = 0
    for _ in range(400):
        band = alarm_band(rng.random(2000) < 0.3)
        assert band is not None
        same, shifted = rng.binomial(band.requests, 0.3), rng.binomial(band.requests, 0.42)
        false += not band.fewest <= same <= band.most
        missed += band.fewest <= shifted <= band.most
    assert false <= 12
    assert missed <= 12


def test_of_items_that_go_on_in_clusters_no_alarm_is_promised() -> None:
    """A band of 1,000 independent items is left by 7 in 10 windows of 500 that come in the same clusters of 50."""
    goes_on = np.repeat(np.random.default_rng(0).random(20) < 0.3, 50)
    assert alarm_band(goes_on) is not None
    assert alarm_band(goes_on, np.repeat(np.arange(20), 50)) is None


def test_where_every_class_counts_the_same_the_curve_stays_below_all() -> None:
    labels = np.arange(N) % 20 == 0  # thirty of six hundred
    weights, one = class_weights(labels), stages()
    balanced = replace(one, scores=one.scores * weights, classes=labels.astype(np.int64))
    best = replace(balanced, scores=np.stack([balanced.scores[0], weights]))
    for found in (balanced, best):
        points = curve(found)
        assert points[-1].quality.value == pytest.approx(found.scores[-1].mean())
        assert all(point.quality.high is not None and point.quality.high <= 1 + 1e-4 for point in points)
    rare, common = (0.5 * 1.96**2 / (items + 1.96**2) for items in (30, N - 30))
    assert curve(best)[-1].quality.low == pytest.approx(1 - np.hypot(rare, common), abs=1e-4)
    value = recovered(best).value
    assert value is not None and value.low is not None and 0 < value.low < value.value
    found = mixes(best, {"class": np.where(labels, "rare", "common")})
    assert {mix.kind: mix.n for mix in found} == {"class=rare": 30, "class=common": 570}
    assert all(mix.quality is not None and 0 < mix.quality <= 1 for mix in found)
