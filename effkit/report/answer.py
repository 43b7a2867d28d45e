"""The answer: the decision in one sentence, and what must be said beside it."""

from __future__ import annotations

from dataclasses import replace

from effkit.analysis.contenders import Contender
from effkit.analysis.decide import Weighed
from effkit.analysis.serving import SAME
from effkit.record import CandidateRecord, Gap
from effkit.report import savings
from effkit.report.checks import why_not
from effkit.report.outcome import fastest
from effkit.report.remarks import remarks
from effkit.report.trust import cautions
from effkit.report.units import about, rate, whole
from effkit.report.values import Answer, AnswerKind
from effkit.report.view import View
from effkit.report.words import ANSWER_WORDS, listing


def answer(view: View) -> Answer:
    """Answer the study's question."""
    nothing = _nothing_to_compare(view)
    if nothing:
        return Answer("none", ANSWER_WORDS["none"], nothing)
    decision = view.decision
    notes = _twins(view)
    rivals = [each for each in decision.order if not each.contender.reference]
    if not rivals:
        return Answer("none", ANSWER_WORDS["none"], "Every candidate is the reference at another number of labels.")
    match decision.kind:
        case "smaller":
            return _chosen(view, decision.weighed(decision.chosen or ""), [*notes, *fastest(view, decision)])
        case "larger":
            return _larger(view, decision.weighed(decision.chosen or ""), notes)
        case "indifferent":
            return _indifferent(view, notes)
    smaller = [each for each in rivals if _saves(view, each.contender)] or rivals
    meet = [each for each in smaller if each.outcome == "meets"]
    if meet:
        return _stays(view, meet[0], notes)
    found = _nothing_chosen(view, smaller, notes)
    return replace(found, sentence=f"{_larger_beats(view)}{found.sentence}")


def _nothing_chosen(view: View, smaller: list[Weighed], notes: list[str]) -> Answer:
    """What comes nearest: of what may still turn out to be enough, or, where all are out, of all."""
    still = [each for each in smaller if each.outcome == "open"]
    enough = [each for each in still or smaller if each.good_enough == "meets"]
    if enough:
        return _outside(view, enough[0], notes)
    undecided = [each for each in still or smaller if each.good_enough == "open"]
    if not undecided:
        return _no(view, smaller, notes)
    nearest = min(undecided, key=lambda each: _nearness(view, each))
    return _not_shown(view, nearest, notes) if still else _out_of_reach(view, nearest, notes)


def _nearness(view: View, each: Weighed) -> tuple[float, float]:
    gap = _gap(_record(view, each))
    return gap.p_value, -gap.difference


def _saves(view: View, contender: Contender) -> bool:
    """Whether it takes less time or less memory than the reference: a larger model is no answer to the question."""
    return contender.smaller_than(view.decision.weighed(view.reference.name).contender)


def _looked_at(view: View) -> str:
    """What the question is asked of: something larger may well be good enough, and is no answer to it."""
    saving = {_saves(view, each.contender) for each in view.decision.order if not each.contender.reference}
    return "smaller candidates" if len(saving) > 1 else "candidates"


def _larger_beats(view: View) -> str:
    """That something larger is shown to be better, which leads where nothing smaller is chosen."""
    better = _better(view)
    if better is None or _saves(view, view.decision.weighed(better.name).contender):
        return ""
    return f"{_beats(view, better)}, but takes neither less time nor less memory. "


def _record(view: View, each: Weighed) -> CandidateRecord:
    return view.record.candidate(each.contender.name)


def _nothing_to_compare(view: View) -> str:
    if view.reference.status == "failed":
        return f"The reference {view.label(view.reference)} failed, so nothing could be compared with it."
    others = [c for c in view.record.candidates if not c.reference]
    if not others:
        return "Only the reference was measured. Add a candidate to compare it with."
    if not any(c.gap for c in others if c.status == "ok"):
        return "None of the candidates could be measured."
    return ""


def _twins(view: View) -> list[str]:
    """Where one system was measured with several numbers of labels: which one enters."""
    notes = []
    for name, better in view.decision.twins.items():
        one, other = view.record.candidate(better), view.record.candidate(name)
        if other.gap is None or one.gap is None:
            continue
        loss = view.size(one.gap.difference - other.gap.difference)
        notes.append(
            f"{view.label(one)} was measured twice and enters with {_labels(one)}; with {_labels(other)} it is {loss} "
            "worse."
        )
    return notes


def _better(view: View) -> CandidateRecord | None:
    """The first in order that beats the reference within the budget."""
    found = (each for each in view.decision.order if each.contender.verdict == "superior")
    return next((_record(view, each) for each in found if each.affordable == "meets"), None)


def _beats(view: View, better: CandidateRecord) -> str:
    gap = _gap(better)
    ends = view.gap_interval(gap.low, gap.high)
    return f"{view.label(better)} beats {view.label(view.reference)} by {view.size(gap.difference)} {ends}"


