"""A real S3 server on loopback, buckets in it, and runs to put there."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from effkit import attempts, store
from effkit.catalogue.cache import cache_dir
from effkit.migrations import read_record
from effkit.record import Record
from tests.conftest import parameters

GOLDEN = Path(__file__).parents[1] / "golden" / "record-v3.json"
IDENTITY = "1-" + "ab" * 16
SECRET = "s3cr3t-of-the-test"


@dataclass
class S3:
    """A server, and a way to see and to spoil what it does."""

    url: str
    numbers: Iterator[int] = field(default_factory=count)

    def faults(self, **faults: Any) -> None:
        """Ask for faults from now on, or for none; see `s3_server.py`."""
        body = json.dumps(faults).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/-/faults", body, method="PUT"), timeout=20).close()

    def seen(self) -> list[str]:
        """The requests since faults were asked for last."""
        with urllib.request.urlopen(f"{self.url}/-/faults", timeout=20) as answer:
            return list(json.load(answer))

    @cached_property
    def files(self) -> Any:
        """The server as fsspec sees it."""
        import s3fs

        return s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    pytest.importorskip("s3fs", reason="s3fs is in the extras `test` and `s3`")
    pytest.importorskip("moto", reason="the S3 server is in the extra `test`")
    import botocore.session

    folder = tmp_path_factory.mktemp("s3")
    with (folder / "log").open("wb") as log, pytest.MonkeyPatch.context() as patch:
        # Each client would read megabytes of descriptions of services anew.
        patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("s3_server.py")), str(folder / "port")],
            stdout=log, stderr=log,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 60
            while not (folder / "port").exists():
                assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.05)
            yield S3(f"http://127.0.0.1:{(folder / 'port').read_text()}")
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def s3(server: S3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> S3:
    """The server without faults, and this process as one that may use it."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key-of-the-test",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server.url,
        "EFFKIT_CACHE": str(tmp_path / "here"),
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("EFFKIT_RESULTS", "EFFKIT_RUN", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    server.faults()
    return server


@pytest.fixture
def address(s3: S3) -> str:
    """An empty folder of an empty bucket."""
    bucket = f"bucket-{next(s3.numbers)}"
    s3.files.call_s3("create_bucket", Bucket=bucket)
    return f"s3://{bucket}/some/results"


@pytest.fixture
def closed_port() -> Iterator[str]:
    """The address of a port that is taken, so that nobody else answers there, and at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Go on as another machine, with a mirror of its own."""
    return lambda name: monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path / name))


def complete_record(run: str, identity: str | None = IDENTITY, interactive: bool = False) -> Record:
    """A record in which nothing failed."""
    golden = read_record(GOLDEN.read_bytes())
    kept = tuple(each for each in golden.candidates if each.status == "ok")
    return golden.model_copy(update={"candidates": kept, "run": run, "identity": identity, "interactive": interactive})


def staged(results: Path, run: str = "20260101T000000-abc", *, again: bool = False, identity: str = IDENTITY) -> Path:
    """Put a run together whose notebook has just finished."""
    request = attempts.Request(identity=identity, study="text", params=parameters(), notebook="x.ipynb", again=again)
    folder = store.stage(results, "text", run)
    (folder / attempts.REQUEST).write_text(request.model_dump_json())
    (folder / store.LOG).write_text("what it said\n")
    frame = pd.DataFrame({"value": [1.0, 2.0]})
    store.write(folder, complete_record(run, identity), frame, frame, {"name": "text"})
    return folder


def mirror_of(address: str) -> Path:
    """This machine's mirror, below the cache of the moment."""
    place = store.results_dir(address)
    assert place.is_relative_to(cache_dir())
    return place
