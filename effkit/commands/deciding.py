"""Deciding on a run: the simplest candidate that is good enough, and what would change that."""

from __future__ import annotations

from typing import Annotated

import typer

from effkit.commands.options import Assignments


def decide(
    run: Annotated[
        list[str], typer.Argument(help="Folder or address of a run, or of a study: its newest.", show_default=False)
    ],
    set_: Assignments = None,
) -> None:
    """Choose the simplest candidate that is good enough, and say why; --set asks for something else."""
    from effkit.decision import decide as choose
    from effkit.params import assigned

    reasoned = choose(run[0] if len(run) == 1 else run, **assigned(set_ or ()))  # type: ignore[arg-type]
    typer.echo(str(reasoned))
