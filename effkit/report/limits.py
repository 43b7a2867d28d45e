"""What a record cannot carry, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator

from effkit.record import CandidateRecord, Gap
from effkit.report.comparison import RANK_WORDS
from effkit.report.units import whole
from effkit.report.view import View, listing, percentile

BUSY_SHARE = 0.10
STOLEN_SHARE = 0.01


def limits(view: View) -> tuple[str, ...]:
    """Every reason why something cannot be concluded, the weightiest first."""
    return tuple(
        sentence
        for part in (_failures, _quality, _groups, _speed, _percentiles, _energy, _host, _run)
        for sentence in part(view)
    )


def _failures(view: View) -> Iterator[str]:
    for candidate in view.record.failed:
        yield f"{view.label(candidate)} failed, so nothing is known of it: {candidate.error or 'no reason was given'}"


def _quality(view: View) -> Iterator[str]:
    for candidate in view.measured:
        gap = candidate.gap
        if gap is None or candidate.reference:
            continue
        if gap.verdict == "inconclusive":
            yield _undecided(view, candidate, gap)
        elif gap.verdict != gap.verdict_alone:
            yield (
                f"{view.label(candidate)} would be called {gap.verdict_alone} if it had been the only candidate; "
                f"among all that were tried it is {gap.verdict}."
            )


def _undecided(view: View, candidate: CandidateRecord, gap: Gap) -> str:
    name = view.label(candidate)
    if gap.verdict_alone in ("non-inferior", "superior"):
        if gap.p_holm > 0.025:
            return (
                f"{name} would pass if it had been the only candidate, but not after allowing for all that were tried."
            )
        return f"{name}: the verdict changes with the training seed, so there is none."
    start = f"{name}: whether it is worse by more than {view.margin} stays open after {whole(gap.n)} test items"
    if gap.items_needed is None:
        return f"{start}, and more items would hardly help."
    return f"{start}; about {whole(gap.items_needed)} would decide it four times in five."


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
        yield f"Too few items for a verdict in {_some(small)}: a loss there could go unseen."


def _speed(view: View) -> Iterator[str]:
    if view.indicative:
        yield (
            f"Speeds and their ratios are indicative: {view.generations} of at least five generations of fresh "
            "workers, and a process keeps its own luck of 1 to 5 % for life."
        )
    unassessed: list[str] = [check.metric for check in view.record.noise if not check.assessed]
    if unassessed:
        yield f"The run's own noise was not assessed for {listing(unassessed)}."
    for check in view.record.noise:
        if check.unstable:
            yield (
                f"The reference differs from itself in {check.metric} by {100 * abs(check.ratio - 1):.1f} %: "
                f"no {check.metric} of this run is safe."
            )
    near = [
        view.label(c)
        for c in view.measured
        if c.latency and c.latency.ratio and c.latency.ratio.verdict == "within noise"
    ]
    if near:
        yield f"Neither faster nor slower is claimed for {listing(near)}: the difference is within the noise."
    restless = [view.label(c) for c in view.measured if c.latency and not c.latency.steady]
    if restless:
        yield f"Warm-up did not settle in most workers of {listing(restless)}: latency may still have been drifting."


def _percentiles(view: View) -> Iterator[str]:
    short = [view.label(c) for c in view.measured if (found := percentile(c, 99)) and found.value_s is None]
    if short:
        yield f"No p99 for {listing(short)}: it takes 662 independent calls, and n is too small."


def _energy(view: View) -> Iterator[str]:
    metered = [c for c in view.measured if c.energy is not None]
    for candidate in metered:
        if candidate.energy and candidate.energy.request_j is None:
            yield f"The energy of {view.label(candidate)} is not resolvable{_because(candidate.energy.note)}."
    ranks = {c.energy.rank for c in metered if c.energy and c.energy.rank}
    if any(rank.startswith("modelled") for rank in ranks):
        named = listing(sorted(RANK_WORDS[rank] for rank in ranks if rank.startswith("modelled")))
        yield (
            f"Energy is modelled here (from {named}), not metered: on this host energy ≈ constant × time, so it "
            "repeats what latency says and is no evidence of its own. Carbon inherits this."
        )
    if len(ranks) > 1:
        named = listing(sorted(RANK_WORDS[rank] for rank in ranks))
        yield f"Energy comes in different ranks ({named}): those rows are not comparable."
    missing = [view.label(c) for c in view.measured if c.energy is None]
    if missing:
        yield f"No energy was measured for {listing(missing)}."


def _because(note: str | None) -> str:
    return f": {note.rstrip('.')}" if note else ""


def _host(view: View) -> Iterator[str]:
    host = view.record.host
    if host.coordinator_shares_core:
        yield "The coordinator shares a core with the workers: latencies may be a little long."
    if not host.pinned:
        yield "Workers were not pinned to cores, so differences under 3 % are not claimed."
    if not host.resident_together:
        yield "Candidates did not fit in memory together and were started for each visit."
    if host.others_share is not None and host.others_share > BUSY_SHARE:
        yield f"Other processes took {100 * host.others_share:.0f} % of a core during the visits."
    if host.steal_share is not None and host.steal_share > STOLEN_SHARE:
        yield f"The hypervisor took {100 * host.steal_share:.1f} % of the time away."
    if host.others_share is None:
        yield "How busy other processes kept this machine is not known."


def _run(view: View) -> Iterator[str]:
    if view.record.spec.protocol.base == "smoke":
        yield f"A smoke run checks that everything works: {whole(view.record.task.test_used)} test items decide little."
    if view.record.code.git_dirty:
        yield "The code had changes that were not committed."
    yield (
        f"All of this holds on this host ({view.record.host.cpu}), at batch 1 unless said otherwise; "
        "another machine may rank the candidates differently."
    )


def _some(names: list[str], most: int = 6) -> str:
    return listing(names) if len(names) <= most else f"{', '.join(names[:most])} and {len(names) - most} more"
