"""What is run here and now, and in what it differs from before."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from effkit import provenance
from effkit.provenance import code, version_differences
from effkit.record import Code

THEN = Code(
    versions={"python": "3.12.1", "numpy": "2.3.0", "nncf": "3.4.0"},
    git_commit=None,
    git_dirty=None,
    params_sha256="",
    notebook_sha256=None,
)


def told(before: Code, here: Code) -> list[tuple[str, str, str]]:
    return [(each.what, each.before, each.after) for each in version_differences(before, here)]


def test_what_is_run_here_names_its_packages() -> None:
    here = code("ab")
    assert here.versions["numpy"] == version("numpy") and here.params_sha256 == "ab"
    assert told(here, here) == []


def test_a_package_that_changed_or_went_differs_and_one_that_came_does_not() -> None:
    here = THEN.model_copy(update={"versions": {"python": "3.12.1", "numpy": "2.4.0", "torch": "2.13.0"}})
    assert told(THEN, here) == [("numpy", "2.3.0", "2.4.0"), ("nncf", "3.4.0", "not installed")]


def test_another_commit_of_effkit_differs_where_both_are_known() -> None:
    one = THEN.model_copy(update={"git_commit": "a" * 40, "git_dirty": False})
    other = THEN.model_copy(update={"git_commit": "b" * 40, "git_dirty": True})
    assert told(one, other) == [("effkit's commit", "a" * 12, "b" * 12 + " with uncommitted changes")]
    assert told(THEN, other) == told(one, THEN) == []


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git to ask")
def test_the_commit_of_a_project_that_effkit_is_only_installed_in_is_not_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> None:
        own = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/none")
        subprocess.run(["git", "-C", str(tmp_path), *own, *arguments], check=True, capture_output=True)

    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    module = tmp_path / "provenance.py"
    module.touch()
    monkeypatch.setattr(provenance, "__file__", str(module))
    git("init")
    git("commit", "--allow-empty", "--message=x")
    assert (code("").git_commit, code("").git_dirty) == (None, None)
    git("add", module.name)
    git("commit", "--message=y")
    assert code("").git_commit is not None and code("").git_dirty is False
