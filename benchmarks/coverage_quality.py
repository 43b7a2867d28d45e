"""Simulated test items with a known gap: intervals, false claims of "not worse", the choice of k."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from benchmarks.rows import Row, rng_for
from effkit.analysis.interval import Floats
from effkit.analysis.quality import NonInferiority, holm_verdicts, non_inferiority, relative_margin
from effkit.balance import class_weights

Rng = np.random.Generator

RESAMPLES = 1000
"""Bootstrap draws of a trial: ten times fewer than in a run, so that many trials fit into minutes."""
LEVEL = (0.0, 0.025)
CLAIMS = ("superior", "non-inferior")


@dataclass(frozen=True)
class Items:
    """Scores of a candidate and the reference on the same items; `weights` are what a right answer scores."""

    candidate: Floats
    reference: Floats
    clusters: NDArray[np.int64] | None = None
    weights: Floats | None = None


@dataclass(frozen=True)
class Setting:
    """A kind of test set.

    Attributes:
        name: in words.
        draw: makes one test set whose true gap (candidate less reference, more is better) is given.
        margin: largest loss accepted, in the score's unit; the boundary of non-inferiority.
        higher_is_better: False for errors.
        relative: the margin as a fraction of the reference's error, which each test set estimates anew.
        share: of the trials, where one trial is slow.
    """

    name: str
    draw: Callable[[Rng, float], Items]
    margin: float
    higher_is_better: bool = True
    relative: float | None = None
    share: float = 1.0


def rows(scale: float = 1.0) -> Iterator[Row]:
    """All rows; `scale` shrinks or grows the number of trials."""
    for setting in settings():
        trials = max(2, round(1500 * scale * setting.share))
        yield gap(setting, 0.0, trials)
        yield from boundary(setting, trials)
    for tried, likeness in ((1, 0.5), (3, 0.5), (6, 0.5), (10, 0.5), (6, 0.0), (6, 0.95)):
        yield choice(tried, likeness, max(2, round(1500 * scale)))


def settings() -> list[Setting]:
    """The kinds of test sets: right or wrong, in clusters, weighed by class, and errors of a regression."""
    found = []
    for n, margin, discordances in ((200, 0.05, (0.06, 0.10, 0.30)), (2000, 0.01, (0.02, 0.10, 0.30))):
        for discordance in discordances:
            name = f"right or wrong, n = {n}, {discordance:.0%} discordant"
            found.append(Setting(name, _answers(n, discordance), margin))
    for number, size in ((200, 5), (30, 10)):
        clusters = f"{number} clusters of about {size} items"
        found.append(Setting(f"right or wrong, {clusters}, 10 % discordant", _clusters(number, size), 0.03))
        for rare in (0.1, 0.4):
            name = f"balanced accuracy, {clusters} that hold both classes, {rare:.0%} in the rare one, 10 % discordant"
            found.append(Setting(name, _balanced_clusters(number, size, rare), 0.03))
    for rare, margin in ((40, 0.05), (200, 0.03)):
        name = f"balanced accuracy, {rare} of 2,000 items in the rare class, 10 % discordant"
        found.append(Setting(name, _balanced((rare, 2000 - rare), 0.10), margin))
    for n, share in ((200, 0.5), (2000, 0.15)):
        name = f"regression errors, lognormal and correlated at 0.9, n = {n}"
        margin = 0.02 * MEAN_ERROR
        found.append(Setting(name, _errors(n), margin, higher_is_better=False, relative=0.02, share=share))
    return found


def gap(setting: Setting, true_gap: float, trials: int) -> Row:
    """Coverage of the gap's interval."""
    rng, hits = rng_for(setting.name, true_gap), 0
    for trial in range(trials):
        found = _test(setting, setting.draw(rng, true_gap), trial)
        hits += found.interval.low <= true_gap <= found.interval.high
    return Row("Quality gap, no true gap", setting.name, "95 %", hits, trials)


def boundary(setting: Setting, trials: int) -> Iterator[Row]:
    """Truly worse by exactly the margin: how often it is called not worse, and whether the interval holds it."""
    rng, hits, wrong = rng_for(setting.name, "boundary"), 0, 0
    for trial in range(trials):
        found = _test(setting, setting.draw(rng, -setting.margin), trial)
        hits += found.interval.low <= -setting.margin <= found.interval.high
        wrong += found.verdict in CLAIMS
    what = f"{setting.name}, true gap = −margin"
    yield Row("Quality gap, at the margin", what, "95 %", hits, trials)
    yield Row("False claims of “not worse”, at the margin", what, "≤ 2.5 %", wrong, trials, LEVEL)


