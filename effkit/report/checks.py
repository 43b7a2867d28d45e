"""One check of a decision in words: the limit, the number that is held against it, and why it is failed or open."""

from __future__ import annotations

import math
from collections.abc import Mapping

from effkit.analysis.contenders import Known
from effkit.analysis.decide import Check, Weighed, What
from effkit.record import CandidateRecord, Origin
from effkit.report.units import NBSP, Unit, about, interval, show, whole
from effkit.report.view import View

LIMITS: Mapping[What, str] = {
    "latency": "p99 latency",
    "preparing": "p99 of preparing",
    "inferring": "p99 of inferring",
    "memory": "peak memory",
    "weights": "size on disk",
    "starting": "cold start",
    "throughput": "throughput",
    "energy": "energy per request",
    "carbon": "CO₂e of 1,000 requests",
    "money": "price of 1,000 requests",
    "quality": "quality",
    "groups": "quality in every group",
}
UNITS: Mapping[What, Unit] = {
    "latency": "s", "preparing": "s", "inferring": "s", "memory": "bytes", "weights": "bytes", "starting": "s",
    "throughput": "items/s", "energy": "j", "carbon": "g", "money": "count",
}  # fmt: skip
NEARLY = 0.005
"""Nearer to a limit than this share, three digits would not show the difference."""


def limit_words(view: View, check: Check) -> str:
    """A limit with what it is held to: "p99 latency of at most 50 ms"."""
    if check.of_quality:
        within = "overall" if check.what == "quality" else "in any group"
        return f"at most {view.margin_value(check.limit)} worse {within}"
    return f"{LIMITS[check.what]} of {bound(check)} {amount(check, check.limit)}"


def measured_words(view: View, check: Check) -> str:
    """The number that is held against a limit, with its interval."""
    known = check.known
    if known.value is None:
        bounds = {"at least": known.low, "at most": known.high}
        told = [f"{words} {amount(check, end)}" for words, end in bounds.items() if end is not None]
        return "; ".join((*told, known.why))
    if check.what == "groups":
        least, most = known.value, known.high or 0.0
        better = " better" if least < 0 < most else ""
        return (
            f"{known.why}: between {view.size(least)}{better} and {view.size(most)} {'worse' if most > 0 else 'better'}"
        )
    ends = "" if known.low == known.high else interval(known.low, known.high, UNITS[check.what], known.value)
    return " ".join(filter(None, (amount(check, known.value), ends, known.why)))


def why_open(check: Check) -> str:
    """Why a number does not settle a limit; nothing where there is no number, which says why itself."""
    if check.known.value is None:
        return ""
    low, high = check.known.low, check.known.high
    if low is None and high is None:
        return ": one generation gives no interval"
    return ": how far it may reach is not known" if None in (low, high) else ": the interval spans the limit"


def why_not(view: View, each: Weighed) -> str:
    """Why a candidate is out or open, in words: its failed limits, else its open ones."""
    wanted = "fails" if each.outcome == "fails" else "open"
    found = [check for check in each.checks if check.outcome == wanted]
    return "; ".join(why_failed(view, check) if wanted == "fails" else _open(view, each, check) for check in found)


def why_failed(view: View, check: Check) -> str:
    """Why a candidate is out by one limit."""
    if check.what == "quality":
        return f"worse by more than {view.margin_value(check.limit)}"
    if check.what == "groups":
        return f"worse by more than {view.margin_value(check.limit)} in a group ({measured_words(view, check)})"
    value = check.known.value
    if value is not None and abs(value / check.limit - 1) < NEARLY:
        side = "under" if check.at_least else "over"
        limit = f"the {amount(check, check.limit)} {demand(check)}"
        return f"{LIMITS[check.what]} is {amount(check, abs(value - check.limit))} {side} {limit}"
    return f"{LIMITS[check.what]} is {measured_words(view, check)}, and {amount(check, check.limit)} is {demand(check)}"


def _open(view: View, each: Weighed, check: Check) -> str:
    if check.what == "groups":
        return f"groups cannot be judged ({measured_words(view, check)})"
    if check.what != "quality":
        known = f"{measured_words(view, check)}{why_open(check)}"
        does = "reaches" if check.at_least else "stays within"
        return f"whether its {LIMITS[check.what]} {does} the limit is not known ({known})"
    found = each.contender
    margin = view.margin_value(check.limit)
    if check.known.why:
        return check.known.why
    n = view.record.task.test_used
    if check.known.value is not None and check.known.value > 0:
        margin += f" ({view.margin_value(check.known.value)} would be shown)"
    cannot = f"{whole(n)} items cannot tell whether it is worse by {margin}"
    # How many would is known for the study's own margin.
    needed = found.items_needed if math.isclose(check.limit, found.margin) else None
    if needed is None:
        return cannot
    return f"{cannot}; {about(needed)} would, {view.often(view.record.candidate(found.name))}"


def bound(check: Check) -> str:
    """Which side of a limit is the right one."""
    return "at least" if check.at_least else "at most"


def demand(check: Check) -> str:
    """What a limit is: so much is asked for, or allowed."""
    return "asked for" if check.at_least else "allowed"


def amount(check: Check, value: float | None) -> str:
    """A number in the unit of a limit."""
    return "?" if value is None else f"{show(value, UNITS[check.what])}{NBSP}{check.currency}".rstrip()


def origin(candidate: CandidateRecord, check: Check, known: Known) -> Origin | None:
    """How the number that is held against a limit came to be; None where there is none."""
    if known.value is None and known.low is None and known.high is None:
        return None
    if check.what in ("carbon", "money"):
        return "modelled"
    if check.what == "weights":
        return "counted"
    if check.what == "energy" and candidate.energy is not None and candidate.energy.request_j is not None:
        return candidate.energy.request_j.origin
    return "measured"
