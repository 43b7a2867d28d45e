"""From the rows of a load test to percentiles under load, and the highest rate that keeps within a budget.

Requests that wait in one queue are not independent: a slow one delays those behind it. Every interval here
rests on batches of requests that follow one another, never on single ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import special

from effkit.analysis.interval import Floats, expanded_tails
from effkit.analysis.statistics import ratio_over_generations
from effkit.analysis.tails import calls_needed, effective_sample_size, weighted_ranks
from effkit.record import Estimate, Load, LoadPoint, PercentileRecord, percentile_of
from effkit.spec import LoadSpec

if TYPE_CHECKING:
    import pandas as pd

LEVELS = (50.0, 90.0, 95.0, 99.0)
BATCHES = 20
"""Fewest batches of one rate."""
LIMITED_SHARE = 0.1
SETTLING = 100
"""Requests at the beginning of a sequence that are left out, at most a tenth of it: it begins with nobody waiting."""
RESAMPLES = 1000

Bound = Literal["within", "at least", "below", "unknown"]


def load_of(samples: pd.DataFrame, spec: LoadSpec, *, budget_s: float | None, seed: int) -> Load:
    """Return what one candidate does under load.

    Args:
        samples: its rows of `load_latency_s`, `load_delay_s` and `saturation_per_s`, each sequence in order of
            arrival; `block` is the rate's place among `spec.shares`, `generation` the number of the sequence.
        spec: what was asked for.
        budget_s: the 99th percentile that production leaves to the machine, seconds; None without a budget.
        seed: of resampling.
    """
    saturation = _saturation(samples.loc[samples["metric"] == "saturation_per_s", "value"].to_numpy(np.float64))
    sent = [_series(samples, "load_latency_s", place) for place in range(len(spec.shares))]
    series = [[one[min(SETTLING, one.size // 10) :] for one in each] for each in sent]
    points = []
    for place, share in enumerate(spec.shares):
        late_s = float(_quantile(np.sort(np.concatenate(_series(samples, "load_delay_s", place))), 0.99))
        latency_s = float(_quantile(np.sort(np.concatenate(series[place])), 0.99))
        points.append(
            LoadPoint(
                share=share,
                asked_per_s=share * saturation.value,
                queries=sum(len(each) for each in sent[place]),
                percentiles=tuple(percentile(series[place], level) for level in LEVELS),
                delay_p99_s=late_s,
                generator_limited=late_s > LIMITED_SHARE * latency_s,
            )
        )
    highest, bound = (None, None) if budget_s is None else _highest(points, series, budget_s, saturation.value, seed)
    return Load(
        max_batch=spec.max_batch,
        saturation_per_s=saturation,
        points=tuple(points),
        highest_per_s=highest,
        bound=bound,
        others_share=_most(samples, "load_others_share"),
        steal_share=_most(samples, "load_steal_share"),
        gpu_strangers=_strangers(samples),
    )


def _highest(
    points: Sequence[LoadPoint],
    series: Sequence[Sequence[Floats]],
    budget_s: float,
    saturation_per_s: float,
    seed: int,
) -> tuple[Estimate | None, Bound]:
    """The highest rate by those whose p99 is borne, from the lowest on; what is known of the next ones bounds it."""
    rates = [point.asked_per_s for point in points]
    borne = sum(1 for _ in takewhile(_is_borne, points))
    found: Estimate | None = None
    bound: Bound = "unknown"
    if borne:
        found, bound = highest_rate(
            rates[:borne], series[:borne], budget_s, saturation_per_s=saturation_per_s, seed=seed
        )
    known = borne + sum(1 for _ in takewhile(lambda point: _is_within(point, budget_s), points[borne:]))
    if known > borne and bound in ("at least", "unknown"):
        rate = rates[known - 1]
        found, bound = Estimate(value=rate, low=rate, n=len(batches(series[known - 1]))), "at least"
    late = [rate for rate, point in zip(rates, points, strict=True) if _is_beyond(point, budget_s)]
    if found is not None and bound == "at least":
        lowest = found.value
        found = found.model_copy(update={"high": next((rate for rate in late if rate > lowest), None)})
    return found, "below" if bound == "unknown" and rates[0] in late else bound


def _is_borne(point: LoadPoint) -> bool:
    p99 = percentile_of(point.percentiles, 99)
    return p99 is not None and p99.value_s is not None


def _is_within(point: LoadPoint, budget_s: float) -> bool:
    """Whether p99 is shown to keep within a budget."""
    p99 = percentile_of(point.percentiles, 99)
    return p99 is not None and p99.high_s is not None and p99.high_s <= budget_s


def _is_beyond(point: LoadPoint, budget_s: float) -> bool:
    """Whether p99 is shown to be beyond a budget, be it by a lower percentile."""
    return any(each.low_s is not None and each.low_s > budget_s for each in point.percentiles)


def percentile(series: Sequence[Floats], level: float, *, confidence: float = 0.95) -> PercentileRecord:
    """Return a percentile of latency under load with its interval by batch means.

    With q the sample's percentile, the share of requests up to q in each batch is one value; Student's t on
    these gives an interval of the share, and the empirical quantile function turns its ends into latencies.
    How many independent requests a percentile rests on is asked of such an indicator in its order of time, of that
    for p90 at most: the rarer one's own clusters are so few that samples which happen to look light would pass.

    Args:
        series: latencies in seconds, one array a sequence, in order of arrival.
        level: 99 for p99.
        confidence: two-sided.

    Returns:
        No value where the requests are worth too few independent ones; the slowest is its upper end then, where they
        are worth enough for that. No upper end where the interval of the share reaches beyond the slowest request,
        which `reason` says.

    Source:
        Law, "Simulation Modeling and Analysis", on batch means and on quantiles; MLPerf's early-stopping rule.
        Where batches are hardly longer than a queue's memory, their spread is too small: it is no less than that of
        as many independent requests as those beyond the percentile are worth.
    """
    share = level / 100
    pooled = np.sort(np.concatenate(series))
    value = _quantile(pooled, share)
    beyond = np.concatenate(series) > _quantile(pooled, min(share, 0.9))
    of_series = np.repeat(np.arange(len(series)), [len(each) for each in series])
    n_effective = effective_sample_size(beyond, of_series)
    needed = calls_needed(level)
    if n_effective < needed:
        reason = f"n too small: p{level:g} needs {needed} independent calls, these are worth {math.floor(n_effective)}"
        longest = float(pooled[-1]) if n_effective >= calls_needed(level, beyond=0) else None
        return PercentileRecord(
            level=level, value_s=None, high_s=longest, n=pooled.size, n_effective=n_effective, reason=reason
        )
    up_to = np.array([(batch <= value).mean() for batch in batches(series)])
    worth = effective_sample_size(np.concatenate(series) > value, of_series)
    spread = max(up_to.std(ddof=1) / np.sqrt(up_to.size), np.sqrt(share * (1 - share) / worth))
    half = float(special.stdtrit(up_to.size - 1, (1 + confidence) / 2) * spread)
    open_above = share + half >= 1
    return PercentileRecord(
        level=level,
        value_s=value,
        low_s=_quantile(pooled, max(0.0, share - half)),
        high_s=None if open_above else _quantile(pooled, share + half),
        n=pooled.size,
        n_effective=n_effective,
        reason="no upper end: it lies beyond the slowest request seen" if open_above else None,
    )


def batches(series: Sequence[Floats], fewest: int = BATCHES) -> list[Floats]:
    """Cut sequences into at least `fewest` batches of neighbours, each within one sequence."""
    each = -(-fewest // len(series))
    return [batch for one in series for batch in np.array_split(one, each) if batch.size]


def highest_rate(
    rates_per_s: Sequence[float],
    series: Sequence[Sequence[Floats]],
    budget_s: float,
    *,
    saturation_per_s: float,
    seed: int,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> tuple[Estimate, Bound]:
    """Return the highest rate whose 99th percentile keeps within a budget.

    The percentile can only rise with the rate: isotonic regression over the rates measured, and between them the line
    that `crossing` draws. The interval comes from resampling each rate's batches.

    Args:
        rates_per_s: requests a second, rising.
        series: for each rate its sequences of latencies, seconds.
        budget_s: allowed 99th percentile.
        saturation_per_s: rate with a queue that never empties.
        seed: of resampling.
        confidence: two-sided.
        resamples: how many.

    Returns:
        The rate, and whether the rates measured enclose it. "at least" gives the highest rate measured,
        "below" the lowest. An end of the interval that lies outside the rates measured is None.
    """
    rates = np.asarray(rates_per_s, dtype=np.float64)
    cut = [batches(each) for each in series]
    measured = [_quantile(np.sort(np.concatenate(each)), 0.99) for each in cut]
    value, bound = crossing(rates, rising(measured), budget_s, saturation_per_s)
    rng = np.random.default_rng([seed, 99])
    drawn = np.empty(resamples)
    for number, tails in enumerate(np.column_stack([_resampled_p99_s(each, rng, resamples) for each in cut])):
        rate, side = crossing(rates, rising(tails), budget_s, saturation_per_s)
        drawn[number] = {"within": rate, "at least": np.inf, "below": -np.inf}[side]
    fewest = min(len(each) for each in cut)
    low, high = np.quantile(drawn, expanded_tails(fewest, confidence), method="inverted_cdf")
    return (
        Estimate(
            value=value,
            low=None if low == -np.inf else min(float(low), value),
            high=None if high == np.inf else max(float(high), value),
            n=fewest,
        ),
        bound,
    )


def _resampled_p99_s(cut: Sequence[Floats], rng: np.random.Generator, resamples: int) -> Floats:
    """(resamples,) 99th percentiles, each of as many of these batches as there are, drawn with replacement."""
    pooled, batch = np.concatenate(cut), np.repeat(np.arange(len(cut)), [each.size for each in cut])
    order = np.argsort(pooled, kind="stable")
    times = rng.multinomial(len(cut), np.full(len(cut), 1 / len(cut)), size=resamples)
    return np.asarray(pooled[order][weighted_ranks(batch[order], times, np.array([0.99]))[:, 0]])


def crossing(rates: Floats, tails_s: Floats, budget_s: float, saturation_per_s: float | None) -> tuple[float, Bound]:
    """Return where rising percentiles cross the budget, or the rate at their end and that it lies beyond.

    Waiting grows about as 1 / (1 - rate / saturation), so between two rates the percentile is taken to be a line in
    that. A line in the rate itself lies above what a queue does between them, and finds rates too low: of a simulated
    M/D/1 queue by 4 to 9 %.

    Args:
        rates: requests a second, rising.
        tails_s: percentile at each, rising.
        budget_s: allowed.
        saturation_per_s: rate with a queue that never empties; where none is known above the rates, a line in the rate.

    Source:
        Kingman (1961), The single server queue in heavy traffic.
    """
    last = int(np.searchsorted(tails_s, budget_s, side="right")) - 1
    if last < 0:
        return float(rates[0]), "below"
    if last == rates.size - 1:
        return float(rates[-1]), "at least"
    part = float((budget_s - tails_s[last]) / (tails_s[last + 1] - tails_s[last]))
    low, high = float(rates[last]), float(rates[last + 1])
    if saturation_per_s is None or high >= saturation_per_s:
        return low + part * (high - low), "within"
    idle_low, idle_high = 1 - low / saturation_per_s, 1 - high / saturation_per_s
    idle = 1 / (1 / idle_low + part * (1 / idle_high - 1 / idle_low))
    return saturation_per_s * (1 - idle), "within"


def rising(tails_s: Sequence[float] | Floats) -> Floats:
    """Return percentiles of rising rates as they can only be, rising too: by isotonic regression."""
    from scipy.optimize import isotonic_regression

    return np.asarray(isotonic_regression(tails_s).x, dtype=np.float64)


def _saturation(values: Floats) -> Estimate:
    """Geometric mean over repetitions with its Student-t interval on the log scale."""
    interval = ratio_over_generations(np.log(values))
    return Estimate(
        value=float(np.exp(np.log(values).mean())),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        n=values.size,
    )


def _most(samples: pd.DataFrame, metric: str) -> float | None:
    values = samples.loc[samples["metric"] == metric, "value"].dropna()
    return float(values.max()) if len(values) else None


def _strangers(samples: pd.DataFrame) -> float | None:
    """Most other processes on the GPU; None where it was not used, or where some may not have been seen."""
    told = samples.loc[samples["metric"] == "load_strangers", "value"]
    most = _most(samples, "load_strangers")
    return most if most or told.notna().all() else None


def _series(samples: pd.DataFrame, metric: str, place: int) -> list[Floats]:
    rows = samples[(samples["metric"] == metric) & (samples["block"] == place)]
    return [
        rows.loc[rows["generation"] == number, "value"].to_numpy(np.float64) for number in np.unique(rows["generation"])
    ]


def _quantile(ordered: Floats, share: float) -> float:
    """Inverse of the empirical distribution: the least value that `share` of the sorted values do not exceed."""
    return float(ordered[max(0, int(np.ceil(share * ordered.size - 1e-9)) - 1)])
