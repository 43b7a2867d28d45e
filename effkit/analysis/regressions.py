"""Is a candidate worse in a second run than in a first? The paired gap on the items that both answered.

Unlike the gap to the reference this has no margin: it says what lies between two runs, and not whether that is enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from effkit.analysis.quality import FEWEST_UNITS, paired_gap
from effkit.balance import class_weights
from effkit.evidence import LEVEL
from effkit.record import Record

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["item", "label", "score"]


@dataclass(frozen=True)
class RunGap:
    """How much better one candidate answers in the second run, B, than in the first, A.

    Attributes:
        candidate: its name.
        difference: how much better B is, in the metric's unit: B less A, and of errors A less B.
        low: lower end of the interval, which holds for all candidates together.
        high: upper end.
        n: items that both answered.
        of_errors: whether the metric is an error in the target's unit, and not a share.
    """

    candidate: str
    difference: float
    low: float
    high: float
    n: int
    of_errors: bool

    @property
    def worse(self) -> bool:
        """Whether the whole interval lies below zero."""
        return self.high < 0


def run_gaps(
    first: Record,
    second: Record,
    first_predictions: pd.DataFrame,
    second_predictions: pd.DataFrame,
    names: Sequence[str],
) -> tuple[tuple[RunGap, ...], Mapping[str, str]]:
    """Return each candidate's gap from the first run to the second, and by name why one has none.

    Args:
        first: the one.
        second: the other, of the same task.
        first_predictions: the first's per-item predictions.
        second_predictions: the second's.
        names: candidates that worked in both.
    """
    clustered = first.task.clusters is not None
    rows = {name: _shared(first_predictions, second_predictions, name) for name in names}
    unfit = {name: why for name, each in rows.items() if (why := _unfit(each, clustered))}
    of_errors = first.task.kind == "regression"
    balanced = first.task.metric == "balanced_accuracy"
    gaps = []
    for name in names:
        if name in unfit:
            continue
        found = paired_gap(
            rows[name]["score_b"].to_numpy(np.float64),
            rows[name]["score_a"].to_numpy(np.float64),
            seed=first.spec.seed,
            higher_is_better=not of_errors,
            clusters=rows[name]["cluster"].to_numpy() if clustered else None,
            weights=class_weights(rows[name]["label_b"].to_numpy()) if balanced else None,
            alpha=LEVEL / (len(names) - len(unfit)),
        )
        interval = found.interval
        gaps.append(RunGap(name, interval.estimate, interval.low, interval.high, found.n, of_errors))
    return tuple(gaps), unfit


def _shared(first: pd.DataFrame, second: pd.DataFrame, name: str) -> pd.DataFrame:
    """Both runs' scores item by item, of the training that was measured; `cluster` where one of them tells it."""
    one, other = (_measured(each, name) for each in (first, second))
    rows = one[COLUMNS].merge(other[COLUMNS], on="item", how="outer", suffixes=("_a", "_b"), indicator=True)
    told = next((each for each in (one, other) if "cluster" in each), None)
    return rows if told is None else rows.merge(told[["item", "cluster"]], on="item", how="left")


def _measured(predictions: pd.DataFrame, name: str) -> pd.DataFrame:
    """The answers of the first training seed, which is the one that is timed."""
    mine: pd.DataFrame = predictions[predictions["candidate"] == name]
    first: pd.DataFrame = mine[mine["seed"] == mine["seed"].min()]
    return first


def _unfit(rows: pd.DataFrame, clustered: bool) -> str:
    """Why the items of two runs tell nothing; empty where they do."""
    if not (rows["_merge"] == "both").any():
        return "a run has no predictions of it"
    if (rows["_merge"] != "both").any() or (rows["label_a"] != rows["label_b"]).any():
        return "the test items differ"
    if clustered and "cluster" not in rows:
        return "items depend on each other, and neither run tells which"
    units = rows["cluster"].nunique() if clustered else len(rows)
    return f"fewer than {FEWEST_UNITS} independent test items" if units < FEWEST_UNITS else ""
