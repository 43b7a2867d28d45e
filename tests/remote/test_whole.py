"""A sweep whose results lie in a store, through the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from effkit import index, store
from effkit.remote.sending import unsent
from tests.batch.sweeps import ask, project, run, sweep
from tests.remote.conftest import S3, SECRET, mirror_of


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EFFKIT_HOST", f"test-{os.getpid()}")
    return project(tmp_path)


@pytest.mark.parametrize("seeds", [[1], pytest.param([1, 2], marks=pytest.mark.slow)])
def test_a_sweep_into_a_store_goes_on_from_another_machine(
    seeds: list[int], params: Path, s3: S3, address: str, machine: Callable[[str], None]
) -> None:
    path = sweep(params, "s", matrix={"seed": seeds})
    code, said = run("run", path, "--results", address)
    assert code == 0, said
    assert said.count(f"{address}/t") == len(seeds) and SECRET not in said
    machine("there")
    s3.faults()
    code, said = run("run", path, "--results", address)
    assert code == 0 and said.count("done, " + address) == len(seeds), said
    assert [each for each in s3.seen() if each.startswith("PUT") and ".probe" not in each] == []
    there = mirror_of(address)
    runs = index.read(there).runs
    assert [each.complete for each in runs] == [True] * len(seeds)
    assert (there / "report" / "report.html").exists()
    code, said = ask("status", path, "--results", address)
    assert code == 0 and f"{len(seeds)} of {len(seeds)} done" in said and address in said
    if len(seeds) == 1:
        return
    code, said = ask("compare", f"{address}/{runs[0].folder}", f"{address}/{runs[1].folder}")
    assert "different data or splits" in said  # both were found: another seed draws another split
    code, said = ask("check", f"{address}/{runs[0].folder}")
    assert f"{address}/{runs[0].folder}: " in said


@pytest.mark.slow
def test_a_store_that_goes_while_it_is_measured_loses_nothing(
    params: Path, s3: S3, address: str, machine: Callable[[str], None], closed_port: str
) -> None:
    code, said = run("run", params / "t.yaml", "--results", address, AWS_ENDPOINT_URL=closed_port)
    assert code == 2 and "cannot be reached" in said and "Traceback" not in said, said
    s3.faults(once="/.claim")
    code, said = run("run", params / "t.yaml", "--results", address)
    assert code == 1 and "measured, and not in the store yet" in said and "sent by the next command" in said, said
    assert SECRET not in said
    here = mirror_of(address)
    assert len(index.read(here).runs) == len(unsent(here)) == 1
    s3.faults()
    code, said = ask("status", "--results", address)
    assert code == 0 and unsent(here) == []
    (folder,) = (each.folder for each in index.read(here).runs)
    assert s3.files.exists(f"{address}/{folder}/{store.RECORD}")
