"""What is known to be wanting before anything runs: of labels and items, and of what the budget asks.

That one answer to everything keeps within the margin, rare classes, copies, a limit that nothing measures. The plan
says so; of labels and items the report and `effkit check` do too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from effkit.evidence import ClassItems
from effkit.production import Budget, LoadSpec

FEWEST_OF_A_CLASS = 30
"""Test items of a class, or clusters of them, below which balanced accuracy rests on too few. Of a group no
number is shown below so many items either."""
MOST_REPEATED = 0.005
"""Share of test items that repeat an item to fit, from which on it is told."""
_FIX = (
    "Take a smaller margin, the metric `balanced_accuracy`, or the target as a group (`groups`) with "
    "`budget.group_margin_points`."
)
_OTHER_FIX = "Take a smaller margin, or a reference that has learnt more."


@dataclass(frozen=True)
class Caution:
    """Why a verdict may mean less than it says.

    Attributes:
        sentence: what is the matter.
        fix: what would help.
    """

    sentence: str
    fix: str


def within_margin(gain: float, margin: float) -> bool:
    """Whether one answer to everything keeps within the margin of what gains this on it, both in one unit."""
    return gain <= margin * (1 + 1e-9)


def of_constant(answer: str, scores: str, *, margin: str, metric: str) -> Caution:
    """Warn of one answer to everything that keeps within the margin.

    Args:
        answer: which.
        scores: what it scores, and what else does, in words: "accuracy is 99.5 %".
        margin: in words: "1 point".
        metric: its name.
    """
    return Caution(
        f"If the answer is always “{answer}”, {scores}: a margin of {margin} cannot tell a model from that.",
        _FIX if metric == "accuracy" else _OTHER_FIX,
    )


def of_rarest(found: ClassItems | None, metric: str) -> Iterator[Caution]:
    """Warn of a class whose few test items, or clusters of them, count as much as all of another."""
    if metric != "balanced_accuracy" or found is None:
        return
    if (found.n if found.clusters is None else found.clusters) >= FEWEST_OF_A_CLASS:
        return
    items = f"only {found.n:,} test {'item' if found.n == 1 else 'items'}" if found.n else "no test item"
    if found.n and found.clusters is not None:
        items += f" in {found.clusters} {'cluster' if found.clusters == 1 else 'clusters'}"
    rests = "weighs as much in balanced accuracy as any other" if found.n else "is left out of balanced accuracy"
    yield Caution(f"The class “{found.name}” has {items} and {rests}.", "Test on more items of it, or leave it out.")


def of_repeated(found: int | None, items: int) -> Iterator[Caution]:
    """Warn of test items that can be known by heart.

    Args:
        found: test items that repeat an item to fit; None where that is not known.
        items: all test items.
    """
    if not found or found <= MOST_REPEATED * items:
        return
    yield Caution(
        f"{found:,} of {items:,} test items ({100 * found / items:.1f} %) hold the same as an item to fit: what has "
        "learnt them by heart looks better than it is.",
        "Drop them, or name a column that copies share as the task's `cluster`.",
    )


def of_waiting(budget: Budget, load: LoadSpec | None) -> Iterator[Caution]:
    """Warn of a limit on p99 at a traffic, which only a load test can be shown to keep.

    Args:
        budget: of the study.
        load: its load test, if it asks for one.
    """
    if load is not None or budget.latency_p99_s is None or budget.requests_per_s is None:
        return
    yield Caution(
        f"`budget.latency_p99_s` at {budget.requests_per_s:g} requests a second (`budget.requests_per_s`) can only be "
        "missed or stay open: without a load test nothing tells how long requests wait there for one another.",
        "Give `load`, as params/text-load.yaml does (`--set load.max_batch=1`).",
    )
