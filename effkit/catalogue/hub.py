"""Files from the model hub, or a quick and clear word that it cannot be reached."""

from __future__ import annotations

import os
from pathlib import Path

from effkit.catalogue.cache import download_path
from effkit.catalogue.download import download
from effkit.catalogue.entries import Entry
from effkit.catalogue.errors import FetchError
from effkit.catalogue.sources import HubSource
from effkit.patience import within

_CONNECT_S = 3.0
_READ_S = 30.0
_ON = {"1", "ON", "YES", "TRUE"}

# Why the hub was given up in this process: a study of ten models waits for it once, not ten times.
_down: str | None = None


def _reach(url: str, headers: dict[str, str]) -> None:
    """Make sure that the hub answers and has ``url``.

    Raises:
        FetchError: It does not; silence is remembered, a refusal of this one address is not.
    """
    global _down
    from unearth.fetchers import PyPIClient

    def ask() -> int:
        with PyPIClient(timeout=_CONNECT_S) as client:
            return int(client.head(url, headers=headers).status_code)

    try:
        status = within(_CONNECT_S, ask)
    except TimeoutError as silence:
        _down = f"not reachable ({silence})"
        raise FetchError(_down) from None
    except Exception as error:
        _down = f"not reachable ({type(error).__name__}: {error})"
        raise FetchError(_down) from error
    if status >= 400:
        raise FetchError(f"it answered {status}")


def stage_hub(source: HubSource, entry: Entry, into: Path, *, progress: bool) -> None:
    """Bring the files of an entry from the hub into ``into``.

    Raises:
        FetchError: The hub is switched off by ``HF_HUB_OFFLINE``, cannot be reached, or lacks
            a file.
        HashMismatch: A file is not the pinned one.
    """
    for switch in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        if os.environ.get(switch, "").upper() in _ON:
            raise FetchError(f"switched off by {switch}")
    if _down:
        raise FetchError(_down)

    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]
    from unearth.fetchers import PyPIClient

    def address(path: str) -> str:
        return hf_hub_url(source.repo, path, repo_type=source.repo_type, revision=source.revision)

    # The hub's own downloader keeps a second copy and retries for minutes; its addresses and
    # its headers (which carry the user's token, if any) are all that is needed here.
    headers = {str(key): str(value) for key, value in build_hf_headers().items()}
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