def _test(setting: Setting, items: Items, trial: int) -> NonInferiority:
    margin = setting.margin if setting.relative is None else relative_margin(items.reference, setting.relative)
    return non_inferiority(
        items.candidate,
        items.reference,
        margin=margin,
        seed=trial,
        higher_is_better=setting.higher_is_better,
        clusters=items.clusters,
        weights=items.weights,
        resamples=RESAMPLES,
    )


def _answers(n: int, discordance: float) -> Callable[[Rng, float], Items]:
    def draw(rng: Rng, true_gap: float) -> Items:
        losses = (discordance - true_gap) / 2
        place, both = rng.random(n), (rng.random(n) < 0.8).astype(np.float64)
        lost, won = place < losses, place > 1 - (discordance - losses)
        return Items(np.where(lost, 0.0, np.where(won, 1.0, both)), np.where(lost, 1.0, np.where(won, 0.0, both)))

    return draw


def _balanced(sizes: tuple[int, ...], discordance: float) -> Callable[[Rng, float], Items]:
    """Classes of these sizes, each with the same gap."""
    weights, answers = class_weights(np.repeat(np.arange(len(sizes)), sizes)), _answers(sum(sizes), discordance)

    def draw(rng: Rng, true_gap: float) -> Items:
        drawn = answers(rng, true_gap)
        return Items(drawn.candidate * weights, drawn.reference * weights, weights=weights)

    return draw


def _clusters(clusters: int, size: int, discordance: float = 0.10) -> Callable[[Rng, float], Items]:
    """Clusters with wins and losses of their own (Dirichlet, so that the mean gap is exact)."""

    def draw(rng: Rng, true_gap: float) -> Items:
        losses = (discordance - true_gap) / 2
        means = np.array([losses, discordance - losses, 1 - discordance])
        of_cluster = rng.dirichlet(4 * means, clusters)
        labels = np.repeat(np.arange(clusters), 1 + rng.poisson(size - 1, clusters))
        place, both = rng.random(labels.size), (rng.random(labels.size) < 0.8).astype(np.float64)
        lost = place < of_cluster[labels, 0]
        won = ~lost & (place < of_cluster[labels, :2].sum(axis=1))
        return Items(
            np.where(lost, 0.0, np.where(won, 1.0, both)), np.where(lost, 1.0, np.where(won, 0.0, both)), labels
        )

    return draw


def _balanced_clusters(clusters: int, size: int, rare: float) -> Callable[[Rng, float], Items]:
    """Clusters with items of a common and a rare class, which they win and lose together."""
    answers = _clusters(clusters, size)

    def draw(rng: Rng, true_gap: float) -> Items:
        drawn = answers(rng, true_gap)
        weights = class_weights(rng.random(drawn.candidate.size) < rare)
        return Items(drawn.candidate * weights, drawn.reference * weights, drawn.clusters, weights)

    return draw


MEAN_ERROR = float(np.exp(0.8**2 / 2))


def _errors(n: int) -> Callable[[Rng, float], Items]:
    def draw(rng: Rng, true_gap: float) -> Items:
        own, other = rng.normal(size=(2, n))
        factor = 1 - true_gap / MEAN_ERROR
        alike = 0.9 * own + np.sqrt(1 - 0.9**2) * other
        return Items(factor * np.exp(0.8 * alike), np.exp(0.8 * own))

    return draw


def choice(tried: int, likeness: float, trials: int, n: int = 1000) -> Row:
    """All of k candidates are worse by exactly the margin: how often is any of them called not worse?

    Candidates lose only where the reference is right and win only where it is wrong, and do so on the same
    items the more, the higher `likeness` is (a Gaussian copula).
    """
    margin, discordance, right = 0.02, 0.10, 0.85
    losses = (discordance + margin) / 2
    what = f"smallest not worse of {tried}, predictions alike at {likeness:g}"
    rng, wrong = rng_for("choice", what), 0
    # statsmodels collects garbage at every correction: what stands already need not be searched each time.
    gc.freeze()
    for trial in range(trials):
        reference = rng.random(n) < right
        shared = np.sqrt(likeness) * rng.normal(size=n) + np.sqrt(1 - likeness) * rng.normal(size=(tried, n))
        rate = np.where(reference, losses / right, (discordance - losses) / (1 - right))
        differs = special.ndtr(shared) < rate
        results = {
            str(row): non_inferiority(
                (reference ^ each).astype(np.float64),
                reference.astype(np.float64),
                margin=margin,
                seed=trial,
                resamples=RESAMPLES,
            )
            for row, each in enumerate(differs)
        }
        wrong += any(verdict in CLAIMS for verdict in holm_verdicts(results).values())
    gc.unfreeze()
    section = f"The whole choice: all candidates truly at −margin (n = {n:,}, 10 % discordant), Holm"
    return Row(section, what, "≤ 2.5 %", wrong, trials, LEVEL)
