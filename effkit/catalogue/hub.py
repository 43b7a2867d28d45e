"""Files from the model hub, or a quick and clear word that it cannot be reached."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from effkit.catalogue.cache import download_path
from effkit.catalogue.download import download, download_to_pin
from effkit.catalogue.entries import Entry
from effkit.catalogue.errors import FetchError
from effkit.catalogue.sources import HubSource
from effkit.patience import within

_CONNECT_S = 3.0
_READ_S = 30.0
_LIST_S = 10.0
_ON = {"1", "ON", "YES", "TRUE"}
Answer = TypeVar("Answer")

# Why the hub was given up in this process: a study of ten models waits for it once, not ten times.
_down: str | None = None


@dataclass(frozen=True)
class Listing:
    """What the hub says of one revision of a repository.

    Attributes:
        commit: The revision, 40 hexadecimal digits.
        sizes: Bytes of each file by its path; None where it does not say.
        licence: As the repository's card states it; None where it states none.
    """

    commit: str
    sizes: Mapping[str, int | None]
    licence: str | None


def _refuse_if_off() -> None:
    """Raise where the hub is switched off, or was given up in this process."""
    for switch in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        if os.environ.get(switch, "").upper() in _ON:
            raise FetchError(f"switched off by {switch}")
    if _down:
        raise FetchError(_down)


def _headers() -> dict[str, str]:
    """The hub's own, which carry the user's token, if any."""
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    return {str(key): str(value) for key, value in build_hf_headers().items()}


def _patiently(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """Ask the hub something small.

    Raises:
        FetchError: It does not answer, which is remembered.
    """
    global _down
    try:
        return within(seconds, ask)
    except TimeoutError as silence:
        _down = f"not reachable ({silence})"
        raise FetchError(_down) from None
    except Exception as error:
        _down = f"not reachable ({type(error).__name__}: {error})"
        raise FetchError(_down) from error


def _reach(url: str, headers: dict[str, str]) -> None:
    """Make sure that the hub answers and has ``url``.

    Raises:
        FetchError: It does not; silence is remembered, a refusal of this one address is not.
    """
    from unearth.fetchers import PyPIClient

    def ask() -> int:
        with PyPIClient(timeout=_CONNECT_S) as client:
            return int(client.head(url, headers=headers).status_code)

    status = _patiently(_CONNECT_S, ask)
    if status >= 400:
        raise FetchError(f"it answered {status}")


def stage_hub(source: HubSource, entry: Entry, into: Path, *, progress: bool) -> None:
    """Bring the files of an entry from the hub into ``into``.

    Raises:
        FetchError: The hub is switched off by ``HF_HUB_OFFLINE``, cannot be reached, or lacks
            a file.
        HashMismatch: A file is not the pinned one.
    """
    _refuse_if_off()
    from huggingface_hub import hf_hub_url
    from unearth.fetchers import PyPIClient

    def address(path: str) -> str:
        return hf_hub_url(source.repo, path, repo_type=source.repo_type, revision=source.revision)

    # The hub's own downloader keeps a second copy and retries for minutes; its addresses and
    # its headers are all that is needed here.
    headers = _headers()
    _reach(address(next(iter(source.files.values()))), headers)
    with PyPIClient(timeout=(_CONNECT_S, _READ_S, _READ_S, _CONNECT_S), follow_redirects=True) as client:
        for name, path in source.files.items():
            file = entry.file(name)
            got = download_path(file.sha256, name)
            download(
                client,
                address(path),
                got,
                sha256=file.sha256,
                size_bytes=file.bytes,
                progress=progress,
                headers=headers,
                attempts=1,
            )
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            got.replace(target)
            got.parent.rmdir()


def look_up(repo: str, revision: str) -> Listing:
    """Ask the hub what a revision of a model's repository is and holds.

    Args:
        repo: ``organisation/name``.
        revision: A commit, a tag or a branch.

    Raises:
        FetchError: The hub is switched off, cannot be reached, or has or shows no such thing.
    """
    _refuse_if_off()
    from huggingface_hub import constants
    from unearth.fetchers import PyPIClient

    url = f"{constants.ENDPOINT}/api/models/{quote(repo)}/revision/{quote(revision, safe='')}?blobs=true"
    headers = _headers()

    def ask() -> tuple[int, Any]:
        with PyPIClient(timeout=(_CONNECT_S, _LIST_S, _LIST_S, _CONNECT_S), follow_redirects=True) as client:
            answer = client.get(url, headers=headers)
            return int(answer.status_code), answer.json() if answer.status_code == 200 else None

    status, told = _patiently(_LIST_S, ask)
    if status != 200:
        raise FetchError(f"it answered {status}")
    licence = (told.get("cardData") or {}).get("license")
    return Listing(
        commit=str(told["sha"]),
        sizes={str(each["rfilename"]): each.get("size") for each in told["siblings"]},
        licence=", ".join(licence) if isinstance(licence, list) else licence,
    )


def bring(repo: str, listing: Listing, paths: Iterable[str], into: Path, *, progress: bool) -> dict[str, str]:
    """Bring files that nobody has pinned yet from the hub, and return their SHA-256 by path.

    Args:
        repo: ``organisation/name``.
        listing: What the hub says of the revision.
        paths: Of the files, in the repository and below ``into``.
        into: A folder.
        progress: Show the downloads on standard error.

    Raises:
        FetchError: One of them did not come whole.
    """
    from huggingface_hub import hf_hub_url
    from unearth.fetchers import PyPIClient

    headers = _headers()
    found: dict[str, str] = {}
    with PyPIClient(timeout=(_CONNECT_S, _READ_S, _READ_S, _CONNECT_S), follow_redirects=True) as client:
        for path in paths:
            url = hf_hub_url(repo, path, revision=listing.commit)
            try:
                found[path] = download_to_pin(
                    client, url, into / path, size_bytes=listing.sizes[path], progress=progress, headers=headers
                )
            except FetchError:
                raise
            except Exception as error:  # whatever the HTTP client raises
                raise FetchError(f"{path} did not come ({type(error).__name__}: {error})") from error
    return found
