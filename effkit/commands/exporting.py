"""Taking a run out of effkit: tables, papers, model cards, MLflow."""

from __future__ import annotations

from typing import Annotated

import typer

from effkit.commands.options import Run


def export(
    run: Run,
    to: Annotated[str, typer.Option("--to", help="csv, parquet, latex, mlflow or model-card.", show_default=False)],
    out: Annotated[
        str | None,
        typer.Option(
            "--out", help="A file or folder [default: a file here]; for mlflow a tracking URI [default: ./mlruns]."
        ),
    ] = None,
    candidate: Annotated[
        str | None, typer.Option("--candidate", help="Whose model card [default: the chosen one's].")
    ] = None,
) -> None:
    """Write one run as a table, as LaTeX, as a model card or into MLflow."""
    from effkit import places
    from effkit.export import export as write

    typer.echo(write(places.load_newest(run), to, out, candidate))
