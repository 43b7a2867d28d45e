"""environment.yml says what pyproject.toml says."""

import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_python_is_the_same() -> None:
    assert f"python{PROJECT['requires-python']}" in ENVIRONMENT["dependencies"]


def test_packages_come_from_pip_under_the_same_pins() -> None:
    pip = next(each["pip"] for each in ENVIRONMENT["dependencies"] if isinstance(each, dict))
    assert pip == ["-c constraints.txt", "-e .[test,load,compress]"]
    assert {"test", "load", "compress"} <= set(PROJECT["optional-dependencies"])
    assert (ROOT / "constraints.txt").is_file()


def test_conda_itself_gives_nothing_that_the_project_pins() -> None:
    names = {each.split(">")[0] for each in ENVIRONMENT["dependencies"] if isinstance(each, str)}
    assert names == {"python", "pip", "make"}
