"""Products without a meter, and recipes as a study would write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

from effkit import catalogue
from effkit.models import Products, Recipe
from effkit.models.products import unmetered
from effkit.tasks import Task, load
from tests.models.encoders import WORDS


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small models on all cores of a busy machine mostly wait for each other."""
    monkeypatch.setenv("EFFKIT_THREADS", "1")
    with threadpool_limits(1):
        yield


@pytest.fixture
def products(tmp_path: Path) -> Products:
    """An empty cache of products."""
    return Products(tmp_path / "products", unmetered)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Products:
    """Products of all tests that ask what a model answers, and not what making it took."""
    return Products(tmp_path_factory.mktemp("shared") / "products", unmetered)


@pytest.fixture(scope="session")
def fetched() -> Callable[[str], Task]:
    """A task of the catalogue, or a skipped test where its files cannot be had."""

    @cache
    def task(name: str) -> Task:
        size = catalogue.download_bytes(name)
        if size > 100e6:
            pytest.skip(f"{name} is not fetched, and would take a download of {size / 1e6:.0f} MB")
        try:
            return load(name, seed=1)
        except catalogue.FetchError as error:
            pytest.skip(f"{name} cannot be fetched: {error}")

    return task


@pytest.fixture(scope="session")
def recipe() -> Callable[..., Recipe]:
    """The recipe of a catalogue model on a task; settings may be changed."""

    def make(model: str, task: Task, *, fit_items: int | None = None, seed: int = 1, **settings: Any) -> Recipe:
        entry = catalogue.models()[model]
        count = len(task.splits["fit"]) if fit_items is None else fit_items
        return Recipe(model, entry.builder, task.kind, count, seed, {**entry.settings, **settings})

    return make


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Sentence Transformers folder of the architecture of MiniLM, small and with random weights."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    vocabulary = {word: row for row, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])}
    torch.manual_seed(0)
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    config = BertConfig(vocab_size=len(vocabulary), initializer_range=0.3, **size)
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizerFast(vocab=vocabulary).save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"))
    SentenceTransformer(modules=[transformer, Pooling(32), Normalize()], device="cpu").save(str(folder / "model"))
    return folder / "model"


@pytest.fixture(scope="session")
def squeeze(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of SqueezeNet's pickle, with random weights in the published layout."""
    import pickle

    import torch

    from effkit.models import squeezenet

    folder = tmp_path_factory.mktemp("squeeze")
    torch.manual_seed(0)
    layers: dict[str, list[Any]] = {}
    network = squeezenet.network()
    for each in network.modules():
        if isinstance(each, torch.nn.Conv2d):  # so that what sets images apart reaches the last layer
            torch.nn.init.kaiming_normal_(each.weight)
    for name, tensor in network.state_dict().items():
        layer, kind = name.rsplit(".", 1)
        array = tensor.numpy()
        layers.setdefault(layer.replace(".", "/"), []).append(
            array.transpose(2, 3, 1, 0) if kind == "weight" else array
        )
    with (folder / squeezenet.PICKLE).open("wb") as file:
        pickle.dump(layers, file)
    return folder
