"""One's own catalogue: a file of entries beside those that come with effkit, held to the same rules and to two more."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import ValidationError

from effkit.catalogue.configuration import MODULES
from effkit.catalogue.errors import CatalogueError
from effkit.catalogue.sources import LocalSource

if TYPE_CHECKING:
    from effkit.catalogue.entries import ModelEntry, TaskEntry

VARIABLE = "EFFKIT_CATALOGUE"
"""Names the file."""
SECTIONS = ("models", "tasks")
RUNS_CODE = frozenset({".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth", ".py"})
"""Endings of files that may run code when they are read: pickles under all their names, and Python itself."""
NEEDED: Mapping[str, str] = {"text.encoder": MODULES, "vision.efficientnet_lite": "network.safetensors"}
"""The file without which a builder would take a pickle, or guess what the model is made of."""
SETTINGS: Mapping[str, tuple[str, ...]] = {"vision.efficientnet_lite": ("variant", "resolution")}
"""What a builder cannot guess."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_E = TypeVar("_E", "ModelEntry", "TaskEntry")


def own_path() -> Path | None:
    """The file of one's own entries, absolute; None where ``EFFKIT_CATALOGUE`` names none."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser().absolute() if named else None


def read_own(path: Path, section: str, kind: type[_E], taken: Collection[str]) -> dict[str, _E]:
    """Read a section of one's own catalogue.

    Args:
        path: The file.
        section: ``models`` or ``tasks``; it may be missing.
        kind: What its entries are.
        taken: The names that come with effkit.

    Raises:
        CatalogueError: It says what it may not; the message names the file, the entry and the key.
    """
    found: dict[str, _E] = {}
    for name, said in _content(path)[section].items():
        try:
            check_name(name, taken)
            entry = kind.model_validate(said)
            _check_sources(entry)
            _check_builder(entry)
        except ValidationError as error:
            raise CatalogueError(f"{path}, `{section}.{name}`: {in_words(error)}") from None
        except CatalogueError as error:
            raise CatalogueError(f"{path}, `{section}.{name}`: {error}") from None
        found[name] = entry
    return found


def check_name(name: Any, taken: Collection[str]) -> None:
    """Refuse a name that files and candidates could not be called by, or that comes with effkit.

    Raises:
        CatalogueError: Saying which.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CatalogueError(
            f"{name!r} is no name for an entry: write small letters, digits, dots, underscores and hyphens, a letter "
            "or digit first."
        )
    if name in taken:
        raise CatalogueError(f"`{name}` comes with effkit and cannot be replaced: give yours another name.")


def _check_sources(entry: ModelEntry | TaskEntry) -> None:
    for file in entry.files:
        if PurePosixPath(file.name).suffix.lower() in RUNS_CODE:
            raise CatalogueError(
                f"{file.name} may run code when it is read, as pickles and Python do: convert the weights to "
                "safetensors where you trust them, and name those."
            )
    for source in entry.sources:
        if isinstance(source, LocalSource) and not source.path.startswith(("/", "~", "$")):
            raise CatalogueError(
                f"the source {source.path!r} is relative, and a notebook works in another folder: write the whole "
                "path, or $EFFKIT_LOCAL/… with that variable set."
            )


def _check_builder(entry: ModelEntry | TaskEntry) -> None:
    from effkit.catalogue.entries import ModelEntry, known_settings  # here: they need this module to be read

    if not isinstance(entry, ModelEntry):
        return
    if entry.builder == "vision.squeezenet":
        raise CatalogueError(
            "`vision.squeezenet` reads its weights from a pickle, which may run code: name another builder, or add a "
            "function of your own with `study.add`."
        )
    if (needed := NEEDED.get(entry.builder)) and needed not in {file.name for file in entry.files}:
        raise CatalogueError(f"`{entry.builder}` needs {needed}, and `files` does not list it: add it.")
    if lacking := [key for key in SETTINGS.get(entry.builder, ()) if key not in entry.settings]:
        raise CatalogueError(
            f"`{entry.builder}` needs {' and '.join(lacking)} in `settings`: add what it was trained as."
        )
    known = known_settings(entry.builder)
    if others := sorted(entry.settings.keys() - known):
        raise CatalogueError(
            f"`settings` has {', '.join(others)}, and `{entry.builder}` takes {', '.join(sorted(known))}: what a "
            "technique does is asked for in a study."
        )


def _content(path: Path) -> dict[str, dict[Any, Any]]:
    """The sections of the file, those that are missing empty."""
    named = f"{path}, which {VARIABLE} names,"
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text) or {}
        twice = _twice(yaml.compose(text, Loader=yaml.SafeLoader))
    except (OSError, ValueError, yaml.YAMLError) as error:  # ValueError: another encoding, a date that is none
        raise CatalogueError(f"{named} cannot be read: {' '.join(str(error).split())}") from None
    if twice:
        raise CatalogueError(
            f"{named} has {', '.join(twice)} twice, of which only the last would count: write each once, all models "
            "below one `models:`, all tasks below one `tasks:`."
        )
    if not isinstance(content, dict) or not content.keys() <= set(SECTIONS):
        given = ", ".join(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise CatalogueError(f"{named} may have the sections `models` and `tasks`, of names to entries; got {given}.")
    sections: dict[str, dict[Any, Any]] = {section: content.get(section) or {} for section in SECTIONS}
    for section, entries in sections.items():
        if not isinstance(entries, dict):
            raise CatalogueError(
                f"{named} has a list or a word below `{section}`: give it a mapping, names to entries."
            )
    if both := sections["models"].keys() & sections["tasks"].keys():
        raise CatalogueError(f"{named} calls a model and a task {', '.join(map(str, both))}: one name, one entry.")
    return sections


def _twice(root: yaml.Node | None) -> list[str]:
    """Keys that stand twice in one mapping, at any depth."""
    found: set[str] = set()
    seen: set[int] = set()  # an alias may lead back
    nodes = [] if root is None else [root]
    while nodes:
        node = nodes.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            names = [str(key.value) for key, _ in node.value]
            found |= {name for name in names if names.count(name) > 1}
            nodes += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            nodes += node.value
    return sorted(found)


def in_words(error: ValidationError) -> str:
    """Say what is wrong with an entry, key by key."""
    lines = []
    for each in error.errors():
        key, said = ".".join(map(str, each["loc"])), each["msg"].removeprefix("Value error, ")
        match each["type"]:
            case "missing":
                lines.append(f"`{key}` is missing")
            case "extra_forbidden":
                lines.append(f"`{key}` is not a known key")
            case _ if not key:
                lines.append(said)
            case _:
                given = f"got {each['input']!r}: " if isinstance(each["input"], (str, int, float)) else ""
                lines.append(f"`{key}` {given}{said}")
    return "; ".join(lines)
