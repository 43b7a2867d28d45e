"""Running studies, and what a run would take."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from effkit.commands.options import Assignments, Params, ProtocolName, Results, read
from effkit.commands.reading import write_report


def run(params: Params, results: Results = None, protocol: ProtocolName = None, set_: Assignments = None) -> None:
    """Run studies through papermill and write the report."""
    from effkit import batch, store
    from effkit.batch.runner import failures

    studies = [(path, read(path, protocol, set_)) for path in params]
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
    write_report(place)
    if trouble:
        raise typer.Exit(1)


def plan(params: Params, results: Results = None, protocol: ProtocolName = None, set_: Assignments = None) -> None:
    """Say what a run would download, how long it would take and what it could show."""
    from effkit.study import Study

    total_s = 0.0
    for path in params:
        planned = Study.from_params(read(path, protocol, set_)).plan(results)
        total_s += planned.total_s
        typer.echo(f"{planned}\n")
    if len(params) > 1:
        typer.echo(f"All together: about {total_s / 60:.0f} min, downloads apart.")


def _check_all(studies: list[tuple[Path, dict[str, Any]]]) -> None:
    """Refuse the whole command when one study is wrong, before the first one runs for an hour."""
    from effkit import resolve
    from effkit.params import parse

    for path, keys in studies:
        resolve.check(parse(keys, str(path)), {}, None)


@contextmanager
def _live(name: str) -> Iterator[Callable[[str], None]]:
    """One live line: what the run is doing. Plain lines where nobody watches a terminal."""
    from rich.console import Console

    if not sys.stderr.isatty():
        typer.echo(f"{name}: running", err=True)
        yield lambda line: None
        return
    with Console(stderr=True).status(name) as status:
        yield lambda line: status.update(f"{name}  {line}", spinner_style="dim")
