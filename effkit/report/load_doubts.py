"""Why load tests may not be trusted, each reason with what would help."""

from __future__ import annotations

from collections.abc import Iterator

from effkit.analysis.contention import OTHERS_FLOOR, STEAL_FLOOR
from effkit.record import CandidateRecord
from effkit.report.doubt import Doubt
from effkit.report.view import View
from effkit.report.words import listing

QUIETER = "Stop what else runs, or choose a quieter hour or host."


def load_doubts(view: View) -> Iterator[Doubt]:
    """Return every reason to doubt the load tests: one that failed, others at work meanwhile, a late generator."""
    yield from _failed(view)
    yield from _busy(view)
    yield from _late(view)


def _failed(view: View) -> Iterator[Doubt]:
    for candidate in view.measured:
        if candidate.load_failure:
            yield Doubt(
                "too few samples",
                f"There is no load test of {view.label(candidate)}, so how long its requests wait for one another is "
                f"not known. It failed under load: {candidate.load_failure}",
                "Run it again; where it fails again, the run's log says what happened.",
            )


def _busy(view: View) -> Iterator[Doubt]:
    unknown = [view.label(each) for each in view.measured if each.load and each.load.others_share is None]
    if unknown:
        yield Doubt(
            "contended",
            f"How busy other processes kept this machine while {listing(unknown)} "
            f"{'was' if len(unknown) == 1 else 'were'} under load is not known.",
            QUIETER,
        )
    usual = view.record.contention  # what its visits met
    others, stolen = (usual.others_limit, usual.steal_limit) if usual else (OTHERS_FLOOR, STEAL_FLOOR)
    for candidate, load in [(each, each.load) for each in view.measured if each.load]:
        shares = (("other processes", load.others_share, others), ("the hypervisor", load.steal_share, stolen))
        for who, share, most in shares:
            if share is not None and share > most:
                yield Doubt(
                    "contended",
                    f"While {view.label(candidate)} was under load, {who} took {100 * share:.0f} % of a core during a "
                    "sequence of requests: its rates and waiting times are theirs too.",
                    "Run the load test again in a quieter hour.",
                )
        if load.gpu_strangers is not None or _on_gpu(candidate):
            when = f"while {view.label(candidate)} was under load"
            yield from company(load.gpu_strangers, when, "during one sequence of requests")


def _late(view: View) -> Iterator[Doubt]:
    for candidate in view.measured:
        limited = [point for point in candidate.load.points if point.generator_limited] if candidate.load else []
        if limited:
            rates = listing([f"{point.asked_per_s:.3g}" for point in limited])
            yield Doubt(
                "generator-limited",
                f"The load generator was late for {view.label(candidate)} at {rates} requests a second: those "
                "latencies are the generator's too.",
                "Give the generator a core of its own, or ask for lower rates.",
            )


def _on_gpu(candidate: CandidateRecord) -> bool:
    return candidate.memory is not None and candidate.memory.device_allocated_bytes is not None


def company(strangers: float | None, when: str, how: str) -> Iterator[Doubt]:
    """Return whether others worked on the GPU, whom the shares of a core do not show.

    Args:
        strangers: how many; None where that cannot be told.
        when: in the sentence, as in "during the visits".
        how: they are counted, as in "on average".
    """
    if strangers is None:
        yield Doubt(
            "contended",
            f"Whether others worked on the GPU {when} could not be told.",
            "Run outside a container, or in one that sees the host's processes (`--pid=host`).",
        )
    elif strangers > 0:
        yield Doubt(
            "contended",
            f"Other processes worked on the GPU {when}, {strangers:.2g} of them {how}.",
            "Stop them, or choose another GPU by `CUDA_VISIBLE_DEVICES`.",
        )
