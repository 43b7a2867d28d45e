"""The answer: which candidate is the smallest that is good enough, and the sentence that says so.

The chosen candidate has the lowest mean latency among those that are non-inferior or superior to the
reference; candidates inside the latency noise of the fastest are tied, and the one with less memory wins.
One model at two numbers of labels enters once, with the better of the two. Superior candidates go first.
"""

from __future__ import annotations

from collections.abc import Sequence

from effkit.record import CandidateRecord, Gap
from effkit.report import savings
from effkit.report.budget import met_by_reference
from effkit.report.units import whole
from effkit.report.values import Answer
from effkit.report.view import View, listing, process_bytes, same_system

HARDLY_MATTERS_S = 1e-3
"""Where every candidate answers within this, speed decides nothing."""


def answer(view: View) -> Answer:
    """Answer the study's question."""
    nothing = _nothing_to_compare(view)
    if nothing:
        return Answer("none", "No answer", nothing)
    contenders, notes = _one_per_system(view)
    if not contenders:
        return Answer("none", "No answer", "Every candidate is the reference at another number of labels.")
    superior = [c for c in contenders if _gap(c).verdict == "superior"]
    contenders = [c for c in contenders if _saves(view, c)] or contenders
    enough = [c for c in contenders if _gap(c).verdict == "non-inferior"]
    undecided = [c for c in contenders if _gap(c).verdict == "inconclusive"]
    if superior:
        return _better(view, superior, enough, notes)
    if enough:
        return _yes(view, smallest(view, enough), notes)
    if undecided:
        return _not_shown(view, min(undecided, key=lambda c: (_gap(c).p_value, -_gap(c).difference)), notes)
    return _no(view, contenders, notes)


def smallest(view: View, candidates: Sequence[CandidateRecord]) -> CandidateRecord:
    """The fastest on average; within the noise of the fastest, the one with less memory."""
    noise = next((check.threshold for check in view.record.noise if check.metric == "latency"), 0.01)
    fastest = min(_time(view, candidate) for candidate in candidates)
    tied = [c for c in candidates if _time(view, c) <= fastest * (1 + noise)]
    return min(tied, key=lambda c: (_bytes(c), _time(view, c), c.name))


def _saves(view: View, candidate: CandidateRecord) -> bool:
    """Whether it takes less time or less memory than the reference: a larger model is no answer to the question."""
    faster = _time(view, candidate) < 1
    return faster or _bytes(candidate) < _bytes(view.reference)


def _nothing_to_compare(view: View) -> str:
    if view.reference.status == "failed":
        return f"The reference {view.label(view.reference)} failed, so nothing could be compared with it."
    others = [c for c in view.record.candidates if not c.reference]
    if not others:
        return "Only the reference was measured. Add a candidate to compare it with."
    if not any(c.gap for c in others if c.status == "ok"):
        return "None of the candidates could be measured."
    return ""


def _one_per_system(view: View) -> tuple[list[CandidateRecord], list[str]]:
    """One candidate per model and chain of techniques: the best over its numbers of labels."""
    kept: list[CandidateRecord] = []
    notes: list[str] = []
    for candidate in (c for c in view.measured if c.gap and not c.reference):
        twin = next((c for c in kept if same_system(c, candidate)), None)
        if twin is None:
            kept.append(candidate)
            continue
        worse, better = sorted((twin, candidate), key=lambda c: _gap(c).difference)
        kept[kept.index(twin)] = better
        notes.append(
            f"{view.label(better)} was measured twice and enters with {_labels(better)}; with {_labels(worse)} "
            f"it is {view.size(_gap(better).difference - _gap(worse).difference)} worse."
        )
    reference = view.reference
    return [c for c in kept if not same_system(c, reference) or _gap(c).verdict == "superior"], notes


def _better(view: View, superior: list[CandidateRecord], enough: list[CandidateRecord], notes: list[str]) -> Answer:
    chosen = smallest(view, superior)
    gap = _gap(chosen)
    sentence = (
        f"{view.label(chosen)} beats {view.label(view.reference)} by {view.size(gap.difference)} "
        f"{view.gap_interval(gap.low, gap.high)}{savings.clause(view, chosen)}."
    )
    against = [_against_better(view, c, chosen) for c in enough if _time(view, c) < _time(view, chosen)]
    return _answer(view, "better", "Yes, and better", sentence, [*notes, *against], chosen)


def _against_better(view: View, candidate: CandidateRecord, better: CandidateRecord) -> str:
    loss = _gap(better).difference - _gap(candidate).difference
    return (
        f"{view.label(candidate)} is faster still and not worse than the reference, but {view.size(loss)} "
        f"{'below' if loss > 0 else 'above'} {view.label(better)}. That gap has no interval, because this run paired "
        f"everything with {view.label(view.reference)}: make {view.label(better)} the reference to test it."
    )


