"""Links of a chain of techniques: what each one costs in quality and saves in time and energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from effkit.analysis.comparison import QualityTest, gaps_over_seeds
from effkit.analysis.energy import claimed, envelope_to, rests_on_model
from effkit.analysis.interval import Floats
from effkit.analysis.paired import NoiseMetric, PairedSamples
from effkit.record import CandidateRecord, Gap, Ratio

Pair = tuple[str, str]
"""A link's name, and the name of the chain without its technique."""


def link_gaps(
    scores: Mapping[str, Sequence[Floats]], pairs: Sequence[Pair], reference: Floats, test: QualityTest
) -> dict[Pair, Gap]:
    """Return the paired quality gap of each link to the link before it, at the study's margin.

    Holm's correction runs over all links of the study: any of the techniques may be taken. A link is judged with every
    training seed that both of its ends have.

    Args:
        scores: (n,) scores on the same items for each training seed, by name of the chain.
        pairs: the links; those that lack scores are left out.
        reference: (n,) scores of the study's reference, of which a margin in per cent is taken.
        test: the study's.
    """
    known = {" < ".join(pair): pair for pair in dict.fromkeys(pairs) if pair[0] in scores and pair[1] in scores}
    shared = {name: _with_shared_seeds(scores[one], scores[before]) for name, (one, before) in known.items()}
    gaps = gaps_over_seeds(shared, test.margin(reference), test)
    return {pair: gaps[name] for name, pair in known.items()}


def _with_shared_seeds(one: Sequence[Floats], before: Sequence[Floats]) -> tuple[Sequence[Floats], Sequence[Floats]]:
    seeds = min(len(one), len(before))
    return one[:seeds], before[:seeds]


def link_latency(samples: PairedSamples, name: str, before: str) -> Ratio | None:
    """Return the latency of a candidate over that of another, through the reference that both are paired with.

    By `PairedSamples.log_ratios`. The threshold is the run's own noise.

    Args:
        samples: of the run.
        name: a measured candidate.
        before: another.
    """
    return _ratio(samples, name, before, "latency")


def link_energy(samples: PairedSamples, one: CandidateRecord, before: CandidateRecord, *, cores: int) -> Ratio | None:
    """Return the energy of a candidate's request over that of another: as `link_latency`.

    Where either is modelled, a direction is claimed only where every form of power model agrees.

    Args:
        samples: of the run.
        one: a measured candidate.
        before: another.
        cores: of the machine, over which a power model spreads its load.

    Returns:
        None where either of the two has no energy figure.
    """
    if any(each.energy is None or each.energy.request_j is None for each in (one, before)):
        return None
    found = _ratio(samples, one.name, before.name, "energy")
    modelled = rests_on_model(samples, one.name, before.name)
    forms = envelope_to(samples, one.name, before.name, cores=cores) if modelled else ()
    return claimed(found, forms, modelled=modelled)


def _ratio(samples: PairedSamples, name: str, before: str, metric: NoiseMetric) -> Ratio | None:
    check = samples.check(metric)
    if check is None or name == before:
        return None
    without = None
    if samples.was_disturbed((line, twin) for line in (name, before, samples.reference) for twin in ("", "a", "b")):
        without = samples.log_ratios(name, metric, over=before, undisturbed=True)
    return samples.judged(check, samples.log_ratios(name, metric, over=before), without)
