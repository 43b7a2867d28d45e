"""What is done of what was asked, and what is still to be run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from effkit import attempts, index
from effkit.batch.sweep import Point
from effkit.index import Summary

Rerun = Literal["never", "failed", "all"]
Standing = Literal["done", "running", "failed", "cut off", "to do"]


@dataclass(frozen=True)
class State:
    """How far one point is.

    Attributes:
        standing: `done` with a complete record, `running` now, `failed` by an exception, a limit or a candidate,
            `cut off` by a kill or a stop, `to do` where nobody has tried.
        sentence: why it failed; empty otherwise.
        done: its newest complete run.
        attempts: how often it has been tried.
    """

    point: Point
    standing: Standing
    sentence: str
    done: Summary | None
    attempts: int


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
    return [_state(point, runs.get(point.identity, []), tried.get(point.identity, [])) for point in points]


def wanted(states: Sequence[State], rerun: Rerun) -> list[Point]:
    """Return what is to be run.

    Args:
        states: of all points.
        rerun: `never` what has failed, `failed` what has failed too, `all` whatever is there. What was cut off is no
            failure and is run in any case.
    """
    leave: dict[Rerun, set[Standing]] = {"never": {"done", "failed"}, "failed": {"done"}, "all": set()}
    return [each.point for each in states if each.standing not in leave[rerun]]


def _state(point: Point, runs: list[Summary], tried: list[attempts.Attempt]) -> State:
    complete = [run for run in runs if run.complete]
    partly = [run for run in runs if run.failed and not run.interactive]
    ended = [each.failure for each in tried if each.failure is not None]
    failed = [each for each in ended if each.status not in ("stopped", "cut off", "late")]
    number = len(complete) + len(partly) + len(tried)
    if any(each.alive for each in tried):
        return State(point, "running", "", complete[-1] if complete else None, number)
    if complete:
        return State(point, "done", "", complete[-1], number)
    if failed:
        return State(point, "failed", failed[-1].sentence, None, number)
    if partly:
        return State(point, "failed", f"{', '.join(partly[-1].failed)} failed", None, number)
    return State(point, "cut off" if tried else "to do", "", None, number)
