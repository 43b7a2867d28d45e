"""The tasks of the catalogue: what a request holds, what is known about it, and how it is split."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from effkit import catalogue
from effkit.spec import SpecError
from effkit.tasks import SPLITS, Task, load
from effkit.tasks.catalogued import LOADERS


def fetched(name: str) -> Task:
    """A task whose files are here or can be had with a small download."""
    size = catalogue.download_bytes(name)
    if size > 100e6:
        pytest.skip(f"{name} is not fetched, and would take a download of {size / 1e6:.0f} MB")
    try:
        return load(name, seed=1)
    except catalogue.FetchError as error:
        pytest.skip(f"{name} cannot be fetched: {error}")


def test_every_entry_has_a_loader() -> None:
    assert {entry.loader for entry in catalogue.tasks().values()} <= {*LOADERS, "bundled"}


def test_an_unknown_task_is_named_with_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"`adult` is not a known task. Did you mean `adult-income`\?"):
        load("adult", seed=1)


@pytest.mark.parametrize("name", ["breast-cancer", "diabetes", "digits"])
def test_bundled_sets_load_with_disjoint_splits(name: str) -> None:
    task = load(name, seed=1)
    entry = catalogue.tasks()[name]
    assert (task.kind, task.modality, task.metric, task.title) == (
        entry.kind,
        entry.modality,
        entry.metric,
        entry.title,
    )
    assert sorted(np.concatenate([task.splits[split] for split in SPLITS])) == list(range(len(task.labels)))
    assert len(task.splits["test"]) == round(0.3 * len(task.labels))
    assert bool(task.classes) == (task.kind == "classification")


def test_the_seed_decides_the_splits_and_the_identity() -> None:
    first, again, other = (load("diabetes", seed=seed) for seed in (1, 1, 2))
    assert first.sha256 == again.sha256 != other.sha256


def test_breast_cancer_labels_keep_their_meaning() -> None:
    task = load("breast-cancer", seed=1)
    assert task.classes == ("benign", "malignant")
    assert Counter(task.labels.tolist()) == {0: 357, 1: 212}


def test_digits_can_be_images() -> None:
    from sklearn.datasets import load_digits

    from effkit.tasks.vision import bundled_images

    data = load_digits()
    task = bundled_images("digits", catalogue.tasks()["digits"], data, 1)
    image = Image.open(io.BytesIO(task.items[3]))
    assert (image.format, image.mode, image.size) == ("PNG", "L", (8, 8))
    assert np.allclose(np.asarray(image) / 255 * 16, data.images[3], atol=0.04)
    assert task.classes[task.labels[3]] == "3"


def test_adult_keeps_the_official_split_and_the_unknown() -> None:
    task = fetched("adult-income")
    assert task.classes == ("<=50K", ">50K")
    assert sorted(task.splits["test"]) == list(range(32_561, 48_842))
    assert len(task.splits["fit"]) == 30_561
    assert round(float((task.labels[task.splits["test"]] == 0).mean()), 3) == 0.764
    item = task.items[0]
    assert item["workclass"] == "State-gov"
    assert "income" not in item
    assert any(each["occupation"] == "?" for each in task.items[:200])
    assert set(task.groups) == {"sex", "race"}
    assert 0 < task.repeated < 0.005 * 16_281  # fewer than are told
    assert Counter(task.groups["sex"])["Female"] == 16_192


def test_california_predicts_the_house_value() -> None:
    task = fetched("california-housing")
    assert len(task.labels) == 20_640
    assert set(task.items[0]) == {
        "MedInc",
        "HouseAge",
        "AveRooms",
        "AveBedrms",
        "Population",
        "AveOccup",
        "Latitude",
        "Longitude",
    }
    assert 0.1 < task.labels.min() < task.labels.max() < 5.1


def test_clothing_asks_with_the_text_alone() -> None:
    task = fetched("clothing-department")
    assert len(task.labels) == 22_628
    assert task.classes == ("Bottoms", "Dresses", "Intimate", "Jackets", "Tops", "Trend")
    assert task.items[0] == "Absolutely wonderful - silky and sexy and comfortable"
    assert task.classes[task.labels[0]] == "Intimate"
    assert Counter(task.groups["age_band"]) == {"under-35": 5825, "35-49": 10_252, "50+": 6551}


def test_cifar10_gives_png_bytes() -> None:
    task = fetched("cifar10")
    image = Image.open(io.BytesIO(task.items[0]))
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (32, 32))
    assert {split: len(indices) for split, indices in task.splits.items()} == {
        "fit": 5600,
        "calibrate": 700,
        "select": 700,
        "test": 3000,
    }
    assert np.bincount(task.labels).tolist() == [1000] * 10


def test_squad_seeks_the_paragraph_and_leaves_the_canary_out() -> None:
    task = fetched("squaddev")
    assert task.kind == "retrieval"
    assert len(task.labels) == 10_565
    assert len(task.documents) == len(set(task.documents)) == 2067
    assert task.clusters is not None
    assert (task.clusters == task.labels).all()
    assert "Super Bowl 50" in task.documents[task.labels[0]]
    assert not any("canary" in text.lower() and "guid" in text.lower() for text in task.documents)


def test_a_paragraph_that_stands_twice_is_one_document(tmp_path: Path) -> None:
    def paragraph(context: str, *questions: str) -> dict[str, object]:
        return {"context": context, "qas": [{"question": each} for each in questions]}

    articles = [
        {
            "title": "Rivers",
            "paragraphs": [paragraph("The Rhine.", "Which?", "Where?"), paragraph("The Elbe.", "Who?")],
        },
        {"title": "Again", "paragraphs": [paragraph("The Rhine.", "How long?")]},
    ]
    entry = catalogue.tasks()["squaddev"]
    content = json.dumps({"canary": "a canary", "data": articles})
    (tmp_path / entry.files[0].name).write_text(content, encoding="utf-8")
    task = LOADERS[entry.loader]("squaddev", entry, tmp_path, 1)
    assert list(task.items) == ["Which?", "Where?", "Who?", "How long?"]
    assert list(task.documents) == ["The Rhine.", "The Elbe."]
    assert task.labels.tolist() == [0, 0, 1, 0]
    assert task.clusters is not None and task.clusters.tolist() == [0, 0, 1, 0]
    assert (task.kind, task.metric, task.licence) == ("retrieval", "recall_at_1", "CC BY-SA 4.0")


def test_a_review_without_a_text_or_a_department_is_left_out_and_ages_are_bands(tmp_path: Path) -> None:
    entry = catalogue.tasks()["clothing-department"]
    rows = {
        "Review Text": ["soft", None, "loose", "tight", "warm"],
        "Department Name": ["Tops", "Tops", "Dresses", None, "Tops"],
        "Age": [34, 40, 35, 60, 50],
    }
    pd.DataFrame(rows).to_parquet(tmp_path / entry.files[0].name)
    task = LOADERS[entry.loader]("clothing-department", entry, tmp_path, 1)
    assert list(task.items) == ["soft", "loose", "warm"]
    assert [task.classes[label] for label in task.labels] == ["Tops", "Dresses", "Tops"]
    assert list(task.groups["age_band"]) == ["under-35", "35-49", "50+"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("moods.csv", b"text,mood\n\xff\xfe,good\n", "moods: moods.csv is no table that can be read: .*utf-8"),
        ("moods.parquet", b"no parquet", "moods: moods.parquet is no table that can be read"),
    ],
)
def test_a_file_of_ones_own_that_is_no_table_says_so(
    name: str, content: bytes, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_bytes(content)
    moods = {
        "title": "Moods", "modality": "text", "kind": "classification", "metric": "accuracy", "loader": "table",
        "target": "mood", "features": ["text"], "licence": "ours", "citation": "us",
        "files": [{"name": name, "sha256": hashlib.sha256(content).hexdigest()}],
        "sources": [{"kind": "local", "path": str(tmp_path)}],
    }  # fmt: skip
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"tasks": {"moods": moods}}), encoding="utf-8")
    monkeypatch.setenv("EFFKIT_CATALOGUE", str(tmp_path / "own.yaml"))
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path / "cache"))
    with pytest.raises(SpecError, match=words):
        load("moods", seed=1)
