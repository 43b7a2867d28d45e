"""What several commands are given, and how parameter files are read for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from effkit.batch import Point
    from effkit.index import Summary
    from effkit.store import StoreError

Params = Annotated[list[Path], typer.Argument(help="Parameter files of studies and sweeps.", show_default=False)]
Run = Annotated[str, typer.Argument(help="Folder or address of a run, or of a study: its newest.", show_default=False)]
Results = Annotated[
    str | None,
    typer.Option(
        "--results",
        help="Where runs are kept: a folder, or an address like s3:// [default: EFFKIT_RESULTS, else results/].",
    ),
]
ProtocolName = Annotated[str | None, typer.Option("--protocol", help="smoke, standard or rigorous.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key; dots reach inside.")
]
MAKES_ONE = "`effkit run params/tabular.yaml` makes one."
"""Said where there are no runs yet."""


def changes(protocol: str | None, assignments: list[str] | None) -> dict[str, Any]:
    """Return what the command line changes of a study, by key; dots in keys reach inside."""
    from effkit import params

    return ({"protocol": protocol} if protocol else {}) | params.assigned(assignments or ())


def runs_of(results: Path) -> tuple[Summary, ...]:
    """Return every run of a results folder, and name on standard error those that cannot be read."""
    from effkit import index

    found = index.read(results)
    for sentence in found.unreadable:
        typer.echo(f"left out: {sentence}", err=True)
    return found.runs


def no_runs(results: Path) -> StoreError:
    """Return what is raised where nothing can be said without a run."""
    from effkit.address import shown
    from effkit.store import StoreError

    return StoreError(f"{shown(results)} has no runs yet: {MAKES_ONE}")


def points(params: list[Path], changed: dict[str, Any]) -> list[Point]:
    """Spell everything out before the first one runs for an hour: one that is wrong refuses the whole command."""
    from effkit import batch

    return [point for path in params for point in batch.points(path, changed)]
