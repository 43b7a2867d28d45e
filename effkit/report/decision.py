"""The decision as an argument: what was asked, what is out, what was chosen, and what would change it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from effkit.analysis.decide import Check, Decision, Weighed
from effkit.analysis.family import FAMILY_WORDS
from effkit.analysis.serving import needs_fewer
from effkit.report.changes import at_each_traffic, changes
from effkit.report.checks import LIMITS, amount, demand, limit_words, measured_words, why_failed, why_not
from effkit.report.groups import unjudged
from effkit.report.outcome import explores, fastest, outcome
from effkit.report.units import capital, rate, show
from effkit.report.values import Argument, Step
from effkit.report.view import View
from effkit.report.words import listing, side_by_side


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
    return Argument(tuple(step for step in steps if step.lines), tuple(_at_each_traffic(view, told)))


def _at_each_traffic(view: View, decision: Decision) -> Iterator[str]:
    lines = list(at_each_traffic(view, decision))
    yield from lines
    if lines:
        yield from side_by_side(decision.asked.workers_per_machine)


def _asked(view: View, decision: Decision) -> Iterator[str]:
    limits = [limit_words(view, check) for check in decision.order[-1].checks if not check.of_quality]
    group = decision.asked.budget.group_margin_points
    groups = f", {group:g} in any group" if group is not None else ""
    start = f"At most {view.margin_value(decision.asked.margin)} worse than {view.label(view.reference)}{groups}"
    if math.isclose(decision.asked.margin, view.asked.margin):
        yield f"{start}: {view.record.spec.margin_reason.rstrip('. ')}."
    else:
        yield f"{start}. {explores(view)}"
    yield from unjudged(view, group)
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
            reasons = "; ".join(why_failed(view, check) for check in failed)
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
    label, family = view.of(found.name), FAMILY_WORDS[found.family]
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


def _so(view: View, decision: Decision) -> Iterator[str]:
    yield outcome(view, decision)
    yield from fastest(view, decision)
    if decision.kind == "none":
        yield from _missing(view, decision)
    yield from _still_open(view, decision)


def _still_open(view: View, decision: Decision) -> Iterator[str]:
    if decision.kind in ("open", "none"):
        return
    still = [view.of(each.contender.name) for each in decision.order if _would_come_before(decision, each)]
    if still:
        yield f"Still open, and would come before it: {listing(still)}."


def _would_come_before(decision: Decision, each: Weighed) -> bool:
    """Whether one that is open would be chosen instead if it met everything: by the order, or by fewer machines."""
    if each.outcome != "open":
        return False
    noise, chosen = decision.asked.noise, decision.weighed(decision.enough or decision.chosen or "")
    passing = [other for other in decision.order if other.outcome == "meets"]
    if any(needs_fewer(other.serving, each.serving, noise) for other in passing):
        return False
    earlier = any(other is each for other in decision.before)
    return earlier or needs_fewer(each.serving, chosen.serving, noise)


def _missing(view: View, decision: Decision) -> Iterator[str]:
    """For each limit that nobody good enough meets, who comes nearest."""
    good = [each for each in decision.order if each.good_enough == "meets"]
    whats = dict.fromkeys(check.what for each in good for check in each.checks if check.outcome == "fails")
    for what in whats:
        checks = [(check, each) for each in good for check in each.checks if check.what == what]
        ends = [(_distance(check), check, each) for check, each in checks if check.outcome == "fails"]
        pairs = [(end, check, each) for end, check, each in ends if end is not None]
        if not pairs or any(check.outcome == "meets" for check, _ in checks):
            continue
        _, check, nearest = min(pairs, key=lambda pair: pair[0])
        yield (
            f"Of those good enough, {view.of(nearest.contender.name)} comes nearest to the limit on {LIMITS[what]}: "
            f"{measured_words(view, check)}, and {amount(check, check.limit)} is {demand(check)}."
        )


def _distance(check: Check) -> float | None:
    """From a limit that is failed to the nearer end of the number's interval."""
    known = check.known
    nearer = known.high if check.at_least else known.low
    end = known.value if nearer is None else nearer
    return None if end is None else abs(end - check.limit)


def _better(view: View, decision: Decision, name: str) -> str:
    mine = next(each for each in view.contenders if each.name == name)
    other = next(each for each in view.contenders if each.name == decision.twins[name])
    return (
        f"better by {view.size(other.difference - mine.difference)}"
        if other.difference > mine.difference
        else "as good"
    )
