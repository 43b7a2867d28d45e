"""What is measured: MiniLM from the catalogue, NumPy work of a known length, and slower copies of both."""

from __future__ import annotations

import mmap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effkit import recipes, resolve
from effkit.bench import host
from effkit.bench.energy import EnergyMeter, NoMeter
from effkit.bench.measure import Bench
from effkit.bench.measurements import Built
from effkit.bench.prepare import prepare
from effkit.catalogue import cache_dir
from effkit.models import Predictor, Recipe, builder
from effkit.models.own import Packed
from effkit.spec import CandidateSpec, Protocol
from effkit.tasks import Task, load

MINILM, REVIEWS = "minilm-l6", "clothing-department"
FIT_ITEMS, TEST_ITEMS = 300, 200
OWN_BYTES = 100_000_000
PRODUCTS, SIDE = 200, 64
"""About one to four milliseconds a request on the cores of 2026."""


class Products:
    """A request is `PRODUCTS` products of two small matrices, and a share more of the very same where it is slower.

    The slow-down is therefore known and a real share of the model's own work: nothing is calibrated. Each array
    begins on a page of its own. NumPy begins them on any multiple of 16 bytes, and where vectors have 64 one copy was
    then up to 13 % slower than another for as long as its process lived: no share would have been known.
    """

    def __init__(self, share: float = 0.0) -> None:
        self.share = share
        self.products = round(PRODUCTS * (1 + share))
        self.left, self.right, self.out = (_on_a_page(SIDE) for _ in range(3))
        self.left[:], self.right[:] = np.random.default_rng(1).random((2, SIDE, SIDE), dtype=np.float32)

    def __reduce__(self) -> tuple[type[Products], tuple[float]]:
        """Have it made where it arrives: an array that is sent begins anywhere."""
        return Products, (self.share,)

    def __call__(self, items: list[Any]) -> list[int]:
        """Do the work once an item."""
        for _ in items:
            for _ in range(self.products):
                np.matmul(self.left, self.right, out=self.out)
        return [0] * len(items)


def _on_a_page(side: int) -> NDArray[np.float32]:
    """Return a square array that begins on a page."""
    size = side * side * np.dtype(np.float32).itemsize
    raw = np.empty(size + mmap.PAGESIZE, np.uint8)
    start = -raw.ctypes.data % mmap.PAGESIZE
    return raw[start : start + size].view(np.float32).reshape(side, side)


class Nothing:
    """A model that does nothing: what is left is what measuring costs."""

    def __call__(self, items: list[Any]) -> list[int]:
        """Answer at once."""
        return [0] * len(items)


