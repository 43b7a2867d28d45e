"""From a name in the catalogue to a task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from effkit.spec import SpecError, unknown_name
from effkit.tasks import retrieval, tabular, text, vision
from effkit.tasks.base import Task

if TYPE_CHECKING:
    from effkit.catalogue.entries import TaskEntry


def _table(name: str, entry: TaskEntry, folder: Path, seed: int) -> Task:
    """One file of rows, taken as an entry of one's own says.

    Raises:
        SpecError: when the file is no table, or as `Task.from_frame` does.
    """
    import pandas as pd

    path = folder / entry.files[0].name
    try:
        frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except ValueError as error:  # of pandas and of Arrow: another encoding, broken lines, no Parquet
        raise SpecError(f"{name}: {path.name} is no table that can be read: {error}") from None
    return Task.from_frame(
        name,
        frame,
        target=entry.target,
        kind=entry.kind,
        features=entry.features,
        groups=entry.groups,
        test=entry.test,
        cluster=entry.cluster,
        modality=entry.modality,
        seed=seed,
        title=entry.title,
        metric=entry.metric,
        licence=entry.licence,
    )


LOADERS: dict[str, Callable[..., Task]] = {
    "adult": tabular.adult,
    "california": tabular.california,
    "clothing": text.clothing,
    "cifar10": vision.cifar10,
    "squad": retrieval.squad,
    "table": _table,
}
"""What reads the fetched folder of a task, by the `loader` of its entry; `bundled` sets need no folder."""


def load(name: str, *, seed: int) -> Task:
    """Return a task of the catalogue, its files fetched where they are not cached yet, and verified.

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
