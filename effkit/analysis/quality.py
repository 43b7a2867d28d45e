"""Is the candidate worse, item by item? Exact McNemar, paired bootstrap, non-inferiority, Holm."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from effkit.analysis.bootstrap import cluster_sums, finite_scores, paired_bootstrap
from effkit.analysis.interval import Floats, Interval, expanded_tails
from effkit.analysis.strata import Strata, design_effects
from effkit.evidence import LEVEL, QualityVerdict

FEWEST_UNITS = 20
TARGET_POWER = 0.80


@dataclass(frozen=True)
class PairedGap:
    """The mean difference of paired scores, positive where the candidate is better, with its two-sided interval.

    `discordant` counts items with a difference. `strata` hold wins and losses where items are right or wrong, by what a
    right answer scores; None where scores are graded. `means` are the bootstrap's, and `p_at` gives the one-sided
    p-value of "worse by this much or more".
    """

    interval: Interval
    n: int
    discordant: int
    strata: Strata | None = field(repr=False, compare=False)
    means: Floats = field(repr=False, compare=False)
    p_at: Callable[[float], float] = field(repr=False, compare=False)


@dataclass(frozen=True)
class NonInferiority:
    """A candidate against the reference on identical items; differences are positive where it is better.

    `interval` is two-sided at 1 - 2 `LEVEL`; `p_value` is of "worse by the margin or more", `p_superiority` of "not
    better", both one-sided. `items_needed` gives 80 % power, Holm over all tests included, with the gap that was seen,
    or none where that is too low; None where the verdict is conclusive or more items would hardly change it.
    `discordant` counts items with a difference, and `p_at` gives the p-value of "worse by this margin or more" for any
    margin.
    """

    interval: Interval
    margin: float
    verdict: QualityVerdict
    p_value: float
    p_superiority: float
    items_needed: int | None
    n: int
    discordant: int
    p_at: Callable[[float], float] = field(repr=False, compare=False)

    @property
    def difference(self) -> float:
        """The mean gap."""
        return self.interval.estimate

    @property
    def lower_bound(self) -> float:
        """Of the gap, one-sided at 1 - `LEVEL`."""
        return self.interval.low

    @property
    def units(self) -> int:
        """How many are independent: clusters where given, else items."""
        return self.interval.n


def exact_mcnemar(correct_a: ArrayLike, correct_b: ArrayLike) -> float:
    """Two-sided p-value of the exact McNemar test of a difference between two paired sets of right/wrong answers.

    Raises:
        ValueError: Scores that are not 0 or 1, or of different length.
    """
    a, b = _paired(correct_a, correct_b, "correct_a", "correct_b")
    if not (_is_binary(a) and _is_binary(b)):
        raise ValueError("exact_mcnemar got graded scores; it takes right (1) or wrong (0): use non_inferiority")
    only_a, only_b = int(np.sum(a > b)), int(np.sum(b > a))
    return min(1.0, 2 * float(special.bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


def relative_margin(reference_errors: ArrayLike, fraction: float = 0.02) -> float:
    """A regression task's margin: `fraction` of the reference's mean absolute error, in the error's unit.

    Raises:
        ValueError: Errors below 0, or a reference without any error, of which no fraction is a margin.
    """
    errors = finite_scores(reference_errors, "reference_errors")
    if np.any(errors < 0) or not np.any(errors):
        raise ValueError(f"reference_errors span {errors.min():g} to {errors.max():g}; give absolute errors, not all 0")
    return fraction * float(errors.mean())


def paired_gap(
    candidate_scores: ArrayLike,
    reference_scores: ArrayLike,
    *,
    seed: int,
    higher_is_better: bool = True,
    clusters: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    alpha: float = LEVEL,
    resamples: int = 10_000,
) -> PairedGap:
    """The paired gap with an interval of 1 - 2 `alpha`, by the percentile bootstrap.

    Where items are right or wrong, each end is the more cautious of the bootstrap's and Tango's score bound
    (counts divided by the clusters' design effect): a bootstrap of few disagreements sees too little spread. Where
    right answers score differently, the bound is put together from those of the items that score alike.

    Args:
        candidate_scores: One score per item.
        reference_scores: The reference's, on the same items in the same order.
        seed: Drives the bootstrap.
        higher_is_better: False for errors.
        clusters: A label per item where items are not independent.
        weights: What a right answer scores on each item, of mean 1, where that differs: a score is that or 0.
        alpha: One-sided.
        resamples: Bootstrap draws.

    Raises:
        ValueError: Scores of different length or not finite, or neither 0 nor their weight.
    """
    candidate, reference = _paired(candidate_scores, reference_scores, "candidate_scores", "reference_scores")
    gain = candidate - reference if higher_is_better else reference - candidate
    n, difference = gain.size, float(gain.mean())
    units = cluster_sums(gain, clusters)[0].size
    right = np.ones(n) if weights is None else _weights(weights, candidate, reference)
    means = paired_bootstrap(gain, clusters, resamples, seed=seed, weights=None if weights is None else right)
    low, high = (float(x) for x in np.quantile(means, expanded_tails(units, 1 - 2 * alpha)))
    strata: Strata | None = None
    if weights is not None or (_is_binary(candidate) and _is_binary(reference)):
        strata = Strata.of(gain, right, design_effects(gain, right, clusters, float(means.var())), clusters)
        score_low, score_high = strata.bounds(alpha)
        low, high = min(low, score_low), max(high, score_high)

    def p_at(allowed: float) -> float:
        by_bootstrap = _bootstrap_p(means, -allowed, units)
        return by_bootstrap if strata is None else max(by_bootstrap, strata.p_value(-allowed))

    interval = Interval(difference, min(low, difference), max(high, difference), 1 - 2 * alpha, units)
    return PairedGap(interval, n, int(np.count_nonzero(gain)), strata, means, p_at)


def non_inferiority(
    candidate_scores: ArrayLike,
    reference_scores: ArrayLike,
    *,
    margin: float,
    seed: int,
    higher_is_better: bool = True,
    clusters: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    resamples: int = 10_000,
    among: int = 1,
) -> NonInferiority:
    """Is the candidate at most `margin` worse than the reference? By the interval of `paired_gap`.

    Below `FEWEST_UNITS` items (clusters, where given) nothing is concluded.

    Args:
        candidate_scores: One score per item.
        reference_scores: The reference's, on the same items in the same order.
        margin: Largest loss accepted, in the score's unit: 0.01 is one point of accuracy.
        seed: Drives the bootstrap.
        higher_is_better: False for errors.
        clusters: A label per item where items are not independent.
        weights: What a right answer scores on each item, where that differs; as `paired_gap` takes it.
        resamples: Bootstrap draws.
        among: How many tests Holm's correction runs over, this one included; `items_needed` allows for its first step.

    Raises:
        ValueError: Scores of different length or not finite, or a margin that is not positive.
    """
    if not margin > 0:
        raise ValueError(f"margin is {margin}; it is a positive number in the score's unit: one point is 0.01")
    gap = paired_gap(
        candidate_scores, reference_scores, seed=seed, higher_is_better=higher_is_better, clusters=clusters,
        weights=weights, resamples=resamples,
    )  # fmt: skip
    interval, p_values = gap.interval, (gap.p_at(margin), gap.p_at(0.0))
    verdict: QualityVerdict = "inconclusive"
    if interval.n >= FEWEST_UNITS:
        if interval.low > -margin and p_values[0] < LEVEL:
            verdict = "superior" if interval.low > 0 and p_values[1] < LEVEL else "non-inferior"
        elif interval.high < -margin:
            verdict = "inferior"
    result = NonInferiority(interval, margin, verdict, *p_values, None, gap.n, gap.discordant, gap.p_at)
    if verdict != "inconclusive":
        return result
    level = LEVEL / among
    floor = 0.0 if gap.strata is None else gap.strata.fewest(margin, level)
    floor = max(floor, FEWEST_UNITS * gap.n / interval.n)
    return _with_items_needed(result, gap.n * float(gap.means.var()), floor, level)


def holm(p_values: ArrayLike) -> Floats:
    """Holm's adjusted p-values (1979), in the order given.

    Written out, as McNemar's is: statsmodels takes most of a second to import, and collects garbage at every call.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(np.arange(p.size, 0, -1) * p[order]), 1.0)
    return adjusted


def holm_verdicts(results: Mapping[str, NonInferiority]) -> dict[str, QualityVerdict]:
    """Verdicts where any of k candidates may be chosen: what speaks for one must survive Holm over the k tests too.

    "Inferior" speaks against a candidate and is left as it is: taking it back would pass nobody, and warn less.
    """
    not_worse = holm([r.p_value for r in results.values()])
    better = holm([r.p_superiority for r in results.values()])
    verdicts: dict[str, QualityVerdict] = {}
    for (name, result), p_not_worse, p_better in zip(results.items(), not_worse, better, strict=True):
        verdict = result.verdict
        if verdict == "superior" and p_better >= LEVEL:
            verdict = "non-inferior"
        if verdict in ("superior", "non-inferior") and p_not_worse >= LEVEL:
            verdict = "inconclusive"
        verdicts[name] = verdict
    return verdicts


def seed_verdict(verdicts: Sequence[QualityVerdict]) -> QualityVerdict:
    """What all training seeds agree on; of superior and non-inferior ones "non-inferior"; of others "inconclusive".

    Raises:
        ValueError: No verdicts.
    """
    if not verdicts:
        raise ValueError("seed_verdict got no verdicts; give one per training seed")
    if set(verdicts) == {"superior", "non-inferior"}:
        return "non-inferior"
    return verdicts[0] if len(set(verdicts)) == 1 else "inconclusive"


def _with_items_needed(result: NonInferiority, variance: float, floor: float, level: float) -> NonInferiority:
    """Adds the n for 80 % power at the observed variance: with the observed gap, or 0 if that is too low."""
    gap = result.difference
    if gap <= -result.margin:
        if result.interval.high < 0:
            return result
        gap = 0.0
    quantiles = special.ndtri(TARGET_POWER) - special.ndtri(level)
    needed = max(quantiles**2 * variance / (gap + result.margin) ** 2, floor, result.n + 1)
    return replace(result, items_needed=int(np.ceil(needed)))


def _bootstrap_p(means: Floats, null: float, units: int) -> float:
    """One-sided p of "the mean is at most `null`", on Student's scale as `expanded_tails` has it."""
    if units < 2:
        return 1.0
    share = (np.sum(means <= null) + 1) / (means.size + 1)
    return float(special.stdtr(units - 1, special.ndtri(min(share, 1 - 1e-12)) * np.sqrt((units - 1) / units)))


def _paired(a: ArrayLike, b: ArrayLike, name_a: str, name_b: str) -> tuple[Floats, Floats]:
    first, second = finite_scores(a, name_a), finite_scores(b, name_b)
    if first.size != second.size:
        raise ValueError(
            f"{name_a} has {first.size} items and {name_b} {second.size}; both must score the same items in order"
        )
    return first, second


def _weights(weights: ArrayLike, *scored: Floats) -> Floats:
    right = finite_scores(weights, "weights")
    for scores in scored:
        if right.size != scores.size or not ((scores == 0) | (scores == right)).all():
            raise ValueError("weights do not fit the scores: each score is 0, or what `weights` gives its item")
    return right


def _is_binary(scores: Floats) -> bool:
    return bool(np.isin(scores, (0.0, 1.0)).all())
