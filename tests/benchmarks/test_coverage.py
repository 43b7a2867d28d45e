"""The simulations run, with few trials: that their numbers are good is for `make bench` to show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import (
    coverage,
    coverage_load,
    coverage_quality,
    coverage_real,
    coverage_speed,
    coverage_tails,
    coverage_time,
)
from benchmarks.loadgen import sojourn_s
from benchmarks.rows import COVERS, Row, markdown
from effkit.analysis.paired import PairedSamples
from effkit.production import LoadSpec


def test_a_share_is_judged_with_its_own_interval() -> None:
    assert Row("s", "w", "95 %", 950, 1000).met == "yes"
    assert Row("s", "w", "95 %", 380, 400).met == "not decided"
    assert Row("s", "w", "95 %", 920, 1000).met == "within chance"
    assert Row("s", "w", "95 %", 800, 1000).met == "**no**"
    assert Row("s", "w", "95 %", 1000, 1000).met == "no: wider than needed"
    assert Row("s", "w", "≤ 2.5 %", 5, 1000, (0.0, 0.025)).met == "yes"
    assert Row("s", "w", "≤ 2.5 %", 20, 1000, (0.0, 0.025)).met == "not decided"
    assert Row("s", "w", "≤ 2.5 %", 30, 1000, (0.0, 0.025)).met == "within chance"
    assert Row("s", "w", "≤ 2.5 %", 80, 1000, (0.0, 0.025)).met == "**no**"
    assert Row("s", "w", "95 %", 0, 0).met == "no trials"
    assert Row("s", "w", "95 %", 1, 10, None).met == "–"


def test_sections_become_tables() -> None:
    text = markdown(
        [Row("first", "a", "95 %", 9, 10), Row("second", "b", "95 %", 0, 0), Row("first", "c", "1 %", 0, 1)]
    )
    assert text.count("### ") == 2
    assert "| a | 95 % | 90.00% (55.50% to 99.75%) | 10 | 93% to 97% |" in text


def test_every_simulated_row_counts_its_trials() -> None:
    parts = (coverage_time.rows, *coverage_tails.PARTS, coverage_load.rows, coverage_quality.rows)
    found = [row for part in parts for row in part(0.002)]
    assert {row.section for row in found} > {"Mean latency", "Percentiles of latency", "Quality gap, no true gap"}
    assert all(0 <= row.hits <= row.trials for row in found)
    assert len({(row.section, row.what) for row in found}) == len(found)


@pytest.mark.parametrize("core", coverage_speed.CORES, ids=lambda core: core.name)
def test_a_simulated_run_has_the_ratio_that_is_said(core: coverage_speed.Core) -> None:
    samples, truth = coverage_speed.simulated(core, np.random.default_rng(1))
    found = PairedSamples(samples, "large", pinned=True).ratio("small", "latency")
    assert found is not None and found.n == coverage_speed.GENERATIONS
    assert found.value == pytest.approx(truth, rel=0.03)
    assert truth == pytest.approx(0.9, rel=0.1)


def test_runs_are_counted() -> None:
    ours, itself = coverage_speed.ratios(coverage_speed.CORES[0], 3)
    assert (ours.trials, itself.trials) == (3, 3) and ours.what != itself.what


def test_the_truth_is_of_the_core_and_not_of_what_the_yardstick_read() -> None:
    steady = coverage_speed.Core("steady", follows=(1.0, 0.5))
    _, truth = coverage_speed.simulated(steady, np.random.default_rng(1))
    assert truth == pytest.approx(0.9, rel=1e-12)


def test_runs_that_stop_by_themselves_go_on() -> None:
    row = coverage_speed.stopping(coverage_speed.CORES[-1], 3)
    assert row.trials == 3 and 0 <= row.hits <= 3
    assert float(row.note.partition(" ")[0]) > coverage_speed.GENERATIONS


@pytest.mark.parametrize("load", [0.3, 0.8])
def test_a_simulated_queue_has_the_tails_of_the_formula(load: float) -> None:
    rng, spec = np.random.default_rng(1), LoadSpec(queries=20_000, seeds=20)
    pooled = np.concatenate(coverage_load.m_d_1(rng, load, spec))
    for level in (50, 90, 99):
        assert np.quantile(pooled, level / 100) == pytest.approx(sojourn_s(level, load, 1.0), rel=0.05)


def test_the_ratios_interval_covers() -> None:
    row = coverage_time.ratio("normal luck of processes, sd 1 %", 5, coverage_time.PLACE, 1500)
    assert row.met in ("yes", "not decided", "within chance")


def test_clusters_hold_both_classes_and_win_or_lose_them_together() -> None:
    setting = next(each for each in coverage_quality.settings() if "that hold both classes" in each.name)
    items = setting.draw(np.random.default_rng(1), 0.0)
    assert items.clusters is not None and items.weights is not None
    rare = items.weights == items.weights.max()
    assert 0.05 < rare.mean() < 0.15 and np.isin(items.clusters[rare], items.clusters[~rare]).mean() > 0.9
    assert items.weights.mean() == pytest.approx(1.0)


@pytest.mark.parametrize("setting", coverage_quality.settings(), ids=lambda setting: setting.name)
def test_the_gap_that_is_drawn_is_the_gap_that_is_said(setting: coverage_quality.Setting) -> None:
    rng = np.random.default_rng(1)
    gains = []
    for _ in range(max(4, 40_000 // len(setting.draw(rng, 0.0).candidate))):
        items = setting.draw(rng, -setting.margin)
        gains.append(
            items.candidate - items.reference if setting.higher_is_better else items.reference - items.candidate
        )
    gain = np.concatenate(gains)
    # Clusters and heavy tails: five standard errors of independent items leave room for both.
    assert gain.mean() == pytest.approx(-setting.margin, abs=5 * gain.std() / np.sqrt(gain.size))


def test_real_runs_are_resampled(tmp_path: Path) -> None:
    run = tmp_path / "study" / "run"
    run.mkdir(parents=True)
    made = table()
    made.to_parquet(run / "samples.parquet")
    scores = {name: np.random.default_rng(len(name)).random(300) < 0.8 for name in ("large", "small-one")}
    pd.concat(
        pd.DataFrame({"candidate": name, "seed": 1, "item": range(300), "score": score.astype(float)})
        for name, score in scores.items()
    ).to_parquet(run / "predictions.parquet")
    found = list(coverage_real.rows(tmp_path, 0.02))
    assert len(found) == 3 + len(coverage_real.LEVELS) + 2
    assert all(0 <= row.hits <= row.trials for row in found)
    assert sum(row.trials for row in found) > 100
    assert list(coverage_real.rows(tmp_path / "study" / "none", 0.02)) == []


def table() -> pd.DataFrame:
    """Four generations of two blocks of 200 calls, with a repeated visit that must be left out."""
    rng, rows = np.random.default_rng(0), []
    for candidate, twin in (("large", "a"), ("large", "b"), ("small", "")):
        for generation in range(4):
            for block in range(2):
                for attempt in range(2 if (generation, block) == (1, 1) else 1):
                    place = (candidate, twin, generation, block, 0, attempt)
                    calls = rng.lognormal(0, 0.1, 200) * (5 if attempt == 0 and (generation, block) == (1, 1) else 1)
                    rows += [(*place, item, "infer_s", value) for item, value in enumerate(calls)]
                    rows += [(*place, item, "prepare_s", 0.01) for item in range(200)]
                    rows += [(*place, -1, "visit_infer_s", calls.mean()), (*place, -1, "visit_prepare_s", 0.01)]
    columns = ["candidate", "twin", "generation", "block", "position", "attempt", "item", "metric", "value"]
    return pd.DataFrame(rows, columns=columns)


def test_the_page_names_what_missed(capsys: pytest.CaptureFixture[str]) -> None:
    found = [
        Row("s", "good", "95 %", 950, 1000),
        Row("s", "open", "95 %", 95, 100),
        Row("s", "bad", "95 %", 5, 100, COVERS),
    ]
    page = coverage.report(found)
    assert (
        "of 3 rows with an aim and trials 1 meet it, 1 are not decided, 0 lie outside it and may do so by chance"
        in page
    )
    assert "1 is shown to miss it; 0 had no trial" in page and "- s: bad: 5.00%" in page
    with pytest.raises(SystemExit, match="no such folder"):
        coverage.main(["--results", "nowhere"])
