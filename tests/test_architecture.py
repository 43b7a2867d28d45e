"""The house's rules: imports point one way, some libraries have one door, modules fit in the head."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import LONG

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "effkit"
MODULES = sorted(PACKAGE.rglob("*.py"))
ORDER = [
    "names", "hashing", "balance", "patience", "secrecy", "frozen", "progress", "production", "spec", "params",
    "evidence", "cautions", "routing", "record", "migrations", "catalogue", "address", "store", "index", "tasks",
    "models", "techniques", "identity", "attempts", "remote", "places", "analysis", "bench", "provenance", "resolve",
    "recipes", "plan_rows", "plan_earlier", "plan", "findings", "preparing", "links", "cascades", "assemble",
    "under_load", "report", "untried", "decision", "export", "study", "batch", "repeat", "first", "doctor", "commands",
    "cli",
]  # fmt: skip
"""Every module and package but `effkit` itself; each may import what stands before it."""
ONE_DOOR = {
    "codecarbon": {"bench/energy.py"},
    "distributed": {"batch/cluster.py"},
    "fsspec": {"remote/bucket.py"},
    "ipywidgets": {"report/widgets.py"},
    "mlflow": {"export/tracking.py"},
    "mlperf_loadgen": {"bench/generator.py"},
    "papermill": {"batch/runner.py"},
    "unearth": {"catalogue"},
}
LONGEST = 340


@cache
def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(name: str) -> str:
    return name.split(".")[1] if name.startswith("effkit.") else ""


def top(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_the_order_leaves_nothing_out() -> None:
    assert sorted(ORDER) == sorted({top(path) for path in MODULES} - {"__init__"})


@pytest.mark.parametrize(
    "path", [each for each in MODULES if top(each) != "__init__"], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_imports_point_one_way(path: Path) -> None:
    later = set(ORDER[ORDER.index(top(path)) + 1 :])
    assert not {name for name in imports(path) if room(name) in later}


@pytest.mark.parametrize("folder", ["analysis", "report"])
def test_analysis_and_report_read_records_only(folder: str) -> None:
    for path in (PACKAGE / folder).rglob("*.py"):
        wrong = {
            name for name in imports(path) if room(name) in {"bench", "models", "tasks", "techniques", "study", "batch"}
        }
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"
        assert not {name for name in imports(path) if name.split(".")[0] == "torch"}, path


def test_what_leaves_is_made_from_records_alone() -> None:
    allowed = {"", "spec", "record", "store", "analysis", "report", "export"}
    for path in (PACKAGE / "export").rglob("*.py"):
        assert {room(each) for each in imports(path)} <= allowed, path


def test_the_statistics_that_the_bench_may_use_are_a_leaf() -> None:
    allowed = {"analysis"}
    for name in ("statistics", "interval", "tails", "contention", "sequential", "yardstick"):
        assert {room(each) for each in imports(PACKAGE / "analysis" / f"{name}.py") if room(each)} <= allowed


@pytest.mark.parametrize("library", ONE_DOOR)
def test_a_library_with_one_door(library: str) -> None:
    users = {
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if any(name.split(".")[0] == library for name in imports(path))
    }
    assert users
    assert all(any(user.startswith(door) for door in ONE_DOOR[library]) for user in users)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_fit_in_the_head(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST
    assert path.stem not in {"utils", "helpers", "manager", "misc", "common"}


def test_the_files_that_begin_first_are_there() -> None:
    assert [name for name in LONG if not (ROOT / "tests" / f"{name}.py").is_file()] == []


def test_the_process_of_a_run_loads_nothing_that_only_its_kernel_needs() -> None:
    code = "import sys, effkit.batch.child; print([m for m in ('torch', 'scipy', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
