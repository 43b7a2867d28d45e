"""Tabular models exported and served by ONNX Runtime: made once, checked against the original, read back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effkit.models import networks, onnx_graphs
from effkit.models.base import Facts, Predictor, Recipe
from effkit.models.columns import Columns
from effkit.models.products import Products
from effkit.models.tabular_graphs import INPUT, OUTPUT
from effkit.tasks.base import Task

GRAPH, COLUMNS, FACTS = "model.onnx", "columns.json", "facts.json"
EXPORT = "export"
"""The step of a recipe that asks for a graph."""
LIBRARIES = ("onnxruntime",)
CHECKED = 256
RELATIVE, OF_LARGEST = 1e-5, 1e-6
"""How far an answer of a graph may be from the original's, as a share of it and of the largest answer.

32-bit networks need both, for values near 0 are told no better than the largest; all else is far below.
"""


class Graph:
    """Encoded rows to probabilities or values, by ONNX Runtime.

    Args:
        folder: that `make` wrote.
    """

    def __init__(self, folder: Path) -> None:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        self.parameters, self.tensor_bytes, self.flops = facts["parameters"], facts["tensor_bytes"], facts["flops"]
        self._session = onnx_graphs.onnx_session(folder / GRAPH)

    def __call__(self, encoded: NDArray[np.float64]) -> NDArray[Any]:
        answers: NDArray[Any] = self._session.run([OUTPUT], {INPUT: encoded})[0]
        return answers


@dataclass(frozen=True)
class Original:
    """A model as it was trained, to be exported.

    Attributes:
        predictor: its answers are what the graph must give.
        columns: of its rows.
        facts: counted on it: the graph has the same numbers and leaves.
        write: writes it as a graph to a path.
    """

    predictor: Predictor
    columns: Columns
    facts: Facts
    write: Callable[[Path], None]


def served(recipe: Recipe) -> bool:
    """Whether ONNX Runtime serves it, so that a worker needs none of the libraries that trained it."""
    return any(step["step"] == EXPORT for step in recipe.settings.get("steps", ()))


def trained(recipe: Recipe) -> Recipe:
    """Return the recipe of the model that a graph is exported from."""
    return replace(recipe, settings={key: value for key, value in recipe.settings.items() if key != "steps"})


def make(recipe: Recipe, task: Task, products: Products, original: Callable[[], Original]) -> Path:
    """Export a trained model, as a step of its own, and return the product's folder.

    Args:
        recipe: of the candidate.
        task: on some of whose `fit` items the graph must answer as the model does.
        products: where it is kept.
        original: loads the model.
    """
    sample = task.items.take(task.first("fit", CHECKED))
    key = recipe.key(task.sha256, "graph", *networks.device_key())
    return products.make(key, "export to ONNX", 0, lambda folder: _export(original(), sample, folder))


def write_columns(columns: Columns, folder: Path) -> None:
    """Write the columns of a model into its folder."""
    (folder / COLUMNS).write_text(json.dumps(columns.to_json()), encoding="utf-8")


def columns(folder: Path) -> Columns:
    """Read the columns that `write_columns` wrote."""
    return Columns(**json.loads((folder / COLUMNS).read_text(encoding="utf-8")))


def _export(original: Original, sample: Sequence[Any], folder: Path) -> None:
    """Write a graph, its columns and what is counted on it; raise where its answers are not the original's."""
    original.write(folder / GRAPH)
    write_columns(original.columns, folder)
    (folder / FACTS).write_text(json.dumps(asdict(original.facts)), encoding="utf-8")
    predictor = original.predictor
    wanted = predictor.infer(predictor.prepare(list(sample)))
    given = Graph(folder)(original.columns.encode(sample))
    if not np.allclose(given, wanted, rtol=RELATIVE, atol=OF_LARGEST * float(np.abs(wanted).max())):
        worst = float(np.abs(given - wanted).max())
        raise ValueError(f"the exported graph differs from the model by up to {worst:.2g}; leave `onnx` out.")
