"""Coverage on real samples: runs are taken as the whole truth, and smaller runs are drawn from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import Row, rng_for
from effkit.analysis.interval import Floats
from effkit.analysis.quality import non_inferiority
from effkit.analysis.sequential import generations_needed, stein_interval
from effkit.analysis.statistics import (
    FEWEST_GENERATIONS,
    paired_log_ratios,
    ratio_over_generations,
)
from effkit.analysis.tails import percentiles
from effkit.spec import Protocol

if TYPE_CHECKING:
    import pandas as pd

STANDARD = Protocol()
FEWEST_MEASURED = 3
"""Generations of a real run, for its spread between them to mean anything."""
LEVELS = (50, 90, 99)


def rows(results: Path, scale: float = 1.0) -> Iterator[Row]:
    """Rows from every run under `results`; none where there is none with several generations."""
    runs = [path.parent for path in sorted(results.rglob("samples.parquet")) if not path.parent.name.startswith(".")]
    yield from ratios(runs, max(2, round(4000 * scale)))
    yield from tails(runs, max(2, round(100 * scale)))
    yield from gaps(runs, max(2, round(300 * scale)))


def ratios(runs: list[Path], trials: int) -> Iterator[Row]:
    """Ratios of generations drawn from all that were measured, each candidate's spread about its own mean."""
    pool = np.concatenate([each for run in runs for each in _residuals(_samples(run))] or [np.empty(0)])
    if not pool.size:
        return
    section = f"Real samples: latency ratios ({pool.size} generations of real candidates, truth 1)"
    for generations in (FEWEST_GENERATIONS, STANDARD.generations):
        rng, hits = rng_for(section, generations), 0
        for _ in range(trials):
            interval = ratio_over_generations(rng.choice(pool, generations))
            hits += interval is not None and interval.low <= 1 <= interval.high
        yield Row(section, f"{generations} generations", "95 %", hits, trials)
    asked = float(np.expm1(np.std(pool)))
    rng, hits = rng_for(section, "stein"), 0
    for _ in range(trials):
        drawn = rng.choice(pool, STANDARD.most_generations)
        total = generations_needed({"": drawn[: STANDARD.generations]}, asked, most=drawn.size)
        interval = stein_interval(drawn[:total], STANDARD.generations)
        hits += interval is not None and interval.low <= 1 <= interval.high
    yield Row(
        section, f"Stein's two stages, ±{asked:.2%} asked, at most {STANDARD.most_generations}", "95 %", hits, trials
    )


def tails(runs: list[Path], trials: int) -> Iterator[Row]:
    """Percentiles of runs whose generations are drawn from real ones, blocks within them drawn too."""
    series = [each for run in runs for each in _calls(_samples(run))]
    if not series:
        return
    section = f"Real samples: percentiles of latency ({len(series)} real candidates, generations and blocks drawn)"
    opened, hits = dict.fromkeys(LEVELS, 0), dict.fromkeys(LEVELS, 0)
    rng = rng_for(section)
    for generations in series:
        truths = np.quantile(
            np.concatenate([times for blocks in generations for times, _ in blocks]), np.array(LEVELS) / 100
        )
        for _ in range(trials):
            drawn = []
            for generation in range(STANDARD.generations):
                blocks = generations[rng.integers(len(generations))]
                drawn += [(generation, block, *blocks[rng.integers(len(blocks))]) for block in range(len(blocks))]
            times, item = (np.concatenate([cell[place] for cell in drawn]) for place in (2, 3))
            of_generation, of_block = (
                np.concatenate([np.full(cell[2].size, cell[place]) for cell in drawn]) for place in (0, 1)
            )
            found = percentiles(times, of_generation, of_block, item=item, rng=rng, levels=LEVELS, resamples=500)
            for level, truth, each in zip(LEVELS, truths, found, strict=True):
                opened[level] += each.interval is not None
                hits[level] += each.interval is not None and bool(each.interval.low <= truth <= each.interval.high)
    for level in LEVELS:
        note = f"gate open in {opened[level] / (trials * len(series)):.0%} of runs; 500 resamples"
        yield Row(
            section, f"p{level}, {STANDARD.generations} generations", "95 %", hits[level], opened[level], note=note
        )


