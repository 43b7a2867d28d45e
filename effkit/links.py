"""Links: every technique of a chain is tested against the same chain without it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from effkit.analysis.comparison import QualityTest
from effkit.analysis.links import Pair, link_gaps, link_latency
from effkit.analysis.paired import PairedSamples
from effkit.bench.prepare import Prepared
from effkit.record import Gap, Link
from effkit.resolve import prefixes
from effkit.spec import CandidateSpec
from effkit.techniques import words

if TYPE_CHECKING:
    from effkit.assemble import Findings


def links(found: Findings, paired: PairedSamples, test: QualityTest) -> dict[str, tuple[Link, ...]]:
    """Return the links of each candidate that has techniques.

    Args:
        found: what the run found out.
        paired: its samples.
        test: the study's test of quality.
    """
    chained = [candidate for candidate in found.spec.candidates if candidate.techniques]
    prepared = {**found.steps, **found.prepared}
    if not chained or found.spec.reference not in prepared:
        return {}
    scores = {name: found.scores(each.predictions[0]) for name, each in prepared.items()}
    gaps = link_gaps(
        scores,
        [pair for candidate in chained for pair in _pairs(candidate)],
        scores[found.spec.reference],
        replace(test, groups={}),
    )
    return {candidate.name: tuple(_links(candidate, found, prepared, gaps, paired)) for candidate in chained}


def _links(
    candidate: CandidateSpec,
    found: Findings,
    prepared: Mapping[str, Prepared],
    gaps: Mapping[Pair, Gap],
    paired: PairedSamples,
) -> Iterable[Link]:
    timed = {name for name in found.prepared if name not in found.measured.failures}
    for (name, before), technique in zip(_pairs(candidate), candidate.techniques, strict=True):
        one, other = prepared.get(name), prepared.get(before)
        making_s, making_j = _making(one, other)
        yield Link(
            technique=technique,
            words=words(technique.items()),
            name=name,
            before=before,
            gap=gaps.get((name, before)),
            latency=link_latency(paired, name, before) if {name, before} <= timed else None,
            size=_size(one, other),
            making_s=making_s,
            making_j=making_j,
            error=found.failures.get(name) or found.measured.failures.get(name),
        )


def _pairs(candidate: CandidateSpec) -> list[Pair]:
    names = [each.name for each in prefixes(candidate)]
    return list(zip(names[1:], names, strict=False))


def _size(one: Prepared | None, other: Prepared | None) -> float | None:
    """Weights in memory over those before, or on disk where they cannot be counted in memory."""
    if one is None or other is None:
        return None
    for kind in ("tensor_bytes", "weight_bytes"):
        sizes = getattr(one.facts, kind), getattr(other.facts, kind)
        if all(sizes):
            return float(sizes[0] / sizes[1])
    return None


def _making(one: Prepared | None, other: Prepared | None) -> tuple[float | None, float | None]:
    """Seconds and joules of the steps that the chain before did not need too."""
    if one is None or other is None:
        return None, None
    shared = {step["product"] for step in other.making}
    own = [step for step in one.making if step["product"] not in shared]
    joules = [step["energy_j"] for step in own]
    return sum(step["time_s"] for step in own), None if None in joules else sum(joules)
