"""Addresses are read, refused with a reason, and have one mirror each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effkit import store
from effkit.address import MIRROR, Address, mirror, mirror_at, parse, shown

NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}[a-z0-9]", fullmatch=True)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path / "cache"))
    for name in ("EFFKIT_RESULTS", "EFFKIT_RUN"):
        monkeypatch.delenv(name, raising=False)


@given(st.sampled_from(["s3", "gs", "az", "abfs", "sftp"]), st.lists(NAMES, min_size=1, max_size=4))
def test_an_address_is_read_whatever_became_of_its_slashes(protocol: str, parts: list[str]) -> None:
    text = f"{protocol}://{'/'.join(parts)}"
    wanted = Address(protocol, "/".join(parts))
    assert str(wanted) == text
    assert {parse(each) for each in (text, f"{text}/", text.replace("/", "//").replace("////", "//"))} == {wanted}
    assert parse(Path(text)) == wanted


@given(st.lists(NAMES, min_size=1, max_size=4), st.sampled_from(["", "/", "./", "../"]))
def test_a_path_is_no_address(parts: list[str], start: str) -> None:
    assert parse(start + "/".join(parts)) is None
    assert parse(Path(start + "/".join(parts))) is None


@given(NAMES, st.from_regex(r"[A-Za-z0-9+=/]{6,40}", fullmatch=True))
def test_credentials_in_an_address_are_refused_and_not_repeated(user: str, secret: str) -> None:
    secret = f"x{secret}x"
    for text in (f"s3://{user}:{secret}@bucket/x", f"az://box/x?sig={secret}", f"s3://bucket/x#{secret}"):
        with pytest.raises(store.StoreError, match="no credentials") as caught:
            store.results_dir(text)
        assert secret not in str(caught.value)


def test_an_account_in_an_address_of_azure_is_no_secret() -> None:
    assert parse("abfs://box@account.dfs.core.windows.net/x") is not None


@pytest.mark.parametrize("text", ["s3://bucket/../other", "s3://bucket/./x"])
def test_an_address_leads_down(text: str) -> None:
    with pytest.raises(store.StoreError, match="bucket and a folder"):
        store.results_dir(text)


def test_memory_keeps_nothing() -> None:
    with pytest.raises(store.StoreError, match="gone with the process"):
        store.results_dir("memory://x")


def test_each_address_has_one_mirror_of_its_own() -> None:
    first = store.results_dir("s3://bucket/a")
    assert first == store.results_dir("s3://bucket/a/") == store.results_dir(Path("s3://bucket/a"))
    assert first != store.results_dir("s3://bucket/b") and first != store.results_dir("gs://bucket/a")
    found = mirror_at(first)
    assert found is not None and found == mirror(Address("s3", "bucket/a"))
    assert shown(first / "study" / "run") == "s3://bucket/a/study/run" and shown(first) == "s3://bucket/a"


def test_hosts_that_share_a_home_and_a_process_number_make_one_mirror() -> None:
    folder = store.results_dir("s3://bucket/a")
    (folder / MIRROR).unlink()
    other = folder / f"{MIRROR}.{os.getpid()}"  # what another host is writing at this moment
    other.write_text("half")
    assert mirror(Address("s3", "bucket/a")) == mirror_at(folder)
    assert other.read_text() == "half"
    assert {path.name for path in folder.iterdir()} == {MIRROR, other.name}


def test_a_folder_is_its_own_place(tmp_path: Path) -> None:
    assert store.results_dir(tmp_path) == store.results_dir(f"file://{tmp_path}") == tmp_path
    assert mirror_at(tmp_path) is None and shown(tmp_path) == str(tmp_path)


def test_the_environment_may_name_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EFFKIT_RESULTS", "s3://bucket/a")
    assert shown(store.results_dir()) == "s3://bucket/a"
