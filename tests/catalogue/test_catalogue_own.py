"""One's own catalogue: what it adds, and what it may not say."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from effkit import catalogue
from effkit.catalogue import CatalogueError, FetchError
from effkit.catalogue.errors import HashMismatch
from effkit.identity import identity
from effkit.params import parse
from effkit.tasks import load
from tests.conftest import parameters

from .conftest import sha256

WEIGHTS = b"stand-in for weights"
TRANSFORMER = b'[{"path": "", "type": "sentence_transformers.models.Transformer"}]'
TINY = {
    "title": "LightGBM tiny", "modality": "tabular", "tasks": ["classification"], "builder": "tabular.lightgbm",
    "trained_here": True, "settings": {"n_estimators": 5}, "licence": "ours", "citation": "us",
}  # fmt: skip
ROWS = "text,mood,shop,customer\n" + "".join(
    f"a fine coat {row},{('good', 'bad')[row % 2]},{'AB'[row % 2]},{row // 2}\n" for row in range(60)
)

Put = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Write one's own catalogue, which differs from file to file, and an empty cache beside it."""
    written: list[Path] = []

    def write(**sections: Any) -> Path:
        path = tmp_path / f"own-{len(written)}.yaml"
        written.append(path)
        path.write_text(yaml.safe_dump(sections), encoding="utf-8")
        monkeypatch.setenv("EFFKIT_CATALOGUE", str(path))
        return path

    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path / "cache"))
    return write


def encoder(
    folder: Path, content: bytes = WEIGHTS, beside: dict[str, bytes] | None = None, **changes: Any
) -> dict[str, Any]:
    """An encoder whose files lie in a folder."""
    folder.mkdir(exist_ok=True)
    held = {"model.safetensors": content, "modules.json": TRANSFORMER, **(beside or {})}
    for name, said in held.items():
        (folder / name).write_bytes(said)
    return {
        "title": "Ours", "modality": "text", "tasks": ["classification"], "builder": "text.encoder", "licence": "ours",
        "citation": "us", "files": [{"name": name, "sha256": sha256(said)} for name, said in held.items()],
        "sources": [{"kind": "local", "path": str(folder)}], **changes,
    }  # fmt: skip


def moods(folder: Path, **changes: Any) -> dict[str, Any]:
    """A task in a CSV file, whose rows come in pairs of one customer."""
    (folder / "moods.csv").write_text(ROWS, encoding="utf-8")
    return {
        "title": "Moods", "modality": "text", "kind": "classification", "metric": "accuracy", "loader": "table",
        "target": "mood", "features": ["text"], "groups": ["shop"], "cluster": "customer", "licence": "ours",
        "citation": "us", "files": [{"name": "moods.csv", "sha256": sha256(ROWS.encode())}],
        "sources": [{"kind": "local", "path": str(folder)}], **changes,
    }  # fmt: skip


def test_its_entries_stand_beside_those_that_come_with_effkit(put: Put, tmp_path: Path) -> None:
    put(models={"tiny": TINY}, tasks={"moods": moods(tmp_path)})
    assert {"tiny", "minilm-l6"} <= catalogue.models().keys()
    assert {"moods", "adult-income"} <= catalogue.tasks().keys()
    assert catalogue.find("tiny").title == "LightGBM tiny"
    assert catalogue.declared("tiny") == TINY
    assert not {"tiny", "moods"} & catalogue.shipped() and "minilm-l6" in catalogue.shipped()


def test_without_the_variable_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EFFKIT_CATALOGUE", raising=False)
    assert catalogue.models().keys() | catalogue.tasks().keys() == catalogue.shipped()


