"""The report's words and tones for verdicts and ranks, and names as a sentence lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from effkit.record import QualityVerdict, Rank, origin_of
from effkit.report.units import whole
from effkit.report.values import AnswerKind, Tone

ANSWER_WORDS: Mapping[AnswerKind, str] = {
    "better": "Yes, and better",
    "yes": "Yes",
    "no matter": "It does not matter",
    "not shown": "Not shown",
    "no": "No",
    "none": "No answer",
}
VERDICT_WORDS: Mapping[QualityVerdict, str] = {
    "superior": "better",
    "non-inferior": "not worse",
    "inferior": "worse",
    "inconclusive": "not shown",
}
GAP_WORDS: Mapping[str, str] = {
    "superior": "better",
    "non-inferior": "not worse by the margin",
    "inferior": "worse by more than the margin",
    "inconclusive": "inconclusive",
}
"""The same where the margin stands nowhere beside it."""
GAP_TONES: Mapping[str, Tone] = {
    "superior": "good",
    "non-inferior": "good",
    "inferior": "bad",
    "inconclusive": "warn",
}
RATIO_TONES: Mapping[str, Tone] = {"lower": "good", "higher": "bad", "unstable": "warn", "not resolvable": "warn"}
GROUP_WORDS: Mapping[str, str] = {
    "worse": "a loss is shown",
    "better": "a gain is shown",
    "number only": "too few for a verdict",
}
"""Of a group's verdict, where it does not say itself what it means: "worse" there is worse at all, by no margin."""
GROUP_TONES: Mapping[str, Tone] = {"worse": "bad", "better": "good"}
RANK_WORDS: Mapping[Rank, str] = {
    "metered": "meter",
    "counter": "hardware counter",
    "modelled-tdp": "rated or sampled power",
    "modelled-declared": "declared power",
    "modelled-generic": "generic power",
}
FEW_GENERATIONS = "Indicative: fewer than five generations."
WAITING = (
    "Waiting was not measured: at a traffic, a choice under a p99 limit holds only while no request waits for another. "
    "`load` in the parameter file measures it, as in params/text-load.yaml."
)


def rank_origin(rank: Rank | None) -> str:
    """How an energy of this rank came to be, and the rank: "modelled · generic power"; empty where none is known."""
    return "" if rank is None else f"{origin_of(rank)} · {RANK_WORDS[rank]}"


def listing(names: Sequence[str]) -> str:
    """Names as a sentence has them: "a, b and c", and "a, then b; c" where one of them has a comma of its own."""
    if len(names) > 1 and any(", " in name for name in names):
        return "; ".join(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def some(names: Sequence[str], most: int = 6) -> str:
    """Names as a sentence lists them, the first few where they are many."""
    return listing(names) if len(names) <= most else f"{', '.join(names[:most])} and {len(names) - most} more"


def side_by_side(workers: int) -> tuple[str, ...]:
    """What is said wherever machines or money are told, if several workers share a machine."""
    if workers == 1:
        return ()
    return (f"{whole(workers)} workers share a machine, as given; they were measured one at a time.",)
