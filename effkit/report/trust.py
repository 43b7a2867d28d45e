"""Why a run's measurements may not be trusted, each reason with what would help: the words of `effkit check`."""

from __future__ import annotations

from collections.abc import Iterator

from effkit.analysis.contention import OTHERS_FLOOR, STEAL_FLOOR
from effkit.analysis.energy import TOLD_NOTHING, UNRESOLVED
from effkit.analysis.tails import calls_needed
from effkit.cautions import Caution, of_constant, of_rarest, of_repeated, within_margin
from effkit.record import CandidateRecord, Host, Ratio
from effkit.report.doubt import Doubt
from effkit.report.load_doubts import QUIETER, company, load_doubts
from effkit.report.units import many, whole
from effkit.report.view import View, percentile
from effkit.report.words import listing

DISTURBED_SHARE = 0.10
"""Disturbed visits, as a share of all, from which a run is called contended."""
SLOWED = 1.15
"""Change of the yardstick from which it is told."""
WIDE = 0.05
"""Half of an interval, as a share, from which a ratio is called imprecise."""
MUCH = 1.1
"""Beyond what was asked by so much: how many generations it takes is planned by the first ones."""


def doubts(view: View) -> tuple[Doubt, ...]:
    """Every reason to doubt what was measured, the weightiest first."""
    parts = (
        _data,
        _unstable,
        _contended,
        _generations,
        _percentiles,
        _windows,
        _imprecise,
        load_doubts,
        _ranks,
        _isolation,
    )
    return tuple(doubt for part in parts for doubt in part(view))


def cautions(view: View) -> tuple[Caution, ...]:
    """What labels and items alone say against the verdict; older records do not tell."""
    task = view.record.task
    items = task.split_items.get("test", task.test_used)
    found = (_constant(view), of_rarest(task.rarest, task.metric), of_repeated(task.repeated, items))
    return tuple(each for part in found for each in part)


def _data(view: View) -> Iterator[Doubt]:
    for each in cautions(view):
        yield Doubt("data", each.sentence, each.fix)


def _constant(view: View) -> Iterator[Caution]:
    """One answer to everything that the reference gains no more on than the margin."""
    found, best = view.record.task.constant, view.reference.quality
    if found is None or best is None:
        return
    gain = (found.value - best.value.value) * (1 if view.lower_is_better else -1)
    if within_margin(gain, view.asked.margin):
        known = f"{view.metric} is {view.quality(found.value)}"
        scores = f"{known}, and that of {view.label(view.reference)} is {view.quality(best.value.value)}"
        yield of_constant(found.answer, scores, margin=view.margin, metric=view.record.task.metric)


def _unstable(view: View) -> Iterator[Doubt]:
    for check in view.record.noise:
        if check.unstable:
            yield Doubt(
                "unstable",
                f"The reference differs from itself in {check.metric} by {100 * abs(check.ratio - 1):.1f} %: "
                f"no {check.metric} of this run is safe.",
                "Run it again, with more generations; `effkit doctor` says how quiet the host is now.",
            )
    restless = [view.label(c) for c in view.measured if c.latency and not c.latency.steady]
    if restless:
        yield Doubt(
            "unstable",
            f"Warm-up did not settle in most workers of {listing(restless)}: latency may still have been drifting.",
            "Raise `protocol.warm_up_s` and `protocol.warm_up_most_s`: fast models are given the first, slow ones the "
            "second.",
        )
    torn = [view.label(c) for c in view.measured if c.latency and _contradicts(c.latency.ratio)]
    if torn:
        yield Doubt(
            "unstable",
            f"For {listing(torn)} the ratio and what the clock saw contradict each other: the yardstick may read "
            "differently after this model's calls.",
            "Look at *as seen* under latency in depth, and believe neither alone.",
        )
    for what, ratio_of in (("speed", _latency_ratio), ("energy ratio", _energy_ratio)):
        ratios = ((view.label(c), ratio_of(c)) for c in view.measured)
        lost = [label for label, ratio in ratios if ratio is not None and ratio.verdict == "not resolvable"]
        if lost:
            yield Doubt(
                "unstable",
                f"The {what} of {listing(lost)} is not resolvable: the verdict changes when disturbed visits are left "
                "out.",
                "Run it again on a quieter host.",
            )


