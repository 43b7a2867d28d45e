"""One file over the network: resumed, shown, and refused unless its hash is the pinned one."""

from __future__ import annotations

import contextlib
import hashlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from effkit.catalogue.errors import FetchError, HashMismatch
from effkit.hashing import sha256_of

if TYPE_CHECKING:
    from unearth.fetchers import PyPIClient

_CHUNK_BYTES = 1 << 20
_ATTEMPTS = 3


@contextlib.contextmanager
def _shown(what: str, total_bytes: int | None, progress: bool) -> Iterator[Callable[[int], None]]:
    """Show a download; yields the function to call with the bytes done so far."""
    if not progress:
        yield lambda done: None
        return
    size = "" if total_bytes is None else f" ({total_bytes / 1e6:.1f} MB)"
    if not sys.stderr.isatty():
        # A notebook run in batch or a log file: one line says what the wait is for.
        print(f"fetching {what}{size}", file=sys.stderr, flush=True)
        yield lambda done: None
        return
    from rich import progress as bars
    from rich.console import Console

    with bars.Progress(
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.DownloadColumn(),
        bars.TransferSpeedColumn(),
        bars.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(what, total=total_bytes)
        yield lambda done: bar.update(task, completed=done)


def _resumes_at(content_range: str) -> int | None:
    found = re.match(r"bytes (\d+)-", content_range)
    return int(found.group(1)) if found else None


def _stream(
    session: PyPIClient,
    url: str,
    part: Path,
    *,
    limit_bytes: int | None,
    headers: dict[str, str],
    shown: Callable[[int], None],
) -> str:
    """Complete ``part`` from ``url`` and return its SHA-256."""
    digest = hashlib.sha256()
    done = 0
    if part.exists():
        with part.open("rb") as kept:
            while chunk := kept.read(_CHUNK_BYTES):
                digest.update(chunk)
                done += len(chunk)
    if limit_bytes is not None and done >= limit_bytes:
        return digest.hexdigest()
    # Without `identity` a server may compress on the way, and the pinned hash is of the file.
    asked = {**headers, "Accept-Encoding": "identity"}
    if done:
        asked["Range"] = f"bytes={done}-"
    with session.get_stream(url, headers=asked) as response:
        if response.status_code == 416:
            return digest.hexdigest()
        if response.status_code >= 400:
            raise FetchError(f"the server answered {response.status_code} for {part.stem}")
        resumed = response.status_code == 206 and _resumes_at(response.headers.get("Content-Range", "")) == done
        if done and not resumed:
            digest, done = hashlib.sha256(), 0
        with part.open("ab" if resumed else "wb") as stream:
            for chunk in response.iter_raw(_CHUNK_BYTES):
                done += len(chunk)
                if limit_bytes is not None and done > limit_bytes:
                    part.unlink(missing_ok=True)
                    raise FetchError(
                        f"{part.stem} is longer than the {limit_bytes} bytes that the catalogue expects; refused"
                    )
                stream.write(chunk)
                digest.update(chunk)
                shown(done)
    return digest.hexdigest()


def download(
    session: PyPIClient,
    url: str,
    target: Path,
    *,
    sha256: str,
    size_bytes: int | None,
    progress: bool,
    headers: dict[str, str] | None = None,
    attempts: int = _ATTEMPTS,
) -> None:
    """Bring one file to ``target``, which exists afterwards only if its hash is right.

    The bytes land in ``<target>.part`` beside it. A part left by an interrupted download is
    continued by HTTP ``Range`` where the server can, and begun again where it cannot.

    Args:
        session: The HTTP client.
        url: An ``http``, ``https`` or ``file`` address.
        target: Where the file shall lie; a right one that is already there is kept.
        sha256: The pinned hash, hexadecimal.
        size_bytes: The expected size in bytes, ``None`` where unknown.
        progress: Show the download on standard error.
        headers: Sent with the request.
        attempts: How often a connection that breaks is taken up again.

    Raises:
        HashMismatch: The bytes are not the pinned ones; nothing of them is kept.
        FetchError: The server refused, or sent more than ``size_bytes``.
    """
    if target.exists() and sha256_of(target) == sha256:
        return
    part = target.with_name(target.name + ".part")
    got = ""
    resumed = part.exists()
    with _shown(target.name, size_bytes, progress) as shown:
        for attempt in range(1, attempts + 1):
            try:
                got = _stream(
                    session,
                    url,
                    part,
                    limit_bytes=size_bytes,
                    headers=headers or {},
                    shown=shown,
                )
            except FetchError:  # a server's refusal: what came before it is kept, and its hash tells
                raise
            except Exception:  # whatever the HTTP client raises: the part on disk is continued
                if attempt == attempts:
                    raise
                continue
            if got == sha256:
                part.replace(target)
                return
            part.unlink(missing_ok=True)
            if not resumed:
                break
            resumed = False  # the old part may have been another file's: once more from nothing
    raise HashMismatch.of(
        target.name,
        expected=sha256,
        got=got,
        fix="nothing of it was kept. Try again, and if it repeats report the source as changed",
    )


def download_to_pin(
    session: PyPIClient, url: str, target: Path, *, size_bytes: int | None, progress: bool, headers: dict[str, str]
) -> str:
    """Bring a file that nobody has pinned yet to ``target``, and return its SHA-256.

    Args:
        session: The HTTP client.
        url: An ``http`` or ``https`` address.
        target: Where the file shall lie; what lies there is replaced.
        size_bytes: The size that the server has told, in bytes; ``None`` where it has not.
        progress: Show the download on standard error.
        headers: Sent with the request.

    Raises:
        FetchError: The server refused, or sent another number of bytes.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    part.write_bytes(b"")
    with _shown(target.name, size_bytes, progress) as shown:
        got = _stream(session, url, part, limit_bytes=size_bytes, headers=headers, shown=shown)
    if size_bytes is not None and (found := part.stat().st_size) != size_bytes:
        raise FetchError(f"{target.name} came with {found} of {size_bytes} bytes")
    part.replace(target)
    return got
