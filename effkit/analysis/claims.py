"""Claims of the literature, judged by records: supported, refuted, inconclusive or untested on this host.

`claims.yaml` has the claims as data, `claim_terms` says what they may say, `claim_pairs` finds what they compare and
`claim_quantities` reads the numbers. Here is how a verdict comes about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from scipy import special

from effkit.analysis.claim_figures import Figure
from effkit.analysis.claim_pairs import Comparison, comparisons
from effkit.analysis.claim_quantities import read
from effkit.analysis.claim_terms import Claim, Condition, known_claims
from effkit.record import Record

ClaimVerdict = Literal["supported", "refuted", "inconclusive", "untested"]
State = Literal["holds", "fails", "open"]
"""Of one comparison: its whole intervals lie inside all bounds, one lies wholly outside, or they cannot tell."""


@dataclass(frozen=True)
class Outcome:
    """One comparison of a claim.

    Attributes:
        comparison: What was compared, and in which run.
        figures: Each condition's number.
        state: Whether the claim holds for it.
        why: Why that is open, or what fails; empty where it holds.
    """

    comparison: Comparison
    figures: tuple[tuple[Condition, Figure], ...]
    state: State
    why: str


@dataclass(frozen=True)
class Share:
    """In how many of the comparisons that can be told it holds; `low` and `high` are of that share, exact binomial."""

    holds: int
    told: int
    low: float
    high: float


@dataclass(frozen=True)
class Finding:
    """A claim and what records make of it.

    Attributes:
        claim: As it stands in the file.
        verdict: On the hosts of these records.
        outcomes: Every comparison of every run.
        share: Over comparisons that differ; the same one in several runs counts once.
        reason: Why that is the verdict, in a sentence without a full stop.
    """

    claim: Claim
    verdict: ClaimVerdict
    outcomes: tuple[Outcome, ...]
    share: Share
    reason: str


def judge(records: Sequence[Record], of: Iterable[Claim] | None = None) -> tuple[Finding, ...]:
    """Judge every claim by records.

    Verdicts describe these runs on their hosts. Each interval holds at 95 % by itself; nothing is corrected for
    how many claims are looked at.

    Args:
        records: Of the runs to be looked at.
        of: The claims; None takes those that come with effkit.

    Returns:
        A finding for each claim, in their order.
    """
    return tuple(_finding(claim, records) for claim in (known_claims() if of is None else of))


def exact_share(holds: int, told: int) -> Share:
    """A share with its exact 95 % interval (Clopper & Pearson 1934).

    Args:
        holds: Comparisons for which it holds.
        told: Comparisons that can be told.
    """
    low = float(special.betaincinv(holds, told - holds + 1, 0.025)) if holds else 0.0
    high = float(special.betaincinv(holds + 1, told - holds, 0.975)) if holds < told else 1.0
    return Share(holds, told, low, high)


def _finding(claim: Claim, records: Sequence[Record]) -> Finding:
    found = [_outcome(claim, each) for record in records for each in _applicable(claim, record)]
    states = _distinct(found)
    share = exact_share(states.count("holds"), states.count("holds") + states.count("fails"))
    verdict = _verdict(claim, states, share)
    return Finding(claim, verdict, tuple(found), share, _reason(claim, verdict, found, states, share))


def _applicable(claim: Claim, record: Record) -> Iterable[Comparison]:
    return (
        each
        for each in comparisons(record, claim.of)
        if all(read(each, condition).holds(condition) for condition in claim.where)
    )


def _outcome(claim: Claim, comparison: Comparison) -> Outcome:
    figures = tuple((condition, read(comparison, condition)) for condition in claim.expect)
    states = [figure.holds(condition) for condition, figure in figures]
    failed = _failure(comparison)
    if failed:
        return Outcome(comparison, figures, "open", failed)
    if False in states:
        return Outcome(comparison, figures, "fails", "")
    if all(states):
        return Outcome(comparison, figures, "holds", "")
    return Outcome(comparison, figures, "open", _unknown(figure for _, figure in figures))


def _failure(comparison: Comparison) -> str:
    if comparison.link is not None and comparison.link.error:
        return f"it failed: {comparison.link.error}"
    broken = next((c for c in (comparison.one, comparison.base) if c is not None and c.status == "failed"), None)
    return f"{broken.name} failed: {broken.error}" if broken else ""


def _unknown(figures: Iterable[Figure]) -> str:
    return next((each.why for each in figures if each.why), "its interval reaches beyond the bounds")


def _distinct(outcomes: Sequence[Outcome]) -> list[State]:
    """One state for each comparison that several runs share: open where two runs contradict each other."""
    states: dict[tuple[str, ...], set[State]] = {}
    for each in outcomes:
        states.setdefault(each.comparison.key, set()).add(each.state)
    merged: list[State] = []
    for found in states.values():
        told = found - {"open"}
        merged.append(told.pop() if len(told) == 1 else "open")
    return merged


def _verdict(claim: Claim, states: Sequence[State], share: Share) -> ClaimVerdict:
    if not states:
        return "untested"
    if not share.told:
        return "inconclusive"
    match claim.holds:
        case "all":
            return "refuted" if "fails" in states else "supported"
        case "some":
            return "supported" if "holds" in states else "inconclusive" if "open" in states else "refuted"
        case "most":
            return "supported" if share.low > 0.5 else "refuted" if share.high < 0.5 else "inconclusive"


def _reason(
    claim: Claim, verdict: ClaimVerdict, outcomes: Sequence[Outcome], states: Sequence[State], share: Share
) -> str:
    if verdict == "untested":
        return f"no run here compares that; {claim.tested_by}"
    left = states.count("open")
    if not share.told:
        common = Counter(each.why for each in outcomes if each.why).most_common(2)
        why = ", or ".join(each for each, _ in common) or "its runs contradict each other"
        return f"{_many(left, 'comparison')}, and none can be told: {why}"
    said = f"holds in {share.holds} of {_many(share.told, 'comparison')}"
    if left:
        said += f", {left} more cannot be told"
    if len(outcomes) > len(states):
        said += " (one in several runs counts once)"
    if claim.holds == "most":
        said += f"; a share of {100 * share.low:.0f} to {100 * share.high:.0f} %, and more than half is claimed"
        if verdict == "inconclusive":
            said += ": too few comparisons" if share.told < _FEWEST_FOR_MOST else ": the share is not clear"
    return said


_FEWEST_FOR_MOST = next(n for n in range(1, 100) if exact_share(n, n).low > 0.5)
"""With fewer comparisons not even all of them show that it holds for more than half."""


def _many(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
