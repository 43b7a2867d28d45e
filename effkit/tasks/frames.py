"""From a table, or from items and their labels, to the parts of a task; what cannot be one is refused in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from effkit.spec import SpecError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

LABEL = "label"
"""The column in which labels are put that come beside their items."""
MISSING = "missing"
"""The group of rows that have no value in a group's column."""
OF_ONE_COLUMN = ("text", "vision")


def feature_columns(
    name: str,
    frame: pd.DataFrame,
    *,
    target: str,
    features: Sequence[str],
    groups: Sequence[str],
    cluster: str | None,
    modality: str,
) -> list[str]:
    """Return the columns that a request holds.

    Args:
        name: of the task, for errors.
        frame: one row an item.
        target: the column to predict.
        features: the columns, where they are named; else all but the target and the cluster.
        groups: columns by which quality is also shown.
        cluster: the column that marks dependent items.
        modality: which catalogue models may be used.

    Raises:
        SpecError: when a column is missing, stands there twice or tells the answer, when values are missing that every
            row needs, or when an item of text or a picture would be several columns.
    """
    wanted = [target, *features, *groups, *([cluster] if cluster else [])]
    missing = [str(column) for column in wanted if column not in frame.columns]
    if missing:
        known = ", ".join(map(str, frame.columns))
        raise SpecError(f"{name}: no column {', '.join(missing)}; the table has {known}.")
    if target in features:
        raise SpecError(f"{name}: `{target}` is what is to be predicted, and no part of a request: leave it out.")
    columns = list(features) or [each for each in frame.columns if each not in (target, cluster)]
    several = set(frame.columns[frame.columns.duplicated()]) & {*wanted, *columns}
    if several:
        raise SpecError(f"{name}: the table has several columns called {', '.join(map(str, several))}: rename them.")
    _refuse_missing(name, frame, target, "leave them out first.")
    if cluster:
        alone = "leave them out first, or, if they are independent, give each a value of its own."
        _refuse_missing(name, frame, cluster, alone)
    if len(columns) == 1:
        _refuse_missing(name, frame, columns[0], "which is all that an item holds; leave them out first.", ",")
    elif modality in OF_ONE_COLUMN:
        raise SpecError(
            f"{name}: an item of {modality} is one column, and {', '.join(map(str, columns))} are {len(columns)}: name "
            "one in `features`, or give another `modality`."
        )
    return columns


def _refuse_missing(name: str, frame: pd.DataFrame, column: str, fix: str, before: str = ";") -> None:
    without = int(frame[column].isna().sum())
    if without:
        raise SpecError(f"{name}: {without} of {len(frame)} rows have no `{column}`{before} {fix}")


def targets(name: str, values: pd.Series[Any], kind: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return the labels, and the names of the classes where there are classes.

    Args:
        name: of the task, for errors.
        values: of the target, none of them missing.
        kind: classification or regression.

    Raises:
        SpecError: when it is another kind, when a regression's target is no finite number, or when classes are called
            by values that have no order.
    """
    if kind == "regression":
        return _numbers(name, values), ()
    if kind != "classification":
        raise SpecError(f"{name}: a table makes a task of `classification` or of `regression`, not of `{kind}`.")
    try:
        ordered = sorted(values.unique())
    except TypeError:
        kinds = sorted({type(each).__name__ for each in values})
        raise SpecError(
            f"{name}: `{values.name}` holds values of several kinds ({', '.join(kinds)}); make them one, as with "
            f'`table["{values.name}"].astype(str)`.'
        ) from None
    classes = tuple(str(each) for each in ordered)
    places = {value: index for index, value in enumerate(ordered)}  # pandas writes dates, bytes and floats otherwise
    return np.array([places[each] for each in values], dtype=np.int64), classes


def _numbers(name: str, values: pd.Series[Any]) -> NDArray[np.float64]:
    try:
        numbers: NDArray[np.float64] = values.to_numpy(np.float64)
    except (TypeError, ValueError):
        strange = next((each for each in values if not isinstance(each, Real)), values.dtype)
        raise SpecError(
            f"{name}: a regression predicts numbers, and `{values.name}` holds {strange!r}: make them numbers first."
        ) from None
    endless = int((~np.isfinite(numbers)).sum())
    if endless:
        raise SpecError(
            f"{name}: {endless} of {len(numbers)} rows have no finite `{values.name}`; leave them out first."
        )
    return numbers


def tested(name: str, test: NDArray[Any] | float, count: int) -> tuple[NDArray[np.bool_] | None, float]:
    """Return the mask of the rows to test on, or None and the share of rows to draw.

    Args:
        name: of the task, for errors.
        test: what was asked for.
        count: of rows.

    Raises:
        SpecError: when it is neither a share nor a truth value for each row.
    """
    allowed = "give the share of rows to test on, above 0 and up to 1, or a mask with a truth value for each row"
    if isinstance(test, (int, float)) and not isinstance(test, bool):
        if not 0 < test <= 1:
            raise SpecError(f"{name}: `test` is {test:g}: {allowed}.")
        return None, float(test)
    given = np.atleast_1d(np.asarray(test))
    if given.shape != (count,):
        shape = " by ".join(map(str, given.shape))
        raise SpecError(f"{name}: `test` has {shape} values for {count} rows: {allowed}.")
    strange = [
        each for each in given.tolist() if not (isinstance(each, (bool, int, float, np.generic)) and each in (0, 1))
    ]
    if strange:
        raise SpecError(f"{name}: `test` holds {strange[0]!r}: {allowed}.")
    mask = given.astype(bool)
    if not mask.any():
        raise SpecError(f"{name}: `test` names no row to test on: {allowed}.")
    return mask, 0.0


def arrow(name: str, frame: pd.DataFrame) -> pa.Table:
    """Return columns as workers read them.

    Raises:
        SpecError: when the values of a column are of several kinds, or of one that no file holds.
    """
    import pyarrow as pa

    try:
        made = pa.Table.from_pandas(frame, preserve_index=False)
    except pa.ArrowException as error:
        said = "; ".join(str(each).rstrip(".") for each in error.args)
        raise SpecError(
            f"{name}: a column cannot be kept ({said}). It holds numbers, truth values, moments, texts or bytes, and "
            "one kind of them alone; a picture is the bytes of its file."
        ) from None
    return made.replace_schema_metadata(None)


def group_names(values: pd.Series[Any]) -> NDArray[Any]:
    """Return the name of each row's group; rows without a value are a group too."""
    return values.astype(str).fillna(MISSING).to_numpy(object)


def frame_of(
    name: str, items: Sequence[Any] | NDArray[Any], labels: Sequence[Any] | NDArray[Any], modality: str | None
) -> tuple[pd.DataFrame, str]:
    """Return items and labels as a table, the labels in its column `LABEL`, and the modality.

    Args:
        name: of the task, for errors.
        items: texts, bytes of images, mappings, or an (n, d) array.
        labels: one label an item.
        modality: as it was said; None goes by what the first item is.

    Raises:
        SpecError: when there are more or fewer labels than items, when the items are a table already or have something
            else by the labels' name, or when nobody can tell what an item is.
    """
    import pandas as pd

    if isinstance(items, pd.DataFrame):
        raise SpecError(f"{name}: a table goes to `Task.from_frame`, with the labels in one of its columns.")
    if isinstance(items, np.ndarray) and items.ndim == 2:
        frame = pd.DataFrame(items, columns=[f"x{column}" for column in range(items.shape[1])])
    elif (each := list(items)) and isinstance(each[0], Mapping):
        frame = pd.DataFrame(each)
    else:
        modality = modality or _of_one_column(name, each)
        frame = pd.DataFrame({"item": each})
    wanted = list(labels)
    if len(wanted) != len(frame):
        raise SpecError(f"{name}: {len(frame)} items but {len(wanted)} labels.")
    if LABEL in frame.columns:
        raise SpecError(f"{name}: the items have a `{LABEL}` of their own: rename it, or take `Task.from_frame`.")
    return frame.assign(**{LABEL: wanted}), modality or "tabular"


def _of_one_column(name: str, items: Sequence[Any]) -> str:
    """Return the modality of items that are texts or bytes."""
    first = items[0] if items else None
    if isinstance(first, str):
        return "text"
    if isinstance(first, (bytes, bytearray)):
        return "vision"
    raise SpecError(
        f"{name}: an item is a text, the bytes of an image or a mapping, and {type(first).__name__} is none of these: "
        'say what it is, as in `modality="audio"`.'
    )