def _contended(view: View) -> Iterator[Doubt]:
    host, seen = view.record.host, view.record.contention
    fix = QUIETER
    if seen is not None and seen.disturbed > DISTURBED_SHARE * seen.visits:
        yield Doubt(
            "contended",
            f"{seen.disturbed} of {seen.visits} visits stayed disturbed after {many(seen.repeated, 'repetition')}.",
            fix,
        )
    if seen is not None and seen.slowdown is not None and seen.slowdown > SLOWED:
        yield Doubt(
            "contended",
            f"The core's own speed changed by a factor of {seen.slowdown:.2f}, as neighbours on one processor make it. "
            "Ratios allow for that; latencies are as they were seen.",
            "Only a machine of its own helps.",
        )
    if host.others_share is None:
        yield Doubt("contended", "How busy other processes kept this machine is not known.", fix)
    elif host.others_share > OTHERS_FLOOR:
        yield Doubt(
            "contended", f"Other processes took {100 * host.others_share:.0f} % of a core during the visits.", fix
        )
    if host.steal_share is not None and host.steal_share > STEAL_FLOOR:
        yield Doubt(
            "contended",
            f"The hypervisor took {100 * host.steal_share:.1f} % of the time away.",
            "Only a machine of its own helps; pairing and blocks carry what is the same for all candidates.",
        )
    if view.record.spec.protocol.device != "cpu":
        yield from company(host.gpu_strangers, "during the visits", "on average")


def _generations(view: View) -> Iterator[Doubt]:
    if view.indicative:
        yield Doubt(
            "too few samples",
            f"Speeds and their ratios are indicative: {view.generations} of at least five generations of fresh "
            "workers, and a process keeps its own luck for life.",
            "Run `protocol: standard`.",
        )
    unassessed: list[str] = [check.metric for check in view.record.noise if not check.assessed]
    if unassessed:
        yield Doubt(
            "too few samples",
            f"The run's own noise was not assessed for {listing(unassessed)}.",
            "It takes five generations.",
        )


def _percentiles(view: View) -> Iterator[Doubt]:
    short = [view.label(c) for c in view.measured if (found := percentile(c, 99)) and found.value_s is None]
    used = view.record.task.test_used
    if short:
        yield Doubt(
            "too few samples",
            f"No p99 for {listing(short)}: it takes {calls_needed(99)} independent calls, and n is too small.",
            "Raise `protocol.generations`: calls of one process depend on each other."
            + (f" Test more items, too: {whole(used)} are fewer than that." if used < calls_needed(99) else ""),
        )


def _windows(view: View) -> Iterator[Doubt]:
    for candidate in view.measured:
        if candidate.energy and candidate.energy.request_j is None and not _lacks_gpu_energy(view):
            note = (candidate.energy.note or "").removeprefix(UNRESOLVED).rstrip(".")
            yield Doubt(
                "too few samples",
                f"The energy of {view.label(candidate)} is not resolvable{': ' if note else ''}{note}.",
                "Run it again: what CodeCarbon cannot trust it leaves out, and longer visits change nothing there."
                if note.endswith(TOLD_NOTHING)
                else "Raise `protocol.visit_s`.",
            )
    no_more = [view.label(c) for c in view.measured if c.energy and c.energy.net_j is not None and c.energy.net_j <= 0]
    if no_more:
        yield Doubt(
            "too few samples",
            f"The energy above idle of {listing(no_more)} is not resolvable: the idle machine took no less.",
            "Raise `protocol.visit_s`, and run it on a quieter machine: what others use between the visits counts as "
            "idle.",
        )
    missing = [view.label(c) for c in view.measured if c.energy is None]
    if missing:
        why = "`effkit doctor` or the run's log says why."
        yield Doubt("too few samples", f"No energy was measured for {listing(missing)}.", why)
    if _lacks_gpu_energy(view):
        yield Doubt(
            "too few samples",
            "The GPU's energy is missing, and what the rest of the machine took is not a request's.",
            "`effkit doctor` says whether NVML answers; a container must be let at the whole GPU.",
        )


