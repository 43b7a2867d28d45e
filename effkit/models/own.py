"""Your own callable: a function from a batch of items to predictions, taken as it is."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effkit.models.base import RETRIEVED, Facts, Predictor, Recipe, predict_in_batches
from effkit.models.products import Products
from effkit.spec import SpecError
from effkit.tasks.base import Task


def libraries(recipe: Recipe) -> tuple[str, ...]:
    """Name what a fresh worker must import before it can load this model."""
    return ("cloudpickle",)


@dataclass(frozen=True)
class Packed:
    """A callable as it was when it was packed, whatever becomes of it and of what it refers to.

    Attributes:
        name: what errors call it.
        content: as cloudpickle wrote it.
    """

    name: str
    content: bytes = field(repr=False)

    @classmethod
    def of(cls, function: Callable[[list[Any]], Any]) -> Packed:
        """Pack a callable for its way to a worker.

        Args:
            function: a batch of items to predictions: class names, class indices or probabilities;
                values; or rows of the corpus, best first.

        Raises:
            SpecError: when it cannot be.
        """
        import cloudpickle

        name = str(getattr(function, "__name__", type(function).__name__))
        try:
            content: bytes = cloudpickle.dumps(function)
        except Exception as error:  # what a function holds may refuse with any
            raise SpecError(
                f"{name} cannot travel to a worker: {error}. Open what cannot travel at the first call."
            ) from error
        return cls(name, content)

    def settings(self, task: Task, folder: Path) -> dict[str, Any]:
        """Write it where workers can read it and return the settings of its recipe.

        The settings hold the file's hash, and so does the recipe's key. The classes travel along because a
        worker has to tell names from indices.

        Args:
            task: what it is asked to do.
            folder: where the file is written, named by its hash.
        """
        digest = hashlib.sha256(self.content).hexdigest()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{digest[:32]}.cloudpickle"
        path.write_bytes(self.content)
        return {"function": str(path), "sha256": digest, "name": self.name, "classes": list(task.classes)}


class OwnPredictor:
    """Calls a function and checks what it gives.

    Args:
        function: a batch of items to predictions.
        name: what errors call it.
        kind: classification, regression or retrieval.
        classes: names of the classes, in the order of their indices.
    """

    def __init__(self, function: Callable[[list[Any]], Any], name: str, kind: str, classes: Sequence[str]) -> None:
        self._function = function
        self._name = name
        self._kind = kind
        self._classes = list(classes)
        self._index = {label: index for index, label in enumerate(self._classes)}
        # Where classes are called "1", "2", "3", or "1.0", the number 3 is a name and no index.
        self._numbers = _numbers(self._classes)

    def prepare(self, items: list[Any]) -> list[Any]:
        """Return the items: the function prepares them itself."""
        return items

    def infer(self, prepared: list[Any]) -> NDArray[Any]:
        """Call the function.

        Raises:
            SpecError: when it does not give one prediction an item, or gives what this kind of task cannot use.
        """
        given = np.asarray(self._function(prepared))
        count = len(given) if given.ndim else 0
        if count != len(prepared):
            what = "one value" if given.ndim == 0 else f"{count} prediction{'s' * (count != 1)}"
            items = f"{len(prepared)} item{'s' * (len(prepared) != 1)}"
            raise SpecError(f"{self._name} got {items} and gave {what}; it must give one prediction for each item.")
        match self._kind:
            case "classification":
                return self._chosen(given)
            case "regression":
                return self._values(given)
            case _:
                return self._rows(given)

    def _chosen(self, given: NDArray[Any]) -> NDArray[Any]:
        """Class indices, or (n, classes) probabilities."""
        if given.ndim == 2 and np.issubdtype(given.dtype, np.number):
            if given.shape[1] != len(self._classes):
                raise self._refused(given, f"{len(self._classes)} probabilities an item")
            return self._finite(given.astype(np.float64))
        if given.ndim == 1 and given.dtype.kind in "fiub" and self._numbers is not None:
            return self._named(given, self._numbers, [float(value) for value in given])
        whole = given.dtype.kind in "iu" or (given.dtype.kind == "f" and bool(np.all(given == np.floor(given))))
        if given.ndim == 1 and whole:
            given = given.astype(np.int64)
        if given.ndim != 1 or given.dtype.kind == "f":
            raise self._refused(given, "class names, class indices or one probability for each class")
        if given.dtype.kind == "i":
            found = given.tolist()  # of a single answer, which is what is timed, Python finds the range sooner
            if min(found) < 0 or max(found) >= len(self._classes):
                raise self._refused(given, f"class indices from 0 to {len(self._classes) - 1}")
            return given
        return self._named(given, self._index, [str(label) for label in given])

    def _named(self, given: NDArray[Any], known: Mapping[Any, int], labels: Sequence[Any]) -> NDArray[np.int64]:
        try:
            return np.array([known[label] for label in labels], dtype=np.int64)
        except KeyError as error:
            raise self._refused(given, f"classes among {', '.join(self._classes)}, not {error}") from None

    def _values(self, given: NDArray[Any]) -> NDArray[np.float64]:
        if given.size != len(given) or given.dtype.kind not in "fiub":
            raise self._refused(given, "one number an item")
        return self._finite(given.astype(np.float64).ravel())

    def _rows(self, given: NDArray[Any]) -> NDArray[np.int64]:
        if given.ndim != 2 or not given.shape[1] or given.dtype.kind not in "iu":
            raise self._refused(given, f"up to {RETRIEVED} rows of the corpus an item, best first")
        return given[:, :RETRIEVED].astype(np.int64)

    def _finite(self, given: NDArray[np.float64]) -> NDArray[np.float64]:
        if not np.isfinite(given).all():
            raise self._refused(given, "finite numbers; it gave some that are not")
        return given

    def _refused(self, given: NDArray[Any], wanted: str) -> SpecError:
        first = given[0].tolist() if isinstance(given[0], np.ndarray) else given[0]
        return SpecError(f"{self._name} gave {str(first)[:80]!r} for an item; a {self._kind} task takes {wanted}.")


def make(recipe: Recipe, task: Task, products: Products) -> Path:
    """Return the function's folder: there is nothing to make."""
    return Path(recipe.settings["function"]).parent


def load(recipe: Recipe, folder: Path) -> Predictor:
    """Read the function that `Packed.settings` wrote.

    Raises:
        ValueError: when the file is not the one that was written.
    """
    import cloudpickle

    settings = recipe.settings
    path = folder / Path(settings["function"]).name
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != settings["sha256"]:
        raise ValueError(f"{path} is not the function that was written there; add it to the study anew.")
    return OwnPredictor(cloudpickle.loads(content), settings["name"], recipe.kind, settings["classes"])


def facts(predictor: OwnPredictor, item: Any, folder: Path) -> Facts:
    """Nothing can be counted on somebody's function."""
    return Facts()


def predict(recipe: Recipe, folder: Path, task: Task, indices: NDArray[np.int64], products: Products) -> NDArray[Any]:
    """Return the predictions for items of a task."""
    return predict_in_batches(load(recipe, folder), task.items, indices)


def _numbers(classes: Sequence[str]) -> dict[float, int] | None:
    """The classes' indices by their numbers; None where one of them is called by no number."""
    try:
        found = {float(label): index for index, label in enumerate(classes)}
    except ValueError:
        return None
    return found if 0 < len(found) == len(classes) and all(map(math.isfinite, found)) else None
