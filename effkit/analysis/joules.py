"""The energy of requests at a traffic: of machines that idle between them, and of answering."""

from __future__ import annotations

from effkit.record import CandidateRecord, Estimate


def above_idle_j(candidate: CandidateRecord) -> Estimate | None:
    """Joules of a request above those of the idle machine, with the spread of gross joules.

    Returns:
        None where they are not known, where they are not above 0, which tells that they do not resolve, or where the
        load test answered several requests together: energy was measured one item at a time.
    """
    energy = candidate.energy
    if energy is None or energy.request_j is None or energy.net_j is None or energy.net_j <= 0:
        return None
    if answers_together(candidate):
        return None
    gross = energy.request_j
    idle_j = gross.value - energy.net_j
    return Estimate(
        value=energy.net_j,
        low=None if gross.low is None else max(gross.low - idle_j, 0.0),
        high=None if gross.high is None else gross.high - idle_j,
        n=gross.n,
        origin="modelled",
    )


def answers_together(candidate: CandidateRecord) -> bool:
    """Whether its rate is of a load test in which several requests are answered together."""
    return candidate.load is not None and candidate.load.max_batch > 1


def joules_per_thousand(number: float, idle_w: float, requests_per_s: float, above_j: float) -> float:
    """Energy of 1,000 requests, of machines that idle between them.

    Args:
        number: of machines.
        idle_w: power of one that idles.
        requests_per_s: the traffic.
        above_j: energy of a request above that.
    """
    return 1000 * (number * idle_w / requests_per_s + above_j)