def _imprecise(view: View) -> Iterator[Doubt]:
    asked = view.record.spec.protocol
    wanted, most = (WIDE, WIDE) if asked.interval is None else (asked.interval, MUCH * asked.interval)
    if asked.interval is None:
        fix = "Ask for `protocol.interval: 0.02`"
    elif view.ran >= asked.most_generations:
        fix = f"Raise `protocol.most_generations` (now {asked.most_generations})"
    else:
        fix = f"Raise `protocol.generations` (now {asked.generations}), by which it was decided how many it takes"
    for check in view.record.noise:
        if check.metric == "latency" and check.assessed and not check.unstable and check.threshold > WIDE:
            yield Doubt(
                "imprecise",
                f"This run's own noise hides every difference in latency under {100 * check.threshold:.0f} %.",
                f"{fix}, or run it on a quieter host.",
            )
    wide = [view.label(c) for c in view.measured if c.latency and _half_width(c.latency.ratio) > most]
    if wide:
        sentence = f"The speed of {listing(wide)} is known to no better than {100 * wanted:g} %."
        yield Doubt("imprecise", sentence, f"{fix}.")


def _ranks(view: View) -> Iterator[Doubt]:
    ranks = {c.energy.rank for c in view.measured if c.energy and c.energy.rank}
    if len(ranks) > 1:
        yield Doubt(
            "mixed ranks",
            f"Energy comes in different ranks ({listing(sorted(ranks))}): those rows are not comparable.",
            "Measure all candidates where the same counters can be read.",
        )


def _isolation(view: View) -> Iterator[Doubt]:
    host = view.record.host
    if host.coordinator_shares_core:
        yield Doubt(
            "isolation",
            "The coordinator shares a core with the workers: latencies may be a little long.",
            "Give the machine or container one core more.",
        )
    if not host.pinned:
        yield Doubt(
            "isolation", "Workers were not pinned to cores, so differences under 3 % are not claimed.", "Linux pins."
        )
    if not host.resident_together:
        yield _apart(host)


def _apart(host: Host) -> Doubt:
    """Why workers were started for each visit, and what would let them stay."""
    if host.apart == "GPU exclusive":
        return Doubt(
            "isolation",
            "The GPU lets one process in at a time, so the candidates were started for each visit.",
            "`nvidia-smi -c DEFAULT`, where you may.",
        )
    where, fix = "", f"or use a host with more than {whole(round(host.memory_bytes / 1e9))} GB."
    if host.apart == "GPU memory":
        where, fix = " on the GPU", "or use a larger one."
    return Doubt(
        "isolation",
        f"Together the candidates needed more memory{where} than could be spared of what was free, so they were "
        "started for each visit.",
        f"Close what else holds memory{where}, {fix}",
    )


def _lacks_gpu_energy(view: View) -> bool:
    parts = {part.component for c in view.measured if c.energy for part in c.energy.components}
    return view.record.spec.protocol.device != "cpu" and bool(parts) and "gpu" not in parts


def _latency_ratio(candidate: CandidateRecord) -> Ratio | None:
    return candidate.latency.ratio if candidate.latency else None


def _energy_ratio(candidate: CandidateRecord) -> Ratio | None:
    return candidate.energy.ratio if candidate.energy else None


def _contradicts(ratio: Ratio | None) -> bool:
    """Whether the intervals with and without the yardstick have nothing in common."""
    seen = ratio.as_seen if ratio else None
    if ratio is None or seen is None or None in (ratio.low, ratio.high, seen.low, seen.high):
        return False
    assert ratio.low and ratio.high and seen.low and seen.high
    return ratio.high < seen.low or seen.high < ratio.low


def _half_width(ratio: Ratio | None) -> float:
    if ratio is None or ratio.low is None or ratio.high is None or ratio.verdict == "indicative":
        return 0.0
    return (ratio.high - ratio.low) / 2 / ratio.value
