"""What the labels alone tell: how far one answer to everything gets, and how many items the rarest class has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from effkit.evidence import ClassItems, Constant
from effkit.tasks.base import Task
from effkit.tasks.metrics import METRICS


def constant(task: Task, test: NDArray[np.int64]) -> Constant | None:
    """Return what giving one answer to every test item scores: the usual class of what is learnt from, or the median.

    Args:
        task: whose labels are known.
        test: items that are tested on.

    Returns:
        None for retrieval, which has no usual answer. Where a task has nothing to fit, the answer is that of its test.
    """
    if task.kind == "retrieval" or not len(test):
        return None
    fit = task.splits["fit"]
    learnt = task.labels[fit if len(fit) else test]
    usual: float
    if task.kind == "classification":
        usual = int(np.bincount(learnt).argmax())
        said = _name(task, int(usual))
    else:
        usual = float(np.median(learnt))
        said = f"{usual:.4g}"
    scores = METRICS[task.metric].score(np.full(len(test), usual), task.labels[test])
    return Constant(answer=said, value=float(scores.mean()))


def rarest(task: Task, test: NDArray[np.int64]) -> ClassItems | None:
    """Return the class with the fewest test items, none at all included; None where there are no classes.

    Where items come in clusters it is the class in the fewest of these: items of one are not independent.

    Args:
        task: whose labels are known.
        test: items that are tested on.
    """
    if task.kind != "classification" or not len(test):
        return None
    counts = np.bincount(task.labels[test], minlength=len(task.classes))
    if task.clusters is None:
        fewest = int(counts.argmin())
        return ClassItems(name=_name(task, fewest), n=int(counts[fewest]))
    pairs = np.unique(np.column_stack([task.labels[test], task.clusters[test]]), axis=0)
    clusters = np.bincount(pairs[:, 0], minlength=len(counts))
    fewest = min(range(len(counts)), key=lambda each: (clusters[each], counts[each]))
    return ClassItems(name=_name(task, fewest), n=int(counts[fewest]), clusters=int(clusters[fewest]))


def _name(task: Task, label: int) -> str:
    return task.classes[label] if task.classes else str(label)
