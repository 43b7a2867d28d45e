"""Running studies and sweeps, and what that would take."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from effkit.commands.following import end_runs_too, followed, left_behind
from effkit.commands.options import Assignments, Params, ProtocolName, Results, changes, points
from effkit.commands.reading import write_report

if TYPE_CHECKING:
    from effkit.batch import Executor, Outcome, Point, Rerun, State
    from effkit.batch.local import Watch
    from effkit.plan import Plan

RerunOption = Annotated[
    Literal["never", "failed", "changed", "all"] | None,
    typer.Option(
        "--rerun",
        help="What is run again: never, failed, changed (and what was done with other versions), or all "
        "[default: failed for a sweep, all for a study].",
        show_default=False,
    ),
]


def run(
    params: Params,
    results: Results = None,
    protocol: ProtocolName = None,
    set_: Assignments = None,
    rerun: RerunOption = None,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first failure.")] = False,
    executor: Annotated[
        Literal["local", "dask"], typer.Option("--executor", help="Where: on this host, or on the workers of Dask.")
    ] = "local",
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="ADDRESS", help="Of Dask, as in tcp://10.0.0.1:8786.")
    ] = None,
) -> None:
    """Run studies and sweeps through papermill and write the report; what is done of a sweep is not run again."""
    from effkit import attempts, batch, index, places, store
    from effkit.remote.fetching import refresh

    place = store.results_dir(results)
    if executor == "dask" and rerun == "changed":
        raise typer.BadParameter(
            "which versions are others is told of this machine, and hosts may differ: say --rerun all.",
            param_hint="--rerun",
        )
    runner = _executor(executor, scheduler, place)
    asked = points(params, changes(protocol, set_))
    places.check_writable(place)
    attempts.recover(place)
    refresh(place)
    states = batch.states(asked, place)
    chosen = rerun or _usual(asked)
    todo = batch.wanted(states, chosen)
    to_run = {point.identity for point in todo}
    kept = [each for each in states if each.point.identity not in to_run]
    for each in kept:
        typer.echo(f"{each.point.title}: {_kept(each, place)}")
    for line in batch.other_versions(kept) + (batch.other_hosts(kept) if executor == "local" else []):
        typer.echo(line)
    outcomes: list[Outcome] = []
    begun: set[str] = set()

    def outcomes_of(watch: Watch) -> Generator[Outcome]:
        return _outcomes(runner, states, todo, chosen, watch)

    def summarise() -> None:
        if len(asked) > 1:
            _summarise(states, todo, outcomes, len(begun))

    end_runs_too()
    try:
        with closing(followed(outcomes_of, begun)) as ended:
            for outcome in ended:
                outcomes.append(outcome)
                if fail_fast and outcome.status != "done":
                    break
    except KeyboardInterrupt:
        summarise()
        typer.echo(f"Stopped; {left_behind(place, begun)}. {_goes_on(rerun, chosen)}", err=True)
        raise typer.Exit(130) from None
    except store.StoreError as error:
        summarise()
        raise store.StoreError(f"{error} {_goes_on(rerun, chosen)}") from None
    except batch.ClusterError:
        summarise()
        raise
    summarise()
    if index.unattended(index.read(place).runs):  # all may have failed without a record
        write_report(place)
    if any(each.status != "done" for each in outcomes) or len(outcomes) < len(todo):
        raise typer.Exit(1)


def plan(params: Params, results: Results = None, protocol: ProtocolName = None, set_: Assignments = None) -> None:
    """Say what a run would download, how long it would take and what it could show; of a sweep, what is done too."""
    from effkit import batch, catalogue, places, resolve
    from effkit.plan import downloads, duration, to_download
    from effkit.plan import plan as plan_of

    place = places.current(results)
    asked = points(params, changes(protocol, set_))
    plans = [plan_of(point.spec, {}, None, place) for point in asked]
    states = batch.states(asked, place)
    todo = batch.wanted(states, _usual(asked))
    left_s = 0.0
    for state, planned in zip(states, plans, strict=True):
        to_run = state.point in todo
        left_s += planned.total_s if to_run else 0.0
        if state.point.sweep is None:
            typer.echo(f"{planned}\n")
        else:
            time = f"about {duration(planned.total_s)}" if to_run else _kept(state, place)
            why = f"  ({state.standing}: {state.sentence})" if state.sentence else ""
            typer.echo(f"  {state.point.title}  {time}{why}")
    for line in _outlook(asked, plans):
        typer.echo(line)
    of_sweeps = any(each.sweep is not None for each in asked)  # a study alone has told its own
    if of_sweeps or len(asked) > 1:
        names = {name for each in asked for name in resolve.needed(each.spec)}
        unsized = any(catalogue.missing_bytes(name) is None for name in names)
        typer.echo(
            f"All together: {len(todo)} of {len(asked)} to run, about {duration(left_s)}, downloads apart; "
            f"{to_download(catalogue.download_bytes(*names), unsized=unsized)} to download."
        )
        if of_sweeps:
            for line in downloads(names):
                typer.echo(f"To download: {line}")


def _outlook(asked: list[Point], plans: list[Plan]) -> Iterator[str]:
    """What points of sweeps could show: each sentence once, and of whom it is said where not of all."""
    of_sweeps = [(each, planned) for each, planned in zip(asked, plans, strict=True) if each.sweep is not None]
    said: dict[str, list[str]] = {}
    for each, planned in of_sweeps:
        for sentence in planned.outlook():
            said.setdefault(sentence, []).append(each.title)
    for sentence, (first, *others) in said.items():
        more = f" and {len(others)} more" if others else ""
        yield sentence if 1 + len(others) == len(of_sweeps) else f"{first}{more}: {sentence}"


def _outcomes(
    runner: Executor, states: list[State], todo: list[Point], rerun: Rerun, watch: Watch
) -> Generator[Outcome]:
    """Run what has no complete run yet, unless another process makes one; then anew what has one and is run again."""
    anew = [each for each in states if rerun == "all" or (rerun == "changed" and each.done) or each.standing == "done"]
    done = {each.point.identity for each in anew}
    yield from runner.run([each for each in todo if each.identity not in done], again=False, watch=watch)
    yield from runner.run([each for each in todo if each.identity in done], again=True, watch=watch)


def _goes_on(given: Rerun | None, rerun: Rerun) -> str:
    """What the same command does after it was stopped."""
    if rerun != "all":
        return "The same command goes on from here."
    return f"The same command starts every study anew{'' if given else '; with --rerun failed it goes on from here'}."


def _executor(name: Literal["local", "dask"], scheduler: str | None, results: Path) -> Executor:
    from effkit import batch

    if name == "local":
        if scheduler is not None:
            raise typer.BadParameter("it is for --executor dask: add that, or leave it out.", param_hint="--scheduler")
        return batch.Local(results)
    if scheduler is None:
        raise typer.BadParameter(
            "--executor dask needs the address that `dask scheduler` prints, as in tcp://10.0.0.1:8786.",
            param_hint="--scheduler",
        )
    return batch.Cluster(results, scheduler)


def _usual(asked: list[Point]) -> Literal["failed", "all"]:
    return "failed" if any(point.sweep is not None for point in asked) else "all"


def _kept(state: State, results: Path) -> str:
    from effkit.address import shown

    if state.done is not None:
        return f"done, {shown(results / state.done.folder)}"
    return f"{state.standing}: {state.sentence}; --rerun failed tries it again"


def _summarise(states: list[State], todo: list[Point], outcomes: list[Outcome], begun: int) -> None:
    done, waiting = (sum(outcome.status == each for outcome in outcomes) for each in ("done", "waiting"))
    to_run = {each.identity for each in todo}
    before = [each for each in states if each.point.identity not in to_run]
    counts = {
        "done before": sum(each.done is not None for each in before),
        "done now": done,
        "waiting for the store": waiting,
        "failed": len(outcomes) - done - waiting,
        "failed before": sum(each.done is None for each in before),
        "stopped": max(0, begun - len(outcomes)),
        "not started": len(todo) - max(begun, len(outcomes)),
    }
    said = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
    typer.echo(f"\n{len(states)} runs: {said}.")
    for outcome in outcomes:
        if outcome.status != "done":
            typer.echo(f"  {outcome.point.title}: {outcome.status}: {outcome.sentence}")
