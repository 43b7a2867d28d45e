"""One run's samples, read as pairs: a candidate beside both workers of the reference, block by block.

The table is `samples.parquet`: a row a value. Nothing here knows how it was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from effkit.analysis.contention import OTHERS_FLOOR, STEAL_FLOOR, disturbed_visits, last_attempts, limit
from effkit.analysis.interval import Floats, Interval
from effkit.analysis.power import Component
from effkit.analysis.sequential import stein_interval
from effkit.analysis.speed import Speed
from effkit.analysis.statistics import (
    FEWEST_GENERATIONS,
    UNSTABLE_LEVEL,
    a_a_log_ratios,
    at_one_place,
    claim,
    noise_threshold,
    paired_log_ratios,
    ratio_over_generations,
    settle,
    stands_without,
    unstable,
)
from effkit.analysis.yardstick import pseudo_values
from effkit.record import COUNTED, Contention, Estimate, NoiseCheck, Ratio, Verdict

if TYPE_CHECKING:
    import pandas as pd

NoiseMetric = Literal["latency", "throughput", "energy"]
UNDER_LOAD = [
    "load_latency_s", "load_delay_s", "saturation_per_s", "load_others_share", "load_steal_share", "load_strangers",
]  # fmt: skip
"""Rows of a load test, whose generations are sequences of arrivals."""
Grids = Callable[[str, str], Floats]
"""From a candidate and a twin to its (generations, blocks) values."""


class PairedSamples:
    """Reads one run's samples: of a visit that was repeated, the last attempt counts.

    Args:
        samples: the table, a row a value.
        reference: name of the candidate that was entered twice.
        pinned: whether workers kept to fixed cores.
        components: whose energy is in the table.
        lacks_gpu: whether models may use a GPU whose energy is not in it.
        first: generations by which it was decided to go on; None where their number was fixed beforehand.
    """

    def __init__(
        self,
        samples: pd.DataFrame,
        reference: str,
        *,
        pinned: bool,
        components: Sequence[Component] = (),
        lacks_gpu: bool = False,
        first: int | None = None,
    ) -> None:
        self.reference, self._pinned, self._first = reference, pinned, first
        self.components, self.lacks_gpu = tuple(components), lacks_gpu
        samples = samples[~samples["metric"].isin(UNDER_LOAD)]
        self.generations = int(samples["generation"].max()) + 1 if len(samples) else 0
        self._attempts = samples[samples["metric"] == "visit_calls"]
        kept = last_attempts(samples)
        calls = kept["metric"].isin(["prepare_s", "infer_s"])
        self.calls, self.values = kept[calls], kept[~calls]
        self._disturbed = disturbed_visits(self.values)
        by_line = self.values.groupby(["candidate", "metric"], observed=True)["value"]
        self._places: dict[tuple[str, str], NDArray[np.intp]] = by_line.indices  # type: ignore[assignment]
        visits, batches = Speed.of_visits(self.values), Speed.of_batches(self.values)
        self._speed: dict[NoiseMetric, Speed | None] = {"latency": visits, "energy": visits, "throughput": batches}

    def interval(self, log_ratios: Floats) -> Interval | None:
        """The 95 % interval of a ratio from one log ratio a generation, by the run's own stopping rule."""
        if self._first is not None:
            return stein_interval(log_ratios, min(self._first, log_ratios.size))
        return ratio_over_generations(log_ratios)

    @cached_property
    def noise(self) -> tuple[NoiseCheck, ...]:
        """What the reference differs from itself by, for each metric that was measured."""
        checks = []
        metrics: tuple[NoiseMetric, ...] = ("latency", "throughput", "energy")
        for metric in metrics:
            first, second = (self.grid(self.reference, twin, metric) for twin in "ab")
            if not (np.isfinite(first) & np.isfinite(second)).any():
                continue
            logs = self.a_a_log_ratios(metric)
            interval = self.interval(logs)
            checks.append(
                NoiseCheck(
                    metric=metric,
                    ratio=float(np.exp(np.nanmean(logs))),
                    low=interval.low if interval else None,
                    high=interval.high if interval else None,
                    n=int(np.isfinite(logs).sum()),
                    threshold=noise_threshold(interval, self._pinned),
                    unstable=bool(unstable(self.a_a_log_ratios(metric, level=UNSTABLE_LEVEL))),
                    assessed=interval is not None and interval.n >= FEWEST_GENERATIONS,
                    as_seen=self._as_seen(metric, a_a_log_ratios(first, second)),
                )
            )
        return tuple(checks)

    def check(self, metric: NoiseMetric) -> NoiseCheck | None:
        """The noise check of one metric."""
        return next((each for each in self.noise if each.metric == metric), None)

    def ratio(self, candidate: str, metric: NoiseMetric) -> Ratio | None:
        """Return the candidate's value over the mean of both reference workers; None for the reference."""
        check = self.check(metric)
        if candidate == self.reference or check is None:
            return None
        lines = ((candidate, ""), (self.reference, "a"), (self.reference, "b"))
        disturbed = metric != "throughput" and self.was_disturbed(lines)
        without = self.log_ratios(candidate, metric, undisturbed=True) if disturbed else None
        found = self.judged(check, self.log_ratios(candidate, metric), without)
        if found is None:
            return None
        as_seen = paired_log_ratios(*(self.grid(name, twin, metric) for name, twin in lines))
        return found.model_copy(update={"as_seen": self._as_seen(metric, as_seen)})

    def judged(self, check: NoiseCheck, logs: Floats, without: Floats | None) -> Ratio | None:
        """Return what may be said of log ratios: the claim, whether it stands undisturbed, and the run's stability.

        Args:
            check: the noise check of the metric.
            logs: (generations,) log ratios of any two lines.
            without: the same without disturbed visits; None where nothing was disturbed, or that is not asked.

        Returns:
            None where no generation has a value.
        """
        if not np.isfinite(logs).any():
            return None
        interval = self.interval(logs)
        claimed = claim(interval, check.threshold, self.generations)
        verdict: Verdict = claimed
        undisturbed = claimed
        if claimed != "indicative" and without is not None:
            undisturbed = stands_without(without, check.threshold, claimed, self.interval)
            verdict = settle(claimed, undisturbed)
        if check.unstable and claimed != "indicative":
            verdict = "unstable"
        return Ratio(
            value=float(np.exp(np.nanmean(logs))),
            low=interval.low if interval else None,
            high=interval.high if interval else None,
            n=int(np.isfinite(logs).sum()),
            verdict=verdict,
            threshold=check.threshold,
            undisturbed=undisturbed,
        )

    def was_disturbed(self, lines: Iterable[tuple[str, str]]) -> bool:
        """Whether a visit to any of these workers, by candidate and twin, stayed disturbed."""
        return any(line in self._disturbed for line in lines)

    def a_a_log_ratios(self, metric: NoiseMetric, *, level: float = 0.95) -> Floats:
        """(generations,) log of the reference's second worker over its first, at one speed of the core.

        Args:
            metric: what is compared.
            level: of the interval that will be made of them.
        """
        logs = self._at_one_speed(
            metric, lambda grid: a_a_log_ratios(grid(self.reference, "a"), grid(self.reference, "b"))
        )
        later = self._place(self.reference, "b") - self._place(self.reference, "a")
        return at_one_place(logs, later, level=level)

    def at_one_place(self, log_ratios: Floats, candidate: str, over: str) -> Floats:
        """Free (generations,) log ratios of two candidates from what the place of a start is worth."""
        return at_one_place(log_ratios, self._place(candidate) - self._place(over))

    def log_ratios(
        self, candidate: str, metric: NoiseMetric, *, over: str | None = None, undisturbed: bool = False
    ) -> Floats:
        """(generations,) log of one candidate over another, at one speed of the core.

        Between two that are not the reference it is log(c / reference) − log(b / reference) within each generation,
        so that what both share with the reference drops out before anything is averaged.

        Args:
            candidate: its name.
            metric: what is compared.
            over: what it is compared with; None is the reference.
            undisturbed: leave disturbed visits out.
        """

        def over_reference(name: str) -> Floats:
            if name == self.reference:
                return np.zeros(self.generations)
            return self._at_one_speed(
                metric,
                lambda grid: paired_log_ratios(grid(name, ""), grid(self.reference, "a"), grid(self.reference, "b")),
                undisturbed=undisturbed,
            )

        over = over or self.reference
        return self.at_one_place(over_reference(candidate) - over_reference(over), candidate, over)

    def _place(self, candidate: str, twin: str | None = None) -> Floats:
        """(generations,) place in which its worker was started, of two the mean; NaN where that is not known."""
        starts = self._of(candidate, "load_s")
        starts = starts[(starts["position"] >= 0) & (True if twin is None else starts["twin"] == twin)]
        return starts.groupby("generation")["position"].mean().reindex(range(self.generations)).to_numpy(np.float64)

    def contention(self) -> Contention | None:
        """What disturbed the visits; None where the samples do not tell."""
        metrics = self.values["metric"]
        others, steal = (self.values.loc[metrics == f"visit_{name}_share", "value"] for name in ("others", "steal"))
        if not len(others):
            return None
        return Contention(
            visits=len(others),
            repeated=int((self._attempts["attempt"] > 0).sum()) if "attempt" in self._attempts else 0,
            disturbed=sum(len(places) for places in self._disturbed.values()),
            others_limit=limit(others.to_numpy(), OTHERS_FLOOR),
            steal_limit=limit(steal.to_numpy(), STEAL_FLOOR),
            slowdown=self._speed["latency"].slowdown if self._speed["latency"] else None,
        )

    def column(self, candidate: str, metric: str) -> Floats:
        """Every value of one metric of a candidate."""
        return self._of(candidate, metric)["value"].to_numpy(np.float64)

    def per_generation(self, candidate: str, metric: str) -> Floats:
        """(generations,) means of one metric."""
        return self._reduced(candidate, metric, "mean")

    def summed(self, candidate: str, metric: str) -> Floats:
        """(generations,) sums of one metric."""
        return self._reduced(candidate, metric, "sum")

    def grid(self, candidate: str, twin: str, metric: NoiseMetric, *, undisturbed: bool = False) -> Floats:
        """(generations, blocks) values of one worker line; NaN where it was not visited, or disturbed if asked."""
        if metric == "throughput":
            return self.pivot(candidate, twin, "items_per_s")
        if metric == "latency":
            values = self.pivot(candidate, twin, "visit_prepare_s") + self.pivot(candidate, twin, "visit_infer_s")
        else:
            values = self._energy_grid(candidate, twin)
        for generation, block in self._disturbed.get((candidate, twin), ()) if undisturbed else ():
            values[generation, block] = np.nan
        return values

    def pivot(self, candidate: str, twin: str, metric: str) -> Floats:
        """(generations, blocks) values of one metric; one column where it belongs to no block."""
        first, blocks = (-1, 1) if metric == "items_per_s" else (0, max(1, int(self.values["block"].max()) + 1))
        rows = self._of(candidate, metric)
        rows = rows[(rows["twin"] == twin) & (rows["block"] >= first) & rows["value"].notna()]
        place = rows["generation"].to_numpy(np.intp), rows["block"].to_numpy(np.intp) - first
        total, count = np.zeros((self.generations, blocks)), np.zeros((self.generations, blocks))
        np.add.at(total, place, rows["value"].to_numpy(np.float64))
        np.add.at(count, place, 1)
        return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)

    def even_pivot(self, candidate: str, twin: str, metric: str, left_out: int | None = None) -> Floats:
        """(generations, blocks) times of one metric, put to the run's mean speed where the yardstick was read."""
        values, speed = self.pivot(candidate, twin, metric), self._speed["latency"]
        return values if speed is None else values * speed.factors(candidate, twin, values.shape, left_out)

    def jackknifed(self, metric: NoiseMetric, ratios: Callable[[int | None], Floats]) -> Floats:
        """Log ratios at one speed with the jackknife's spread, from those whose slopes leave a generation out."""
        whole = ratios(None)
        if self._speed[metric] is None:
            return whole
        return pseudo_values(whole, np.array([ratios(generation) for generation in range(self.generations)]))

    def estimate(self, values: Floats, origin: Literal["measured", "modelled"] = "measured") -> Estimate:
        """Geometric mean over generations, its interval on the log scale so that it stays positive."""
        logs = np.log(values, out=np.full_like(values, np.nan), where=values > 0)
        interval = self.interval(logs)
        return Estimate(
            value=float(np.exp(np.nanmean(logs))),
            low=interval.low if interval else None,
            high=interval.high if interval else None,
            n=int(np.isfinite(logs).sum()),
            origin=origin,
        )

    def _at_one_speed(
        self, metric: NoiseMetric, compared: Callable[[Grids], Floats], *, undisturbed: bool = False
    ) -> Floats:
        """Log ratios of values put to the run's mean speed, with the jackknife's spread over generations."""
        speed = self._speed[metric]

        def ratios(left_out: int | None) -> Floats:
            def grid(candidate: str, twin: str) -> Floats:
                values = self.grid(candidate, twin, metric, undisturbed=undisturbed)
                if speed is None:
                    return values
                factor = speed.factors(candidate, twin, values.shape, left_out)
                if metric == "throughput":
                    return values / factor
                # A modelled energy is a power times a time, and the time is adjusted; what is counted is what it is.
                share = self._counted_share(candidate, twin) if metric == "energy" else 0.0
                return values * (share + (1 - share) * factor)

            return compared(grid)

        counted = metric == "energy" and all(part.rank in COUNTED for part in self.components)
        return ratios(None) if counted else self.jackknifed(metric, ratios)

    def _as_seen(self, metric: NoiseMetric, logs: Floats) -> Estimate | None:
        """The ratio as the clock saw it, where it was adjusted."""
        return None if self._speed[metric] is None else self.estimate(np.exp(logs))

    def _energy_grid(self, candidate: str, twin: str) -> Floats:
        per_call = self._joules(candidate, twin, self.components) / self.pivot(candidate, twin, "visit_calls")
        return np.where(per_call > 0, per_call, np.nan)

    def _counted_share(self, candidate: str, twin: str) -> Floats:
        """(generations, blocks) of each visit's energy, the part that a counter or a meter gave."""
        counted = [part for part in self.components if part.rank in COUNTED]
        every = self._joules(candidate, twin, self.components)
        return np.divide(self._joules(candidate, twin, counted), every, out=np.zeros_like(every), where=every > 0)

    def _joules(self, candidate: str, twin: str, parts: Sequence[Component]) -> Floats:
        joules = (self.pivot(candidate, twin, f"visit_{part.component}_j") for part in parts)
        return sum(joules, np.zeros_like(self.pivot(candidate, twin, "visit_calls")))

    def _of(self, candidate: str, metric: str) -> pd.DataFrame:
        return self.values.iloc[self._places.get((candidate, metric), [])]

    def _reduced(self, candidate: str, metric: str, how: str) -> Floats:
        values = self._of(candidate, metric).groupby("generation")["value"].agg(how)
        return values.reindex(range(self.generations)).to_numpy(np.float64)