def _against(view: View, better: CandidateRecord, chosen: CandidateRecord) -> str:
    gain = _gap(chosen).difference - _gap(better).difference
    return (
        f"{view.label(chosen)} is {_below(view, gain)} {view.label(better)}. That gap "
        f"has no interval, because this run paired everything with {view.label(view.reference)}: make "
        f"{view.label(better)} the reference to test it."
    )


def _chosen(view: View, found: Weighed, notes: list[str]) -> Answer:
    """What was chosen; where something else beats the reference, that leads, and the chosen is held against it."""
    chosen, better = _record(view, found), _better(view)
    saves = savings.clause(view, chosen)
    if better is chosen:
        return _answer(view, "better", f"{_beats(view, chosen)}{saves}.", notes, chosen, chosen)
    enough = (
        f"{view.label(chosen)} is enough. It is not worse than {view.label(view.reference)} by more than "
        f"{view.margin} ({view.gap(_gap(chosen))}){saves}."
    )
    if better is None:
        return _answer(view, "yes", enough, notes, chosen, chosen)
    sentence = f"{_beats(view, better)}. Of what was asked, {enough}"
    return _answer(view, "yes", sentence, [*notes, _against(view, better, chosen)], chosen, chosen)


def _larger(view: View, found: Weighed, notes: list[str]) -> Answer:
    """Something larger is chosen: all before it are out or open, or the first that is not needs more machines."""
    chosen, reference = _record(view, found), view.label(view.reference)
    met = [each for each in view.decision.before if each.outcome == "meets"]
    if met:
        sentence = (
            f"{view.label(chosen)} is good enough ({view.gap(_gap(chosen))}) and no smaller than {reference}, but at "
            f"this traffic {view.of(met[0].contender.name)} needs more machines than another."
        )
        return _answer(view, "no", sentence, notes, chosen, chosen)
    sentence = (
        f"Neither {reference} nor anything smaller is shown to meet what is asked. {view.label(chosen)} does, and is "
        f"no smaller ({view.gap(_gap(chosen))})."
    )
    also = [*notes, f"{reference}: {why_not(view, view.decision.weighed(view.reference.name))}."]
    return _answer(view, "no", sentence, also, chosen, chosen)


def _indifferent(view: View, notes: list[str]) -> Answer:
    decision = view.decision
    enough, best = view.record.candidate(decision.enough or ""), view.record.candidate(decision.chosen or "")
    traffic = rate(decision.asked.budget.requests_per_s or 0.0)
    served = [decision.weighed(each.name) for each in (enough, best)]
    numbers = {each.serving.machines for each in served if each.serving}
    alike = ["as many machines" if len(numbers) == 1 else "about as many machines"]
    if all(each.serving and each.serving.money_per_thousand is not None for each in served):
        alike.append("about as much money")
    if served[0].contender.rank == served[1].contender.rank:  # or else their energies were not compared
        alike.append("about as much energy")
    sentence = (
        f"{view.label(enough)} would be enough, but at {traffic} it needs {listing(alike)}: take "
        f"the best, {view.label(best)}."
    )
    if numbers and min(numbers) <= SAME * max(numbers):
        counted = listing([whole(each) for each in sorted(numbers)])
        notes = [*notes, f"That {counted} machines are counted may be chance: neither is shown to serve more."]
    return _answer(view, "no matter", sentence, notes, best, enough)


def _stays(view: View, found: Weighed, notes: list[str]) -> Answer:
    """The reference stays although a candidate meets everything: that one saves nothing, or needs more machines."""
    one, reference = _record(view, found), view.label(view.reference)
    if _saves(view, found.contender):
        sentence = (
            f"{view.label(one)} is good enough ({view.gap(_gap(one))}), but at this traffic it needs more machines "
            f"than another: {reference} stays."
        )
    else:
        start = f"{_beats(view, one)}, but" if _gap(one).verdict == "superior" else "There is"
        nothing = "takes neither less time nor less memory" if start.endswith("but") else "nothing smaller to choose"
        sentence = f"{start} {nothing}: {reference} stays."
    return _answer(view, "no", sentence, notes, None, one)


def _outside(view: View, found: Weighed, notes: list[str]) -> Answer:
    """Good enough in quality, and outside the budget or not shown to be inside."""
    nearest = _record(view, found)
    kind: AnswerKind = "not shown" if found.affordable == "open" else "no"
    enough = f"{view.label(nearest)} is good enough ({view.gap(_gap(nearest))})"
    start = _beats(view, nearest) if _gap(nearest).verdict == "superior" else enough
    sentence = f"{start}, but {why_not(view, found)}."
    return _answer(view, kind, sentence, [*notes, *savings.would_be(view, nearest)], None, nearest)


def _out_of_reach(view: View, found: Weighed, notes: list[str]) -> Answer:
    """Outside the budget, whatever its quality may turn out to be."""
    nearest = _record(view, found)
    start = f"None of the {_looked_at(view)} meets what is asked. Of {view.label(nearest)}, the closest,"
    sentence = f"{start} {why_not(view, found)}."
    quality = f"Whether it is good enough is open too ({view.gap(_gap(nearest))})."
    return _answer(view, "no", sentence, [*notes, quality, *savings.would_be(view, nearest)], None, nearest)


