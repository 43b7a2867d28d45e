"""What was chosen, in one sentence: a pattern for each kind of decision, the same in every place that tells it."""

from __future__ import annotations

from collections.abc import Mapping

from effkit.analysis.decide import Decision, Kind
from effkit.report.units import rate
from effkit.report.view import View

PASSED_OVER: Mapping[Kind, str] = {
    "smaller": "{chosen} is chosen: {passed_over} is good enough too, but needs more machines.",
    "reference": "{reference} stays: {passed_over} is good enough, but needs more machines.",
    "larger": "{chosen} is chosen: {passed_over} is good enough too, but needs more machines.",
}
"""Where the first that is good enough is shown to need more machines."""
PATTERNS: Mapping[Kind, str] = {
    "smaller": "{chosen} is chosen: the first that is good enough.",
    "reference": "{reference} stays: nothing simpler or smaller is shown to be good enough.",
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


def explores(view: View) -> str:
    """What another margin than the study's own is worth."""
    return (
        f"The run was planned for {view.margin}: a margin chosen after the data were seen explores, and proves nothing."
    )
