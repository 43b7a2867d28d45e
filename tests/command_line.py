"""The command line: in a process of its own as a user starts it, or in this one where it starts none itself."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from effkit.cli import main

ROOT = Path(__file__).parents[1]
Result = subprocess.CompletedProcess[str]


def started(*arguments: str | Path) -> Result:
    """Start the command line as a user does."""
    command = [sys.executable, "-m", "effkit.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=280, env=dict(os.environ))


def effkit(*arguments: str | Path, **environment: str) -> Result:
    """Do the same in this process: another takes seconds to import what this one has. A traceback is raised here."""
    words = ["effkit", *map(str, arguments)]
    said, complained = io.StringIO(), io.StringIO()
    code: object = 0
    terminate = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(complained):
        patch.setattr(sys, "argv", words)
        patch.setattr(sys, "excepthook", sys.excepthook)  # typer sets its own
        patch.chdir(ROOT)
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        finally:
            if signal.getsignal(signal.SIGTERM) != terminate:
                signal.signal(signal.SIGTERM, terminate)
    returned = code if isinstance(code, int) else int(code is not None)
    return Result(words, returned, said.getvalue(), complained.getvalue())
