"""Who is there, at a real scheduler with a real worker on the loopback."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from effkit.batch import orders, points
from effkit.batch.crew import Crew
from tests.batch.clusters import Site
from tests.batch.sweeps import project, sweep

config = pytest.importorskip("dask.config")
distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="effkit measures on Linux and macOS")


def test_a_worker_is_not_lost_while_dask_renews_what_it_knows_of_the_scheduler(
    tmp_path: Path, results: Path, dask: Site
) -> None:
    dask.hire("one", "a")
    dask.wait(1)
    asked = points(sweep(project(tmp_path), "s"))
    often = config.set({"distributed.client.scheduler-info-interval": "1ms"})  # and not every two seconds
    with often, distributed.Client(dask.address, set_as_default=False) as client, orders.marked(results) as marker:
        crew = Crew(client, lambda: orders.kit(str(results), marker, asked))
        crew.muster(asked)
        (worker,) = crew.fit.values()
        for _ in range(500):
            crew.count()
            assert list(crew.fit.values()) == [worker]
