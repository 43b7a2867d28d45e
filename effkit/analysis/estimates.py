"""From the table of samples to what the record says of latency, throughput, memory and energy.

The table is `samples.parquet`: a row a value. Nothing here knows how it was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from effkit.analysis.statistics import (
    FEWEST_GENERATIONS,
    a_a_log_ratios,
    claim,
    noise_threshold,
    paired_log_ratios,
    percentiles,
    ratio_over_generations,
    unstable,
)
from effkit.record import (
    ColdStart,
    Energy,
    EnergyComponent,
    Estimate,
    Latency,
    Memory,
    NoiseCheck,
    PercentileRecord,
    Rank,
    Ratio,
    Throughput,
    Verdict,
    weakest_rank,
)

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
NoiseMetric = Literal["latency", "throughput", "energy"]
COUNTER_WINDOW_S, MODELLED_WINDOW_S = 10.0, 15.0


@dataclass(frozen=True)
class Component:
    """One part of the machine whose energy is known: its column, its rank and how it comes to be."""

    component: Literal["cpu", "memory", "gpu"]
    rank: Rank
    method: str


class Estimates:
    """Reads one run's samples.

    Args:
        samples: the table, a row a value.
        reference: name of the candidate that was entered twice.
        pinned: whether workers kept to fixed cores.
        components: whose energy is in the table.
    """

    def __init__(self, samples: pd.DataFrame, reference: str, *, pinned: bool, components: Sequence[Component]) -> None:
        self._reference = reference
        self._pinned = pinned
        self._components = tuple(components)
        calls = samples["metric"].isin(["prepare_s", "infer_s"])
        self._calls = samples[calls]
        self._values = samples[~calls]
        self._generations = int(samples["generation"].max()) + 1 if len(samples) else 0

    def noise(self) -> tuple[NoiseCheck, ...]:
        """Return what the reference differs from itself by, for each metric that was measured."""
        checks = []
        metrics: tuple[NoiseMetric, ...] = ("latency", "throughput", "energy")
        for metric in metrics:
            first, second = (self._grid(self._reference, twin, metric) for twin in "ab")
            if not (np.isfinite(first) & np.isfinite(second)).any():
                continue
            logs = a_a_log_ratios(first, second)
            interval = ratio_over_generations(logs)
            checks.append(
                NoiseCheck(
                    metric=metric,
                    ratio=float(np.exp(np.nanmean(logs))),
                    low=interval.low if interval else None,
                    high=interval.high if interval else None,
                    n=int(np.isfinite(logs).sum()),
                    threshold=noise_threshold(interval, self._pinned),
                    unstable=bool(unstable(logs)),
                    assessed=interval is not None and interval.n >= FEWEST_GENERATIONS,
                )
            )
        return tuple(checks)

    def ratio(self, candidate: str, metric: NoiseMetric) -> Ratio | None:
        """Return the candidate's value over the mean of both reference workers; None for the reference."""
        check = next((each for each in self.noise() if each.metric == metric), None)
        if candidate == self._reference or check is None:
            return None
        first, second = (self._grid(self._reference, twin, metric) for twin in "ab")
        logs = paired_log_ratios(self._grid(candidate, "", metric), first, second)
        if not np.isfinite(logs).any():
            return None
        interval = ratio_over_generations(logs)
        verdict: Verdict = claim(interval, check.threshold, self._generations)
        if check.unstable and verdict != "indicative":
            verdict = "unstable"
        return Ratio(
            value=float(np.exp(np.nanmean(logs))),
            low=interval.low if interval else None,
            high=interval.high if interval else None,
            n=int(np.isfinite(logs).sum()),
            verdict=verdict,
            threshold=check.threshold,
        )

    def latency(self, candidate: str, *, seed: int) -> Latency | None:
        """Return latency at batch 1; None when the candidate was never visited."""
        visits = self._of(candidate)
        if visits[visits["metric"] == "visit_infer_s"].empty:
            return None
        prepare, infer = (self._per_generation(candidate, f"visit_{part}_s") for part in ("prepare", "infer"))
        cpu = self._summed(candidate, "visit_cpu_s") / self._summed(candidate, "visit_calls")
        calls = self._calls[self._calls["candidate"] == candidate]
        wide = {part: calls[calls["metric"] == f"{part}_s"] for part in ("prepare", "infer")}
        total_s = wide["prepare"]["value"].to_numpy() + wide["infer"]["value"].to_numpy()
        # The reference's two workers are two series of blocks, so that each keeps its own order of time.
        series = wide["infer"]["block"].to_numpy() * 2 + (wide["infer"]["twin"] == "b").to_numpy()
        found = percentiles(total_s, wide["infer"]["generation"].to_numpy(), series, rng=np.random.default_rng(seed))
        return Latency(
            mean_s=_estimate(prepare + infer),
            prepare_s=_estimate(prepare),
            infer_s=_estimate(infer),
            percentiles=tuple(
                PercentileRecord(
                    level=each.level,
                    value_s=each.value,
                    low_s=each.interval.low if each.interval else None,
                    high_s=each.interval.high if each.interval else None,
                    n=each.n,
                    n_effective=each.n_effective,
                    reason=each.reason,
                )
                for each in found
            ),
            ratio=self.ratio(candidate, "latency"),
            cpu_s=_estimate(cpu),
            calls=len(total_s),
            steady=bool(self._column(candidate, "steady").mean() >= 0.5),
        )

    def throughput(self, candidate: str, batch: int) -> tuple[Throughput, ...]:
        """Return items a second at the batch size that was measured."""
        values = self._per_generation(candidate, "items_per_s")
        if not np.isfinite(values).any():
            return ()
        return (Throughput(batch=batch, items_per_s=_estimate(values), ratio=self.ratio(candidate, "throughput")),)

    def cold_start(self, candidate: str) -> ColdStart | None:
        """Return the times from a fresh process to the first answer."""
        parts = {name: self._per_generation(candidate, name) for name in ("import_s", "load_s", "first_call_s")}
        if not np.isfinite(parts["load_s"]).any():
            return None
        return ColdStart(**{name: _estimate(values) for name, values in parts.items()})

    def memory(self, candidate: str, *, weight_bytes: int | None, tensor_bytes: int | None) -> Memory | None:
        """Return the highest memory over all fresh workers, less the floor."""
        peak, floor = (self._column(candidate, name) for name in ("peak_bytes", "floor_bytes"))
        if not peak.size:
            return None
        return Memory(
            weight_bytes=weight_bytes,
            tensor_bytes=tensor_bytes,
            floor_bytes=int(np.median(floor)),
            peak_bytes=int((peak - floor).max()),
        )

    def energy(self, candidate: str) -> Energy | None:
        """Return the energy of a request, or why it cannot be told; None when nothing was read."""
        window_s = float(self._column(candidate, "visit_window_s").sum())
        if not self._components or not window_s:
            return None
        calls = self._summed(candidate, "visit_calls")
        by_part = {part.component: self._summed(candidate, f"visit_{part.component}_j") for part in self._components}
        per_call: Floats = np.sum(list(by_part.values()), axis=0) / calls
        total_j = float(np.nansum(list(by_part.values())))
        by_rank: dict[Rank, float] = {}
        for part in self._components:
            by_rank[part.rank] = by_rank.get(part.rank, 0.0) + float(np.nansum(by_part[part.component]))
        rank = weakest_rank(by_rank)
        needed_s = COUNTER_WINDOW_S if rank in ("metered", "counter") else MODELLED_WINDOW_S
        indicative = self._generations < FEWEST_GENERATIONS
        resolvable = indicative or window_s >= needed_s
        note = None
        if indicative:
            note = "indicative: fewer than five generations"
        elif not resolvable:
            note = f"not resolvable: {window_s:.1f} s of windows, and {needed_s:.0f} s are needed"
        origin: Literal["measured", "modelled"] = "measured" if rank in ("metered", "counter") else "modelled"
        idle_w = self._idle_w()
        all_calls = float(np.nansum(calls))
        return Energy(
            request_j=_estimate(per_call, origin) if resolvable and total_j > 0 else None,
            net_j=(total_j - idle_w * window_s) / all_calls if resolvable and idle_w is not None else None,
            idle_w=idle_w,
            components=tuple(
                EnergyComponent(
                    component=part.component,
                    energy_j=float(np.nansum(by_part[part.component])) / all_calls,
                    rank=part.rank,
                    method=part.method,
                )
                for part in self._components
            ),
            rank=rank,
            window_s=window_s,
            note=note,
            ratio=self.ratio(candidate, "energy") if resolvable else None,
        )

    def _idle_w(self) -> float | None:
        power = self._values.loc[self._values["metric"] == "idle_w", "value"]
        return float(power.mean()) if len(power) else None

    def _of(self, candidate: str, twin: str | None = None) -> pd.DataFrame:
        rows = self._values["candidate"] == candidate
        return self._values[rows if twin is None else rows & (self._values["twin"] == twin)]

    def _column(self, candidate: str, metric: str) -> Floats:
        rows = self._of(candidate)
        return rows.loc[rows["metric"] == metric, "value"].to_numpy(np.float64)

    def _per_generation(self, candidate: str, metric: str) -> Floats:
        return self._reduced(candidate, metric, "mean")

    def _summed(self, candidate: str, metric: str) -> Floats:
        return self._reduced(candidate, metric, "sum")

    def _reduced(self, candidate: str, metric: str, how: str) -> Floats:
        rows = self._of(candidate)
        values = rows[rows["metric"] == metric].groupby("generation")["value"].agg(how)
        return values.reindex(range(self._generations)).to_numpy(np.float64)

    def _grid(self, candidate: str, twin: str, metric: NoiseMetric) -> Floats:
        """(generations, blocks) values of one worker line; NaN where it was not visited."""
        rows = self._of(candidate, twin)
        if metric == "throughput":
            return self._pivot(rows, "items_per_s")
        if metric == "latency":
            return self._pivot(rows, "visit_prepare_s") + self._pivot(rows, "visit_infer_s")
        parts = [self._pivot(rows, f"visit_{part.component}_j") for part in self._components]
        if not parts:
            return np.full((self._generations, 1), np.nan)
        energy = np.sum(parts, axis=0) / self._pivot(rows, "visit_calls")
        return np.where(energy > 0, energy, np.nan)

    def _pivot(self, rows: pd.DataFrame, metric: str) -> Floats:
        blocks = range(max(1, int(self._values["block"].max()) + 1)) if metric != "items_per_s" else [-1]
        table: Any = rows[rows["metric"] == metric].pivot_table(
            index="generation", columns="block", values="value", observed=True
        )
        return np.asarray(table.reindex(index=range(self._generations), columns=blocks), dtype=np.float64)


def _estimate(values: Floats, origin: Literal["measured", "modelled"] = "measured") -> Estimate:
    """Geometric mean over generations with its Student-t interval on the log scale, so that it stays positive."""
    logs = np.log(values, out=np.full_like(values, np.nan), where=values > 0)
    interval = ratio_over_generations(logs)
    return Estimate(
        value=float(np.exp(np.nanmean(logs))),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        n=int(np.isfinite(logs).sum()),
        origin=origin,
    )
