"""How far things are, and whether what was measured was measured alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from effkit.commands.options import MAKES_ONE, Assignments, ProtocolName, Results, changes, no_runs, points, runs_of

if TYPE_CHECKING:
    from effkit.attempts import Attempt
    from effkit.index import Summary


def status(
    params: Annotated[
        list[Path] | None, typer.Argument(help="Sweeps and studies [default: all that was run].", show_default=False)
    ] = None,
    results: Results = None,
    protocol: ProtocolName = None,
    set_: Assignments = None,
) -> None:
    """Say what is done, running, failed and to do."""
    from effkit import attempts, batch, places
    from effkit.address import shown

    place = places.current(results)
    if params:
        states = batch.states(points(params, changes(protocol, set_)), place)
        width = max(len(each.point.title) for each in states)
        for each in states:
            told = each.sentence or (shown(place / each.done.folder) if each.done else "")
            left = f"  What it left: {each.left}" if each.left else ""
            typer.echo(f"  {each.point.title:<{width}}  {each.standing:<8}{told}{left}".rstrip())
        typer.echo(f"{sum(each.done is not None for each in states)} of {len(states)} done.")
        for line in batch.other_versions(states) + batch.other_hosts(states):
            typer.echo(line)
    else:
        for line in _by_study(runs_of(place), attempts.unfinished(place)):
            typer.echo(line)


def audit(results: Results = None) -> None:
    """Check by the records' times that no two runs were measured on one host at once; exit code 1 where two were."""
    from effkit import places
    from effkit.analysis.windows import audited

    place = places.current(results)
    runs = runs_of(place)
    if not runs:
        raise no_runs(place)
    once = {(run.study, run.run, run.windows): run.folder for run in reversed(runs)}  # a copy is no second run
    proof = audited({folder: windows for (_, _, windows), folder in once.items()})
    hosts = "one host" if proof.clocks == 1 else f"{proof.clocks} hosts, a restart counting as another"
    verdict = f"{len(proof.overlaps)} overlap:" if proof.overlaps else "no two overlap."
    typer.echo(f"{proof.windows} measured windows of {proof.runs} runs, on {hosts}: {verdict}")
    for overlap in proof.overlaps:
        typer.echo(f"  {overlap.first} and {overlap.second}, for {overlap.length_s:.1f} s")
    if proof.silent:
        typer.echo(f"{len(proof.silent)} older records do not tell when they were measured.")
    if proof.overlaps:
        raise typer.Exit(1)


def _by_study(runs: tuple[Summary, ...], unfinished: list[Attempt]) -> list[str]:
    names = sorted({run.study for run in runs} | {each.request.study for each in unfinished})
    if not names:
        return [f"No runs yet: {MAKES_ONE}"]
    width = max(map(len, names))
    lines = []
    for name in names:
        mine = [run for run in runs if run.study == name]
        open_ = [each for each in unfinished if each.request.study == name]
        counts = {
            "complete": sum(run.complete for run in mine),
            "with failed candidates": sum(bool(run.failed) for run in mine),
            "by hand": sum(run.interactive for run in mine),
            "running": sum(each.alive for each in open_),
            "ended without a record": sum(not each.alive for each in open_),
        }
        said = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
        last = f"; newest {mine[-1].started_at:%Y-%m-%d %H:%M}" if mine else ""
        lines.append(f"  {name:<{width}}  {said}{last}")
    return lines
