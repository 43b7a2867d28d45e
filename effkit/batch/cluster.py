"""Several hosts behind a Dask scheduler: the only file that imports Dask.

Dask carries orders and lines; what it guarantees is not relied on. That one run at a time is measured on a host, that
a run outlives whoever started it and that nothing is run twice is the doing of `Local` on each host. Each order goes
to one worker by name, so that Dask never runs it elsewhere of its own accord.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import re
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from effkit import store
from effkit.address import mirror_at
from effkit.batch import orders
from effkit.batch.crew import GPU, ClusterError, Crew, Worker, resources
from effkit.batch.local import Outcome, Watch, request
from effkit.batch.sweep import Point
from effkit.remote.fetching import refresh

if TYPE_CHECKING:
    from distributed import Client, Future

TOPIC = "effkit"
EXAMPLE = "as in tcp://10.0.0.1:8786"
ANSWER_WITHIN_S = 5.0
LOOK_EVERY_S = 0.5
WITHOUT_WORKERS_S = 60.0
LOST = (
    "Dask lost its worker on {host}: the run's own process may still be measuring there and puts its record in "
    "place itself. The same command goes on from here."
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cluster:
    """The workers of a Dask scheduler, a run at a time on each.

    Attributes:
        results: where runs are kept: a folder that all hosts share under one path, or the mirror of a store.
        scheduler: its address, as in `tcp://10.0.0.1:8786`.
    """

    results: Path
    scheduler: str

    def run(self, points: Sequence[Point], *, again: bool, watch: Watch) -> Generator[Outcome]:
        """Run points as `Executor` says; see there.

        Raises:
            ClusterError: at once where the scheduler does not answer, no worker may measure, a GPU is missing or a
                worker would not run the same; later where scheduler or workers are lost.
        """
        if not points:
            return
        place = self.results.resolve()
        found = mirror_at(place)
        shared = orders.marked(place) if found is None else nullcontext()
        with _connected(self.scheduler) as client, shared as marker:
            told = str(place if found is None else found.address)
            crew = Crew(client, lambda: orders.kit(told, marker, points))
            yield from _Foreman(crew, told, place, again, watch, deque(points)).run()


@dataclass
class _UnderWay:
    point: Point
    worker: Worker
    future: Future
    began: float


@dataclass
class _Foreman:
    """Gives each idle worker a point, tells its lines and how it ended."""

    crew: Crew
    results: str
    place: Path
    again: bool
    watch: Watch
    waiting: deque[Point]
    under_way: dict[str, _UnderWay] = field(default_factory=dict)
    lines: queue.SimpleQueue[dict[str, str]] = field(default_factory=queue.SimpleQueue)
    mustered: bool = False
    busy: float = field(default_factory=time.monotonic)

    def run(self) -> Generator[Outcome]:
        """Go on until every point has ended."""
        from distributed.comm import CommClosedError

        self.crew.client.subscribe_topic(TOPIC, lambda event: self.lines.put(event[1]))
        try:
            while self.waiting or self.under_way:
                try:
                    self._call_the_roll()
                    self._hand_out()
                    time.sleep(LOOK_EVERY_S)
                    self._tell_lines()
                    ended = [outcome for key in list(self.under_way) if (outcome := self._outcome(key)) is not None]
                except Exception as error:
                    if isinstance(error, CommClosedError) or self.crew.client.status != "running":
                        raise self._lost_scheduler() from None
                    raise
                yield from ended
        finally:
            self._stop()

    def _call_the_roll(self) -> None:
        if self.crew.client.status != "running":
            raise self._lost_scheduler()
        if not self.mustered:
            self.crew.muster(self.waiting)
            self.mustered = True
        for sentence in self.crew.count():
            log.warning("%s The others go on.", sentence)
        able = any(each.gpu or GPU not in resources(point) for each in self.crew.fit.values() for point in self.waiting)
        self.busy = time.monotonic() if self.under_way or able else self.busy
        if time.monotonic() - self.busy > WITHOUT_WORKERS_S:
            raise ClusterError(
                f"For {WITHOUT_WORKERS_S:.0f} s there has been no worker that could run {self.waiting[0].title}: "
                "start one again, then the same command goes on from here."
            )

    def _hand_out(self) -> None:
        for worker in self.crew.fit.values():
            if worker.busy or not self.waiting:
                continue
            # A GPU is for those that need one, as long as there are any.
            fitting = [each for each in self.waiting if worker.gpu or not resources(each).get(GPU)]
            if not fitting:
                continue
            point = max(fitting, key=lambda each: resources(each).get(GPU, 0))
            self.waiting.remove(point)
            worker.busy = True
            key = f"{point.title} {point.identity} {uuid4().hex[:8]}"
            order = orders.Order(
                key=key,
                results=self.results,
                request=request(point, self.again),
                notebook=point.notebook.read_bytes().decode(),
            )
            future = self.crew.client.submit(
                _carry_out, order.model_dump_json(), key=key, workers=[worker.address], resources=resources(point),
                allow_other_workers=False, pure=False, retries=0,
            )  # fmt: skip
            self.under_way[key] = _UnderWay(point, worker, future, time.monotonic())

    def _tell_lines(self) -> None:
        with suppress(queue.Empty):
            while True:
                said = self.lines.get_nowait()
                if said["key"] in self.under_way:
                    each = self.under_way[said["key"]]
                    self.watch(each.point, f"{each.worker.host}: {said['line']}")

    def _outcome(self, key: str) -> Outcome | None:
        """Say how an order ended; None while it goes on, and where it waits again."""
        each = self.under_way[key]
        status = each.future.status
        if status == "pending" and each.worker.address in self.crew.fit:
            return None
        if status in ("cancelled", "lost"):
            raise self._lost_scheduler()
        told = self._told(each)
        del self.under_way[key]
        each.worker.busy = False
        return told

    def _told(self, each: _UnderWay) -> Outcome | None:
        """Say how an order ended; None where its host could not begin it, and another may."""
        from distributed import KilledWorker

        wall_s = time.monotonic() - each.began
        lost = Outcome(each.point, "cut off", None, LOST.format(host=each.worker.host), wall_s)
        if each.future.status == "pending":
            each.future.cancel()
            return lost
        try:
            ended = orders.Ended.model_validate_json(each.future.result(timeout=ANSWER_WITHIN_S))
        except (KilledWorker, TimeoutError):  # with its worker may have gone what it had to say
            return lost
        except Exception as error:  # what Dask itself stumbled over
            sentence = f"on {each.worker.host}: {type(error).__name__}: {error}"
            return Outcome(each.point, "failed", None, sentence, wall_s)
        if ended.unable:
            self.waiting.appendleft(each.point)
            log.warning("%s What it was given waits for another.", self.crew.dismiss(each.worker, ended.sentence))
            return None
        folder = None if ended.folder is None else self.place / ended.folder
        if ended.folder is not None:
            with suppress(store.StoreError):  # where results are in a store; the report fetches what is missing
                refresh(self.place, ended.folder)
        return Outcome(each.point, ended.status, folder, ended.sentence, ended.wall_s)

    def _lost_scheduler(self) -> ClusterError:
        going = ", ".join(f"{each.point.title} on {each.worker.host}" for each in self.under_way.values())
        still = f" What ran may go on and puts its record in place itself: {going}." if going else ""
        return ClusterError(
            f"The Dask scheduler was lost.{still} Start scheduler and workers again, then the same command goes on "
            "from here."
        )

    def _stop(self) -> None:
        """Cancel what waits and end what runs, unless there is nobody to tell it."""
        client = self.crew.client
        if not self.under_way or client.status != "running":
            return
        for each in self.under_way.values():
            self.watch(each.point, f"{each.worker.host}: stopping")
        addresses = sorted({each.worker.address for each in self.under_way.values()})
        found: dict[str, Any] = {}
        with suppress(OSError):  # the scheduler has just gone
            for each in self.under_way.values():
                each.future.cancel()
            found = client.run(_stop, list(self.under_way), workers=addresses, on_error="return")
        for address in addresses:
            if found.get(address) != []:
                log.warning("The worker %s did not answer: what it ran may go on.", address)


@contextmanager
def _connected(address: str) -> Iterator[Client]:
    """A client of a scheduler, which says within seconds if there is none."""
    try:
        import distributed
    except ImportError:
        raise ClusterError("--executor dask needs Dask: `pip install -c constraints.txt -e '.[cluster]'`.") from None
    for name in ("distributed", "distributed.client"):  # what they have to say, we say in our words
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if not re.fullmatch(r"(\w+://)?\S+:\d+", address):
        raise ClusterError(f"--scheduler got {address}: give the address that `dask scheduler` prints, {EXAMPLE}.")
    try:
        client = distributed.Client(address, timeout=ANSWER_WITHIN_S, set_as_default=False, name="effkit")
    except (OSError, ValueError, TypeError, RuntimeError) as error:  # the last two: about encryption
        raise ClusterError(
            f"No Dask scheduler answers at {address} ({_first_line(error)}): start one by `dask scheduler`, or give "
            f"the address that it prints, {EXAMPLE}."
        ) from None
    try:
        yield client
    finally:
        with suppress(OSError, TimeoutError):
            client.close(timeout=2)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _carry_out(order: str) -> str:
    """On a worker: run a point, and tell its lines to whoever listens."""
    from distributed import get_worker

    worker, asked = get_worker(), orders.Order.model_validate_json(order)
    told = orders.carry_out(asked, lambda line: worker.log_event(TOPIC, {"key": asked.key, "line": line}))
    return told.model_dump_json()


async def _stop(keys: list[str]) -> list[str]:
    """On a worker: stop orders, and return those that would not end."""
    return await asyncio.to_thread(orders.stop, keys)
