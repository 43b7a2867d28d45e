"""A store and a cluster together: hosts that share nothing but a bucket."""

from __future__ import annotations

from pathlib import Path

import pytest

from effkit import index, store
from tests.batch.clusters import site
from tests.batch.sweeps import project, run, sweep

pytest.importorskip("distributed")


@pytest.mark.slow
def test_hosts_that_share_a_bucket_alone_finish_a_sweep(address: str, tmp_path: Path) -> None:
    path = sweep(project(tmp_path), "s", matrix={"seed": [1, 2]})
    with site(tmp_path / "dask") as dask:
        for host in ("a", "b"):
            dask.hire(host, host, EFFKIT_CACHE=str(tmp_path / f"cache-{host}"))
        dask.wait(2)
        words = ["run", path, "--results", address, "--executor", "dask", "--scheduler", dask.address]
        code, said = run(*words)
        assert code == 0, said
        assert said.count(f"{address}/t-seed-") == 2
        code, said = run(*words)
        assert code == 0 and "2 done before" in said
    mirror = store.results_dir(address)
    runs = index.read(mirror).runs
    assert {window.clock.partition("/")[0] for each in runs for window in each.windows} == {"a", "b"}
    for host in ("a", "b"):
        (mine,) = (each for each in runs if any(window.clock.startswith(f"{host}/") for window in each.windows))
        assert list((tmp_path / f"cache-{host}").rglob(Path(mine.folder).name)), "it was measured somewhere else"
