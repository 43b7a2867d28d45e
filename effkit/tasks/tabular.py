"""Tabular tasks: a request is a row, as a mapping of column to value."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from effkit.tasks.base import Task

if TYPE_CHECKING:
    from effkit.catalogue.entries import TaskEntry

ADULT_COLUMNS = (
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
    "income",
)


def adult(name: str, entry: TaskEntry, folder: Path, seed: int) -> Task:
    """Load the census income data with its official test set.

    `?` is kept as a category: that a value was not given is known when a request is made. 57 rows repeat
    another one, 26 of them across the official split; they stay, as published, and the record counts those in `fit`.
    """
    import pandas as pd

    train, test = (
        # adult.test opens with a line that is not a row; the blank line at the end is skipped anyway.
        pd.read_csv(folder / file, header=None, names=list(ADULT_COLUMNS), skiprows=skip, skipinitialspace=True)
        for file, skip in (("adult.data", 0), ("adult.test", 1))
    )
    frame = pd.concat([train, test], ignore_index=True)
    frame["income"] = frame["income"].str.strip().str.rstrip(".")
    return Task.from_frame(
        name,
        frame,
        target=entry.target,
        groups=entry.groups,
        test=np.arange(len(frame)) >= len(train),
        seed=seed,
        **_facts(entry),
    )


def california(name: str, entry: TaskEntry, folder: Path, seed: int) -> Task:
    """Load the house values of Californian block groups, in units of 100,000 dollars."""
    import pandas as pd

    frame = pd.read_parquet(folder / entry.files[0].name)
    return Task.from_frame(name, frame, target=entry.target, kind="regression", seed=seed, **_facts(entry))


def bundled_table(name: str, entry: TaskEntry, data: Any, seed: int) -> Task:
    """Make a task of a data set that comes inside scikit-learn, read with `as_frame=True`."""
    labels = data.target
    if entry.kind == "classification":
        labels = labels.map(dict(enumerate(str(each) for each in data.target_names)))
    return Task.from_frame(
        name,
        data.data.assign(**{entry.target: labels}),
        target=entry.target,
        kind="classification" if entry.kind == "classification" else "regression",
        seed=seed,
        **_facts(entry),
    )


def _facts(entry: TaskEntry) -> dict[str, Any]:
    return {"title": entry.title, "metric": entry.metric, "licence": entry.licence}