def _in_groups(view: View, found: Weighed, notes: list[str]) -> Answer | None:
    """Where quality is good enough overall, and what speaks against it is a group."""
    checks = {check.what: check.outcome for check in found.checks}
    if checks["quality"] != "meets" or checks.get("groups", "meets") == "meets":
        return None
    nearest = _record(view, found)
    kind: AnswerKind = "no" if "fails" in (checks["groups"], found.affordable) else "not shown"
    told = why_not(view, replace(found, checks=tuple(check for check in found.checks if check.of_quality)))
    sentence = f"{view.label(nearest)} is good enough overall ({view.gap(_gap(nearest))}), but {told}."
    also = [*notes, *_budget_too(view, found), *savings.would_be(view, nearest)]
    return _answer(view, kind, sentence, also, None, nearest)


def _not_shown(view: View, found: Weighed, notes: list[str]) -> Answer:
    if in_groups := _in_groups(view, found, notes):
        return in_groups
    nearest = _record(view, found)
    gap = _gap(nearest)
    sentence = (
        f"{view.label(nearest)} is {_below(view, gap.difference)} {view.label(view.reference)} "
        f"{view.gap_interval(gap.low, gap.high)}; {_why_undecided(view, nearest)}."
    )
    also = [*notes, *_budget_too(view, found), *savings.would_be(view, nearest)]
    return _answer(view, "not shown", sentence, also, None, nearest)


def _no(view: View, rivals: list[Weighed], notes: list[str]) -> Answer:
    found = max(rivals, key=lambda each: each.contender.difference)
    if in_groups := _in_groups(view, found, notes):
        return in_groups
    nearest = _record(view, found)
    gap = _gap(nearest)
    start = "" if len(rivals) == 1 else f"None of the {_looked_at(view)} is good enough. The closest, "
    comma = "" if len(rivals) == 1 else ","
    sentence = (
        f"{start}{view.label(nearest)}{comma} is {_below(view, gap.difference)} {view.label(view.reference)} "
        f"{view.gap_interval(gap.low, gap.high)}, and {view.margin} is what was allowed."
    )
    also = [*notes, *_budget_too(view, found), *savings.would_be(view, nearest)]
    return _answer(view, "no", sentence, also, None, nearest)


def _budget_too(view: View, found: Weighed) -> list[str]:
    """Whether the nearest, or the reference that would stay in its stead, is outside the budget or not shown inside."""
    reference = view.decision.weighed(view.reference.name)
    not_shown = (
        f"Whether {view.label(view.reference)} is within the budget is not shown: {why_not(view, reference)}; so "
        "nothing is chosen, not even the reference."
    )
    return [
        f"{view.of(each.contender.name)} is outside the budget: {why_not(view, each)}."
        for each in (found, reference)
        if each.affordable == "fails"
    ] + ([not_shown] if reference.affordable == "open" and view.decision.chosen is None else [])


def _below(view: View, difference: float) -> str:
    if view.gap_value(difference).strip("0.") == "":
        return "level with"
    return f"{view.size(difference)} {_side(view, better=difference > 0)}"


def _side(view: View, *, better: bool) -> str:
    """Above or below; of errors, where less is better, the words that cannot be misread."""
    if view.lower_is_better:
        return "better than" if better else "worse than"
    return "above" if better else "below"


def _why_undecided(view: View, candidate: CandidateRecord) -> str:
    """Too few items, too many candidates, or a verdict that hangs on the seed."""
    gap = _gap(candidate)
    items = f"these {whole(gap.n)} test items"
    if gap.undecided_by == "candidates":
        return f"alone it would pass, but not after allowing for all the candidates tried on {items}"
    if gap.undecided_by == "seeds":
        return "its verdict changes with the training seed"
    cannot = f"at a margin of {view.margin} {items} cannot decide"
    if gap.items_needed is None:
        return f"{cannot}, and more items would hardly help"
    return f"{cannot}; {about(gap.items_needed)} would, {view.often(candidate)}"


def _answer(
    view: View,
    kind: AnswerKind,
    sentence: str,
    notes: list[str],
    chosen: CandidateRecord | None,
    shown: CandidateRecord,
) -> Answer:
    return Answer(
        kind=kind,
        word=f"{ANSWER_WORDS[kind]} (rehearsal)" if view.rehearsal else ANSWER_WORDS[kind],
        sentence=sentence,
        notes=(*notes, *(each.sentence for each in cautions(view)), *remarks(view)),
        chosen=chosen.name if chosen else None,
        figures=savings.key_figures(view, shown),
    )


def _labels(candidate: CandidateRecord) -> str:
    if candidate.fit_items is None:
        return f"the labels of {candidate.name}"
    return f"{whole(candidate.fit_items)} labels"


def _gap(candidate: CandidateRecord) -> Gap:
    assert candidate.gap is not None
    return candidate.gap
