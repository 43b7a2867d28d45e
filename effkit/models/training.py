"""Text encoders that learn again: from a teacher, from what they were before they were cut, or from the labels.

One loop for all three, so that what differs between them is what they learn from. The word embeddings, half of a
small encoder, stay as published: training them takes most of the time and changes little.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from effkit.models import networks

if TYPE_CHECKING:
    from torch import Tensor, nn

    from effkit.models.sentence import SentenceEncoder

BATCH = 32
ENCODER_RATE, HEAD_RATE = 1e-4, 1e-3
WARM_UP = 0.1
"""Share of the steps over which the rate rises; then it falls as a cosine."""

Loss = Callable[["Tensor", "Tensor"], "Tensor"]
"""(batch, dimensions) embeddings and the rows of their items to a number."""


def match(encoder: SentenceEncoder, texts: Sequence[str], wanted: NDArray[np.float32], epochs: int, seed: int) -> None:
    """Teach an encoder to give the embeddings that another one gives, by their cosine, in place.

    Args:
        encoder: in 32 bits.
        texts: n of them; no label is looked at.
        wanted: (n, dimensions) embeddings.
        epochs: passes over the texts.
        seed: of the order of the batches.
    """
    import torch
    from torch.nn.functional import cosine_similarity

    targets = torch.from_numpy(wanted)

    def loss(embedded: Tensor, rows: Tensor) -> Tensor:
        return (1 - cosine_similarity(embedded, targets[rows])).mean()

    _fit(encoder, texts, loss, None, epochs, seed)


def classify(
    encoder: SentenceEncoder,
    texts: Sequence[str],
    wanted: NDArray[Any],
    epochs: int,
    seed: int,
    temperature: float = 1.0,
) -> None:
    """Teach an encoder to tell classes apart, under a linear layer that is thrown away afterwards, in place.

    Args:
        encoder: in 32 bits.
        texts: n of them.
        wanted: (n, classes) shares that sum to one, flattened by `temperature` already: labels or a teacher's answers.
        epochs: passes over the texts.
        seed: of the linear layer and of the order of the batches.
        temperature: by which the student's own shares are flattened (Hinton, Vinyals & Dean, 2015).
    """
    import torch
    from torch.nn.functional import cross_entropy

    targets = torch.from_numpy(np.asarray(wanted, np.float32))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = torch.nn.Linear(_dimensions(encoder), targets.shape[1])

    def loss(embedded: Tensor, rows: Tensor) -> Tensor:
        # Embeddings have length one: without the scale the layer would have to grow before it could be sure.
        scores = head(embedded * embedded.shape[1] ** 0.5)
        return cross_entropy(scores / temperature, targets[rows]) * temperature**2

    _fit(encoder, texts, loss, head, epochs, seed)


def _fit(
    encoder: SentenceEncoder, texts: Sequence[str], loss: Loss, head: nn.Module | None, epochs: int, seed: int
) -> None:
    """Run AdamW over batches of texts of like length, in a seeded order. Weights that are 0 stay 0."""
    import torch

    networks.use_threads()
    trained = _trained(encoder.network)
    zeros = [(each, each == 0) for each in trained if each.ndim == 2 and bool((each == 0).any())]
    groups: list[dict[str, Any]] = [{"params": trained, "lr": ENCODER_RATE}]
    groups += [{"params": list(head.parameters()), "lr": HEAD_RATE}] if head is not None else []
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    batches = _batches(texts)
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [group["lr"] for group in groups], total_steps=epochs * len(batches), pct_start=WARM_UP
    )
    rng = np.random.default_rng(seed)
    with torch.enable_grad():
        for number in (number for _ in range(epochs) for number in rng.permutation(len(batches))):
            rows = batches[number]
            embedded = encoder.network(encoder.prepare([texts[row] for row in rows]))["sentence_embedding"]
            optimiser.zero_grad()
            torch.autograd.backward(loss(embedded, torch.from_numpy(rows)))
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            rate.step()
            with torch.no_grad():
                for weight, zero in zeros:
                    weight[zero] = 0.0


def _trained(network: Any) -> list[Tensor]:
    for each in network[0].auto_model.embeddings.parameters():
        each.requires_grad_(False)
    return [each for each in network.parameters() if each.requires_grad]


def _dimensions(encoder: SentenceEncoder) -> int:
    return int(encoder.embed(encoder.prepare(["a text"])).shape[1])


def _batches(texts: Sequence[str]) -> list[NDArray[np.int64]]:
    order = np.argsort([len(text) for text in texts], kind="stable")
    return [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
