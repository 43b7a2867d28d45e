"""What tests of the cluster share: a real scheduler and real workers on the loopback, some on hosts of other names."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]


@dataclass
class Site:
    """A scheduler and its workers, all of this machine.

    Attributes:
        folder: for their logs.
        port: of the scheduler, the same after it was started again.
        scheduler: its process.
        protocol: how they speak.
        environment: of all of them.
        workers: their processes, by name.
    """

    folder: Path
    port: int
    protocol: str = "tcp"
    environment: dict[str, str] = field(default_factory=dict)
    scheduler: subprocess.Popen[bytes] | None = None
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"{self.protocol}://127.0.0.1:{self.port}"

    def schedule(self) -> None:
        """Start the scheduler."""
        self.scheduler = self._start(
            "scheduler", "--host", f"{self.protocol}://127.0.0.1", "--port", str(self.port), "--no-dashboard",
            "--dashboard-address", ":0",
        )  # fmt: skip

    def hire(self, name: str, host: str, *options: str, resources: str = "measure=1", **environment: str) -> None:
        """Start a worker on a host of a name; `--no-nanny`, as documented, unless other options are given."""
        self.employ(
            name, self.address, "--name", name, "--nthreads", "1", "--no-dashboard", *(options or ("--no-nanny",)),
            *(("--resources", resources) if resources else ()), EFFKIT_HOST=host, **environment,
        )  # fmt: skip

    def employ(self, name: str, *arguments: str, **environment: str) -> None:
        """Start a worker by the arguments of `dask worker`."""
        arguments = (*arguments, "--local-directory", str(self.folder))
        self.workers[name] = self._start("worker", *arguments, **environment)

    def wait(self, number: int) -> None:
        """Wait until so many workers are connected."""
        from distributed import Client

        self._wait_for_scheduler()
        with Client(self.address, timeout=60, set_as_default=False) as client:
            deadline = time.monotonic() + 120
            while len(client.sync(client.scheduler.identity, n_workers=-1)["workers"]) != number:
                assert time.monotonic() < deadline, f"not {number} workers within two minutes"
                time.sleep(0.1)

    def _wait_for_scheduler(self) -> None:
        """Wait until it listens: a client waits for ever for one that has ended."""
        deadline = time.monotonic() + 60
        while True:
            assert self.scheduler is not None and self.scheduler.poll() is None, (
                self.folder / "scheduler.log"
            ).read_text()
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
                return
            assert time.monotonic() < deadline, "the scheduler does not listen within a minute"
            time.sleep(0.1)

    def dismiss(self) -> None:
        """End all processes, and those that they left."""
        _end([each for each in (self.scheduler, *self.workers.values()) if each is not None])

    def send_home(self) -> None:
        """End the workers alone, and wait until the scheduler knows it."""
        if self.workers:
            _end(self.workers.values())
            self.workers.clear()
            self.wait(0)

    def _start(self, what: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{what}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", what, *arguments], stdout=log, stderr=log, start_new_session=True,
                cwd=self.folder,  # and not the project, whose effkit would go before any other
                env={**os.environ, "PYTHONPATH": str(ROOT), **self.environment, **environment},
            )  # fmt: skip


def _end(started: Iterable[subprocess.Popen[bytes]]) -> None:
    for each in started:
        if each.poll() is not None:
            continue  # it has ended, and its number may be another's by now
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(each.pid)
            for process in [first, *first.children(recursive=True)]:  # a nanny goes before it starts another worker
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        each.wait()


def free_port() -> int:
    """A port that is free, and that the system gives nobody meanwhile: those it chooses itself lie above."""
    while True:
        port = random.SystemRandom().randrange(20_000, 30_000)
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port


@contextmanager
def site(folder: Path, protocol: str = "tcp", **environment: str) -> Iterator[Site]:
    """A scheduler without workers."""
    folder.mkdir(exist_ok=True)
    here = Site(folder, free_port(), protocol, environment)
    here.schedule()
    try:
        yield here
    finally:
        here.dismiss()
