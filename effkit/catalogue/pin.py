"""Write an entry for one's own catalogue: a sentence encoder on the model hub, each of its files with its hash."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from pydantic import ValidationError

from effkit.catalogue import configuration, hub
from effkit.catalogue.cache import cache_dir, download_path
from effkit.catalogue.configuration import MODULES, PICKLED, WEIGHTS
from effkit.catalogue.entries import ModelEntry, shipped
from effkit.catalogue.errors import CatalogueError, FetchError
from effkit.catalogue.own import RUNS_CODE, check_name, in_words

PROMPTS = "config_sentence_transformers.json"
TOP = (MODULES, PROMPTS)
KEPT = frozenset({".json", ".model", ".txt", WEIGHTS})
"""Endings of what a part needs: configuration, vocabulary, weights. What stands beside them is left there."""
CALL_S_PER_BYTE, EMBED_S_PER_BYTE, LOAD_S = 5.5e-10, 3.3e-10, 9.0
"""Nominal costs by size, between those of MiniLM and MPNet in 32 bits: for planning alone."""


def pin(address: str, name: str) -> str:
    """Fetch a sentence encoder and return the entry that pins it, in YAML.

    Its weights stay in the cache's downloads, where a fetch of the entry finds them.

    Args:
        address: ``ORG/REPO@REVISION``; the revision may be a commit, a tag or a branch, and its commit is pinned.
        name: What parameter files shall call it.

    Raises:
        CatalogueError: The address or the name is none, or the repository is nothing that effkit loads; says why.
        FetchError: The hub cannot be reached, or has or shows no such thing; says what to do.
    """
    repo, _, revision = address.partition("@")
    if repo.count("/") != 1 or not revision:
        raise CatalogueError(
            f"{address!r} is no revision of a repository: write ORG/REPO@REVISION, a commit, a tag or a branch, as in "
            "sentence-transformers/all-MiniLM-L6-v2@main."
        )
    check_name(name, shipped())
    try:
        listing = hub.look_up(repo, revision)
        cache_dir().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="effkit-pin-", dir=cache_dir()) as folder:
            declared = _declared(repo, listing, Path(folder))
            prompts = _prompts(Path(folder))
    except FetchError as error:
        raise FetchError(
            f"{address} could not be pinned (model hub: {error}). Look at its name, its revision and the network; a "
            "private repository needs HF_TOKEN. Without a hub, write the entry by hand, with `sha256sum`: "
            "docs/how-to.md says how."
        ) from error
    except OSError as error:
        raise FetchError(
            f"{address} could not be put into the cache {cache_dir()}: {error}. Make room there or let it be written, "
            "or set EFFKIT_CACHE to another folder."
        ) from error
    try:
        ModelEntry.model_validate(declared)
    except ValidationError as error:
        raise CatalogueError(f"{address} makes no entry: {in_words(error)}.") from None
    note = f"# {address}, for the file that EFFKIT_CATALOGUE names. `cost` is a guess by size, for planning only.\n"
    if prompts:
        note += (
            f"# Its publisher puts words before texts ({prompts}), which effkit does not: look whether your task needs "
            "them, and if it does, have them in its texts.\n"
        )
    return note + yaml.safe_dump({"models": {name: declared}}, sort_keys=False, allow_unicode=True, width=120)


def _declared(repo: str, listing: hub.Listing, folder: Path) -> dict[str, Any]:
    """The entry, once what may run code is ruled out and everything is hashed."""
    if MODULES not in listing.sizes:
        raise CatalogueError(
            f"{repo} has no {MODULES}: it is no Sentence Transformers model, and no other kind on the hub becomes an "
            "entry. A model of your own is a function: `study.add`."
        )
    hashes = hub.bring(repo, listing, [MODULES], folder, progress=False)
    parts = configuration.parts(repo, folder)
    wanted = _wanted(repo, listing, parts)
    small = [path for path in wanted if not path.endswith(WEIGHTS) and path != MODULES]
    large = [path for path in wanted if path.endswith(WEIGHTS)]
    hashes |= hub.bring(repo, listing, small, folder, progress=False)
    configuration.check(repo, wanted, folder)
    hashes |= hub.bring(repo, listing, large, folder, progress=True)
    sizes = {path: (folder / path).stat().st_size for path in wanted}
    for path in large:
        (folder / path).replace(download_path(hashes[path], path))
    weights_bytes = sum(sizes[path] for path in large)
    return {
        "title": repo.rpartition("/")[2],
        "modality": "text",
        "tasks": ["classification", "retrieval"],
        "builder": "text.encoder",
        "settings": {**_max_tokens(folder / parts[0]), "C": 1.0},
        "licence": listing.licence or "none stated",
        "citation": f"{repo} on the model hub",
        "cost": {
            "load_s": LOAD_S,
            "call_s": round(CALL_S_PER_BYTE * weights_bytes, 4),
            "embed_s_per_item": round(EMBED_S_PER_BYTE * weights_bytes, 4),
        },
        "files": [{"name": path, "bytes": sizes[path], "sha256": hashes[path]} for path in wanted],
        "sources": [
            {"kind": "hub", "repo": repo, "revision": listing.commit, "files": {path: path for path in wanted}},
        ],
    }


def _wanted(repo: str, listing: hub.Listing, parts: list[str]) -> list[str]:
    """The files to pin, in the repository's order.

    Raises:
        CatalogueError: A part has weights in pickles alone, or there are none at all.
    """
    inside: dict[str, list[str]] = {part: [] for part in parts}
    for path in listing.sizes:
        inside.get(PurePosixPath(path).parent.as_posix(), []).append(path)
    for paths in inside.values():
        pickles = [path for path in paths if PurePosixPath(path).suffix in RUNS_CODE - {".py"}]
        if pickles and not any(path.endswith(WEIGHTS) for path in paths):
            raise CatalogueError(
                f"{repo} has weights in pickles alone ({', '.join(pickles)}), which may run code when they are read: "
                "ask its publisher for safetensors, or convert them where you trust them and publish that."
            )
    needed = {path for paths in inside.values() for path in paths if PurePosixPath(path).suffix in KEPT} | set(TOP)
    wanted = [path for path in listing.sizes if path in needed and not path.endswith(PICKLED)]
    if not any(path.endswith(WEIGHTS) for path in wanted):
        raise CatalogueError(f"{repo} has no weights in safetensors, and effkit reads no others.")
    return wanted


def _prompts(folder: Path) -> str:
    """What the model would have put before texts, by what they are; empty where nothing is."""
    path = folder / PROMPTS
    said = configuration.read_json(path) if path.is_file() else {}
    prompts = said.get("prompts") if isinstance(said, dict) else None
    found = prompts.items() if isinstance(prompts, dict) else ()
    return ", ".join(f"{json.dumps(str(name))}: {json.dumps(str(words))}" for name, words in found if words)


def _max_tokens(folder: Path) -> dict[str, int]:
    """The setting that cuts texts, where the network's folder has it."""
    path = folder / "sentence_bert_config.json"
    said = configuration.read_json(path) if path.is_file() else {}
    most = said.get("max_seq_length") if isinstance(said, dict) else None
    return {"max_tokens": most} if isinstance(most, int) else {}
