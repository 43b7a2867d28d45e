"""Running a run again, and whether two runs agree."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from effkit.commands.following import end_runs_too, followed, left_behind
from effkit.commands.options import Run

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from effkit.analysis.agreement import Agreement
    from effkit.batch import Outcome
    from effkit.batch.local import Watch
    from effkit.store import Loaded


class Worsening(StrEnum):
    """In what the second of two runs may fall behind the first: in quality, or in a latency."""

    WORSE = "worse"
    SLOWER = "slower"


def rerun(
    run: Run,
    results: Annotated[
        str | None, typer.Option("--results", help="Where the new run is kept [default: where the old one is].")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what differs.")] = False,
) -> None:
    """Say what differs from when a run was made, and run it again."""
    from effkit import batch, places, store
    from effkit.address import shown
    from effkit.batch.sweep import point
    from effkit.repeat import again, install_line, made_anew
    from effkit.report.agreement import difference_lines

    loaded = places.load_newest(run)
    known = again(loaded)
    for line in (*difference_lines(known.differences, "the run", "here"), *known.unknown):
        typer.echo(line)
    if command := install_line(loaded.record, known.differences):
        typer.echo(f"Its packages again, in an environment of their own: {command}")
    if dry_run:
        return
    place = _home(loaded) if results is None else store.results_dir(results)
    asked = point(known.params, known.source, loaded.record.replicate)
    places.check_writable(place)
    begun: set[str] = set()

    def outcomes(watch: Watch) -> Generator[Outcome]:
        return batch.Local(place).run([asked], again=True, watch=watch)

    end_runs_too()
    try:
        with made_anew(), closing(followed(outcomes, begun)) as ended:
            outcome = next(ended)
    except KeyboardInterrupt:
        typer.echo(f"Stopped; {left_behind(place, begun)}.", err=True)
        raise typer.Exit(130) from None
    if outcome.folder is not None and (outcome.folder / store.RECORD).exists():
        typer.echo(f"Whether the two agree: effkit compare {shown(loaded.folder)} {shown(outcome.folder)}")
    if outcome.status != "done":
        raise typer.Exit(1)


def compare(
    a: Annotated[
        str, typer.Argument(help="A run's folder or address, or a study's: its newest run.", show_default=False)
    ],
    b: Annotated[str, typer.Argument(help="Another run of the same task.", show_default=False)],
    fail_if: Annotated[
        list[Worsening] | None,
        typer.Option(
            "--fail-if",
            help="Exit code 1 when B is this too, 3 when nothing tells; may be given twice.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Say in what two runs agree; exit code 1 when something differs that must be the same."""
    from effkit import places
    from effkit.address import shown
    from effkit.analysis.agreement import compare as agreement
    from effkit.report.agreement import agreement_lines

    first, second = places.load_newest(a), places.load_newest(b)
    if first.folder.resolve() == second.folder.resolve():
        typer.echo(f"Both are {shown(first.folder)}: give two runs. `effkit rerun` makes another.", err=True)
        raise typer.Exit(2)
    found = agreement(first.record, second.record, _predictions(first), _predictions(second))
    for name, each in (("A", first), ("B", second)):
        typer.echo(f"{name}  {shown(each.folder)}, {each.record.finished_at:%Y-%m-%d %H:%M} UTC")
    for line in agreement_lines(found):
        typer.echo(line)
    working = [each.name for each in first.record.candidates if each.error is None]
    code = _worsened(found, working, fail_if or ())
    if code or found.broken:
        raise typer.Exit(1 if found.broken else code)


def _home(run: Loaded) -> Path:
    """The results folder that a run lies in; the usual one of a run that was copied out of its own."""
    from effkit import store

    for folder in (run.folder.absolute(), run.folder.resolve()):  # a study's folder may be a link to another disk
        if folder.parent.name == run.study:
            return folder.parents[1]
    return store.results_dir()


def _worsened(found: Agreement, working: Sequence[str], asked: Sequence[Worsening]) -> int:
    """Say in what B has fallen behind A; 1 where it has, 3 where that is not shown of all that worked in A, else 0."""
    candidates = [each.candidate for each in found.worse]
    latencies = [f"{each.first.name} of {each.candidate}" for each in found.slower]
    fallen = {Worsening.WORSE: candidates, Worsening.SLOWER: latencies}
    compared = {
        Worsening.WORSE: {one.candidate for one in found.gaps},
        Worsening.SLOWER: {one.candidate for one in found.latencies},
    }
    untold = {each: sorted(set(working) - compared[each]) for each in asked}
    for each in asked:
        if fallen[each]:
            typer.echo(f"B is {each}: {', '.join(fallen[each])}.", err=True)
        if untold[each]:
            timed = (
                "latency is unstable in one of them"
                if "latency" in found.unstable
                else "no latency has an interval in both"
            )
            what = "its quality was not compared" if each is Worsening.WORSE else timed
            typer.echo(f"Whether B is {each} is not shown of {', '.join(untold[each])}: {what}.", err=True)
    if any(fallen[each] for each in asked):
        return 1
    return 3 if any(untold.values()) else 0


def _predictions(run: Loaded) -> pd.DataFrame | None:
    import pandas as pd

    from effkit import store

    try:
        return pd.read_parquet(run.folder / store.PREDICTIONS)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise store.StoreError(f"{run.folder / store.PREDICTIONS} cannot be read ({error}).") from None
