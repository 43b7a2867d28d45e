"""Following runs to their ends: a live line for each, how each ended, and what a stop leaves."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from effkit.commands.lines import Lines

if TYPE_CHECKING:
    from effkit.batch import Outcome, Point
    from effkit.batch.local import Watch


def end_runs_too() -> None:
    """Take the word to end as an interrupt from now on: whoever asks the command to end means its runs too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def followed(begin: Callable[[Watch], Generator[Outcome]], begun: set[str]) -> Generator[Outcome]:
    """Run, say how each run ended, and yield it; closing the iterator stops those under way.

    Args:
        begin: given what is to be told of every run, yields how each ended.
        begun: is given the identity of each run that begins.
    """

    def watch(point: Point, line: str) -> None:
        begun.add(point.identity)
        lines.show(point, line)

    with Lines() as lines, closing(begin(watch)) as ended:
        for outcome in ended:
            lines.end(outcome.point)
            _tell(outcome)
            yield outcome


def left_behind(results: Path, begun: set[str]) -> str:
    """Say what still runs after a stop: whoever is impatient does not wait for it, and a lost worker's run goes on."""
    from effkit import attempts

    alive = sum(each.alive and each.request.identity in begun for each in attempts.unfinished(results))
    return f"{alive} may still go on, as `effkit status` tells" if alive else "no process was left behind"


def _tell(outcome: Outcome) -> None:
    from effkit.address import shown

    if outcome.status == "done":
        where = shown(outcome.folder) if outcome.folder else "done by another process"
        typer.echo(f"{where}  ({outcome.wall_s / 60:.1f} min)")
        if outcome.sentence:
            typer.echo(f"{outcome.point.title}: {outcome.sentence}", err=True)
        return
    kept = f"  What it left: {outcome.folder}" if outcome.folder else ""
    typer.echo(f"{outcome.point.title}: {outcome.status}: {outcome.sentence}{kept}", err=True)
