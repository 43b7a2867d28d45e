"""What a model must do to be measured, and what determines it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from effkit.tasks.items import Items

BUILDER_VERSION = 1
"""Raised whenever a builder's training changes, so that cached products are made anew."""

CPU = "cpu"
DEVICE = os.environ.get("EFFKIT_DEVICE") or CPU
"""Where PyTorch models run, "cpu" or "cuda"; all others run on the CPU. Set by who starts the process."""

MANIFEST = "making.json"
"""Written last into a product's folder: complete is this file's existence."""

RETRIEVED = 10
"""Documents that a retrieval model returns for a query."""


def threads() -> int:
    """Threads that EFFKIT_THREADS asks for, set by who starts the process; 0 leaves the choice to the library."""
    return int(os.environ.get("EFFKIT_THREADS") or 0)


@runtime_checkable
class Predictor(Protocol):
    """A loaded model. Preparing and inferring are timed apart."""

    def prepare(self, items: list[Any]) -> Any:
        """Turn raw items into the model's input: tokenise, decode, resize, encode columns."""
        ...

    def infer(self, prepared: Any) -> NDArray[Any]:
        """Return (n, classes) probabilities, (n,) values, or (n, RETRIEVED) corpus rows, best first."""
        ...


@dataclass(frozen=True)
class Facts:
    """What can be counted on a loaded model; None where it cannot."""

    parameters: int | None = None
    tensor_bytes: int | None = None
    weight_bytes: int | None = None
    flops: float | None = None
    """Operations of one request."""


def over_items(counted: Sequence[Facts]) -> Facts:
    """Return one model's facts with the mean of what was counted over several items; None where one has none."""
    flops = [each.flops for each in counted if each.flops is not None]
    return replace(counted[0], flops=sum(flops) / len(flops) if len(flops) == len(counted) else None)


def product_key(*facts: Any) -> str:
    """Hash of what determines a product, the builders' version included: what it is kept by.

    Args:
        facts: plain values; the keys of mappings may stand in any order.
    """
    text = json.dumps([BUILDER_VERSION, *facts], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a built model apart from the task's data.

    Attributes:
        model: name in the catalogue.
        builder: which builder makes it, as in `text.encoder`.
        kind: classification, regression or retrieval.
        fit_items: how many of the task's `fit` items it learns from.
        seed: of training.
        settings: the builder's parameters, techniques applied.
        weights: verified folder of fetched files, if it has any.
        weights_sha256: hash of each of them, by file name.
        teacher: what it learns from, where it learns from another model; `recipes` fills it in.
        stages: of a cascade, in the order in which they are asked; `recipes` fills them in.
    """

    model: str
    builder: str
    kind: str
    fit_items: int
    seed: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    weights: Path | None = None
    weights_sha256: Mapping[str, str] = field(default_factory=dict)
    teacher: Recipe | None = None
    stages: tuple[Recipe, ...] = ()

    def with_settings(self, **changes: Any) -> Recipe:
        """Return it with some settings changed or added."""
        return replace(self, settings={**self.settings, **changes})

    def key(self, *more: Any) -> str:
        """Hash of what determines the product: the recipe (not where its weights lie) and `more`."""
        facts = {**asdict(self), "settings": dict(self.settings), "weights_sha256": dict(self.weights_sha256)}
        facts.pop("weights")
        facts.pop("teacher")
        facts.pop("stages")
        if self.teacher is not None:
            facts["teacher"] = self.teacher.key()
        if self.stages:
            facts["stages"] = [stage.key() for stage in self.stages]
        return product_key(facts, more)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the pipe to a worker."""
        plain = {**asdict(self), "weights": None if self.weights is None else str(self.weights)}
        stages = [stage.to_json() for stage in self.stages]
        return {**plain, "teacher": None if self.teacher is None else self.teacher.to_json(), "stages": stages}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Recipe:
        """Rebuild what `to_json` gave."""
        weights, teacher = values["weights"], values["teacher"]
        opened = {
            "weights": None if weights is None else Path(weights),
            "teacher": None if teacher is None else cls.from_json(teacher),
            "stages": tuple(cls.from_json(stage) for stage in values["stages"]),
        }
        return cls(**{**values, **opened})


Meter = Callable[[], AbstractContextManager[dict[str, Any]]]
"""`with meter() as reading:` fills the mapping with time_s, energy_j and rank on leaving."""


def softmax(scores: NDArray[Any]) -> NDArray[Any]:
    """Turn (n, classes) scores into probabilities, of the same width."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: NDArray[Any] = powers / powers.sum(axis=1, keepdims=True)
    return shares


QUALITY_BATCH = 256
"""Items of a batch where quality is measured and time is not."""


def predict_in_batches(predictor: Predictor, items: Items, indices: NDArray[np.int64]) -> NDArray[Any]:
    """Return the predictions for the items at `indices`, in that order.

    Args:
        predictor: a loaded model.
        items: the items of a task.
        indices: at least one row.
    """
    starts = range(0, len(indices), QUALITY_BATCH)
    batches = (items.take(indices[start : start + QUALITY_BATCH]) for start in starts)
    return np.concatenate([predictor.infer(predictor.prepare(batch)) for batch in batches])


def weight_bytes(folder: Path) -> int:
    """Return the size on disk of a product's files, its manifest apart."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return sum(path.stat().st_size for path in files)
