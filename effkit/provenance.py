"""What is run here and now: versions of packages, effkit's own commit, the notebook; and in what that differs."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

from effkit import store
from effkit.analysis.circumstances import Difference, differences, version_facts
from effkit.bench import host
from effkit.record import Code

NOT_INSTALLED = "not installed"


def code(params_sha256: str) -> Code:
    """Return what is run here and now.

    Args:
        params_sha256: hash of the study's parameters.
    """
    ours = _git("ls-files", "--error-unmatch", Path(__file__).name) is not None
    status = _git("status", "--porcelain", "--untracked-files=no") if ours else None
    return Code(
        versions=host.versions(),
        git_commit=_git("rev-parse", "HEAD") if ours else None,  # else of the project that it is installed in
        git_dirty=None if status is None else bool(status),
        params_sha256=params_sha256,
        notebook_sha256=_notebook_sha256(),
    )


def version_differences(before: Code, here: Code) -> tuple[Difference, ...]:
    """Return in which versions, of packages and of effkit, what is run here differs from what was run before.

    Args:
        before: of a record; a package that it does not list made no difference to it.
        here: as `code` returns it.
    """
    return differences({"version": version_facts(before)}, {"version": versions_here(before, here)})


def versions_here(before: Code, here: Code) -> dict[str, str | None]:
    """Return what is here of all that a record lists; the arguments are those of `version_differences`."""
    now = version_facts(here)
    return {name: now.get(name, NOT_INSTALLED) for name in version_facts(before)}


def _git(*arguments: str) -> str | None:
    """Ask git about the folder that holds this package; None where it is no checkout."""
    with suppress(OSError, subprocess.SubprocessError):
        folder = Path(__file__).parent
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
        return done.stdout.strip()
    return None


def _notebook_sha256() -> str | None:
    """Hash of the notebook's source, as `effkit run` passed it on."""
    return os.environ.get(store.NOTEBOOK_VARIABLE) or None
