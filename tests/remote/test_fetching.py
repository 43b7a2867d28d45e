"""What others have put into a store is read here; what is broken is named, and what is gone is said within seconds."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from effkit import decide, index, places, store
from effkit.remote.bucket import OPTIONS, Bucket
from effkit.remote.fetching import refresh
from effkit.remote.sending import deliver, unsent
from tests.remote.conftest import S3, SECRET, mirror_of, staged

RUN = "text/20260101T000000-abc"
SECONDS = 30


@pytest.fixture
def sent(address: str, machine: Callable[[str], None]) -> str:
    """An address where another machine has put a run."""
    machine("there")
    there = mirror_of(address)
    deliver(store.publish(staged(there)).parents[1])
    machine("here")
    return address


@pytest.mark.parametrize("damage", ["cut", "garbage", "emptied"])
def test_a_broken_record_is_named_the_rest_loads_and_its_run_can_be_made_again(
    damage: str, s3: S3, sent: str, machine: Callable[[str], None]
) -> None:
    here, key = mirror_of(sent), f"{sent}/{RUN}/{store.RECORD}"
    deliver(store.publish(staged(here, "other", identity="1-other")).parents[1])
    whole = s3.files.cat_file(key)
    s3.files.pipe_file(key, {"cut": whole[: len(whole) // 2], "garbage": b"{ no", "emptied": b""}[damage])
    refresh(here)
    found = index.read(here)
    assert [run.run for run in found.runs] == ["other"]
    assert len(found.unreadable) == 1 and RUN in found.unreadable[0]
    deliver(store.publish(staged(here, "anew")).parents[1])
    machine("third")
    third = mirror_of(sent)
    refresh(third)
    assert {run.run for run in index.read(third).runs} == {"other", "anew"}
    assert RUN in index.read(third).unreadable[0], "a broken record is evidence"


def test_a_record_that_is_mended_in_the_store_is_mended_here(s3: S3, sent: str) -> None:
    here, key = mirror_of(sent), f"{sent}/{RUN}/{store.RECORD}"
    whole = s3.files.cat_file(key)
    s3.files.pipe_file(key, whole[:100])
    refresh(here)
    assert index.read(here).unreadable
    s3.files.pipe_file(key, whole)
    refresh(here)
    assert [run.folder for run in index.read(here).runs] == [RUN]


@pytest.mark.parametrize("below", [RUN, "text"])
def test_a_run_and_a_study_are_read_by_their_addresses(below: str, sent: str) -> None:
    assert places.load_newest(f"{sent}/{below}").folder == mirror_of(sent) / RUN
    assert decide(f"{sent}/{below}").record.run == "20260101T000000-abc"


def test_an_address_without_runs_says_so(sent: str) -> None:
    with pytest.raises(store.StoreError, match="holds no run"):
        places.load_newest(f"{sent}/vision")


def test_a_full_disk_leaves_nothing_half_fetched(sent: str) -> None:
    here = mirror_of(sent)
    code = (
        "import resource, sys; from effkit import store; from effkit.remote.fetching import refresh\n"
        "place = store.results_dir(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "try: refresh(place)\n"
        "except store.StoreError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, sent], capture_output=True, text=True, timeout=120)
    assert "(File too large): free some space" in done.stdout, done
    assert index.read(here).runs == () and not list(here.glob("text/*"))
    refresh(here)
    assert [run.folder for run in index.read(here).runs] == [RUN]


def test_what_this_host_refuses_is_told_as_it_is(sent: str) -> None:
    (mirror_of(sent) / ".fetched").write_text("a file, where a folder shall be")
    with pytest.raises(store.StoreError, match=r"\.fetched/.* cannot be used .Not a directory") as caught:
        refresh(mirror_of(sent))
    assert "free some space" not in str(caught.value)


def test_a_mirror_that_is_named_by_its_folder_is_brought_up_to_date_too(sent: str) -> None:
    assert index.read(places.current(mirror_of(sent))).runs


def test_a_run_under_way_leaves_the_network_alone(sent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = mirror_of(sent)
    monkeypatch.setenv(store.RUN_VARIABLE, str(here / "text" / ".x.staged"))
    monkeypatch.setenv("EFFKIT_RESULTS", sent)
    assert index.read(places.current()).runs == ()


def test_a_disk_that_is_full_when_a_run_ends_keeps_it_waiting(address: str) -> None:
    here = mirror_of(address)
    folder = staged(here)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        place = store.publish(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert unsent(here) == [place]


def test_a_run_that_arrives_while_a_long_listing_is_read_is_fetched_whole(
    sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, sizes = mirror_of(sent), Bucket.sizes

    def with_an_older_page(self: Bucket, below: str = "") -> dict[str, int]:
        found = sizes(self, below)
        return found if below else {key: size for key, size in found.items() if not key.endswith(store.PREDICTIONS)}

    monkeypatch.setattr(Bucket, "sizes", with_an_older_page)
    refresh(here)
    assert (here / RUN / store.RECORD).exists() and (here / RUN / store.PREDICTIONS).exists()


def test_a_store_that_is_gone_is_said_within_seconds_and_nothing_is_lost(
    s3: S3, address: str, closed_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = mirror_of(address)
    monkeypatch.setitem(OPTIONS["s3"]["config_kwargs"]["retries"], "total_max_attempts", 2)
    monkeypatch.setenv("AWS_ENDPOINT_URL", closed_port)
    for ask in (places.check_writable, refresh):
        began = time.monotonic()
        with pytest.raises(store.StoreError, match="cannot be reached: look at the network"):
            ask(here)
        assert time.monotonic() - began < SECONDS
    place = store.publish(staged(here))
    with pytest.raises(store.StoreError, match=f"What waits in .* is sent by the next command: {RUN}"):
        deliver(here)
    assert unsent(here) == [place]
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    refresh(here)
    assert unsent(here) == [] and s3.files.exists(f"{address}/{RUN}/{store.RECORD}")


def test_a_store_that_never_answers_is_given_up(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("effkit.remote.bucket.ANSWER_WITHIN_S", 2.0)
    here = mirror_of(address)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(store.StoreError, match="cannot be reached"):
            places.check_writable(here)


def test_a_bucket_that_is_not_there_is_said(s3: S3) -> None:
    with pytest.raises(store.StoreError, match="s3://no-such-bucket is not there: make the bucket"):
        places.check_writable(mirror_of("s3://no-such-bucket/x"))
    with pytest.raises(store.StoreError, match="make the bucket"):
        refresh(mirror_of("s3://no-such-bucket/x"))


def test_missing_credentials_are_named_and_refused_ones_not_repeated(
    s3: S3, address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    s3.faults(at=1, then="refuse", when="before")
    with pytest.raises(store.StoreError, match="refuses these credentials") as caught:
        places.check_writable(mirror_of(address))
    assert SECRET not in str(caught.value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(store.StoreError, match="without credentials: set AWS_ACCESS_KEY_ID"):
        places.check_writable(mirror_of(address))


def test_a_missing_extra_is_named_by_its_command(address: str) -> None:
    code = (
        "import sys; sys.modules['s3fs'] = None\n"
        "from effkit import places, store; places.check_writable(store.results_dir(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, address], capture_output=True, text=True, timeout=120)
    assert "s3:// needs a package that is not installed: `pip install -c constraints.txt -e '.[s3]'`" in done.stderr


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(store.StoreError, match="s3://, gs://, az://, or a folder"):
        places.check_writable(mirror_of("nonsense://bucket/x"))


def test_a_store_is_tried_before_anything_is_measured(s3: S3, address: str) -> None:
    places.check_writable(mirror_of(address))
    assert s3.files.find(address) == []


def test_a_clock_that_is_wrong_is_said_and_nothing_is_lost(s3: S3, address: str) -> None:
    here = mirror_of(address)
    store.publish(staged(here))
    s3.faults(skewed=True)
    with pytest.raises(store.StoreError, match="refuses this host's clock"):
        deliver(here)
    s3.faults()
    refresh(here)
    assert unsent(here) == []


def test_a_store_without_conditional_writes_is_refused(s3: S3, address: str) -> None:
    s3.faults(unconditional=True)
    with pytest.raises(store.StoreError, match="two writers"):
        places.check_writable(mirror_of(address))


def test_an_answer_that_was_lost_is_no_defeat(s3: S3, address: str) -> None:
    from effkit.address import parse

    found = parse(address)
    assert found is not None
    bucket = Bucket(found)
    assert bucket.create("x", b"mine") and bucket.create("x", b"mine") and not bucket.create("x", b"yours")


def test_nothing_of_a_store_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, effkit, effkit.batch.child; print([m for m in ('fsspec', 's3fs', 'botocore') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert done.stdout.strip() == "[]", done.stderr
