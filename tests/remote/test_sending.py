"""What is measured here arrives in the store whole or not at all, and once."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from effkit import attempts, index, store
from effkit.address import UNSENT, Address, mirror
from effkit.remote.fetching import refresh
from effkit.remote.sending import deliver, exchange, unsent
from tests.remote.conftest import IDENTITY, S3, SECRET, complete_record, mirror_of, staged

ROOT = Path(__file__).parents[2]
REQUESTS = range(1, 16)
"""At least as many as one run takes to send."""
QUICK = (2, 9, 11, 12)
"""Some of them: early on, and around the commit."""
KILLED = 9
"""The one at which a process is killed where there is not time for all."""
WHOLE = {store.RECORD, store.SAMPLES, store.PREDICTIONS, store.PARAMS, store.LOG, attempts.REQUEST}


def keys(s3: S3, address: str) -> set[str]:
    place = address.removeprefix("s3://")
    return {path.removeprefix(f"{place}/") for path in s3.files.find(place)}


def test_a_run_arrives_whole_and_another_machine_has_it(s3: S3, address: str, machine: Callable[[str], None]) -> None:
    here = mirror_of(address)
    place = store.publish(staged(here))
    assert unsent(here) == [place]
    deliver(here)
    assert unsent(here) == []
    run = "text/20260101T000000-abc"
    assert keys(s3, address) == {f"{run}/{name}" for name in (*WHOLE, ".claim")} | {f".done/{IDENTITY}/1"}
    machine("there")
    there = mirror_of(address)
    assert there != here and index.read(there).runs == ()
    refresh(there)
    assert {path.name for path in (there / run).iterdir()} == WHOLE
    found = index.done(there, IDENTITY)
    assert found is not None and found.folder == run
    for name in WHOLE:
        assert (there / run / name).read_bytes() == (here / run / name).read_bytes()
    s3.faults()
    refresh(there)
    assert not [each for each in s3.seen() if each.endswith(".parquet")], "what is here is fetched again"


def test_the_second_run_of_an_identity_is_put_aside_and_says_so(
    s3: S3, address: str, machine: Callable[[str], None]
) -> None:
    deliver(store.publish(staged(mirror_of(address), "a")).parents[1])
    machine("there")
    there = mirror_of(address)
    place = store.publish(staged(there, "b"))
    deliver(there)
    aside = there / "text" / ".b.failed"
    assert not place.exists() and (aside / store.RECORD).exists() and unsent(there) == []
    failure = attempts.failure(aside)
    assert failure is not None and failure.status == "late"
    assert failure.sentence == f"another host had a record of this first: {address}/text/a"
    assert not [key for key in keys(s3, address) if key.startswith("text/b")]


def test_a_run_that_was_asked_for_again_is_there_beside_the_first(address: str, machine: Callable[[str], None]) -> None:
    deliver(store.publish(staged(mirror_of(address), "a")).parents[1])
    machine("there")
    there = mirror_of(address)
    deliver(store.publish(staged(there, "b", again=True)).parents[1])
    refresh(there)
    assert [run.run for run in index.read(there).runs] == ["a", "b"]


def test_of_two_runs_of_one_name_the_second_is_put_aside(address: str, machine: Callable[[str], None]) -> None:
    deliver(store.publish(staged(mirror_of(address), "a")).parents[1])
    machine("there")
    there = mirror_of(address)
    deliver(store.publish(staged(there, "a", again=True)).parents[1])
    failure = attempts.failure(there / "text" / ".a.failed")
    assert failure is not None and "a run of this name" in failure.sentence


def test_hosts_that_begin_in_one_second_give_runs_different_names(address: str, machine: Callable[[str], None]) -> None:
    names = set()
    for name in ("here", "there"):
        machine(name)
        names.add(store.name_of(store.stage_anew(mirror_of(address), "text", "20260101T000000-abcdef01")))
    assert len(names) == 2


def test_an_attempt_without_a_record_is_known_elsewhere(s3: S3, address: str, machine: Callable[[str], None]) -> None:
    here = mirror_of(address)
    folder = staged(here)
    (folder / store.RECORD).unlink()
    attempts.give_up(folder, "failed", "it ran out of coffee")
    deliver(here)
    machine("there")
    there = mirror_of(address)
    refresh(there)
    (attempt,) = attempts.unfinished(there)
    assert attempt.failure is not None and attempt.failure.sentence == "it ran out of coffee" and not attempt.alive
    assert not [key for key in keys(s3, address) if key.endswith(".parquet")]


@pytest.mark.parametrize("how", ["busy", "drop"])
def test_a_store_that_fails_every_third_request_gets_everything(
    how: str, s3: S3, address: str, machine: Callable[[str], None]
) -> None:
    here = mirror_of(address)
    s3.faults(every=3, how=how)
    for number in range(3):
        store.publish(staged(here, f"run-{number}", identity=f"1-{number}"))
        deliver(here)
    machine("there")
    there = mirror_of(address)
    refresh(there)
    assert [run.run for run in index.read(there).runs] == ["run-0", "run-1", "run-2"]
    assert len(s3.seen()) > 30


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", [pytest.param(at, marks=() if at in QUICK else pytest.mark.slow) for at in REQUESTS])
def test_cut_off_at_any_request_a_reader_sees_a_whole_run_or_none_and_the_writer_goes_on(
    at: int, when: str, s3: S3, address: str, machine: Callable[[str], None]
) -> None:
    here = mirror_of(address)
    store.publish(staged(here))
    s3.faults(at=at, then="refuse", when=when)
    cut_off = True
    try:
        deliver(here)
        cut_off = False
    except store.StoreError as error:
        assert "text/20260101T000000-abc" in str(error) and SECRET not in str(error)
    assert cut_off or at not in QUICK
    s3.faults()
    machine("there")
    there = mirror_of(address)
    refresh(there)
    runs = index.read(there).runs
    for run in runs:
        assert {path.name for path in (there / run.folder).iterdir()} == WHOLE
        store.load(there / run.folder)
    if not runs:  # this machine runs it, too, and then only one of them counts
        store.publish(staged(there, "b"))
        deliver(there)
    machine("here")
    refresh(here)
    assert unsent(here) == []
    machine("third")
    third = mirror_of(address)
    refresh(third)
    assert len(index.read(third).runs) == 1 == len(index.read(here).runs), cut_off


def writer(address: str, run: str, cache: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.remote.writer", address, run], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "EFFKIT_CACHE": str(cache), "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def kill_at(at: int, when: str, s3: S3, address: str, tmp_path: Path) -> bool:
    """Kill a writer at a request; return whether it was killed, once what it left is seen to be mended."""
    process = writer(address, "a", tmp_path / "here")
    s3.faults(at=at, then="kill", when=when, pid=process.pid)
    process.communicate("go\n", timeout=120)
    s3.faults()
    there = mirror_of(address)
    refresh(there)
    assert len(index.read(there).runs) <= 1
    return process.returncode != 0


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", [pytest.param(at, marks=() if at == KILLED else pytest.mark.slow) for at in REQUESTS])
def test_a_writer_killed_at_any_request_loses_nothing(
    at: int, when: str, s3: S3, address: str, machine: Callable[[str], None], tmp_path: Path
) -> None:
    machine("there")
    killed = kill_at(at, when, s3, address, tmp_path)
    assert killed or at != KILLED
    machine("here")
    here = mirror_of(address)
    assert len(index.read(here).runs) == 1, "what was measured is lost"
    refresh(here)
    assert unsent(here) == []
    machine("there")
    there = mirror_of(address)
    refresh(there)
    (run,) = index.read(there).runs
    assert {path.name for path in (there / run.folder).iterdir()} == WHOLE


@pytest.mark.parametrize("rounds", [2, pytest.param(30, marks=pytest.mark.slow)])
def test_of_two_processes_that_publish_at_once_one_wins_and_the_other_says_so(
    rounds: int, s3: S3, address: str, tmp_path: Path
) -> None:
    for number in range(rounds):
        place = f"{address}/{number}"
        names = ("a", "b") if number % 2 else ("a", "a")  # by turns of one identity, and of one name as well
        both = [writer(place, run, tmp_path / f"{number}-{host}") for host, run in enumerate(names)]
        for process in both:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.communicate(timeout=120) for process in both]
        assert sorted(out for out, _ in said) == ["first\n", "late\n"], said
        assert sum("another host had" in err for _, err in said) == 1, said
        assert len([key for key in keys(s3, place) if key.endswith(store.RECORD)]) == 1


def test_what_was_made_by_hand_is_sent_and_contests_nothing(address: str, machine: Callable[[str], None]) -> None:
    import pandas as pd

    here = mirror_of(address)
    deliver(store.publish(staged(here, "a")).parents[1])
    folder = store.stage(here, "text", "by-hand")
    frame = pd.DataFrame({"value": [1.0]})
    store.write(folder, complete_record("by-hand", interactive=True), frame, frame, {})
    deliver(store.publish(folder).parents[1])
    machine("there")
    there = mirror_of(address)
    refresh(there)
    assert {run.run: run.complete for run in index.read(there).runs} == {"a": True, "by-hand": False}


def test_no_credentials_are_written_anywhere(s3: S3, address: str, tmp_path: Path) -> None:
    here = mirror_of(address)
    deliver(store.publish(staged(here)).parents[1])
    refresh(here)
    content = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    content += [s3.files.cat_file(f"{address}/{key}") for key in keys(s3, address)]
    assert content and not [each for each in content if SECRET.encode() in each]
    assert not (here / "text" / "20260101T000000-abc" / UNSENT).exists()


def test_a_run_that_cannot_be_read_here_waits_until_it_can(
    s3: S3, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    here = mirror_of(address)
    place = store.publish(staged(here))
    whole = (place / store.RECORD).read_text()
    (place / store.RECORD).write_text(json.dumps(json.loads(whole) | {"schema_version": 99}))  # of a newer effkit
    deliver(here)
    assert unsent(here) == [place] and keys(s3, address) == set() and "not sent" in caplog.text
    (place / store.RECORD).write_text(whole)
    deliver(here)
    assert unsent(here) == [] and f"{place.relative_to(here)}/{store.RECORD}" in keys(s3, address)


def test_a_mirror_in_a_home_on_nfs_can_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    flock = fcntl.flock

    def as_nfs_does(descriptor: int, operation: int) -> None:
        if operation & fcntl.LOCK_EX and not fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_RDWR:
            raise OSError(errno.EBADF, "Bad file descriptor")
        flock(descriptor, operation)

    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path))
    monkeypatch.setattr(fcntl, "flock", as_nfs_does)
    with exchange(mirror(Address("s3", "bucket/results"))):
        pass
