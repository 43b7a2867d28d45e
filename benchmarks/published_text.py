"""Numbers published of the sentence encoders and the image networks: scores, similarities, sizes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from effkit import catalogue
from effkit.models import networks, squeezenet
from effkit.models.sentence import SentenceEncoder

if TYPE_CHECKING:
    import pandas as pd

MINILM, MPNET = "minilm-l6", "mpnet-base"
STS = ("mteb/stsbenchmark-sts", "b0fddb56ed78048fa8b90373c8a3cfc37b684831")
"""Data set and revision of the published score."""
MTEB = "github.com/embeddings-benchmark/results, STSBenchmark.json of mteb 1.12.75"
MTEB_MODELS = "github.com/embeddings-benchmark/mteb, n_parameters"
STS_PAGE = "sbert.net/docs/sentence_transformer/usage/semantic_textual_similarity.html"
HUB_S = 5.0
QUICKSTART = ("The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium.")
FILMS = ("The new movie is awesome", "The cat sits outside", "A man is playing guitar")
OTHERS = ("The dog plays in the garden", "The new movie is so great", "A woman watches TV")
OUTINGS = (
    "The weather is so nice!",
    "It's so sunny outside.",
    "He's driving to the movie theater.",
    "She's going to the cinema.",
)
LITE = "github.com/tensorflow/tpu, models/official/efficientnet/lite"


class NoHub(RuntimeError):
    """The model hub cannot be reached from here."""


def cases() -> list[tuple[str, str, tuple[str, ...], Callable[[], Sequence[float]], str]]:
    """What, where, the printed numbers, how to compute them, a note."""
    upper3, upper4 = np.triu_indices(3, 1), np.triu_indices(4, 1)
    return [
        ("MiniLM-L6, STS-B test, Spearman × 100", MTEB, ("82.03",), lambda: [sts_spearman(MINILM)], "full: 82.03247…"),
        ("MPNet base, STS-B test, Spearman × 100", MTEB, ("83.42",), lambda: [sts_spearman(MPNET)], "full: 83.42190…"),
        (
            "MiniLM-L6, cosines of three sentences",
            "sbert.net/docs/quickstart.html",
            ("0.6660", "0.1046", "0.1411"),
            lambda: cosines(MINILM, QUICKSTART, QUICKSTART)[upper3].tolist(),
            "",
        ),
        (
            "MiniLM-L6, Manhattan distances of the same",
            STS_PAGE,
            ("12.6269", "20.2167", "20.1288"),
            lambda: manhattan(MINILM, QUICKSTART)[upper3].tolist(),
            "distances of 384 terms",
        ),
        (
            "MiniLM-L6, cosines of three by three sentences",
            STS_PAGE,
            ("0.0543", "0.8939", "-0.0502", "0.2838", "-0.0029", "0.1310", "0.2277", "-0.0136", "-0.0327"),
            lambda: cosines(MINILM, FILMS, OTHERS).ravel().tolist(),
            "",
        ),
        (
            "MPNet base, cosines of three sentences",
            "sbert.net, SentenceTransformer, example of the class",
            ("0.6817", "0.0492", "0.0421"),
            lambda: cosines(MPNET, QUICKSTART, QUICKSTART)[upper3].tolist(),
            "",
        ),
        (
            "MPNet base, cosines of four sentences",
            "sbert.net, SentenceTransformer.similarity (version 3)",
            ("0.7235", "0.0290", "0.1309", "0.0613", "0.1129", "0.5027"),
            lambda: cosines(MPNET, OUTINGS, OUTINGS)[upper4].tolist(),
            "",
        ),
        (
            "MiniLM-L6, parameters, millions",
            MTEB_MODELS,
            ("22.7",),
            lambda: [networks.parameters(encoder(MINILM).network) / 1e6],
            "",
        ),
        (
            "MPNet base, parameters, millions",
            MTEB_MODELS,
            ("109",),
            lambda: [networks.parameters(encoder(MPNET).network) / 1e6],
            "",
        ),
        (
            "EfficientNet-Lite0, parameters",
            "github.com/keras-team/keras-hub/pull/1968",
            ("4652008",),
            lambda: lite("efficientnet-lite0", 224)[:1],
            "",
        ),
        (
            "EfficientNet-Lite0, millions of parameters and multiply-adds",
            LITE,
            ("4.7", "407"),
            lambda: millions("efficientnet-lite0", 224),
            "224 pixels",
        ),
        (
            "EfficientNet-Lite2, millions of parameters and multiply-adds",
            LITE,
            ("6.1", "899"),
            lambda: millions("efficientnet-lite2", 260),
            "260 pixels",
        ),
        (
            "SqueezeNet 1.1, parameters",
            "github.com/pytorch/vision, squeezenet.py, num_params",
            ("1235496",),
            squeezenet_parameters,
            "effkit leaves the classifier out; 512 × 1,000 + 1,000 are added",
        ),
    ]


@cache
def encoder(name: str) -> SentenceEncoder:
    """The catalogue's encoder, with the model's own limit of tokens."""
    return SentenceEncoder(catalogue.fetch(name, progress=False), {})


def embed(name: str, texts: Sequence[str]) -> NDArray[np.float64]:
    """(n, dimensions) embeddings of length 1, texts of like length together."""
    model = encoder(name)
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    rows: list[Any] = [None] * len(texts)
    for start in range(0, len(order), 32):
        batch = order[start : start + 32]
        for row, vector in zip(batch, model.embed(model.prepare([texts[row] for row in batch])), strict=True):
            rows[row] = vector
    embedded = np.asarray(rows, dtype=np.float64)
    return np.asarray(embedded / np.linalg.norm(embedded, axis=1, keepdims=True))


def cosines(name: str, first: Sequence[str], second: Sequence[str]) -> NDArray[np.float64]:
    """Cosine similarity of each pair."""
    return np.asarray(embed(name, first) @ embed(name, second).T)


def manhattan(name: str, texts: Sequence[str]) -> NDArray[np.float64]:
    """Sum of absolute differences of each pair."""
    rows = embed(name, texts)
    return np.asarray(np.abs(rows[:, None] - rows[None]).sum(axis=2))


def sts_spearman(name: str) -> float:
    """Rank correlation of cosine and gold similarity on the test set, times 100."""
    from scipy import stats

    table = sts_test()
    first, second = (embed(name, table[column].tolist()) for column in ("sentence1", "sentence2"))
    return float(100 * stats.spearmanr(table["score"], (first * second).sum(axis=1)).statistic)


@cache
def sts_test() -> pd.DataFrame:
    """The STS benchmark's test set from the hub.

    Raises:
        NoHub: at once where it is switched off, within seconds where it does not answer.
    """
    import pandas as pd

    if _silence():
        raise NoHub(f"no hub here ({_silence()})")
    from huggingface_hub import hf_hub_download

    name = next(file for file in _listed() if "test" in file and file.endswith((".jsonl.gz", ".jsonl", ".parquet")))
    path = hf_hub_download(STS[0], name, repo_type="dataset", revision=STS[1])
    return pd.read_parquet(path) if name.endswith(".parquet") else pd.read_json(path, lines=True)


@cache
def _silence() -> str:
    """Why the hub cannot be asked; empty where it can."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        return "switched off by HF_HUB_OFFLINE"
    error = [f"no answer within {HUB_S:g} s"]

    def ask() -> None:
        try:
            _listed()
            error.clear()
        except Exception as cause:
            error[:] = [type(cause).__name__]

    # In a thread, because no timeout covers the look-up of a host's name or the client's own repeats.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(HUB_S)
    return error[0] if error else ""


@cache
def _listed() -> tuple[str, ...]:
    from huggingface_hub import HfApi

    return tuple(HfApi().list_repo_files(STS[0], repo_type="dataset", revision=STS[1]))


@cache
def lite(variant: str, resolution: int) -> tuple[float, float]:
    """Parameters and multiply-adds of the whole published network, its classifier of 1,000 classes included."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name(variant, image_size=resolution).eval()
    operations = networks.flops(lambda: network(torch.zeros(1, 3, resolution, resolution)))
    return float(networks.parameters(network)), operations / 2


def squeezenet_parameters() -> Sequence[float]:
    """Parameters, the classifier of 1,000 classes included."""
    return [networks.parameters(squeezenet.network()) + 512 * 1000 + 1000]


def millions(variant: str, resolution: int) -> tuple[float, ...]:
    """The same in millions."""
    return tuple(count / 1e6 for count in lite(variant, resolution))
