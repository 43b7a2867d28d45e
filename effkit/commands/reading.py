"""Reading what runs have left: the report, and why a run may not be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from effkit.commands.options import Results, no_runs, runs_of

if TYPE_CHECKING:
    from effkit.index import Summary
    from effkit.record import Record


def report(
    runs: Annotated[
        list[str] | None,
        typer.Argument(help="Folders or addresses of runs or studies [default: every study].", show_default=False),
    ] = None,
    results: Results = None,
    interactive: Annotated[bool, typer.Option("--interactive", help="Studies that were only run by hand too.")] = False,
) -> None:
    """Write the report of the newest run of each study, or of those named."""
    from effkit import places

    write_report(places.current(results), runs or (), interactive=interactive)


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


def write_report(results: Path, named: Sequence[str] = (), *, interactive: bool = False) -> None:
    """Write the report of the newest run of each study, or of those named, and a table of all; say where it is."""
    from effkit import index, store
    from effkit.report import write
    from effkit.report.tidy import csv_text

    runs = runs_of(results)
    records = _named(named) if named else _newest(runs, results, interactive)
    try:
        page = write(records, results / "report")
        table = csv_text(index.rows(runs), index.COLUMNS)
        (page.parent / "tables" / "_runs.csv").write_text(table, encoding="utf-8", newline="\n")
    except OSError as error:
        raise store.StoreError(f"The report could not be written to {results / 'report'}: {error}") from error
    typer.echo(f"report: {page.resolve()}")


def _named(runs: Sequence[str]) -> list[Record]:
    from effkit import places
    from effkit.spec import SpecError

    records = [places.load_newest(each).record for each in runs]
    names = [each.spec.name for each in records]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SpecError(
            f"Several runs of {', '.join(twice)} were named, and a report shows one of each study: name one. "
            "`effkit compare A B` holds two against each other."
        )
    return records


def _newest(runs: Sequence[Summary], results: Path, interactive: bool) -> list[Record]:
    """The record that stands for each study; of studies that were only run by hand where they are asked for."""
    from effkit import index, store
    from effkit.address import shown

    listed = list(runs) if interactive else index.unattended(runs)
    if not runs:
        raise no_runs(results)
    if not listed:
        said = f"{shown(results)} has runs made by hand only: `effkit report --interactive` shows them."
        raise store.StoreError(said)
    for study in sorted({each.study for each in runs} - {each.study for each in listed}):
        typer.echo(f"left out: {study}, only run by hand; `effkit report --interactive` shows it", err=True)
    return [store.load(results / each.folder).record for each in store.newest(listed)]
