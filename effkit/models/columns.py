"""Rows as mappings, encoded as numbers: the input of every tabular model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from effkit.models.base import Recipe
from effkit.spec import SpecError

if TYPE_CHECKING:
    from effkit.tasks.base import Task


class Columns:
    """Numbers as they are, and one column for each value of a text column.

    A missing number is NaN; a missing text, or one that training has not seen, has all its columns 0.
    Plain look-ups, because building a sparse matrix for a single row takes longer than most models here.

    Args:
        numbers: names of the columns that hold numbers or truth values.
        texts: the values of each text column.
    """

    def __init__(self, numbers: Sequence[str], texts: Mapping[str, Sequence[str]]) -> None:
        self.numbers = list(numbers)
        self.texts = {column: list(values) for column, values in texts.items()}
        self.names = self.numbers + [f"{column}={value}" for column, values in self.texts.items() for value in values]
        places = iter(range(len(self.numbers), len(self.names)))
        self._places = {column: {value: next(places) for value in values} for column, values in self.texts.items()}

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> Columns:
        """Learn the columns of training rows.

        Raises:
            SpecError: when a column holds something else than numbers, truth values and texts.
        """
        numbers: dict[str, None] = {}
        texts: dict[str, set[str]] = {}
        for row in rows:
            for column, value in row.items():
                if isinstance(value, str):
                    texts.setdefault(column, set()).add(value)
                elif isinstance(value, Real):
                    numbers[column] = None
                elif value is not None:
                    raise SpecError(
                        f"column `{column}` holds {value!r} ({type(value).__name__}); "
                        "tabular models take numbers, truth values and texts."
                    )
        mixed = sorted(texts.keys() & numbers)
        if mixed:
            raise SpecError(f"column `{mixed[0]}` holds both numbers and texts; make it one of them.")
        return cls(list(numbers), {column: sorted(values) for column, values in texts.items()})

    def encode(self, rows: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
        """Return the (n, len(names)) numbers of rows."""
        encoded = np.zeros((len(rows), len(self.names)))
        if self.numbers:
            values = [[row.get(column) for column in self.numbers] for row in rows]
            encoded[:, : len(self.numbers)] = np.array(values, dtype=np.float64)
        for index, row in enumerate(rows):
            for column, places in self._places.items():
                place = places.get(row.get(column))  # type: ignore[arg-type]
                if place is not None:
                    encoded[index, place] = 1.0
        return encoded

    def to_json(self) -> dict[str, Any]:
        """Plain values from which `Columns(**values)` is the same."""
        return {"numbers": self.numbers, "texts": self.texts}


def mean_and_scale(encoded: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of each column, missing values taken as the mean.

    The deviation of a constant column is given as 1, so that one can divide by it.

    Raises:
        SpecError: when a number is infinite.
    """
    if endless := int(np.isinf(encoded).sum()):
        raise SpecError(
            f"{endless:,} numbers of the training rows are infinite, and columns are scaled by their mean: give no "
            "value there, or leave those rows out."
        )
    known = ~np.isnan(encoded)
    mean = np.where(known, encoded, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    scale = np.where(known, encoded - mean, 0.0).std(axis=0)
    scale[scale == 0] = 1.0
    return mean, scale


@dataclass(frozen=True)
class Lesson:
    """What a teacher says of items.

    Attributes:
        indices: (n,) of the items.
        said: (n, classes) probabilities, or (n,) class indices or values.
        temperature: by which the probabilities were flattened; 1 where they were not.
    """

    indices: NDArray[np.int64]
    said: NDArray[Any]
    temperature: float


@dataclass(frozen=True)
class TrainingData:
    """What a tabular model learns from.

    Attributes:
        columns: of the rows.
        encoded: (n, columns) numbers.
        labels: (n,) class indices or values.
        classes: how many there are; 0 for regression.
        shares: (n, classes) probabilities in place of labels, where a teacher gave them.
        temperature: by which they were flattened.
    """

    columns: Columns
    encoded: NDArray[np.float64]
    labels: NDArray[Any]
    classes: int
    shares: NDArray[np.float64] | None = None
    temperature: float = 1.0


def training_data(
    recipe: Recipe, task: Task, kept: Sequence[str] | None = None, lesson: Lesson | None = None
) -> TrainingData:
    """Return the columns, the encoded rows and the labels that a recipe learns from.

    Args:
        recipe: of the model.
        task: whose `fit` items it learns from.
        kept: the columns that it may look at; all when not given.
        lesson: what a teacher says, in place of labels.

    Raises:
        SpecError: when the rows are no mappings, or hold a single class.
    """
    indices = task.first("fit", recipe.fit_items) if lesson is None else lesson.indices
    rows, labels = task.items.take(indices), task.labels[indices]
    if not isinstance(rows[0], Mapping):
        raise SpecError(
            f"{recipe.model} takes rows of several columns as mappings; an item of {task.name} is "
            f"{type(rows[0]).__name__}."
        )
    if kept is not None:
        rows = [{column: row.get(column) for column in kept} for row in rows]
    columns, classes = Columns.of(rows), len(task.classes)
    encoded = columns.encode(rows)
    if lesson is not None:
        labels = lesson.said.argmax(axis=1) if lesson.said.ndim == 2 else lesson.said
    if recipe.kind == "classification" and len(np.unique(labels)) < 2:
        raise SpecError(
            f"{recipe.model}: its {len(labels)} training items are all `{task.classes[int(labels[0])]}`; "
            "give it more (`fit_items`)."
        )
    if lesson is None or lesson.said.ndim == 1:
        return TrainingData(columns, encoded, labels, classes)
    return TrainingData(columns, encoded, labels, classes, lesson.said, lesson.temperature)