def gaps(runs: list[Path], trials: int) -> Iterator[Row]:
    """Quality gaps of 200 and 1,000 items drawn from the real scores of each pair of candidates."""
    pairs = [pair for run in runs for pair in _scores(run)]
    if not pairs:
        return
    section = f"Real samples: quality gap ({len(pairs)} real pairs, items drawn)"
    for n in (200, 1000):
        rng, hits = rng_for(section, n), 0
        for candidate, reference in pairs:
            truth = float((candidate - reference).mean())
            spread = float(np.abs(reference).mean()) or 1.0
            for trial in range(trials):
                chosen = rng.integers(candidate.size, size=n)
                found = non_inferiority(
                    candidate[chosen], reference[chosen], margin=0.02 * spread, seed=trial, resamples=1000
                )
                hits += found.interval.low <= truth <= found.interval.high
        yield Row(section, f"n = {n:,}", "95 %", hits, trials * len(pairs))


def _samples(run: Path) -> pd.DataFrame:
    """The run's table, of each block its last attempt."""
    import pandas as pd

    table = pd.read_parquet(run / "samples.parquet")
    place = ["candidate", "twin", "generation", "block"]
    last = table.groupby(place, observed=True)["attempt"].transform("max")
    return table[table["attempt"] == last]


def _residuals(samples: pd.DataFrame) -> Iterator[Floats]:
    """Each candidate's log ratios about their mean, stretched to the spread of an unknown mean."""
    visits = samples[samples["metric"].isin(["visit_prepare_s", "visit_infer_s"])]
    place = ["candidate", "twin", "generation", "block"]
    means = visits.groupby(place, observed=True)["value"].sum().unstack(["generation", "block"])
    generations, blocks = (int(visits[axis].max()) + 1 if len(visits) else 0 for axis in ("generation", "block"))
    means = means.reindex(columns=[(each, block) for each in range(generations) for block in range(blocks)])
    twins = means.index.get_level_values("twin").astype(str)
    if not (twins == "b").any():
        return
    reference = str(means.index[twins == "b"][0][0])
    cells = means.to_numpy().reshape(len(means), generations, -1)
    of_reference = means.index.get_level_values("candidate").astype(str) == reference
    a, b = (cells[of_reference & (twins == twin)][0] for twin in "ab")
    for cell in cells[~of_reference]:
        logs = paired_log_ratios(cell, a, b)
        logs = logs[~np.isnan(logs)]
        if logs.size >= FEWEST_MEASURED:
            yield (logs - logs.mean()) * np.sqrt(logs.size / (logs.size - 1))


def _calls(samples: pd.DataFrame) -> Iterator[list[list[tuple[Floats, NDArray[np.intp]]]]]:
    """For each worker line with several generations: its generations, their blocks, the calls' seconds and items."""
    calls = samples[samples["metric"].isin(["prepare_s", "infer_s"])]
    for _, line in calls.groupby(["candidate", "twin"], observed=True):
        generations = []
        for _, generation in line.groupby("generation"):
            blocks = []
            for _, block in generation.groupby("block"):
                parts = [block.loc[block["metric"] == part, "value"].to_numpy() for part in ("prepare_s", "infer_s")]
                blocks.append((parts[0] + parts[1], block.loc[block["metric"] == "infer_s", "item"].to_numpy()))
            generations.append(blocks)
        if len(generations) >= FEWEST_MEASURED:
            yield generations


def _scores(run: Path) -> Iterator[tuple[Floats, Floats]]:
    """Scores on the same items of each candidate and the first one, with the first training seed."""
    import pandas as pd

    path = run / "predictions.parquet"
    if not path.is_file():
        return
    table = pd.read_parquet(path, columns=["candidate", "seed", "item", "score"])
    first = table.drop_duplicates(["candidate", "item"])
    wide = first.pivot(index="item", columns="candidate", values="score").dropna()
    for name in list(wide.columns)[1:]:
        yield wide[name].to_numpy(np.float64), wide[wide.columns[0]].to_numpy(np.float64)
