"""What the configuration of a sentence encoder may not say: what would run code, or load what nobody has pinned."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any

from effkit.catalogue.errors import CatalogueError

MODULES = "modules.json"
"""What a Sentence Transformers repository says of its parts: their classes, and the folders they lie in."""
WEIGHTS = ".safetensors"
ADAPTER = "adapter_config.json"
"""Names a model elsewhere, which would be loaded below the adapter."""
PICKLED = ".bin.index.json"
"""How a list of weights in pickles ends; a pickle that it names may have any ending."""
LOADING = (
    "model_kwargs", "model_args", "processor_kwargs", "tokenizer_args", "config_kwargs", "config_args",
    "tokenizer_name_or_path",
)  # fmt: skip
"""Keys by which a part would tell its loader what to load and how, unpickling included."""


def parts(whose: str, folder: Path) -> list[str]:
    """The folders of a model's parts, the network's first; "." is the model's own.

    Args:
        whose: The repository or the entry, for messages.
        folder: That holds `modules.json`.

    Raises:
        CatalogueError: A part is of a class that does not come with Sentence Transformers, or lies elsewhere.
    """
    modules = read_json(folder / MODULES)
    listed = modules if isinstance(modules, list) else []
    kinds = [str(each.get("type")) if isinstance(each, dict) else "no class" for each in listed]
    for kind in kinds:
        if not kind.startswith("sentence_transformers."):
            raise CatalogueError(f"{whose} needs code of its own ({kind} in {MODULES}), which effkit does not run.")
    if not kinds or not kinds[0].endswith(".Transformer"):
        first = kinds[0] if kinds else "nothing"
        raise CatalogueError(f"{whose} begins with {first} in its {MODULES}, and effkit loads transformers alone.")
    found = [PurePosixPath(str(each.get("path") or "")) for each in listed]
    for part in found:
        if part.is_absolute() or ".." in part.parts:
            raise CatalogueError(f"{whose} names a folder outside itself ({part} in {MODULES}); refused.")
    return [part.as_posix() for part in found]


def check(whose: str, files: Collection[str], folder: Path) -> None:
    """Refuse a configuration that would run code, or lead out of the files.

    Args:
        whose: The repository or the entry, for messages.
        files: All that it has, by their paths in the folder.
        folder: Where they lie; the weights need not be there.

    Raises:
        CatalogueError: Saying which file says what.
    """
    if MODULES in files:
        parts(whose, folder)
    for path in files:
        name = PurePosixPath(path).name
        if name == ADAPTER or name.endswith(PICKLED):
            raise CatalogueError(f"{whose} has {path}, which leads to weights in pickles or elsewhere: leave it out.")
        if name.endswith(".index.json"):
            _check_index(whose, path, files, read_json(folder / path))
        elif name.endswith("config.json"):
            _check_keys(whose, path, read_json(folder / path))


def read_json(path: Path) -> Any:
    """What a file says.

    Raises:
        CatalogueError: It is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CatalogueError(f"{path.name} is not valid JSON: {error}") from None


def _check_index(whose: str, path: str, files: Collection[str], said: Any) -> None:
    """Weights in several files: all of them are safetensors, and the model's own."""
    named = said.get("weight_map") if isinstance(said, dict) else None
    weights: dict[str, Any] = named if isinstance(named, dict) else {}
    for file in sorted({str(each) for each in weights.values()}):
        if (PurePosixPath(path).parent / file).as_posix() not in files or not file.endswith(WEIGHTS):
            raise CatalogueError(f"{whose} names weights in {path} that are none of its safetensors ({file}); refused.")


def _check_keys(whose: str, path: str, said: Any) -> None:
    if not isinstance(said, dict):
        return
    if said.get("auto_map"):
        raise CatalogueError(f"{whose} needs code of its own (`auto_map` in {path}), which effkit does not run.")
    name = PurePosixPath(path).name
    if name == "config.json" or name.startswith("sentence_"):
        for key in LOADING:
            if said.get(key):
                raise CatalogueError(
                    f"{whose} says how it is to be loaded (`{key}` in {path}), which may run code: take a model "
                    "without that key."
                )
