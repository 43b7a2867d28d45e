"""Deciding on a run: the simplest candidate that is good enough, and what would change that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from effkit.commands.options import Assignments

if TYPE_CHECKING:
    from effkit.analysis.decide import Outcome

EXIT_CODES: Mapping[Outcome, int] = {"meets": 0, "fails": 1, "open": 3}
"""Of `--require`; 2 is that of a question that cannot be asked."""


def decide(
    run: Annotated[
        list[str], typer.Argument(help="Folder or address of a run, or of a study: its newest.", show_default=False)
    ],
    set_: Assignments = None,
    require: Annotated[
        str | None,
        typer.Option(
            "--require", metavar="NAME", help="Exit code 1 when this candidate is not good enough, 3 when not shown."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every verdict and number as JSON, and no words.")] = False,
) -> None:
    """Choose the simplest candidate that is good enough, and say why; --set asks for something else."""
    from effkit.decision import decide as choose
    from effkit.params import assigned

    reasoned = choose(run[0] if len(run) == 1 else run, **assigned(set_ or ()))  # type: ignore[arg-type]
    code = 0 if require is None else EXIT_CODES[reasoned.verdict(require)]
    typer.echo(json.dumps(reasoned.plain(), indent=1, allow_nan=False) if as_json else str(reasoned))
    if require is not None:
        typer.echo(reasoned.sentence(require), err=True)
    raise typer.Exit(code)
