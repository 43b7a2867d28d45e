"""The command line."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from effkit.commands import deciding, exporting, judging, known, reading, repeating, running, standing

app = typer.Typer(
    help="Is the small model enough? Paired, interleaved comparisons that know their own noise.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
COMMANDS: dict[str, Callable[..., None]] = {
    "run": running.run,
    "plan": running.plan,
    "status": standing.status,
    "audit": standing.audit,
    "report": reading.report,
    "decide": deciding.decide,
    "check": reading.check,
    "rerun": repeating.rerun,
    "compare": repeating.compare,
    "export": exporting.export,
    "claims": judging.claims,
    "catalogue": known.catalogue,
    "fetch": known.fetch,
    "pin": known.pin,
    "doctor": known.doctor,
    "try": known.try_,
}
"""In the order of `effkit --help`."""
for name, command in COMMANDS.items():
    app.command(name)(command)


def main() -> None:
    """Run the command line; errors of the user's are told in a sentence, not a traceback."""
    try:
        app()
    except Exception as error:
        from effkit.analysis.agreement import NotComparable
        from effkit.batch.crew import ClusterError
        from effkit.bench.slot import SlotError
        from effkit.catalogue import CatalogueError
        from effkit.export.errors import ExportError
        from effkit.spec import SpecError
        from effkit.store import StoreError
        from effkit.study import StudyFailed

        known = (
            SpecError, StoreError, CatalogueError, StudyFailed, ClusterError, SlotError, ExportError, NotComparable,
        )  # fmt: skip
        if not isinstance(error, known):
            raise
        typer.echo(str(error), err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
