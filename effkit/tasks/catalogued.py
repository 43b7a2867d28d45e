"""From a name in the catalogue to a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from effkit.spec import unknown_name
from effkit.tasks import retrieval, tabular, text, vision
from effkit.tasks.base import Task

if TYPE_CHECKING:
    from effkit.catalogue.entries import TaskEntry

LOADERS: dict[str, Callable[..., Task]] = {
    "adult": tabular.adult,
    "california": tabular.california,
    "clothing": text.clothing,
    "cifar10": vision.cifar10,
    "squad": retrieval.squad,
}
"""What reads the fetched folder of a task, by the `loader` of its entry; `bundled` sets need no folder."""


def load(name: str, *, seed: int) -> Task:
    """Return a task of the catalogue, fetching its files where they are not cached yet.

    Args:
        name: as `effkit.catalogue.tasks()` lists it.
        seed: of the splits.

    Raises:
        SpecError: for an unknown task, naming the nearest.
        FetchError: when no source gives the files.
    """
    from effkit import catalogue  # here: a worker, which imports this package too, needs none

    entries = catalogue.tasks()
    if name not in entries:
        raise unknown_name("task", name, entries)
    entry = entries[name]
    if entry.loader == "bundled":
        return _bundled(name, entry, seed)
    return LOADERS[entry.loader](name, entry, catalogue.fetch(name), seed)


def _bundled(name: str, entry: TaskEntry, seed: int) -> Task:
    from sklearn import datasets

    function = next(source.loader for source in entry.sources if source.kind == "bundled")
    if entry.modality == "vision":
        return vision.bundled_images(name, entry, getattr(datasets, function)(), seed)
    return tabular.bundled_table(name, entry, getattr(datasets, function)(as_frame=True), seed)
