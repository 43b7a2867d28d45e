"""What effkit knows, and what this host can do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from effkit.commands.options import Results

if TYPE_CHECKING:
    from rich.table import Table


def catalogue() -> None:
    """List the tasks, models and techniques that effkit knows, those of your own catalogue too."""
    from rich.console import Console
    from rich.table import Table

    from effkit import catalogue as known

    console = Console()
    for what, entries in (("Tasks", known.tasks()), ("Models", known.models())):
        table = Table(title=what, title_justify="left", box=None, pad_edge=False, header_style="bold")
        table.add_column("name", no_wrap=True)
        for column in ("what", "for", "fetched"):
            table.add_column(column)
        for name, entry in entries.items():
            use = "" if isinstance(entry, known.ModelEntry) else f" {entry.kind}"
            table.add_row(name, entry.title, f"{entry.modality}{use}", _fetched(name))
        console.print(table)
        console.print()
    console.print(_techniques())


def fetch(names: Annotated[list[str], typer.Argument(help="Tasks and models.", show_default=False)]) -> None:
    """Fetch and verify tasks and models."""
    from effkit import catalogue as known

    for name in names:
        known.find(name)  # a slip is told before anything is downloaded
    for name in names:
        typer.echo(f"{name}: {known.fetch(name)}")


def pin(
    repository: Annotated[
        str, typer.Argument(metavar="ORG/REPO@REVISION", help="A sentence encoder on the hub.", show_default=False)
    ],
    name: Annotated[str, typer.Option("--name", help="What parameter files shall call it.", show_default=False)],
) -> None:
    """Print an entry for your own catalogue (EFFKIT_CATALOGUE): a model of the hub, each file with its SHA-256."""
    from effkit.catalogue.pin import pin as entry

    typer.echo(entry(repository, name), nl=False)


def doctor(results: Results = None) -> None:
    """Say what this host can measure, what it cannot, and the fix; then try it for twenty seconds."""
    from effkit import doctor as examination
    from effkit import store

    marks = {"good": "✓", "limited": "~", "missing": "✗"}
    for finding in examination.examine(store.results_dir(results)):
        typer.echo(f"{marks[finding.state]} {finding.subject:<10} {finding.text}")
        if finding.fix:
            typer.echo(f"  {'':<10} → {finding.fix}")


def try_() -> None:
    """Compare logistic regression with boosted trees on a bundled data set: under a minute, offline."""
    from effkit.address import shown
    from effkit.first import first_study

    study = first_study()
    typer.echo(f"{study.plan()}\n")
    study.run()
    typer.echo(study.compare())
    typer.echo(f"\nKept in {shown(study.save())}; `effkit report --interactive` makes a page of it.")


def _fetched(name: str) -> str:
    """Whether a task or model is here, and what a fetch would download."""
    from effkit import catalogue as known
    from effkit.report.units import show

    if not known.find(name).files:
        return "not needed"
    if known.is_fetched(name):
        return "yes"
    missing = known.missing_bytes(name)
    if missing is None:
        return "no, size unknown"
    return f"no, {show(missing, 'bytes')}" if missing else "no"


def _techniques() -> Table:
    from rich.table import Table

    from effkit.techniques import TECHNIQUES

    table = Table(title="Techniques", title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("needs")
    for name, technique in TECHNIQUES.items():
        keys = ", ".join(technique.parameters.model_fields)
        table.add_row(name, technique.needs + (f" Keys: {keys}." if keys else ""))
    return table
