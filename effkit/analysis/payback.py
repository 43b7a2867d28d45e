"""What making a candidate took against what serving it saves, and both together.

Making (training, embedding, distilling, quantising) is paid once; a request saves a little each time.
"""

from __future__ import annotations

from dataclasses import dataclass

from effkit.analysis.carbon import HOURS_PER_YEAR, grams, grid
from effkit.analysis.cost import Provision
from effkit.record import CandidateRecord, Energy, Estimate, Origin, Payback, Ratio, origin_of
from effkit.spec import CarbonSpec

SECONDS_PER_YEAR = HOURS_PER_YEAR * 3600


@dataclass(frozen=True)
class BreakEven:
    """Requests after which what making took is saved; None with the reason where no saving is claimed."""

    requests: Estimate | None
    reason: str = ""


def making_j(candidate: CandidateRecord) -> float | None:
    """Energy that making the candidate took, joules; 0.0 where nothing was made.

    Returns:
        None where a step's energy is not known, or was too little to read.
    """
    steps = [step.energy_j for step in candidate.making if step.energy_j]
    return float(sum(steps)) if len(steps) == len(candidate.making) else None


def made_by(candidate: CandidateRecord) -> Origin:
    """How that energy came to be: modelled where that of a step was."""
    steps = [origin_of(step.rank) for step in candidate.making if step.rank is not None]
    return "modelled" if "modelled" in steps else "measured"


def year_grams(candidate: CandidateRecord, provided: Provision, carbon: CarbonSpec) -> Estimate | None:
    """Grams of CO2e of making the candidate once and serving it for a year at the traffic.

    Args:
        candidate: What is made and served.
        provided: What serving it takes.
        carbon: Region and PUE.

    Returns:
        None where the energy of making or of serving is not known, or the grid.
    """
    made_j, served, power = making_j(candidate), provided.carbon_g_per_thousand, grid(carbon)
    if made_j is None or served is None or power is None:
        return None
    making_g = grams(made_j, power.g_per_kwh, carbon.pue)
    requests = provided.requests_per_s * SECONDS_PER_YEAR
    return Estimate(
        value=making_g + requests * served.value / 1000,
        low=None if served.low is None else making_g + requests * served.low / 1000,
        high=None if served.high is None else making_g + requests * served.high / 1000,
        n=served.n,
        origin="modelled",
    )


def energy_break_even(candidate: CandidateRecord, reference: CandidateRecord) -> BreakEven:
    """Requests after which the candidate has saved the energy that making it took.

        requests = energy of making the candidate / (energy of a request of the reference * (1 - ratio))

    The reference is taken to be there already, so all of the candidate's making counts against it and none of
    the reference's is set off. The interval joins the ends of the reference's energy and of the ratio; where the
    ratio rests on a model of power, its outermost ends under every form of it. Both energies are gross; the origin
    is the weaker of making's and serving's.

    Args:
        candidate: What is made.
        reference: What it stands in for.
    """
    request = reference.energy.request_j if reference.energy else None
    origins = {_energy_origin(candidate), _energy_origin(reference), made_by(candidate)}
    return _break_even(
        candidate,
        making_j(candidate),
        request,
        _outermost(candidate.energy) if candidate.energy else None,
        "modelled" if "modelled" in origins else "measured",
        "the energy of making it is not known",
    )


def time_break_even(candidate: CandidateRecord, reference: CandidateRecord) -> BreakEven:
    """Requests after which the candidate has saved the time that making it took: as `energy_break_even`.

    Time is wall-clock time: making ran on all cores, a request on the study's threads.

    Args:
        candidate: What is made.
        reference: What it stands in for.
    """
    return _break_even(
        candidate,
        sum(step.time_s for step in candidate.making),
        reference.latency.mean_s if reference.latency else None,
        candidate.latency.ratio if candidate.latency else None,
        "measured",
        "the time of making it is not known",
    )


def link_payback(made: float | None, base: Estimate | None, ratio: Ratio | None, *, origin: Origin) -> Payback:
    """Return when a technique has paid for its making, from its own saving: as `energy_break_even`.

    Args:
        made: seconds or joules that making it took; None where they are not known.
        base: seconds or joules of a request without it.
        ratio: of a request with it to one without.
        origin: of the weaker of the two.

    Returns:
        `not resolvable` where the ratio's interval includes no saving, or a number is missing.
    """
    if base is None or ratio is None:
        return Payback(outcome="not resolvable", reason="one end was not timed")
    if ratio.verdict == "higher":
        return Payback(outcome="never", reason="a request takes more")
    if ratio.verdict != "lower":
        return Payback(outcome="not resolvable", reason="no saving is shown")
    if made is None:
        return Payback(outcome="not resolvable", reason="its making is not known")
    if made == 0:
        return Payback(outcome="at once", reason="nothing was made")
    return Payback(outcome="after", requests=_requests(made, base, ratio, origin))


def _break_even(
    candidate: CandidateRecord,
    made: float | None,
    base: Estimate | None,
    ratio: Ratio | None,
    origin: Origin,
    unknown: str,
) -> BreakEven:
    if not candidate.making:
        return BreakEven(None, "nothing was made")
    if base is None or ratio is None or ratio.verdict != "lower":
        return BreakEven(None, "no saving is claimed")
    if made is None:
        return BreakEven(None, unknown)
    return BreakEven(_requests(made, base, ratio, origin))


def _requests(made: float, base: Estimate, ratio: Ratio, origin: Origin) -> Estimate:
    """What making took over what a request saves, where the verdict says that the whole ratio is below 1."""
    return Estimate(
        value=made / (base.value * (1 - ratio.value)),
        low=None if base.high is None or ratio.low is None else made / (base.high * (1 - ratio.low)),
        high=None if base.low is None or ratio.high is None else made / (base.low * (1 - ratio.high)),
        n=ratio.n,
        origin=origin,
    )


def _outermost(energy: Energy) -> Ratio | None:
    """The ratio with the outermost ends that it has as modelled and under every form of power model."""
    ratio = energy.ratio
    if ratio is None or ratio.low is None or ratio.high is None:
        return ratio
    lows = [form.low for form in energy.envelope if form.low is not None]
    highs = [form.high for form in energy.envelope if form.high is not None]
    return ratio.model_copy(update={"low": min([ratio.low, *lows]), "high": max([ratio.high, *highs])})


def _energy_origin(candidate: CandidateRecord) -> Origin | None:
    request = candidate.energy.request_j if candidate.energy else None
    return None if request is None else request.origin