def _yes(view: View, chosen: CandidateRecord, notes: list[str]) -> Answer:
    sentence = (
        f"{view.label(chosen)} is enough. It is not worse than {view.label(view.reference)} by more than "
        f"{view.margin} ({view.gap(_gap(chosen))}){savings.clause(view, chosen)}."
    )
    return _answer(view, "yes", "Yes", sentence, notes, chosen)


def _not_shown(view: View, nearest: CandidateRecord, notes: list[str]) -> Answer:
    gap = _gap(nearest)
    sentence = (
        f"{view.label(nearest)} is {_below(view, gap)} {view.label(view.reference)} "
        f"{view.gap_interval(gap.low, gap.high)}; {_why_undecided(view, gap)}."
    )
    return _answer(view, "not shown", "Not shown", sentence, [*notes, *savings.would_be(view, nearest)], None, nearest)


def _no(view: View, contenders: list[CandidateRecord], notes: list[str]) -> Answer:
    nearest = max(contenders, key=lambda c: _gap(c).difference)
    gap = _gap(nearest)
    start = "" if len(contenders) == 1 else "None of the candidates is good enough. The closest, "
    comma = "" if len(contenders) == 1 else ","
    sentence = (
        f"{start}{view.label(nearest)}{comma} is {_below(view, gap)} {view.label(view.reference)} "
        f"{view.gap_interval(gap.low, gap.high)}, and {view.margin} is what was allowed."
    )
    return _answer(view, "no", "No", sentence, [*notes, *savings.would_be(view, nearest)], None, nearest)


def _below(view: View, gap: Gap) -> str:
    if view.gap_value(gap.difference).strip("0.") == "":
        return "level with"
    return f"{view.size(gap.difference)} {'below' if gap.difference < 0 else 'above'}"


def _why_undecided(view: View, gap: Gap) -> str:
    """Too few items, too many candidates, or a verdict that hangs on the seed."""
    items = f"these {whole(gap.n)} test items"
    if gap.verdict_alone in ("non-inferior", "superior"):
        if gap.p_holm > 0.025:
            return f"alone it would pass, but not after allowing for all the candidates tried on {items}"
        return "its verdict changes with the training seed"
    cannot = f"at a margin of {view.margin} {items} cannot decide"
    if gap.items_needed is None:
        return f"{cannot}, and more items would hardly help"
    return f"{cannot}; about {whole(gap.items_needed)} would"


def _answer(
    view: View,
    kind: str,
    word: str,
    sentence: str,
    notes: list[str],
    chosen: CandidateRecord | None,
    shown: CandidateRecord | None = None,
) -> Answer:
    subject = chosen or shown
    assert subject is not None
    return Answer(
        kind=kind,  # type: ignore[arg-type]
        word=f"{word} (rehearsal)" if _rehearsal(view) else word,
        sentence=sentence,
        notes=(*notes, *_indicative(view), *_hardly_matters(view)),
        chosen=chosen.name if chosen else None,
        compared_with=view.reference.name,
        figures=savings.key_figures(view, subject),
    )


def _indicative(view: View) -> list[str]:
    if not view.indicative:
        return []
    generations = f"{view.generations} {'generation' if view.generations == 1 else 'generations'}"
    rehearsal = "This is a rehearsal on few items. " if _rehearsal(view) else ""
    return [f"{rehearsal}With {generations} of fresh workers speeds are indicative: none is claimed below five."]


def _rehearsal(view: View) -> bool:
    return view.record.spec.protocol.base == "smoke"


def _hardly_matters(view: View) -> list[str]:
    """An honest word where efficiency does not decide."""
    notes = []
    means = [c.latency.mean_s for c in view.measured if c.latency]
    if means and all((mean.high or mean.value) <= HARDLY_MATTERS_S for mean in means):
        notes.append(
            "Every candidate answers within 1 ms: speed will hardly be felt here, so quality and upkeep should decide."
        )
    met = met_by_reference(view)
    if met:
        notes.append(
            f"{view.label(view.reference)} already meets the budget for {listing(met)}: a smaller model saves, "
            "but nothing here demands it."
        )
    return notes


def _labels(candidate: CandidateRecord) -> str:
    if candidate.fit_items is None:
        return f"the labels of {candidate.name}"
    return f"{whole(candidate.fit_items)} labels"


def _gap(candidate: CandidateRecord) -> Gap:
    assert candidate.gap is not None
    return candidate.gap


def _time(view: View, candidate: CandidateRecord) -> float:
    """Time of a call over the reference's: the paired ratio, which allows for the core's speed, and not the means."""
    mine, theirs = candidate.latency, view.reference.latency
    if candidate.reference:
        return 1.0
    if mine is None or theirs is None:
        return float("inf")
    return mine.ratio.value if mine.ratio else mine.mean_s.value / theirs.mean_s.value


def _bytes(candidate: CandidateRecord) -> float:
    size = process_bytes(candidate)
    return float("inf") if size is None else size
