"""Links: every technique of a chain is tested against the same chain without it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from effkit.analysis.links import Pair, link_gaps
from effkit.analysis.payback import link_payback
from effkit.bench.prepare import Prepared
from effkit.findings import Compared, Ends
from effkit.record import CandidateRecord, Gap, Link, Payback, Rank, Ratio, origin_of, weakest
from effkit.resolve import prefixes
from effkit.spec import CandidateSpec
from effkit.techniques import words


@dataclass(frozen=True)
class _Making:
    time_s: float
    energy_j: float | None
    rank: Rank | None


def links(compared: Compared) -> dict[str, tuple[Link, ...]]:
    """Return the links of each candidate that has techniques."""
    found = compared.found
    chained = [candidate for candidate in found.spec.candidates if candidate.techniques]
    prepared = {**found.steps, **found.prepared}
    if not chained or found.spec.reference not in prepared:
        return {}
    scores = {name: found.by_seed(each) for name, each in prepared.items()}
    gaps = link_gaps(
        scores,
        [pair for candidate in chained for pair in _pairs(candidate)],
        scores[found.spec.reference][0],
        replace(compared.test, groups={}),
    )
    return {candidate.name: tuple(_links(candidate, compared, prepared, gaps)) for candidate in chained}


def _links(
    candidate: CandidateSpec,
    compared: Compared,
    prepared: Mapping[str, Prepared],
    gaps: Mapping[Pair, Gap],
) -> Iterable[Link]:
    failures = {**compared.found.measured.failures, **compared.found.failures}
    for (name, before), technique in zip(_pairs(candidate), candidate.techniques, strict=True):
        one, other = prepared.get(name), prepared.get(before)
        ends = compared.ends(name, before)
        making = _making(one, other)
        latency, energy = compared.latency(name, before), compared.energy(name, before)
        yield Link(
            technique=technique,
            words=words(technique.items()),
            name=name,
            before=before,
            gap=gaps.get((name, before)),
            latency=latency,
            size=_size(one, other),
            peak=_peak(*ends) if ends else None,
            energy=energy,
            energy_rank=weakest(each.energy.rank for each in ends if each.energy) if ends and energy else None,
            making_s=making.time_s if making else None,
            making_j=making.energy_j if making else None,
            time_payback=_time_payback(making, ends, latency) if making else None,
            energy_payback=_energy_payback(making, ends, energy) if making else None,
            sensitivity=one.sensitivity if one and "mixed" in technique else (),
            # A link is not to blame for what broke before it.
            error=None if before in failures else failures.get(name),
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


def _peak(one: CandidateRecord, other: CandidateRecord) -> float | None:
    """Peak memory above the libraries' over that of the chain before."""
    if one.memory is None or other.memory is None or one.memory.added_bytes <= 0 or other.memory.added_bytes <= 0:
        return None
    return one.memory.added_bytes / other.memory.added_bytes


def _making(one: Prepared | None, other: Prepared | None) -> _Making | None:
    """The steps that the chain before did not need too; None where either could not be made."""
    if one is None or other is None:
        return None
    shared = {step["product"] for step in other.making}
    own = [step for step in one.making if step["product"] not in shared]
    # No joules at all is a step too short to be read.
    joules = [step["energy_j"] for step in own if step["energy_j"]]
    return _Making(
        time_s=sum(step["time_s"] for step in own),
        energy_j=float(sum(joules)) if len(joules) == len(own) else None,
        rank=weakest(step["rank"] for step in own),
    )


def _time_payback(making: _Making, ends: Ends | None, latency: Ratio | None) -> Payback:
    before = ends[1].latency if ends else None
    return link_payback(making.time_s, before.mean_s if before else None, latency, origin="measured")


def _energy_payback(making: _Making, ends: Ends | None, energy: Ratio | None) -> Payback:
    used = [each.energy for each in ends or () if each.energy]
    rank = weakest([making.rank, *(each.rank for each in used)])
    base = used[-1].request_j if used else None
    return link_payback(making.energy_j, base, energy, origin=origin_of(rank))
