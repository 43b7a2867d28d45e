"""The workers of a cluster: who is there, who may measure, and whether each would run the same as the coordinator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

import effkit
from effkit.batch import orders
from effkit.batch.sweep import Point
from effkit.bench import host

TOKEN, GPU = "measure", "GPU"
"""Resources of workers: the leave to measure, and a GPU of its own."""
LOOK_OVER_WITHIN_S = 60.0


class ClusterError(RuntimeError):
    """The cluster cannot be used, or no longer; the message says what to do."""


@dataclass
class Worker:
    """One that may be given orders.

    Attributes:
        address: of Dask's process.
        host: where it is.
        gpu: whether it has one of its own.
        busy: whether it works on an order of this coordinator.
    """

    address: str
    host: str
    gpu: bool
    busy: bool = False


@dataclass
class Crew:
    """The workers that may be given orders.

    Attributes:
        client: Dask's, of the scheduler.
        kit: tells what they must have, as it is now.
        fit: those that have it, by address.
        refused: what keeps each other one from it, by address.
    """

    client: Any
    kit: Callable[[], orders.Kit]
    fit: dict[str, Worker] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def muster(self, points: Collection[Point]) -> None:
        """Make sure that there is somebody for every point, and that all who are there have the same.

        Raises:
            ClusterError: otherwise, naming the fix.
        """
        self.count()
        where = self.client.scheduler.address
        start = f"dask worker {where} --nthreads 1 --no-nanny --resources"
        if self.refused:
            raise ClusterError("\n".join(self.refused.values()))
        if not self.fit:
            raise ClusterError(f'No worker at {where} may measure: on each host start one by `{start} "{TOKEN}=1"`.')
        on_gpu = [point for point in points if resources(point).get(GPU)]
        if on_gpu and not any(each.gpu for each in self.fit.values()):
            raise ClusterError(
                f"{on_gpu[0].title} runs on a GPU, and no worker at {where} has one: start one for each GPU, by "
                f'`CUDA_VISIBLE_DEVICES=0 {start} "{TOKEN}=1 {GPU}=1"`.'
            )

    def count(self) -> list[str]:
        """Look who is there: whoever comes is looked over once, whoever goes is forgotten. Return new refusals.

        The scheduler is asked itself: every two seconds `Client.scheduler_info` has an answer without any worker.
        """
        try:
            there = self.client.sync(self.client.scheduler.identity, n_workers=-1)["workers"]
        except OSError:
            return []  # the scheduler does not answer now; whether it is lost, the client knows
        self.fit = {address: each for address, each in self.fit.items() if address in there}
        self.refused = {address: each for address, each in self.refused.items() if address in there}
        known = self.fit.keys() | self.refused.keys()
        fresh = [each for each in there if each not in known and there[each]["resources"].get(TOKEN)]
        if not fresh:
            return []
        found = self.client.run(look_over, self.kit().model_dump(), workers=fresh, on_error="return")
        for address, said in found.items():
            if isinstance(said, OSError):
                continue  # it has gone meanwhile, or is asked again
            gpu = bool(there[address]["resources"].get(GPU))
            if isinstance(said, Exception):
                said = {"host": address, "differences": [f"it cannot be asked ({said}): install the same effkit there"]}
            if said["differences"]:
                self.refused[address] = (
                    f"Worker {address} on {said['host']} is refused: {'; '.join(said['differences'])}."
                )
            else:
                self.fit[address] = Worker(address, said["host"], gpu)
        return [self.refused[address] for address in fresh if address in self.refused]

    def dismiss(self, worker: Worker, why: str) -> str:
        """Give a worker no more orders, until it is started again; return the sentence that says so."""
        self.fit.pop(worker.address, None)
        said = f"Worker {worker.address} on {worker.host} is refused: {why} Then start it again."
        self.refused[worker.address] = said
        return said


def resources(point: Point) -> dict[str, int]:
    """What a worker must have to run a point."""
    return {TOKEN: 1, GPU: 1} if point.spec.protocol.device == "cuda" else {TOKEN: 1}


async def look_over(asked: dict[str, Any], dask_worker: Any) -> dict[str, Any]:
    """On a worker: say what host it is on, and what keeps it from running the same as the coordinator."""
    try:
        looking = asyncio.to_thread(orders.differences, orders.Kit.model_validate(asked))
        found = await asyncio.wait_for(looking, LOOK_OVER_WITHIN_S)
    except TimeoutError:
        found = [f"it does not answer within {LOOK_OVER_WITHIN_S:.0f} s: look at its disks and its results folder"]
    except ValidationError:
        found = [f"it has another effkit ({effkit.__version__}): install the same there, and start it again"]
    if dask_worker.nanny:
        # A nanny sets threads, hash seed and memory allocation for all that its worker starts.
        found.append("it was started with a nanny, which changes what is measured: start it with --no-nanny")
    return {"host": host.name(), "differences": found}
