"""Encoders that learn again: from a teacher, from what they were before they were cut, or from the labels.

One loop for all three, so that what differs between them is what they learn from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from effkit.models import networks

if TYPE_CHECKING:
    from torch import Tensor, nn

    from effkit.models.sentence import SentenceEncoder

BATCH = 32
HEAD_RATE = 1e-3
WARM_UP = 0.1
"""Share of the steps over which the rate rises; then it falls as a cosine."""

Loss = Callable[["Tensor", "Tensor"], "Tensor"]
"""(batch, dimensions) embeddings and the rows of their items to a number."""


class Learner(Protocol):
    """What learning takes of an encoder, in 32 bits."""

    @property
    def learning_rate(self) -> float:
        """Highest rate at which its weights change."""
        ...

    def size(self, item: Any) -> int:
        """Return what the time of an item grows with, so that like items share a batch."""
        ...

    def prepare(self, items: list[Any]) -> Any:
        """Turn raw items into the network's input."""
        ...

    def forward(self, prepared: Any) -> Tensor:
        """Return (n, dimensions) embeddings through which weights can learn."""
        ...

    def trainable(self) -> list[Tensor]:
        """Make the network ready to learn, and return the weights that do."""
        ...


def match(encoder: Learner, items: Sequence[Any], wanted: NDArray[np.float32], epochs: int, seed: int) -> None:
    """Teach an encoder to give the embeddings that another one gives, by their cosine, in place.

    Args:
        encoder: of texts or images.
        items: n of them; no label is looked at.
        wanted: (n, dimensions) embeddings.
        epochs: passes over the items.
        seed: of the order of the batches.
    """
    import torch
    from torch.nn.functional import cosine_similarity

    targets = networks.on_device(torch.from_numpy(wanted))

    def loss(embedded: Tensor, rows: Tensor) -> Tensor:
        return (1 - cosine_similarity(embedded, targets[rows])).mean()

    _fit(encoder, items, loss, None, epochs, seed)


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
        encoder: of texts.
        texts: n of them.
        wanted: (n, classes) shares that sum to one, flattened by `temperature` already: labels or a teacher's answers.
        epochs: passes over the texts.
        seed: of the linear layer and of the order of the batches.
        temperature: by which the student's own shares are flattened (Hinton, Vinyals & Dean, 2015).
    """
    import torch
    from torch.nn.functional import cross_entropy

    targets = networks.on_device(torch.from_numpy(np.asarray(wanted, np.float32)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = torch.nn.Linear(_dimensions(encoder), targets.shape[1])
    head = networks.on_device(head)

    def loss(embedded: Tensor, rows: Tensor) -> Tensor:
        # Embeddings have length one: without the scale the layer would have to grow before it could be sure.
        scores = head(embedded * embedded.shape[1] ** 0.5)
        return cross_entropy(scores / temperature, targets[rows]) * temperature**2

    _fit(encoder, texts, loss, head, epochs, seed)


def _fit(encoder: Learner, items: Sequence[Any], loss: Loss, head: nn.Module | None, epochs: int, seed: int) -> None:
    """Run AdamW over batches of items of like size, in a seeded order. Weights that are 0 stay 0."""
    import torch

    networks.use_threads()
    trained = encoder.trainable()
    zeros = [(each, each == 0) for each in trained if each.ndim == 2 and bool((each == 0).any())]
    groups: list[dict[str, Any]] = [{"params": trained, "lr": encoder.learning_rate}]
    groups += [{"params": list(head.parameters()), "lr": HEAD_RATE}] if head is not None else []
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    batches = _batches(encoder, items)
    highest = [group["lr"] for group in groups]
    rate = networks.rising_then_falling(optimiser, highest, epochs * len(batches), WARM_UP)
    rng = np.random.default_rng(seed)
    with torch.enable_grad():
        for number in (number for _ in range(epochs) for number in rng.permutation(len(batches))):
            rows = batches[number]
            embedded = encoder.forward(encoder.prepare([items[row] for row in rows]))
            optimiser.zero_grad()
            torch.autograd.backward(loss(embedded, torch.from_numpy(rows)))
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            rate.step()
            with torch.no_grad():
                for weight, zero in zeros:
                    weight[zero] = 0.0


def _dimensions(encoder: SentenceEncoder) -> int:
    return int(encoder.embed(encoder.prepare(["a text"])).shape[1])


def _batches(encoder: Learner, items: Sequence[Any]) -> list[NDArray[np.int64]]:
    order = np.argsort([encoder.size(item) for item in items], kind="stable")
    return [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
