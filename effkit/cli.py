"""The command line. Everything it does, a notebook does too with the same names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    help="Is the small model enough? Paired, interleaved comparisons that know their own noise.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Params = Annotated[list[Path], typer.Argument(help="Parameter files, one study each.", show_default=False)]
Results = Annotated[Path | None, typer.Option("--results", help="Where runs are kept [default: results/].")]
ProtocolName = Annotated[str | None, typer.Option("--protocol", help="smoke, standard or rigorous.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key; dots reach inside.")
]


@app.command()
def run(params: Params, results: Results = None, protocol: ProtocolName = None, set_: Assignments = None) -> None:
    """Run studies through papermill and write the report."""
    from effkit import batch, store
    from effkit.batch.runner import failures

    studies = [(path, _read(path, protocol, set_)) for path in params]
    _check_all(studies)
    place = store.results_dir(results)
    trouble: list[str] = []
    for path, keys in studies:
        try:
            with _live(keys["name"]) as watch:
                loaded = batch.Runner(place, watch).run(keys, path)
        except batch.RunFailed as error:
            trouble.append(f"{keys['name']}: {error}")
            typer.echo(trouble[-1], err=True)
        except KeyboardInterrupt:
            typer.echo("Stopped; nothing was left behind.", err=True)
            raise typer.Exit(130) from None
        else:
            typer.echo(f"{loaded.folder}  ({loaded.record.footprint.wall_s / 60:.1f} min)")
            for sentence in failures(loaded.record):
                trouble.append(f"{keys['name']}: {sentence}")
                typer.echo(trouble[-1], err=True)
    _write_report(place)
    if trouble:
        raise typer.Exit(1)


@app.command()
def plan(params: Params, results: Results = None, protocol: ProtocolName = None, set_: Assignments = None) -> None:
    """Say what a run would download, how long it would take and what it could show."""
    from effkit.study import Study

    total_s = 0.0
    for path in params:
        planned = Study.from_params(_read(path, protocol, set_)).plan(results)
        total_s += planned.total_s
        typer.echo(f"{planned}\n")
    if len(params) > 1:
        typer.echo(f"All together: about {total_s / 60:.0f} min, downloads apart.")


@app.command()
def report(
    results: Results = None,
    interactive: Annotated[bool, typer.Option("--interactive", help="Runs made by hand in a notebook too.")] = False,
) -> None:
    """Write the report of the newest run of each study."""
    from effkit import store

    _write_report(store.results_dir(results), interactive=interactive)


@app.command()
def catalogue() -> None:
    """List the tasks, models and techniques that come with effkit."""
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
            missing = known.download_bytes(name)
            there = "not needed" if not entry.files else f"no, {missing / 1e6:.0f} MB" if missing else "yes"
            table.add_row(name, entry.title, f"{entry.modality}{use}", there)
        console.print(table)
        console.print()
    console.print(_techniques())


@app.command()
def fetch(names: Annotated[list[str], typer.Argument(help="Tasks and models.", show_default=False)]) -> None:
    """Fetch and verify tasks and models."""
    from effkit import catalogue as known

    for name in names:
        typer.echo(f"{name}: {known.fetch(name)}")


@app.command()
def doctor(results: Results = None) -> None:
    """Say what this host can measure, what it cannot, and the fix; then try it for twenty seconds."""
    from effkit import doctor as examination
    from effkit import store

    marks = {"good": "✓", "limited": "~", "missing": "✗"}
    for finding in examination.examine(store.results_dir(results)):
        typer.echo(f"{marks[finding.state]} {finding.subject:<10} {finding.text}")
        if finding.fix:
            typer.echo(f"  {'':<10} → {finding.fix}")


@app.command()
def check(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders of runs, or of studies: their newest.", show_default=False)
    ],
) -> None:
    """Say why a run's measurements may not be trusted; exit code 1 when there is a reason."""
    from effkit import store
    from effkit.report.trust import doubts
    from effkit.report.view import View

    found = [store.load_newest(folder) for folder in runs]
    doubtful = False
    for each in found:
        reasons = doubts(View(each.record))
        doubtful = doubtful or bool(reasons)
        typer.echo(f"{each.folder}: " + (f"{len(reasons)} to bear in mind" if reasons else "nothing speaks against it"))
        for doubt in reasons:
            typer.echo(f"  {doubt.reason}: {doubt.sentence}\n    → {doubt.fix}")
    if doubtful:
        raise typer.Exit(1)


@app.command(name="try")
def try_() -> None:
    """Compare logistic regression with boosted trees on a bundled data set: under a minute, offline."""
    from effkit.first import first_study

    study = first_study()
    typer.echo(f"{study.plan()}\n")
    study.run()
    typer.echo(study.compare())
    typer.echo(f"\nKept in {study.save()}")


def _techniques() -> Any:
    from rich.table import Table

    from effkit.techniques import TECHNIQUES

    table = Table(title="Techniques", title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("needs")
    for name, technique in TECHNIQUES.items():
        keys = ", ".join(technique.parameters.model_fields)
        table.add_row(name, technique.needs + (f" Keys: {keys}." if keys else ""))
    return table


def _read(path: Path, protocol: str | None, assignments: list[str] | None) -> dict[str, Any]:
    from effkit.params import override, read

    return override(read(path), [*([f"protocol={protocol}"] if protocol else []), *(assignments or [])])


def _check_all(studies: list[tuple[Path, dict[str, Any]]]) -> None:
    """Refuse the whole command when one study is wrong, before the first one runs for an hour."""
    from effkit import resolve
    from effkit.params import parse

    for path, keys in studies:
        resolve.check(parse(keys, str(path)), {}, None)


def _live(name: str) -> Any:
    """One live line: what the run is doing. Plain lines where nobody watches a terminal."""
    import sys
    from contextlib import contextmanager

    from rich.console import Console

    @contextmanager
    def show() -> Any:
        console = Console(stderr=True)
        if not sys.stderr.isatty():
            typer.echo(f"{name}: running", err=True)
            yield lambda line: None
            return
        with console.status(name) as status:
            yield lambda line: status.update(f"{name}  {line}", spinner_style="dim")

    return show()


def _write_report(results: Path, *, interactive: bool = False) -> None:
    from effkit import store
    from effkit.report import write

    runs: list[store.Loaded] = store.newest(
        each for each in store.load_all(results) if interactive or not each.record.interactive
    )
    if not runs:
        typer.echo(
            f"{results} has no runs yet: `effkit run params/tabular.yaml` makes one. "
            "Runs made by hand are shown with --interactive.",
            err=True,
        )
        raise typer.Exit(1)
    typer.echo(f"report: {write([each.record for each in runs], results / 'report').resolve()}")


def main() -> None:
    """Run the command line; errors of the user's are told in a sentence, not a traceback."""
    import sys

    try:
        app()
    except Exception as error:
        from effkit.catalogue import CatalogueError
        from effkit.spec import SpecError
        from effkit.store import StoreError
        from effkit.study import StudyFailed

        if not isinstance(error, (SpecError, StoreError, CatalogueError, StudyFailed)):
            raise
        typer.echo(str(error), err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
