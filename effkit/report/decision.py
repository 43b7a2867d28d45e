"""The decision as an argument: what was asked, what is out, what was chosen, and what would change it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from effkit.analysis.contenders import Known
from effkit.analysis.decide import Check, Decision, Weighed, What
from effkit.analysis.family import WORDS
from effkit.report.changes import at_each_traffic, changes
from effkit.report.outcome import explores, fastest, outcome
from effkit.report.units import NBSP, Unit, about, capital, interval, rate, show, whole
from effkit.report.values import Argument, Step
from effkit.report.view import View
from effkit.report.words import listing

LIMITS: Mapping[What, str] = {
    "latency": "p99 latency",
    "preparing": "p99 of preparing",
    "inferring": "p99 of inferring",
    "memory": "peak memory",
    "energy": "energy per request",
    "carbon": "CO₂e of 1,000 requests",
    "money": "price of 1,000 requests",
    "quality": "quality",
    "groups": "quality in every group",
}
UNITS: Mapping[What, Unit] = {
    "latency": "s", "preparing": "s", "inferring": "s", "memory": "bytes", "energy": "j", "carbon": "g",
    "money": "count",
}  # fmt: skip
NEARLY = 0.005
"""Nearer to a limit than this share, three digits would not show the difference."""


def argument(view: View, decision: Decision | None = None) -> Argument | None:
    """The decision step by step; None where there is nothing to compare.

    Args:
        view: of the record.
        decision: to be told; None takes that of the record's own parameters.
    """
    if view.reference.status == "failed" or len(view.contenders) < 2:
        return None
    told = decision or view.decision
    steps = (
        Step("What is asked", tuple(_asked(view, told))),
        Step("Out by the budget", tuple(_out(view, told))),
        Step("From the simplest upward", tuple(_walk(view, told))),
        Step("So", tuple(_so(view, told))),
        Step("What would change it", tuple(changes(view, told))),
    )
    return Argument(tuple(step for step in steps if step.lines), tuple(at_each_traffic(view, told)))


def limit_words(view: View, check: Check) -> str:
    """A limit with what it is held to: "p99 latency of at most 50 ms"."""
    if check.of_quality:
        within = "overall" if check.what == "quality" else "in any group"
        return f"at most {view.margin_value(check.limit)} worse {within}"
    return f"{LIMITS[check.what]} of at most {_amount(check, check.limit)}"


def measured_words(view: View, check: Check) -> str:
    """The number that is held against a limit, with its interval."""
    known = check.known
    if known.value is None:
        bounds = {"at least": known.low, "at most": known.high}
        told = [f"{words} {_amount(check, end)}" for words, end in bounds.items() if end is not None]
        return "; ".join((*told, known.why))
    if check.what == "groups":
        least, most = known.value, known.high or 0.0
        better = " better" if least < 0 < most else ""
        return (
            f"{known.why}: between {view.size(least)}{better} and {view.size(most)} {'worse' if most > 0 else 'better'}"
        )
    ends = "" if known.low == known.high else interval(known.low, known.high, UNITS[check.what], known.value)
    return f"{_amount(check, known.value)} {ends}".rstrip()


def why_open(check: Check) -> str:
    """Why a number does not settle a limit; nothing where there is no number, which says why itself."""
    if check.known.value is None:
        return ""
    return ": one generation gives no interval" if check.known.low is None else ": the interval spans the limit"


def why_not(view: View, each: Weighed) -> str:
    """Why a candidate is out or open, in words: its failed limits, else its open ones."""
    wanted = "fails" if each.outcome == "fails" else "open"
    found = [check for check in each.checks if check.outcome == wanted]
    return "; ".join(_failed(view, each, check) if wanted == "fails" else _open(view, each, check) for check in found)


def _asked(view: View, decision: Decision) -> Iterator[str]:
    limits = [limit_words(view, check) for check in decision.order[-1].checks if not check.of_quality]
    group = decision.asked.budget.group_margin_points
    groups = f", {group:g} in any group" if group is not None else ""
    start = f"At most {view.margin_value(decision.asked.margin)} worse than {view.label(view.reference)}{groups}"
    if math.isclose(decision.asked.margin, view.asked.margin):
        yield f"{start}: {view.record.spec.margin_reason}."
    else:
        yield f"{start}. {explores(view)}"
    if limits:
        yield f"{capital(listing(limits))}{_network(decision)}."
    else:
        yield "No other limit: `budget` names none."
    traffic = decision.asked.budget.requests_per_s
    if traffic is not None:
        yield f"It is to serve {rate(traffic)}."
    elif decision.asked.budget.latency_p99_s is not None:
        yield "No traffic is named: latency is that of one request at a time."


def _network(decision: Decision) -> str:
    budget = decision.asked.budget
    parts = []
    if budget.network_s:
        parts.append(f"{show(budget.network_s, 's')} for the network's round trip")
    if budget.network_bytes_per_s:
        parts.append(f"the moving of request and answer at {show(budget.network_bytes_per_s, 'bytes')} a second")
    return f" (latency with {listing(parts)})" if parts else ""


def _out(view: View, decision: Decision) -> Iterator[str]:
    for each in decision.order:
        failed = [check for check in each.checks if check.outcome == "fails" and not check.of_quality]
        if failed:
            reasons = "; ".join(_failed(view, each, check) for check in failed)
            yield f"{view.of(each.contender.name)}: {reasons}."


def _walk(view: View, decision: Decision) -> Iterator[str]:
    for name, better in decision.twins.items():
        how = _better(view, decision, name)
        yield f"{view.of(better)} enters for {view.of(name)} too: with its labels it is {how}."
    stop = decision.enough or decision.chosen
    left = []
    reached = False
    for each in decision.order:
        if each.affordable == "fails":
            continue
        if reached:
            left.append(view.of(each.contender.name))
            continue
        yield _weighed(view, each)
        reached = each.contender.name == stop
    if left and decision.asked.budget.requests_per_s is None:  # with a traffic, all are held against one another
        yield f"Nothing after it was looked at: {listing(left)}."


def _weighed(view: View, each: Weighed) -> str:
    found = each.contender
    label, family = view.of(found.name), WORDS[found.family]
    name = label if label.lower() == family else f"{label} ({family})"
    if found.reference:
        but = "" if each.outcome == "meets" else f"; {why_not(view, each)}"
        return f"{name} is the reference{but}."
    gap = view.record.candidate(found.name).gap
    told = f" ({view.gap(gap)})" if gap else ""
    match each.outcome:
        case "meets":
            better = "better than" if found.verdict == "superior" else "not worse than"
            return f"{name}: {better} {view.label(view.reference)} as asked{told}, and within every limit."
        case "fails":
            return f"{name}: {why_not(view, each)}{told}."
        case "open":
            return f"{name}: open. {capital(why_not(view, each))}{told}."


def _failed(view: View, each: Weighed, check: Check) -> str:
    if check.what == "quality":
        return f"worse by more than {view.margin_value(check.limit)}"
    if check.what == "groups":
        return f"worse by more than {view.margin_value(check.limit)} in a group ({measured_words(view, check)})"
    allowed, value = _amount(check, check.limit), check.known.value
    if value is not None and abs(value / check.limit - 1) < NEARLY:
        return f"{LIMITS[check.what]} is {_amount(check, value - check.limit)} over the {allowed} allowed"
    return f"{LIMITS[check.what]} is {measured_words(view, check)}, and {allowed} is allowed"


def _open(view: View, each: Weighed, check: Check) -> str:
    if check.what == "groups":
        return f"groups cannot be judged ({measured_words(view, check)})"
    if check.what != "quality":
        known = f"{measured_words(view, check)}{why_open(check)}"
        return f"whether its {LIMITS[check.what]} stays within the limit is not known ({known})"
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
    return cannot if needed is None else f"{cannot}; {about(needed)} would"


def _so(view: View, decision: Decision) -> Iterator[str]:
    yield outcome(view, decision)
    yield from fastest(view, decision)
    if decision.kind == "none":
        yield from _missing(view, decision)
    yield from _still_open(view, decision)


def _still_open(view: View, decision: Decision) -> Iterator[str]:
    still = [view.of(each.contender.name) for each in decision.before if each.outcome == "open"]
    if still and decision.kind not in ("open", "none"):
        yield f"Still open, and would come before it: {listing(still)}."


def _missing(view: View, decision: Decision) -> Iterator[str]:
    """For each limit that nobody good enough meets, who comes nearest."""
    good = [each for each in decision.order if each.good_enough == "meets"]
    whats = dict.fromkeys(check.what for each in good for check in each.checks if check.outcome == "fails")
    for what in whats:
        checks = [(check, each) for each in good for check in each.checks if check.what == what]
        ends = [(_least(check.known), check, each) for check, each in checks if check.outcome == "fails"]
        pairs = [(end, check, each) for end, check, each in ends if end is not None]
        if not pairs or any(check.outcome == "meets" for check, _ in checks):
            continue
        _, check, nearest = min(pairs, key=lambda pair: pair[0])
        yield (
            f"Of those good enough, {view.of(nearest.contender.name)} comes nearest to the limit on {LIMITS[what]}: "
            f"{measured_words(view, check)}, and {_amount(check, check.limit)} is allowed."
        )


def _least(known: Known) -> float | None:
    return known.value if known.low is None else known.low


def _better(view: View, decision: Decision, name: str) -> str:
    mine = next(each for each in view.contenders if each.name == name)
    other = next(each for each in view.contenders if each.name == decision.twins[name])
    return (
        f"better by {view.size(other.difference - mine.difference)}"
        if other.difference > mine.difference
        else "as good"
    )


def _amount(check: Check, value: float | None) -> str:
    return "?" if value is None else f"{show(value, UNITS[check.what])}{NBSP}{check.currency}".rstrip()
