"""Executors: whoever runs points and tells how each ended. Here, this host: a detached process for each run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal, Protocol

import psutil

from effkit import attempts, index, places, store
from effkit.address import UNSENT
from effkit.batch.limits import last_line
from effkit.batch.sweep import Point
from effkit.bench import host
from effkit.remote.sending import deliver

LOOK_EVERY_S = 0.1
STOP_WITHIN_S = 20.0
MOST_AT_ONCE = 4
"""There is one measuring slot: more runs than these would only wait for it, and hold memory."""

Status = Literal["done", "failed", "timeout", "memory", "stopped", "cut off", "waiting"]

Watch = Callable[[Point, str], None]
"""Told what a run is doing whenever that changes; an empty line as it begins."""


@dataclass(frozen=True)
class Outcome:
    """How a point ended.

    Attributes:
        status: `done`, with a record; `waiting`, with one that the store has not got yet; otherwise why there is none,
            or why it is not complete.
        folder: of the run, maybe of one that another process had done meanwhile, or of the attempt.
        sentence: what went wrong; empty where nothing did.
        wall_s: from its start to its end.
    """

    point: Point
    status: Status
    folder: Path | None
    sentence: str
    wall_s: float


class Executor(Protocol):
    """Runs points somewhere."""

    def run(self, points: Sequence[Point], *, again: bool, watch: Watch) -> Generator[Outcome]:
        """Run points and yield how each ended, as they end; closing the iterator stops those under way.

        Args:
            points: what to run, in this order.
            again: also where a complete record of the identity is there.
            watch: told what each is doing.
        """
        ...


@dataclass
class _Child:
    point: Point
    staged: Path
    process: subprocess.Popen[bytes]
    said: IO[bytes]
    started: float
    line: str = ""


@dataclass
class Local:
    """This host: a detached process for each run, which outlives its coordinator.

    Attributes:
        results: where runs are kept.
        at_once: how many may be under way, all but one of them preparing or waiting; None for what the cores allow.
        stop: set by another thread, it ends the runs under way and the iteration with them.
    """

    results: Path
    at_once: int | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, points: Sequence[Point], *, again: bool, watch: Watch) -> Generator[Outcome]:
        """Run points as `Executor` says; see there.

        Raises:
            StoreError: when there is no room for one more run, once those under way have ended.
        """
        waiting, running = deque(points), list[_Child]()
        threads = max((point.spec.protocol.threads for point in points), default=1)
        most = self.at_once or at_once(host.free_cores(), threads)
        if any(point.spec.protocol.device != "cpu" for point in points):
            most = 1
        refused: store.StoreError | None = None
        try:
            while waiting or running:
                while waiting and len(running) < most:
                    try:
                        running.append(self._start(waiting.popleft(), again, most > 1, threads))
                    except store.StoreError as error:  # nothing more is begun; what runs may still have room to end
                        refused = error
                        waiting.clear()
                        break
                    watch(running[-1].point, "")
                if self.stop.wait(LOOK_EVERY_S):
                    return
                for child in list(running):
                    if child.process.poll() is not None:
                        running.remove(child)
                        yield self._outcome(child)
                    elif (line := last_line(child.staged / store.LOG)) != child.line:
                        child.line = line
                        watch(child.point, line)
            if refused is not None:
                raise refused
        finally:
            _stop(running, watch)
            for child in running:
                self._finish(child)

    def _start(self, point: Point, again: bool, beside_others: bool, threads: int) -> _Child:
        places.check_room(self.results)
        staged, descriptor = attempts.begin(self.results, request(point, again, beside_others, threads))
        try:
            said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the outcome
            process = subprocess.Popen(
                [sys.executable, "-m", "effkit.batch.child", str(staged.absolute()), str(descriptor)],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                pass_fds=(descriptor,),
                start_new_session=True,
            )
        except OSError as error:
            why = f"No process can be started for {point.title} ({error}): look at this host."
            raise store.StoreError(why) from None
        finally:
            os.close(descriptor)
        return _Child(point, staged, process, said, time.monotonic())

    def _finish(self, child: _Child) -> None:
        """Do what a killed process has left to do; what the disk refuses stays, and ends no other run."""
        with suppress(OSError):
            attempts.finish(self.results, child.staged)
        if child.process.returncode < 0:  # by a signal; a store that it could not reach is not asked once more
            with suppress(store.StoreError):
                deliver(self.results)

    def _outcome(self, child: _Child) -> Outcome:
        """Say how a process ended, by what it left: it may have been killed at any moment."""
        self._finish(child)
        wall_s = time.monotonic() - child.started
        place = child.staged.with_name(store.name_of(child.staged))
        aside = place.with_name(f".{place.name}{store.FAILED}")  # or still staged, where it could not be put there
        left = next((each for each in (aside, child.staged) if (each / attempts.REQUEST).exists()), None)
        with child.said:
            child.said.seek(0)
            words = child.said.read().decode(errors="replace").strip().splitlines()[-1:]
        if place.exists():
            return self._published(child.point, place, wall_s, words)
        failure = attempts.failure(left) if left else None
        sentence = failure.sentence if failure else ""
        if left is None or (failure and failure.status == "late"):
            found = index.done(self.results, child.point.identity)
            if found is not None:
                kept = f"{sentence}. This one is kept in {left}." if sentence else ""
                return Outcome(child.point, "done", self.results / found.folder, kept, wall_s)
            sentence = sentence or "nothing of it is left in the results folder"
            return Outcome(child.point, "cut off", left, sentence, wall_s)
        if failure is None:
            return Outcome(child.point, "cut off", left, attempts.UNTOLD, wall_s)
        if failure.status == "cut off" and words:
            sentence = f"{sentence}: {words[0]}"
        return Outcome(child.point, failure.status, left, sentence, wall_s)  # type: ignore[arg-type] # never late

    def _published(self, point: Point, place: Path, wall_s: float, words: list[str]) -> Outcome:
        record = store.load(place).record
        failure = attempts.failure(place)
        sentences = [f"{each.name} failed: {each.error}" for each in record.failed]
        if failure is not None:
            sentences.append(f"{failure.sentence} The run itself was complete and is kept in {place}.")
        if not sentences and (place / UNSENT).exists():
            why = words[0] if words else "The next command sends it."
            return Outcome(point, "waiting", place, f"measured, and not in the store yet. {why}", wall_s)
        return Outcome(point, "failed" if sentences else "done", place, " ".join(sentences), wall_s)


def request(point: Point, again: bool, beside_others: bool = False, threads: int = 1) -> attempts.Request:
    """Put into words what is asked of the process that runs a point.

    Args:
        point: what to run.
        again: also where a complete record of the identity is there.
        beside_others: whether other runs of the same coordinator may be under way on this host.
        threads: most that any of them measures with.
    """
    return attempts.Request(
        identity=point.identity,
        replicate=point.replicate,
        sweep=point.sweep,
        study=point.spec.name,
        params=dict(point.params),
        notebook=str(point.notebook.resolve()),
        again=again,
        beside_others=beside_others,
        measured_threads=threads,
        timeout_s=point.timeout_s,
        memory_bytes=point.memory_bytes,
    )


def at_once(cores: int, threads: int = 1) -> int:
    """How many runs may be under way: one that is measured, and one for each core that it and its coordinator leave.

    Args:
        cores: that there are.
        threads: most that any of the runs measures with.
    """
    return max(1, min(MOST_AT_ONCE, cores - 1 - threads))


def _stop(children: Sequence[_Child], watch: Watch) -> None:
    """Ask processes to end with their kernels, then make them."""
    for child in children:
        with suppress(ProcessLookupError):
            child.process.send_signal(signal.SIGTERM)
    for child in children:  # they are given seconds, and whoever waits should know what for
        watch(child.point, "stopping")
    for child in children:
        try:
            child.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            for each in _family(child.process.pid):
                with suppress(psutil.Error):
                    each.kill()
            child.process.wait()


def _family(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []
