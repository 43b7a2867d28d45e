"""What several commands are given, and how parameter files are read for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Params = Annotated[list[Path], typer.Argument(help="Parameter files, one study each.", show_default=False)]
Results = Annotated[Path | None, typer.Option("--results", help="Where runs are kept [default: results/].")]
ProtocolName = Annotated[str | None, typer.Option("--protocol", help="smoke, standard or rigorous.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key; dots reach inside.")
]


def read(path: Path, protocol: str | None, assignments: list[str] | None) -> dict[str, Any]:
    """Read a parameter file and change what the command line says."""
    from effkit import params

    given = {"protocol": protocol} if protocol else {}
    return params.override(params.read(path), given | params.assigned(assignments or ()))
