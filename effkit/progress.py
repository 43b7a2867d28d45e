"""Progress of a run, for whoever watches: a bar in a terminal, one in a notebook, lines in the log."""

from __future__ import annotations

import html
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from effkit.secrecy import without_secrets

log = logging.getLogger("effkit.progress")

Progress = Callable[[float, str], None]
"""Told the share that is done, between 0 and 1, and what is done now."""


class _Shared(logging.Formatter):
    """A log is kept beside the record, and goes where that goes."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Write the package's log to a file; `effkit run` reads its last line to show where the run is."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(_Shared("%(asctime)s %(levelname)s %(message)s"))
    package = logging.getLogger("effkit")
    before = package.level
    package.setLevel(logging.INFO)
    package.addHandler(handler)
    try:
        yield
    finally:
        package.removeHandler(handler)
        package.setLevel(before)
        handler.close()


def _logged(share: float, text: str) -> None:
    log.info("%3.0f %%  %s", 100 * share, text)


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Show progress in the way that suits where this runs.

    Args:
        title: what is being done, for the bar's label.
    """
    shell = _shell()
    if shell == "ZMQInteractiveShell":
        yield _notebook(title)
    elif sys.stderr.isatty():
        with _terminal(title) as show:
            yield show
    else:
        yield _logged


def _shell() -> str:
    ipython = sys.modules.get("IPython")
    return type(ipython.get_ipython()).__name__ if ipython is not None else ""


def _notebook(title: str) -> Progress:
    from IPython.display import HTML, display

    handle: Any = display(HTML(""), display_id=True)

    def show(share: float, text: str) -> None:
        _logged(share, text)
        label = html.escape(f"{title}: {text}")
        handle.update(HTML(f'<progress value="{share:.3f}" style="width:16em"></progress> {share:.0%} {label}'))

    return show


@contextmanager
def _terminal(title: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=1.0)

        def show(share: float, text: str) -> None:
            _logged(share, text)
            bar.update(task, completed=share, description=f"{title}: {text}")

        yield show
