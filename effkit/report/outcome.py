"""What was chosen, in one sentence: a pattern for each kind of decision, the same in every place that tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from effkit.analysis.decide import Decision, Kind
from effkit.analysis.family import FAMILY_WORDS, SIMPLEST_FIRST, Family
from effkit.report.units import rate
from effkit.report.view import View

PASSED_OVER: Mapping[Kind, str] = {
    "smaller": "{chosen} is chosen: {passed_over} is good enough too, but needs more machines than another.",
    "reference": "{reference} stays: {passed_over} is good enough, but needs more machines than another.",
    "larger": "{chosen} is chosen: {passed_over} is good enough too, but needs more machines than another.",
}
"""Where the first that is good enough is shown to need more machines than some other that is, not always the chosen."""
PATTERNS: Mapping[Kind, str] = {
    "smaller": "{chosen} is chosen: the first that is good enough.",
    "reference": "{reference} stays: nothing smaller is shown to be good enough.",
    "larger": "{chosen} is chosen: neither {reference} nor anything smaller is shown to meet what is asked.",
    "indifferent": "{enough} would be enough, but at {rate} it saves next to nothing: it does not matter, so take "
    "the best, {chosen}.",
    "open": "Nothing is chosen: no candidate is shown to meet everything, and some are open.",
    "none": "Nothing is chosen: no candidate meets everything that is asked.",
}


def outcome(view: View, decision: Decision) -> str:
    """What was chosen, in one sentence.

    Args:
        view: of the record.
        decision: made on it.
    """
    requests_per_s = decision.asked.budget.requests_per_s
    passed_over = next((each.contender.name for each in decision.before if each.outcome == "meets"), None)
    patterns = PATTERNS if passed_over is None else {**PATTERNS, **PASSED_OVER}
    return patterns[decision.kind].format(
        chosen="" if decision.chosen is None else view.of(decision.chosen),
        enough="" if decision.enough is None else view.of(decision.enough),
        passed_over="" if passed_over is None else view.of(passed_over),
        reference=view.label(view.reference),
        rate="" if requests_per_s is None else rate(requests_per_s),
    )


def fastest(view: View, decision: Decision) -> Iterator[str]:
    """Who is the fastest of those good enough, where a simpler one was taken; of few generations no speed is claimed.

    Args:
        view: of the record.
        decision: made on it.
    """
    if decision.kind != "smaller" or decision.chosen is None or view.indicative:
        return
    chosen = decision.weighed(decision.chosen).contender
    passing = [each.contender for each in decision.order if each.outcome == "meets"]
    first = min(passing, key=lambda each: each.time)
    passed_over = not first.reference and SIMPLEST_FIRST.index(chosen.family) < SIMPLEST_FIRST.index(first.family)
    if passed_over and first.time * (1 + decision.asked.noise) < chosen.time:
        yield (
            f"{view.of(first.name)} is the fastest of those good enough, but a simpler one is taken: "
            f"{_one(chosen.family)} before {_one(first.family)}."
        )


def _one(family: Family) -> str:
    """One of a family: "a linear model", "an ensemble of trees"."""
    words = FAMILY_WORDS[family]
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def explores(view: View) -> str:
    """What another margin than the study's own is worth."""
    return (
        f"The run was planned for {view.margin}: a margin chosen after the data were seen explores, and proves nothing."
    )