@pytest.mark.parametrize(
    ("section", "name", "changes", "words"),
    [
        ("models", "minilm-l6", {}, "comes with effkit and cannot be replaced"),
        ("models", "adult-income", {}, "comes with effkit"),
        ("models", "../mine", {}, "small letters, digits, dots"),
        ("models", "a+b", {}, "small letters"),
        ("models", "mine", {"colour": "blue"}, "`colour` is not a known key"),
        ("models", "mine", {"licence": None}, "`licence`"),
        ("models", "mine", {"builder": "text.gpt"}, "`builder` got 'text.gpt'"),
        ("models", "mine", {"files": [{"name": "a.safetensors"}]}, "`files.0.sha256` is missing"),
        ("models", "mine", {"files": [{"name": "a.bin", "sha256": "0" * 64}]}, "convert the weights to safetensors"),
        ("models", "mine", {"files": [{"name": "x/model.py", "sha256": "0" * 64}]}, "may run code"),
        ("models", "mine", {"sources": [{"kind": "local", "path": "folder"}]}, "write the whole path"),
        ("models", "mine", {"settings": {"transforms": [{"module": "os", "name": "abort"}]}}, "takes C, dimensions"),
        ("models", "mine", {"settings": {"C": 1.0, "precision": "bfloat16"}}, "`settings` has precision"),
        ("models", "mine", {"files": [{"name": "model.safetensors", "sha256": "0" * 64}]}, "needs modules.json"),
        ("models", "mine", {"builder": "vision.efficientnet_lite"}, "needs network.safetensors"),
        ("models", "mine",
         {"builder": "vision.efficientnet_lite", "files": [{"name": "network.safetensors", "sha256": "0" * 64}]},
         "needs variant and resolution in `settings`"),
        ("models", "mine", {"builder": "vision.squeezenet"}, "reads its weights from a pickle"),
        ("models", "mine",
         {"sources": [{"kind": "hub", "repo": "a/b", "revision": "main", "files": {}}]}, "revision` got 'main'"),
        ("tasks", "mine", {"loader": "adult"}, "`loader: table`; leave them out"),
        ("tasks", "mine", {"loader": "any"}, "`loader` got 'any'"),
        ("tasks", "mine", {"files": [{"name": "a.xlsx", "sha256": "0" * 64}]}, ".csv or .parquet; got a.xlsx"),
        ("tasks", "mine", {"kind": "regression"}, "regression by absolute_error; got regression by accuracy"),
        ("tasks", "mine", {"features": ["text", "shop"]}, "an item of text is one column"),
    ],
)  # fmt: skip
def test_what_an_entry_may_not_say_is_refused_with_file_and_entry(
    put: Put, tmp_path: Path, section: str, name: str, changes: dict[str, Any], words: str
) -> None:
    declared = (encoder if section == "models" else moods)(tmp_path, **changes)
    path = put(**{section: {name: declared}})
    with pytest.raises(CatalogueError) as refused:
        getattr(catalogue, section)()
    assert str(path) in str(refused.value) and f"`{section}.{name}`" in str(refused.value)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("models: {}\ntasks: {}\nmodels: {}\n", "models twice"),
        ("models:\n  mine: {}\n  mine: {}\n", "mine twice"),
        ("models:\n  mine: {title: a, settings: {C: 1, C: 2}}\n", "C twice"),
        ("tasks:\n  mine:\n    files: [{name: a.csv, name: b.csv}]\n", "name twice"),
        ("mine: {title: A model}\n", "the sections `models` and `tasks`"),
        ("- mine\n", "the sections `models` and `tasks`"),
        ("models: [mine]\n", "give it a mapping"),
        ("models: {mine: 1}\ntasks: {mine: 1}\n", "one name, one entry"),
        ("models: {mine: !!python/object/apply:os.getcwd []}\n", "cannot be read"),
        ("models: {\n", "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_catalogue_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, words: str
) -> None:
    path = tmp_path / "own.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("EFFKIT_CATALOGUE", str(path))
    with pytest.raises(CatalogueError) as refused:
        catalogue.models()
    assert str(path) in str(refused.value) and "EFFKIT_CATALOGUE" in str(refused.value) and words in str(refused.value)


def test_an_empty_file_adds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.yaml").write_text("# nothing yet\n")
    monkeypatch.setenv("EFFKIT_CATALOGUE", str(tmp_path / "own.yaml"))
    assert catalogue.models().keys() | catalogue.tasks().keys() == catalogue.shipped()


def test_its_files_are_fetched_and_verified_as_all_are(put: Put, tmp_path: Path) -> None:
    put(models={"mine": encoder(tmp_path / "weights")})
    folder = catalogue.fetch("mine")
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    (folder / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(HashMismatch, match=r"`effkit fetch mine`"):
        catalogue.fetch("mine")
    put(models={"other": encoder(tmp_path / "more") | {"sources": [{"kind": "local", "path": str(tmp_path / "no")}]}})
    with pytest.raises(FetchError, match="a source of kind `local`"):
        catalogue.fetch("other")


def test_what_lies_beside_an_entrys_files_is_refused(put: Put, tmp_path: Path) -> None:
    put(models={"mine": encoder(tmp_path / "weights")})
    folder = catalogue.fetch("mine")
    assert catalogue.fetch("mine") == folder
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "heads.json").write_text("[]", encoding="utf-8")
    with pytest.raises(FetchError, match=r"also has 1_Pooling/heads\.json, .* delete that there"):
        catalogue.fetch("mine")


@pytest.mark.parametrize(
    ("beside", "words"),
    [
        ({"modules.json": b'[{"path": "", "type": "mine.Transformer"}]'}, "code of its own (mine.Transformer"),
        ({"config.json": b'{"auto_map": {"AutoModel": "mine.Model"}}'}, "`auto_map` in config.json"),
        ({"sentence_bert_config.json": b'{"model_kwargs": {"use_safetensors": false}}'}, "`model_kwargs` in sentence_"),
        ({"sentence_bert_config.json": b'{"tokenizer_name_or_path": "/tmp"}'}, "`tokenizer_name_or_path` in"),
        ({"adapter_config.json": b"{}"}, "leave it out"),
        ({"pytorch_model.bin.index.json": b"{}"}, "leave it out"),
        ({"model.safetensors.index.json": b'{"weight_map": {"a": "../model.safetensors"}}'}, "(../model.safetensors)"),
        ({"model.safetensors.index.json": b'{"weight_map": {"a": "/tmp/a.safetensors"}}'}, "(/tmp/a.safetensors)"),
        ({"model.safetensors.index.json": b'{"weight_map": {"a": "w.txt"}}', "w.txt": b""}, "(w.txt)"),
    ],
)
def test_a_configuration_that_would_run_code_is_not_loaded(
    put: Put, tmp_path: Path, beside: dict[str, bytes], words: str
) -> None:
    put(models={"mine": encoder(tmp_path / "weights", beside=beside)})
    with pytest.raises(CatalogueError) as refused:
        catalogue.fetch("mine")
    assert words in str(refused.value) and str(refused.value).startswith("mine ")


