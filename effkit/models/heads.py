"""What stands on a frozen encoder: a logistic head for classes, or a corpus to search by cosine.

They are arrays on the CPU, whatever the encoder's device: the answer is wanted there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effkit.models.base import RETRIEVED, softmax
from effkit.spec import SpecError

DEAD = 1e-6
"""A dimension that varies by less than this share of the widest is constant: MiniLM has three of them."""

HEAD_SETTINGS = ("C", "max_iter")
"""Settings of a recipe that are the head's and not the encoder's."""
HEAD_FILE, CORPUS_FILE = "head.safetensors", "corpus.safetensors"


@dataclass(frozen=True)
class LogisticHead:
    """Multinomial logistic regression on standardised features, folded into one affine map.

    Attributes:
        weight: (dimensions, classes), the standardisation folded in.
        bias: (classes,); minus infinity for a class that no fit item had.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    @classmethod
    def fit(
        cls, features: NDArray[np.float32], labels: NDArray[Any], classes: int, *, C: float = 3.0, max_iter: int = 1000
    ) -> LogisticHead:
        """Fit a head; its optimum is unique, so that no seed is needed.

        Args:
            features: (n, dimensions) embeddings of the fit items.
            labels: (n,) class indices.
            classes: how many classes the task has.
            C: inverse strength of the penalty, for features of length one on average: standardised ones are divided
                by the root of their number, so that one value suits encoders of any width.
            max_iter: of the solver.

        Raises:
            SpecError: when all labels are of one class, or the embeddings say nothing.
        """
        from sklearn.linear_model import LogisticRegression

        if len(np.unique(labels)) < 2:
            raise SpecError(f"All {len(labels)} fit items are of one class; a head needs two. Give more fit items.")
        wide = features.astype(np.float64)
        centre, scale = wide.mean(axis=0), wide.std(axis=0)
        if not scale.max() > 0:  # all the same, or not a number
            raise SpecError(
                "The encoder gives every item the same embedding, or none: a technique has broken it. "
                "Leave the last one of the chain out."
            )
        scale[scale < DEAD * scale.max()] = 1.0
        scale *= np.sqrt(wide.shape[1])
        model = LogisticRegression(C=C, max_iter=max_iter).fit((wide - centre) / scale, labels)
        coefficients, intercepts = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # scikit-learn keeps one row for two classes
            coefficients, intercepts = np.vstack([0 * coefficients, coefficients]), np.append(0.0, intercepts)
        weight, bias = np.zeros((wide.shape[1], classes)), np.full(classes, -np.inf)
        weight[:, model.classes_] = (coefficients / scale).T
        bias[model.classes_] = intercepts - coefficients @ (centre / scale)
        return cls(weight.astype(np.float32), bias.astype(np.float32))

    def answer(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n, classes) probabilities."""
        return softmax(embeddings @ self.weight + self.bias)

    @property
    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """What is stored of it."""
        return {"weight": self.weight, "bias": self.bias}


@dataclass(frozen=True)
class CosineSearch:
    """The nearest documents of a corpus that was embedded once.

    Attributes:
        corpus: (documents, dimensions), rows of length one.
    """

    corpus: NDArray[np.float32]

    @classmethod
    def over(cls, embeddings: NDArray[np.float32]) -> CosineSearch:
        """Make the search over embeddings of any length."""
        return cls(_unit(embeddings))

    def answer(self, embeddings: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return (n, RETRIEVED) corpus rows, best first; of equals the earlier."""
        scores = _unit(embeddings) @ self.corpus.T
        best: NDArray[np.int64] = np.argsort(-scores, axis=1, kind="stable")[:, :RETRIEVED]
        return best

    @property
    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """What is stored of it."""
        return {"corpus": self.corpus}


Head = LogisticHead | CosineSearch


def fit(settings: Mapping[str, Any], features: NDArray[np.float32], labels: NDArray[Any], classes: int) -> LogisticHead:
    """Fit the logistic head that a recipe's settings ask for; else as `LogisticHead.fit`."""
    options = {key: settings[key] for key in HEAD_SETTINGS if key in settings}
    return LogisticHead.fit(features, labels, classes, **options)


def save(head: Head, folder: Path) -> None:
    """Write a head as safetensors."""
    from safetensors.numpy import save_file

    name = HEAD_FILE if isinstance(head, LogisticHead) else CORPUS_FILE
    save_file({key: np.ascontiguousarray(array) for key, array in head.arrays.items()}, folder / name)


def load(folder: Path) -> Head:
    """Read the head that `save` wrote."""
    from safetensors.numpy import load_file

    if (folder / CORPUS_FILE).exists():
        return CosineSearch(**load_file(folder / CORPUS_FILE))
    return LogisticHead(**load_file(folder / HEAD_FILE))


def _unit(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (embeddings / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit
