"""An entry for one's own catalogue, written from a repository: a stand-in of the hub on this machine serves one."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import yaml

from effkit import catalogue
from effkit.catalogue import CatalogueError, FetchError, hub
from effkit.catalogue.pin import pin
from effkit.catalogue.sources import HubSource
from tests.command_line import effkit

from .conftest import Index, asked_since, sha256

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = f"/me/encoder/resolve/{COMMIT}/"
TRANSFORMER = {"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"}
POOLING = {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}
WANTED = {
    "modules.json": json.dumps([TRANSFORMER, POOLING]).encode(),
    "config.json": b'{"model_type": "bert"}',
    "config_sentence_transformers.json": b"{}",
    "sentence_bert_config.json": b'{"max_seq_length": 128}',
    "tokenizer.json": b'{"version": "1.0"}',
    "vocab.txt": b"a\nb\n",
    "model.safetensors": os.urandom(100_000),
    "1_Pooling/config.json": b'{"pooling_mode_mean_tokens": true}',
}
BESIDE = {
    "README.md": b"# An encoder",
    "pytorch_model.bin": b"a pickle",
    "pytorch_model.bin.index.json": b"{}",
    "training_args.bin": b"another",
    "onnx/model.onnx": b"a graph",
    "onnx/config.json": b"{}",
}


class Hub(Index):
    """Serves one repository as the model hub does."""

    def __init__(self) -> None:
        super().__init__()
        self.repository = {**BESIDE, **WANTED}
        self.status, self.missing_bytes = 200, 0

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.partition("?")[0]
        self.asked[path] += 1
        if path.startswith("/api/models/me/encoder/revision/"):
            sizes = {name: len(content) + self.missing_bytes for name, content in self.repository.items()}
            siblings = [{"rfilename": name, "size": size} for name, size in sizes.items()]
            told = {"sha": COMMIT, "cardData": {"license": "apache-2.0"}, "siblings": siblings}
            self.send(request, self.status, json.dumps(told).encode(), {"Content-Type": "application/json"})
        elif (name := path.removeprefix(FILES)) in self.repository:
            self.send(request, 200, self.repository[name], {})
        else:
            self.send(request, 404, b"", {})


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    for key in list(os.environ):
        if key.lower().endswith("_proxy") or key in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            monkeypatch.delenv(key)
    there = Hub()
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hub, "_down", None)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", there.url)
    template = there.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    yield there
    there.server.shutdown()
    there.server.server_close()


def test_what_is_pinned_is_what_is_fetched(served: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = pin("me/encoder@main", "mine")
    entry = yaml.safe_load(text)["models"]["mine"]
    assert {each["name"]: each["sha256"] for each in entry["files"]} == {
        name: sha256(content) for name, content in WANTED.items()
    }
    assert entry["sources"][0]["revision"] == COMMIT, "a branch moves"
    assert entry["licence"] == "apache-2.0" and entry["settings"] == {"max_tokens": 128, "C": 1.0}
    assert not any(served.asked[FILES + name] for name in BESIDE)
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("EFFKIT_CATALOGUE", str(tmp_path / "own.yaml"))
    monkeypatch.setattr(hub, "_reach", lambda *_: None)
    folder = catalogue.fetch("mine", progress=False)
    assert {name: (folder / name).read_bytes() for name in WANTED} == WANTED
    assert served.asked[FILES + "model.safetensors"] == 1, "the weights were there already"


def test_words_before_texts_are_told(served: Hub) -> None:
    assert "before texts" not in pin("me/encoder@main", "ours")
    said = {"prompts": {"query": "query: ", "document": "", "other\n": "two\nlines"}}
    served.repository["config_sentence_transformers.json"] = json.dumps(said).encode()
    entry = pin("me/encoder@main", "ours")
    assert '("query": "query: ", "other\\n": "two\\nlines"), which effkit does not' in entry
    assert list(yaml.safe_load(entry)["models"]) == ["ours"]


def test_the_command_prints_the_entry(served: Hub) -> None:
    done = effkit("pin", "me/encoder@v1.0", "--name", "mine")
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout)["models"]["mine"]["builder"] == "text.encoder"
    assert served.asked["/api/models/me/encoder/revision/v1.0"] == 1
    done = effkit("pin", "encoder", "--name", "mine")
    assert done.returncode == 2 and "ORG/REPO@REVISION" in done.stderr


def modules(*parts: dict[str, Any]) -> dict[str, bytes | None]:
    return {"modules.json": json.dumps(parts).encode()}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"modules.json": None}, "has no modules.json"),
        ({"modules.json": b"{"}, "modules.json is not valid JSON"),
        (modules(), "begins with nothing"),
        (modules({"path": "", "type": "mine.Transformer"}), "needs code of its own (mine.Transformer"),
        (modules(TRANSFORMER, {"path": "x", "type": "mine.Pooling"}), "needs code of its own (mine.Pooling"),
        (modules({"path": "", "type": "sentence_transformers.models.StaticEmbedding"}), "transformers alone"),
        (modules({**TRANSFORMER, "path": "../elsewhere"}), "outside itself"),
        ({"config.json": b'{"auto_map": {"AutoModel": "mine.Model"}}'}, "`auto_map` in config.json"),
        ({"sentence_bert_config.json": b'{"model_args": {"weights_only": false}}'}, "`model_args` in sentence_bert"),
        ({"adapter_config.json": b"{}"}, "leads to weights in pickles or elsewhere"),
        ({"model.safetensors.index.json": b'{"weight_map": {"a": "vocab.txt"}}'}, "none of its safetensors (vocab"),
        ({"model.safetensors": None}, "pickles alone (pytorch_model.bin, training_args.bin)"),
        (dict.fromkeys(("model.safetensors", "pytorch_model.bin", "training_args.bin")), "no weights in safetensors"),
        ({**modules(TRANSFORMER, {**POOLING, "path": "2_Dense"}), "2_Dense/pytorch_model.bin": b""},
         "pickles alone (2_Dense/pytorch_model.bin)"),
    ],
)  # fmt: skip
def test_a_repository_that_would_run_code_is_refused(served: Hub, changes: dict[str, bytes | None], words: str) -> None:
    changed = served.repository | changes
    served.repository = {name: content for name, content in changed.items() if content is not None}
    with pytest.raises(CatalogueError) as refused:
        pin("me/encoder@main", "mine")
    assert words in str(refused.value)
    assert not served.asked[FILES + "model.safetensors"] and not served.asked[FILES + "pytorch_model.bin"]


@pytest.mark.parametrize(
    ("address", "name", "words"),
    [
        ("me/encoder", "mine", "write ORG/REPO@REVISION"),
        ("encoder@main", "mine", "write ORG/REPO@REVISION"),
        ("me/encoder@main", "minilm-l6", "comes with effkit"),
        ("me/encoder@main", "Mine+", "small letters"),
    ],
)
def test_a_wrong_address_or_name_is_refused_before_anything_is_asked(
    served: Hub, address: str, name: str, words: str
) -> None:
    with pytest.raises(CatalogueError, match=words):
        pin(address, name)
    assert not served.asked


def test_what_the_hub_does_not_show_is_told_with_what_to_do(served: Hub) -> None:
    served.status = 404
    with pytest.raises(FetchError, match=r"it answered 404.*HF_TOKEN.*sha256sum"):
        pin("me/encoder@main", "mine")


def test_a_file_that_is_cut_short_is_not_pinned(served: Hub) -> None:
    served.missing_bytes = 1
    with pytest.raises(FetchError, match="came with .* of .* bytes"):
        pin("me/encoder@main", "mine")


def test_a_silent_hub_is_noticed_in_seconds_and_once(served: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
    monkeypatch.setattr(hub, "_LIST_S", 0.5)
    told = r"model hub: not reachable .*write the entry by hand"
    began = time.monotonic()
    with pytest.raises(FetchError, match=told):
        pin("me/encoder@main", "mine")
    assert time.monotonic() - began < 5
    assert asked_since(silent) > 0
    with pytest.raises(FetchError, match=told):
        pin("me/encoder@main", "mine")
    assert asked_since(silent) == 0
    silent.close()


def test_a_hub_that_is_switched_off_is_not_asked(served: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(FetchError, match="switched off by HF_HUB_OFFLINE"):
        pin("me/encoder@main", "mine")
    assert not served.asked


def test_a_real_repository_is_pinned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "_down", None)
    known = catalogue.models()["minilm-l6"]
    source = next(each for each in known.sources if isinstance(each, HubSource))
    try:
        text = pin(f"{source.repo}@{source.revision}", "mine")
    except FetchError as error:
        pytest.skip(f"the model hub cannot be reached: {error}")
    found = {each["name"]: each["sha256"] for each in yaml.safe_load(text)["models"]["mine"]["files"]}
    assert {file.name: file.sha256 for file in known.files}.items() <= found.items()
