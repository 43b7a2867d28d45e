"""What is done of what was asked, in what that differs from here, and what is still to be run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from effkit import attempts, index, store
from effkit.analysis.circumstances import Difference
from effkit.batch.sweep import Point
from effkit.bench import host
from effkit.index import Summary
from effkit.provenance import code, version_differences

Rerun = Literal["never", "failed", "changed", "all"]
Standing = Literal["done", "running", "failed", "cut off", "to do"]


@dataclass(frozen=True)
class State:
    """How far one point is.

    Attributes:
        standing: `done` with a complete record, `running` now, `failed` by an exception, a limit or a candidate,
            `cut off` by a kill or a stop, `to do` where nobody has tried.
        sentence: why it failed or was cut off; empty otherwise.
        done: its newest complete run.
        attempts: how often it has been tried.
        left: where what it left is, if it failed or was cut off.
        changed: in which versions, of packages and of effkit, its newest complete run differs from here.
    """

    point: Point
    standing: Standing
    sentence: str
    done: Summary | None
    attempts: int
    left: Path | None = None
    changed: tuple[Difference, ...] = ()


def states(points: Sequence[Point], results: Path) -> list[State]:
    """Return how far each point is, by its identity alone.

    Args:
        points: what was asked.
        results: where runs are kept.
    """
    runs: dict[str | None, list[Summary]] = {}
    for run in index.read(results).runs:
        runs.setdefault(run.identity, []).append(run)
    tried: dict[str, list[attempts.Attempt]] = {}
    for attempt in attempts.unfinished(results):
        tried.setdefault(attempt.request.identity, []).append(attempt)
    found = [_state(each, results, runs.get(each.identity, []), tried.get(each.identity, [])) for each in points]
    if not any(each.done for each in found):
        return found  # and nobody asks git and every package for nothing
    here = code(params_sha256="")
    return [replace(each, changed=version_differences(each.done.code, here)) if each.done else each for each in found]


def wanted(states: Sequence[State], rerun: Rerun) -> list[Point]:
    """Return what is to be run.

    Args:
        states: of all points.
        rerun: `never` what has failed, `failed` what has failed too, `changed` also what was done with other versions,
            `all` whatever is there. What was cut off is no failure and is run in any case.
    """
    leave: dict[Rerun, set[Standing]] = {"never": {"done", "failed"}, "failed": {"done"}, "changed": {"done"}}
    kept = leave.get(rerun, set())
    return [each.point for each in states if each.standing not in kept or (rerun == "changed" and each.changed)]


def other_versions(states: Sequence[State]) -> list[str]:
    """Say in which versions done points differ from here, and what makes them anew: a line for each difference."""
    counts = Counter(
        (each.what, each.before, each.after) for state in states if state.standing == "done" for each in state.changed
    )
    return [
        f"{number} done with {what} {before} (here {after}): --rerun changed runs {'it' if number == 1 else 'them'} "
        "again."
        for (what, before, after), number in sorted(counts.items())
    ]


def other_hosts(states: Sequence[State]) -> list[str]:
    """Say how many points were done on other hosts than this one, and what makes them anew; nothing where none was."""
    here = host.name()
    done = [state.done.host for state in states if state.standing == "done" and state.done is not None]
    others = [name for name in done if name not in (None, here)]
    if not others:
        return []
    where = others[0] if len(set(others)) == 1 else f"{len(set(others))} other hosts"
    return [f"{len(others)} done on {where} (here {here}): --rerun all runs everything again."]


def _state(point: Point, results: Path, runs: list[Summary], tried: list[attempts.Attempt]) -> State:
    complete = [run for run in runs if run.complete]
    partly = [run for run in runs if run.failed and not run.interactive]
    failed = [each for each in tried if each.failure and each.failure.status not in ("stopped", "cut off", "late")]
    number = len(complete) + len(partly) + len(tried)
    if any(each.alive for each in tried):
        return State(point, "running", "", complete[-1] if complete else None, number)
    if complete:
        return State(point, "done", "", complete[-1], number)
    if failed:
        return State(point, "failed", _why(failed[-1]), None, number, failed[-1].folder)
    if partly:
        sentence = f"{', '.join(partly[-1].failed)} failed"
        return State(point, "failed", sentence, None, number, results / partly[-1].folder)
    if tried:
        return State(point, "cut off", _why(tried[-1]), None, number, tried[-1].folder)
    return State(point, "to do", "", None, number)


def _why(attempt: attempts.Attempt) -> str:
    if attempt.failure is not None:
        return attempt.failure.sentence
    return "its process was killed" if attempt.folder.name.endswith(store.STAGED) else attempts.UNTOLD