def test_a_configuration_that_names_the_entrys_own_weights_is(put: Put, tmp_path: Path) -> None:
    beside = {
        "model.safetensors.index.json": b'{"weight_map": {"a": "model.safetensors"}}',
        "sentence_bert_config.json": b'{"max_seq_length": 128, "model_kwargs": {}}',
    }
    put(models={"mine": encoder(tmp_path / "weights", beside=beside)})
    assert (catalogue.fetch("mine") / "model.safetensors").is_file()


def test_a_size_that_an_entry_does_not_say_is_not_nothing(put: Put, tmp_path: Path) -> None:
    held = ("model.safetensors", "modules.json")
    on_hub = {"kind": "hub", "repo": "me/ours", "revision": "0" * 40, "files": {name: name for name in held}}
    declared = encoder(tmp_path / "weights", sources=[on_hub])
    put(models={"mine": declared})
    assert catalogue.missing_bytes("mine") is None and not catalogue.is_fetched("mine")
    sized = [{**file, "bytes": size} for file, size in zip(declared["files"], (20, 3), strict=True)]
    put(models={"mine": {**declared, "files": sized}})
    assert catalogue.missing_bytes("mine") == 23
    put(models={"mine": encoder(tmp_path / "weights")})
    assert catalogue.missing_bytes("mine") == 0, "a folder of this host has it"


def test_two_catalogues_may_call_two_models_by_one_name(put: Put, tmp_path: Path) -> None:
    put(models={"mine": encoder(tmp_path / "one", b"one")})
    first = catalogue.fetch("mine")
    put(models={"mine": encoder(tmp_path / "other", b"other")})
    second = catalogue.fetch("mine")
    assert first != second, "a run that is under way would load the other's weights"
    assert [(each / "model.safetensors").read_bytes() for each in (first, second)] == [b"one", b"other"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_is_a_task(put: Put, tmp_path: Path, suffix: str) -> None:
    declared = moods(tmp_path)
    if suffix == ".parquet":
        import pandas as pd

        pd.read_csv(tmp_path / "moods.csv").to_parquet(tmp_path / "moods.parquet")
        content = (tmp_path / "moods.parquet").read_bytes()
        declared["files"] = [{"name": "moods.parquet", "sha256": sha256(content)}]
    put(tasks={"moods": declared})
    task = load("moods", seed=1)
    assert (task.title, task.kind, task.modality, task.metric) == ("Moods", "classification", "text", "accuracy")
    assert task.items[3] == "a fine coat 3" and task.classes[task.labels[3]] == "bad"
    assert set(task.groups) == {"shop"} and task.clusters is not None
    of_test = {task.clusters[item] for item in task.splits["test"]}
    assert len(task.splits["test"]) == 18 and not of_test & {task.clusters[item] for item in task.splits["fit"]}
    assert not np.array_equal(task.splits["test"], load("moods", seed=2).splits["test"])


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy"])
def test_a_table_of_classes_is_scored_as_its_entry_says(put: Put, tmp_path: Path, metric: str) -> None:
    put(tasks={"moods": moods(tmp_path, metric=metric)})
    assert load("moods", seed=1).metric == metric


def test_a_changed_table_is_not_read(put: Put, tmp_path: Path) -> None:
    put(tasks={"moods": moods(tmp_path)})
    folder = catalogue.fetch("moods")
    (folder / "moods.csv").write_text(ROWS.replace("good", "fine"))
    with pytest.raises(HashMismatch, match="moods.csv"):
        load("moods", seed=1)


def test_an_identity_knows_what_an_entry_says(put: Put, tmp_path: Path) -> None:
    asked = parameters(task="moods", reference="tfidf-logreg", candidates=["tfidf-logreg"])
    found = []
    for changes in ({}, {"test": 0.4}, {"cluster": None}, {"title": "Other words"}):
        put(tasks={"moods": moods(tmp_path, **changes)})
        found.append(identity(parse(asked)))
    assert len(set(found)) == 3 and found[3] == found[0]


def test_the_documented_catalogue_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```yaml\n(# my-catalogue\.yaml\n.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "my-catalogue.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("EFFKIT_CATALOGUE", str(tmp_path / "my-catalogue.yaml"))
    assert catalogue.models().keys() - catalogue.shipped() == {"our-encoder", "tiny-trees"}
    assert catalogue.tasks().keys() - catalogue.shipped() == {"our-moods"}
