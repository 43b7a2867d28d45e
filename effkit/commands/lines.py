"""One live line a run, for whoever watches; plain lines where nobody watches a terminal."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.status import Status

    from effkit.batch import Point


class Lines:
    """What the runs under way are doing. A context manager: the lines are gone on leaving."""

    def __init__(self) -> None:
        self._lines: dict[str, str] = {}
        self._status: Status | None = None

    def __enter__(self) -> Lines:
        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status("")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def show(self, point: Point, line: str) -> None:
        """Show what a run is doing."""
        if point.title not in self._lines and self._status is None:
            typer.echo(f"{point.title}: running", err=True)
        self._lines[point.title] = line
        self._draw()

    def end(self, point: Point) -> None:
        """Take a run's line away."""
        self._lines.pop(point.title, None)
        self._draw()

    def _draw(self) -> None:
        if self._status is not None:
            from rich.text import Text

            text = "\n".join(f"{title}  {line}" for title, line in self._lines.items())
            self._status.update(Text(text), spinner_style="dim")
