"""How many generations a run needs, seen from its first ones."""

from __future__ import annotations

from effkit.analysis.paired import PairedSamples
from effkit.analysis.sequential import generations_needed
from effkit.bench import samples
from effkit.bench.measurements import Measurements
from effkit.spec import Protocol


def generations_wanted(measured: Measurements, reference: str, protocol: Protocol) -> int:
    """Return the number of generations in all, decided once, when the protocol's own are done.

    The reference's two workers count as a pair like any other: the noise threshold rests on them.

    Args:
        measured: the first generations.
        reference: the candidate that was entered twice.
        protocol: its `generations`, `interval` and `most_generations`.
    """
    if protocol.interval is None or reference in measured.failures:
        return protocol.generations
    paired = PairedSamples(samples.table(measured), reference, pinned=True)
    others = {visit.entry.candidate for visit in measured.visits} - {reference, *measured.failures}
    ratios = {name: paired.log_ratios(name, "latency") for name in sorted(others)}
    ratios[reference] = paired.a_a_log_ratios("latency")
    return generations_needed(ratios, protocol.interval, most=protocol.most_generations)
