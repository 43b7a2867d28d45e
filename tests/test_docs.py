"""What the documentation says is so: commands exist, snippets run, links lead somewhere."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from effkit.batch import points
from effkit.params import assigned
from tests.command_line import effkit

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "results" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
FENCE = re.compile(r"^```(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SECONDS = 300

# Written in pieces, so that this file holds none of them.
INDEXES = [
    "pyp" + "i.org", "python" + "hosted.org", "hugging" + "face.co", "ana" + "conda.org", "ana" + "conda.com",
    "npm" + "js.org", "crates" + ".io", "download.py" + "torch.org",
]  # fmt: skip
PLACES = [
    r"(?<![\w.])/wo" + r"rk/(?:main|shared)",
    r"(?<![\w.])/ro" + r"ot/",
    r"(?:\.\./|\b)sha" + r"red/(?:design|protocol|facts)",
]
FORBIDDEN = re.compile("|".join([*map(re.escape, INDEXES), *PLACES]))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _blocks(page: Path) -> Iterator[tuple[str, str]]:
    """The fenced blocks of a page: what stands behind the fence, and the text."""
    yield from FENCE.findall(page.read_text(encoding="utf-8"))


def _commands() -> list[str]:
    """Every line of a shell block that calls effkit or make."""
    lines = [
        line.partition(" #")[0].strip()
        for page in PAGES
        for language, text in _blocks(page)
        if language in ("sh", "bash")
        for line in text.splitlines()
    ]
    return sorted({line.removeprefix(".venv/bin/") for line in lines if line})


@cache
def _help(*arguments: str) -> str:
    shown = effkit(*arguments, "--help", COLUMNS="200")
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


@pytest.mark.parametrize("line", [line for line in _commands() if line.startswith("effkit ")])
def test_a_documented_command_exists_with_its_options_and_files(line: str) -> None:
    _, command, *arguments = shlex.split(line)
    said = _help(command)
    for argument in arguments:
        if argument.startswith("--"):
            assert argument in said
        elif argument.startswith("params/"):
            assert (ROOT / argument).is_file()
            changes = [each for flag, each in pairwise(arguments) if flag == "--set"]
            assert points(ROOT / argument, assigned(changes))


@pytest.mark.parametrize("line", [line for line in _commands() if line.startswith("make ")])
def test_a_documented_target_exists(line: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in shlex.split(line)[1:]:
        variable = word.partition("=")[0]
        wanted = rf"^{variable}\s*\?=" if "=" in word else rf"^{word}:"
        assert re.search(wanted, makefile, re.MULTILINE)


def test_every_command_is_documented() -> None:
    commands = re.findall(r"^  ([a-z]+) ", _help().partition("Commands:")[2], re.MULTILINE)
    assert commands
    table = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [command for command in commands if f"| `effkit {command}" not in table] == []


SNIPPETS = [
    pytest.param(language, text, id=f"{_name(page)}-{number}")
    for page in PAGES
    for number, (language, text) in enumerate(_blocks(page))
    if language.startswith("python")
]


@pytest.mark.parametrize(("language", "text"), SNIPPETS)
def test_a_snippet_works(language: str, text: str, tmp_path: Path) -> None:
    """Blocks marked `python run` are executed, the others only compiled."""
    compile(text, "snippet", "exec")
    if language == "python run":
        environment = {**os.environ, "EFFKIT_RESULTS": str(tmp_path)}
        script = tmp_path / "snippet.py"
        script.write_text(text, encoding="utf-8")
        ran = subprocess.run(
            [sys.executable, str(script)], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS
        )
        assert ran.returncode == 0, ran.stderr


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_internal_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        place = (page.parent / file).resolve() if file else page
        assert place.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", place.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(_anchor, headings), target


def test_the_readme_opens_with_question_picture_commands_and_snippet() -> None:
    top = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:20])
    for wanted in ("is the small model enough?", "](docs/report.png)", "make run", "make test", "Study.from_params("):
        assert wanted in top
    assert len(FENCE.findall(top + "\n")) == 2


def _package(requirement: str) -> str:
    return re.split(r"[<>=~\[]", requirement)[0]


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    named = [*project["dependencies"], *project["optional-dependencies"]["compress"]]
    wanted = {_package(each) for each in named}
    assert set(re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE)) == wanted
    for extra in project["optional-dependencies"].values():
        for each in extra:
            assert f"`{_package(each)}`" in page


def test_no_file_names_a_package_index_or_a_place_on_one_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    found = []
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file():
            text = path.read_bytes().decode("utf-8", errors="ignore")
            found += [f"{name}: {match.group()}" for match in FORBIDDEN.finditer(text)]
    assert found == []
