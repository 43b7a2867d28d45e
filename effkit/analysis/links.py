"""Links of a chain of techniques: what each one costs in quality and saves in time and energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from effkit.analysis.comparison import QualityTest, as_gap
from effkit.analysis.energy import claimed, envelope_to, rests_on_model
from effkit.analysis.interval import Floats
from effkit.analysis.paired import NoiseMetric, PairedSamples
from effkit.analysis.quality import holm, holm_verdicts, non_inferiority
from effkit.record import CandidateRecord, Gap, Ratio

Pair = tuple[str, str]
"""A link's name, and the name of the chain without its technique."""


def link_gaps(
    scores: Mapping[str, Floats], pairs: Sequence[Pair], reference: Floats, test: QualityTest
) -> dict[Pair, Gap]:
    """Return the paired quality gap of each link to the link before it, at the study's margin.

    Holm's correction runs over all links of the study: any of the techniques may be taken.

    Args:
        scores: (n,) scores on the same items, by name of the chain.
        pairs: the links; those that lack scores are left out.
        reference: (n,) scores of the study's reference, of which a margin in per cent is taken.
        test: the study's.
    """
    known = [pair for pair in dict.fromkeys(pairs) if pair[0] in scores and pair[1] in scores]
    margin = test.margin(reference)
    tests = {
        pair: non_inferiority(
            scores[pair[0]],
            scores[pair[1]],
            margin=margin,
            seed=test.seed,
            higher_is_better=test.higher_is_better,
            clusters=test.clusters,
            weights=test.weights,
            resamples=test.resamples,
            among=len(known),
        )
        for pair in known
    }
    verdicts = holm_verdicts({" < ".join(pair): found for pair, found in tests.items()})
    adjusted = holm([found.p_value for found in tests.values()])
    return {
        pair: as_gap(found, verdicts[" < ".join(pair)], float(p_holm), scores[pair[0]], scores[pair[1]], test)
        for (pair, found), p_holm in zip(tests.items(), adjusted, strict=True)
    }


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
