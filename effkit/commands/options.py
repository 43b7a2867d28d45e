"""What several commands are given, and how parameter files are read for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Params = Annotated[list[Path], typer.Argument(help="Parameter files of studies and sweeps.", show_default=False)]
Results = Annotated[
    str | None,
    typer.Option("--results", help="Where runs are kept: a folder, or an address like s3:// [default: results/]."),
]
ProtocolName = Annotated[str | None, typer.Option("--protocol", help="smoke, standard or rigorous.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key; dots reach inside.")
]


def changes(protocol: str | None, assignments: list[str] | None) -> dict[str, Any]:
    """Return what the command line changes of a study, by key; dots in keys reach inside."""
    from effkit import params

    return ({"protocol": protocol} if protocol else {}) | params.assigned(assignments or ())
