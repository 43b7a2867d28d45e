"""What several commands are given, and how parameter files are read for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Params = Annotated[list[Path], typer.Argument(help="Parameter files of studies and sweeps.", show_default=False)]
Results = Annotated[Path | None, typer.Option("--results", help="Where runs are kept [default: results/].")]
ProtocolName = Annotated[str | None, typer.Option("--protocol", help="smoke, standard or rigorous.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key; dots reach inside.")
]


def assigned(protocol: str | None, assignments: list[str] | None) -> list[str]:
    """Return what the command line changes of a study, as `key=value`."""
    return [*([f"protocol={protocol}"] if protocol else []), *(assignments or [])]
