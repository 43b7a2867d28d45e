"""Reading what runs have left: the report, and why a run may not be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from effkit.commands.options import Results


def report(
    results: Results = None,
    interactive: Annotated[bool, typer.Option("--interactive", help="Runs made by hand in a notebook too.")] = False,
) -> None:
    """Write the report of the newest run of each study."""
    from effkit import places

    write_report(places.current(results), interactive=interactive)


def check(
    runs: Annotated[
        list[str], typer.Argument(help="Folders or addresses of runs, or of studies: their newest.", show_default=False)
    ],
) -> None:
    """Say why a run's measurements may not be trusted; exit code 1 when there is a reason."""
    from effkit import places
    from effkit.address import shown
    from effkit.report.trust import doubts
    from effkit.report.view import View

    found = [places.load_newest(folder) for folder in runs]
    doubtful = False
    for each in found:
        reasons = doubts(View(each.record))
        doubtful = doubtful or bool(reasons)
        typer.echo(
            f"{shown(each.folder)}: " + (f"{len(reasons)} to bear in mind" if reasons else "nothing speaks against it")
        )
        for doubt in reasons:
            typer.echo(f"  {doubt.reason}: {doubt.sentence}\n    → {doubt.fix}")
    if doubtful:
        raise typer.Exit(1)


def write_report(results: Path, *, interactive: bool = False) -> None:
    """Write the report of the newest run of each study, and a table of all runs; say where it is."""
    from effkit import index, store
    from effkit.address import shown
    from effkit.report import write

    found = index.read(results)
    for sentence in found.unreadable:
        typer.echo(f"left out: {sentence}", err=True)
    listed = [each for each in found.runs if interactive or not each.interactive]
    if not listed:
        typer.echo(
            f"{shown(results)} has runs made by hand only: `effkit report --interactive` shows them."
            if found.runs
            else f"{shown(results)} has no runs yet: `effkit run params/tabular.yaml` makes one.",
            err=True,
        )
        raise typer.Exit(1)
    records = [store.load(results / each.folder).record for each in index.newest(listed)]
    try:
        page = write(records, results / "report")
        index.table(listed).to_csv(page.parent / "tables" / "runs.csv", index=False, lineterminator="\n")
    except OSError as error:
        raise store.StoreError(f"The report could not be written to {results / 'report'}: {error}") from error
    typer.echo(f"report: {page.resolve()}")
