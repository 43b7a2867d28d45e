"""The public names: all there, and none of them paid for before it is used."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import effkit

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "numpy", "pandas", "matplotlib", "pydantic", "sklearn")


@pytest.mark.parametrize("module", ["effkit", "effkit.cli"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*(set({HEAVY}) & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == []


@pytest.mark.parametrize("name", effkit.__all__)
def test_every_public_name_loads_and_explains_itself(name: str) -> None:
    assert getattr(effkit, name).__doc__
    assert name in dir(effkit)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(AttributeError, match=r"no `Studdy`; it has .*Study"):
        getattr(effkit, "Studdy")  # noqa: B009


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert effkit.__version__ == project["version"]
