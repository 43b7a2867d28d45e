"""What a record cannot carry, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from effkit.record import COUNTED, CandidateRecord, Gap, Ratio, origin_of
from effkit.report.savings import beyond_noise
from effkit.report.trust import cautions, doubts
from effkit.report.units import about, whole
from effkit.report.view import View
from effkit.report.words import RANK_WORDS, listing, some


def limits(view: View) -> tuple[str, ...]:
    """Every reason why something cannot be concluded, the weightiest first."""
    return tuple(
        sentence for part in (_failures, _data, _quality, _groups, _measuring, _energy, _run) for sentence in part(view)
    )


def _failures(view: View) -> Iterator[str]:
    for candidate in view.record.failed:
        yield f"{view.label(candidate)} failed, so nothing is known of it: {candidate.error or 'no reason was given'}"


def _data(view: View) -> Iterator[str]:
    for each in cautions(view):
        yield f"{each.sentence} {each.fix}"


def _quality(view: View) -> Iterator[str]:
    for candidate in view.measured:
        gap = candidate.gap
        if gap is None or candidate.reference:
            continue
        if gap.verdict == "inconclusive":
            yield _undecided(view, candidate, gap)
        elif gap.verdict != gap.verdict_alone:
            yield (
                f"{view.label(candidate)} would be called {gap.verdict_alone} by itself; after allowing for all "
                f"candidates and training seeds it is {gap.verdict}."
            )


def _undecided(view: View, candidate: CandidateRecord, gap: Gap) -> str:
    name = view.label(candidate)
    if gap.undecided_by == "candidates":
        return f"{name} would pass if it had been the only candidate, but not after allowing for all that were tried."
    if gap.undecided_by == "seeds":
        return f"{name}: the verdict changes with the training seed, so there is none."
    start = f"{name}: whether it is worse by more than {view.margin} stays open after {whole(gap.n)} test items"
    if gap.items_needed is None:
        return f"{start}, and more items would hardly help."
    return f"{start}; {about(gap.items_needed)} would decide it {view.often(candidate)}."


def _groups(view: View) -> Iterator[str]:
    small = sorted(
        {
            g.group
            for c in view.measured
            if c.quality
            for g in c.quality.groups
            if g.verdict in ("too few items", "number only")
        }
    )
    if small:
        yield f"Too few items for a verdict in {some(small)}: a loss there could go unseen."


def _measuring(view: View) -> Iterator[str]:
    """What `effkit check` says of it, and what is no fault of the measuring but cannot be concluded from it."""
    yield from (doubt.sentence for doubt in doubts(view) if doubt.reason != "data")
    near = [
        view.label(c)
        for c in view.measured
        if c.latency and c.latency.ratio and c.latency.ratio.verdict == "within noise"
    ]
    if near:
        yield f"Neither faster nor slower is claimed for {listing(near)}: the difference is within the noise."


def _energy(view: View) -> Iterator[str]:
    ranks = {c.energy.rank for c in view.measured if c.energy and c.energy.rank}
    if modelled := [rank for rank in ranks if origin_of(rank) == "modelled"]:
        yield _modelled(view, listing(sorted(RANK_WORDS[rank] for rank in modelled)))
    if ranks and view.record.spec.carbon.place == "WORLD":
        yield "Carbon is for the world's average grid: name yours, `carbon.region`."
    undecided = [c for c in view.measured if c.energy and c.energy.ratio and _left_open(c.energy.ratio)]
    split = [c for c in undecided if c.energy and c.energy.envelope]
    if split:
        names, verb = listing([view.label(c) for c in split]), "saves" if len(split) == 1 else "save"
        yield f"Whether {names} {verb} energy depends on {_what_differs(split)}, so nothing is claimed."
    if bare := [view.label(c) for c in undecided if c not in split]:
        yield (
            f"Whether {listing(bare)} {'saves' if len(bare) == 1 else 'save'} energy is not claimed: it is modelled, "
            "and there is no other form of power model to hold it against."
        )


def _modelled(view: View, named: str) -> str:
    """What energy that was not counted is worth."""
    if view.energy_is_time:
        return (
            f"Energy is modelled here (from {named}), not metered: on this host energy ≈ constant × time, so it "
            "repeats what latency says and is no evidence of its own. Carbon inherits this."
        )
    if view.energy_is_read:
        return (
            "Energy is a power that was read once a second × time, not counted: what comes and goes between two "
            "readings is not in it. Carbon inherits this."
        )
    return (
        f"Energy is modelled in part (from {named}), as a power × time: that part repeats what latency says "
        "and is no evidence of its own. Carbon inherits this."
    )


def _left_open(ratio: Ratio) -> bool:
    """Whether the samples alone would claim it and the way it was modelled forbids that."""
    return ratio.verdict == "within noise" and beyond_noise(ratio)


def _what_differs(candidates: Sequence[CandidateRecord]) -> str:
    """What the envelopes are taken over: where the processor was counted its power is not among it."""
    parts = [part for each in candidates if each.energy for part in each.energy.components]
    if any(part.component == "cpu" and part.rank in COUNTED for part in parts):
        return "the power that the memory is taken to draw (half, as modelled or double)"
    return "the form of the power model (cubic, linear or constant in load)"


def _run(view: View) -> Iterator[str]:
    if view.rehearsal:
        yield f"A smoke run checks that everything works: {whole(view.record.task.test_used)} test items decide little."
    if view.record.code.git_dirty:
        yield "The code had changes that were not committed."
    yield (
        f"All of this holds on this host ({view.record.host.cpu}), at batch 1 and one request at a time unless said "
        "otherwise; another machine may rank the candidates differently."
    )
