"""A package index on this machine, small enough to read and slow enough to interrupt."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import tarfile
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from effkit.catalogue import ModelEntry, entries


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def zip_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def asked_since(silent: socket.socket) -> int:
    """How often a server that accepts and says nothing was turned to since this was asked last."""
    silent.setblocking(False)
    count = 0
    with suppress(BlockingIOError):
        while True:
            silent.accept()[0].close()
            count += 1
    return count


def tar_of(members: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return buffer.getvalue()


class Index:
    """Serves a simple index and its files; counts what was asked."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, bytes]] = {}
        self.asked: Counter[str] = Counter()
        self.ranges: list[str] = []
        self.resumable = True
        self.chunk_delay_s = 0.0
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        often = {"poll_interval": 0.01}  # a test waits as long for its end
        threading.Thread(target=self.server.serve_forever, kwargs=often, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked[request.path] += 1
        _, kind, name = (request.path.rstrip("/").split("/") + ["", ""])[:3]
        if kind == "simple":
            links = [f for f, (project, _) in self.files.items() if project == name]
            page = "".join(f'<a href="/files/{f}">{f}</a>' for f in links).encode()
            self.send(request, 200 if links else 404, page, {"Content-Type": "text/html"})
        elif kind == "files" and name in self.files:
            content = self.files[name][1]
            wanted = request.headers.get("Range")
            if wanted and self.resumable:
                self.ranges.append(wanted)
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                span = f"bytes {start}-{len(content) - 1}/{len(content)}"
                self.send(request, 206, content[start:], {"Content-Range": span})
            else:
                self.send(request, 200, content, {})
        else:
            self.send(request, 404, b"", {})

    def send(self, request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
        request.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(key, value)
        request.end_headers()
        try:
            for start in range(0, len(body), 1 << 16):
                request.wfile.write(body[start : start + (1 << 16)])
                request.wfile.flush()
                time.sleep(self.chunk_delay_s)
        except OSError:
            pass  # the client was killed, as one test intends

    def add(self, filename: str, content: bytes) -> dict[str, Any]:
        """Serve an archive; returns its declaration."""
        project, version = filename.removesuffix(".tar.gz").split("-")[:2]
        self.files[filename] = (project.replace("_", "-"), content)
        return {
            "requirement": f"{project.replace('_', '-')}=={version}",
            "filename": filename,
            "sha256": sha256(content),
            "bytes": len(content),
        }


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Index]:
    """The index, an empty cache, and a pip configuration that knows nothing else."""
    for key in list(os.environ):
        if key.startswith("PIP_") or key.lower().endswith("_proxy"):
            monkeypatch.delenv(key)
    served = Index()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"{served.url}/simple")
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EFFKIT_LOCAL", raising=False)
    yield served
    served.server.shutdown()
    served.server.server_close()


def declare(
    files: dict[str, bytes],
    archives: list[dict[str, Any]],
    members: dict[str, str],
    *before: dict[str, Any],
) -> dict[str, Any]:
    """A model entry as the catalogue would hold it."""
    return {
        "title": "A model",
        "modality": "text",
        "licence": "MIT",
        "citation": "Nobody (2000)",
        "tasks": ["classification"],
        "builder": "text.encoder",
        "files": [{"name": n, "sha256": sha256(c), "bytes": len(c)} for n, c in files.items()],
        "sources": [*before, {"kind": "carrier", "archives": archives, "members": members}],
    }


Catalogue = Callable[..., Path]


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Catalogue:
    """Replace the catalogue by the given entries; returns its file for another process."""

    def put(**declared: dict[str, Any]) -> Path:
        path = tmp_path / "models.yaml"
        path.write_text(yaml.safe_dump(declared), encoding="utf-8")
        known = entries.read(path, ModelEntry)
        monkeypatch.setattr(entries, "models", lambda: known)
        monkeypatch.setattr(entries, "tasks", dict)
        return path

    return put
