"""From samples to what the record says of latency, throughput, cold start and memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from effkit.analysis.outliers import outlier_share
from effkit.analysis.paired import PairedSamples
from effkit.analysis.tails import Percentile, percentiles
from effkit.record import ColdStart, Latency, Memory, PercentileRecord, Throughput


def latency(samples: PairedSamples, candidate: str, *, seed: int) -> Latency | None:
    """Return latency at batch 1; None when the candidate was never visited.

    Args:
        samples: of the run.
        candidate: its name.
        seed: of the percentiles' resampling.
    """
    if not samples.column(candidate, "visit_infer_s").size:
        return None
    prepare, infer = (samples.per_generation(candidate, f"visit_{part}_s") for part in ("prepare", "infer"))
    cpu = samples.summed(candidate, "visit_cpu_s") / samples.summed(candidate, "visit_calls")
    settled = samples.column(candidate, "steady")  # none where no worker came to the end of a generation
    calls = samples.calls[samples.calls["candidate"] == candidate]
    wide = {part: calls[calls["metric"] == f"{part}_s"] for part in ("prepare", "infer")}
    parts_s = {part: each["value"].to_numpy() for part, each in wide.items()}
    place = wide["infer"]

    def levels(call_s: NDArray[np.float64]) -> tuple[PercentileRecord, ...]:
        found = percentiles(
            call_s,
            place["generation"].to_numpy(),
            place["block"].to_numpy(),
            worker=(place["twin"] == "b").to_numpy(),
            item=place["item"].to_numpy(),
            rng=np.random.default_rng(seed),
        )
        return tuple(_percentile(each) for each in found)

    visit = place.groupby(["generation", "block", "twin"], observed=True).ngroup().to_numpy()
    both_s = parts_s["prepare"] + parts_s["infer"]
    return Latency(
        mean_s=samples.estimate(prepare + infer),
        prepare_s=samples.estimate(prepare),
        infer_s=samples.estimate(infer),
        percentiles=levels(both_s),
        prepare_percentiles=levels(parts_s["prepare"]),
        infer_percentiles=levels(parts_s["infer"]),
        ratio=samples.ratio(candidate, "latency"),
        cpu_s=samples.estimate(cpu),
        calls=len(place),
        outlier_share=outlier_share(both_s, visit, place["item"].to_numpy()),
        steady=not settled.size or bool(settled.mean() >= 0.5),
    )


def _percentile(found: Percentile) -> PercentileRecord:
    return PercentileRecord(
        level=found.level,
        value_s=found.value,
        low_s=found.interval.low if found.interval else None,
        high_s=found.interval.high if found.interval else found.at_most,
        n=found.n,
        n_effective=found.n_effective,
        reason=found.reason,
    )


def throughput(samples: PairedSamples, candidate: str, batch: int) -> tuple[Throughput, ...]:
    """Return items a second at the batch size that was measured."""
    values = samples.per_generation(candidate, "items_per_s")
    if not np.isfinite(values).any():
        return ()
    ratio = samples.ratio(candidate, "throughput")
    return (Throughput(batch=batch, items_per_s=samples.estimate(values), ratio=ratio),)


def cold_start(samples: PairedSamples, candidate: str) -> ColdStart | None:
    """Return the times from a fresh process to the first answer."""
    parts = {name: samples.per_generation(candidate, name) for name in ("import_s", "load_s", "first_call_s")}
    if not np.isfinite(parts["load_s"]).any():
        return None
    return ColdStart(**{name: samples.estimate(values) for name, values in parts.items()})


def memory(
    samples: PairedSamples, candidate: str, *, weight_bytes: int | None, tensor_bytes: int | None
) -> Memory | None:
    """Return the highest memory over all fresh workers, less the floor."""
    peak, floor = (samples.column(candidate, name) for name in ("peak_bytes", "floor_bytes"))
    if not peak.size:
        return None
    return Memory(
        weight_bytes=weight_bytes,
        tensor_bytes=tensor_bytes,
        floor_bytes=int(np.median(floor)),
        peak_bytes=int((peak - floor).max()),
        device_allocated_bytes=_largest(samples, candidate, "device_allocated_bytes"),
        device_reserved_bytes=_largest(samples, candidate, "device_reserved_bytes"),
    )


def _largest(samples: PairedSamples, candidate: str, metric: str) -> int | None:
    values = samples.column(candidate, metric)
    return int(values.max()) if values.size else None