class Spun:
    """A model of the catalogue whose every call is followed by a spin of a share of that call's own CPU time.

    A transformer has no part that is 5 % of its work: fewer tokens or layers again are a share that
    depends on the text. The spin is a share of the very call before it, so that the slow-down holds for
    every item and needs no calibration, which a neighbour would disturb. It is CPU time that is spun, so
    that a neighbour takes as much from the spin as from real work. Copies of share 0 run the same code.
    """

    def __init__(self, recipe: Mapping[str, Any], folder: Path, share: float) -> None:
        self._recipe, self._folder, self._share = dict(recipe), folder, share
        self._predictor: Predictor | None = None

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Load the model where this arrives, so that loading is no part of the first call."""
        self.__dict__ |= state
        recipe = Recipe.from_json(self._recipe)
        self._predictor = builder(recipe.builder).load(recipe, self._folder)

    def __call__(self, items: list[Any]) -> NDArray[Any]:
        """Predict, then spin."""
        assert self._predictor is not None, "it is called only where it was sent"
        clock = time.thread_time
        start = clock()
        found = self._predictor.infer(self._predictor.prepare(items))
        end = clock()
        until = end + self._share * (end - start)
        while clock() < until:
            pass
        return found


def share_name(share: float) -> str:
    """How the copy that is slower by a share is called."""
    return f"+{100 * share:g} %"


SECOND = share_name(0.0)
"""The second copy of the reference, as slow as the first."""


@dataclass(frozen=True)
class Case:
    """Candidates that are ready to be measured.

    Attributes:
        built: by name; the reference is compared with itself too.
        reference: the name that others are compared with.
        task: folder of the saved task whose test items are the requests.
    """

    built: Mapping[str, Built]
    reference: str
    task: Path

    @property
    def copies(self) -> dict[str, str]:
        """Labels of what a tool compares, the reference and its second copy first, and the candidate of each."""
        others = {name: name for name in self.built if name != self.reference}
        return {"first": self.reference, SECOND: self.reference, **others}

    @cached_property
    def _requests(self) -> tuple[Task, NDArray[np.int64], NDArray[np.float64]]:
        task = Task.load(self.task)
        test = np.sort(task.first("test", TEST_ITEMS))
        return task, test, np.array([task.request_bytes(test[row : row + 1]) for row in range(len(test))])

    @property
    def test(self) -> NDArray[np.int64]:
        """Items that are requests."""
        return self._requests[1]

    def typical_item(self) -> Any:
        """Return the request of median size."""
        task, test, sizes = self._requests
        return task.items[int(test[np.argsort(sizes, kind="stable")[len(sizes) // 2]])]

    def load(self, name: str) -> Predictor:
        """Load a fresh copy of a candidate into this process."""
        built = self.built[name]
        predictor: Predictor = builder(built.recipe.builder).load(built.recipe, built.folder)
        return predictor

    def bench(
        self, protocol: Protocol, seed: int, meter: EnergyMeter, progress: Callable[[float, str], None] | None = None
    ) -> Bench:
        """Return effkit's own way of measuring it."""
        _, test, sizes = self._requests
        return Bench(
            built=dict(self.built), reference=self.reference, protocol=protocol, task=self.task,
            products=host.products_folder(cache_dir()), test=test, sizes=sizes, seed=seed, meter=meter,
            progress=progress or (lambda share, text: None),
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Plain values, for another process."""
        built = {
            name: {"recipe": each.recipe.to_json(), "folder": str(each.folder), "peak_bytes": each.peak_bytes}
            for name, each in self.built.items()
        }
        return {"built": built, "reference": self.reference, "task": str(self.task)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Case:
        """Rebuild what `to_json` gave."""
        built = {
            name: Built(Recipe.from_json(each["recipe"]), Path(each["folder"]), each["peak_bytes"])
            for name, each in values["built"].items()
        }
        return cls(built, values["reference"], Path(values["task"]))


def _minilm() -> Case:
    """MiniLM with a head for the clothing reviews, fetched and made as a study would."""
    task = load(REVIEWS, seed=1)
    folder = task.saved_below(cache_dir() / "loaded")
    recipe = recipes.recipe(
        CandidateSpec(model=MINILM),
        resolve.model(MINILM, {}),
        recipes.Ingredients(task.kind, lambda _: FIT_ITEMS),
        seed=1,
    )
    test = np.sort(task.first("test", TEST_ITEMS))
    made = prepare(recipe, [1], folder, host.products_folder(cache_dir()), test, NoMeter(), counted=[int(test[0])])
    return Case({MINILM: made.built}, MINILM, folder)


def nothing() -> Case:
    """The model that does nothing."""
    return _own({"nothing": Nothing()}, _numbers())


def products(shares: Sequence[float] = ()) -> Case:
    """The NumPy work and its slower copies.

    Args:
        shares: true slow-downs, such as 0.05. A copy as slow as the reference is always there.
    """
    copies = {share_name(share): Products(share) for share in shares}
    return _own({"reference": Products(), **copies}, _numbers())


def minilm(shares: Sequence[float] = ()) -> Case:
    """MiniLM and its slower copies, named by their slow-down; alone it is the catalogue's, as a study measures it."""
    whole = _minilm()
    if not shares:
        return whole
    built = whole.built[whole.reference]
    copies = {"reference": 0.0, **{share_name(share): share for share in shares}}
    functions = {name: Spun(built.recipe.to_json(), built.folder, share) for name, share in copies.items()}
    return _own(functions, Task.load(whole.task), built.peak_bytes)


MODELS: Mapping[str, Callable[..., Case]] = {"products": products, "minilm": minilm}


def _numbers() -> Task:
    rng = np.random.default_rng(1)
    return Task.from_arrays("numbers", rng.random((400, 4)), rng.integers(0, 2, 400))


def _own(functions: Mapping[str, Callable[[list[Any]], Any]], task: Task, peak_bytes: int = OWN_BYTES) -> Case:
    """Write callables where workers read them; the first is the reference."""
    folder = cache_dir() / "benchmarks"
    built = {}
    for name, function in functions.items():
        settings = Packed.of(function).settings(task, folder)
        recipe = Recipe(name, "own", task.kind, fit_items=0, seed=1, settings=settings)
        built[name] = Built(recipe, folder, peak_bytes)
    return Case(built, next(iter(functions)), task.saved_below(cache_dir() / "loaded"))
