"""What is run here and now, and in what it differs from before."""

from __future__ import annotations

from effkit.bench import host
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
    assert here.versions == host.versions() and here.params_sha256 == "ab"
    assert told(here, here) == []


def test_a_package_that_changed_or_went_differs_and_one_that_came_does_not() -> None:
    here = THEN.model_copy(update={"versions": {"python": "3.12.1", "numpy": "2.4.0", "torch": "2.13.0"}})
    assert told(THEN, here) == [("numpy", "2.3.0", "2.4.0"), ("nncf", "3.4.0", "not installed")]


def test_another_commit_of_effkit_differs_where_both_are_known() -> None:
    one = THEN.model_copy(update={"git_commit": "a" * 40, "git_dirty": False})
    other = THEN.model_copy(update={"git_commit": "b" * 40, "git_dirty": True})
    assert told(one, other) == [("effkit's commit", "a" * 12, "b" * 12 + " with uncommitted changes")]
    assert told(THEN, other) == told(one, THEN) == []
