"""A decision as plain values for programs: every verdict, and each limit with the number that is held against it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from effkit.analysis.contenders import Known
from effkit.analysis.decide import Check, Decision, Weighed, What, weigh
from effkit.record import CandidateRecord
from effkit.report.checks import origin
from effkit.report.view import View

KEYS: Mapping[What, str] = {
    "latency": "latency_p99_s", "preparing": "prepare_p99_s", "inferring": "infer_p99_s", "memory": "peak_bytes",
    "weights": "weight_bytes", "starting": "cold_start_s", "throughput": "items_per_s", "energy": "energy_j",
    "carbon": "carbon_g_per_thousand", "money": "money_per_thousand", "quality": "loss", "groups": "group_loss",
}  # fmt: skip
"""A limit's key is that of the budget, with its unit. A loss is in the metric's own, and below 0 where it is a gain."""


def weighed(view: View, decision: Decision, name: str) -> Weighed | None:
    """A candidate held against every limit, also where the same system with other labels went in for it.

    Args:
        view: of the record.
        decision: made on it.
        name: of a candidate.

    Returns:
        None where the candidate failed.
    """
    found = next((each for each in view.contenders if each.name == name), None)
    return None if found is None else weigh(found, decision.asked)


def plain(view: View, decision: Decision) -> dict[str, Any]:
    """The decision as what JSON can hold; docs/how-to.md tells the keys.

    Args:
        view: of the record.
        decision: made on it.
    """
    record, asked = view.record, decision.asked
    return {
        "study": record.spec.name,
        "run": record.run,
        "finished_at": record.finished_at.isoformat(),
        "rehearsal": record.spec.protocol.rehearsal,
        "by_hand": record.interactive,
        "kind": decision.kind,
        "chosen": decision.chosen,
        "reference": record.reference.name,
        "metric": record.task.metric,
        "margin": asked.margin,
        "margin_as_planned": math.isclose(asked.margin, view.asked.margin),
        "requests_per_s": asked.budget.requests_per_s,
        "currency": asked.cost.currency if asked.cost else None,
        "candidates": [_candidate(view, decision, each) for each in record.candidates],
    }


def _candidate(view: View, decision: Decision, candidate: CandidateRecord) -> dict[str, Any]:
    found = weighed(view, decision, candidate.name)
    return {
        "candidate": candidate.name,
        "verdict": found.outcome if found else "open",
        "error": candidate.error,
        "other_labels": decision.twins.get(candidate.name),
        "enough_from": found.contender.enough_from if found else None,
        "checks": {KEYS[check.what]: _check(candidate, check) for check in found.checks} if found else {},
    }


def _check(candidate: CandidateRecord, check: Check) -> dict[str, Any]:
    known = _known(candidate, check)
    return {
        "outcome": check.outcome,
        "value": known.value,
        "low": known.low,
        "high": known.high,
        "limit": check.limit,
        "origin": origin(candidate, check, known),
        "group": check.known.why if _of_a_group(check) else None,
        "reason": known.why or None,
    }


def _known(candidate: CandidateRecord, check: Check) -> Known:
    """The number behind a check; of quality the loss itself, and not the margin from which it is enough."""
    if check.what == "quality" and candidate.gap is not None:
        gap = candidate.gap
        return Known(_loss(gap.difference), _loss(gap.high), _loss(gap.low), check.known.why)
    if _of_a_group(check) and candidate.quality is not None:
        gains = {each.group: each.difference for each in candidate.quality.groups}
        return Known(_loss(gains.get(check.known.why)), check.known.low, check.known.high)
    return check.known


def _of_a_group(check: Check) -> bool:
    """Whether it names the worst group, and not why there is none."""
    return check.what == "groups" and check.known.value is not None


def _loss(gain: float | None) -> float | None:
    return None if gain is None else 0.0 - gain  # no minus before a zero
