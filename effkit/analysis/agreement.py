"""Do two runs of one study agree? Answers item by item, numbers by their intervals.

What is computed from the data alone must be the same to the last bit on the same host and versions. What is
measured is two estimates of one quantity, and the question is whether their difference is more than chance, and
more than the reference differed by from itself in either run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from effkit.analysis.apart import Number, judged, larger_noise
from effkit.analysis.circumstances import Difference, circumstances, differences, same_data, same_host
from effkit.analysis.excuses import excuse
from effkit.analysis.paired import NoiseMetric
from effkit.analysis.readings import GAP, Reading, counted, readings
from effkit.analysis.regressions import RunGap, run_gaps
from effkit.analysis.welch import ALPHA, log_test
from effkit.record import Energy, Record

if TYPE_CHECKING:
    import pandas as pd

TRAINING = ["candidate", "seed"]


class NotComparable(ValueError):
    """The two runs measured different things; the message says what, and what to do."""


@dataclass(frozen=True)
class Exact:
    """One number that is computed or counted, in both runs; `excuse` says why it may differ, if it may."""

    candidate: str
    name: str
    first: float
    second: float
    excuse: str

    @property
    def due(self) -> bool:
        """Whether it must be the same."""
        return not self.excuse

    @property
    def same(self) -> bool:
        """Whether it is, to the last bit."""
        return self.first == self.second


@dataclass(frozen=True)
class Items:
    """One candidate's answers with one training seed, item by item.

    Attributes:
        n: items that both answered.
        differing: numbers of the items whose answer or score differs.
        confidences: how many confidences differ, answers that differ included.
        furthest: the largest difference of two confidences; 0.0 where none differs.
        excuse: why some may differ; empty where all must be the same.
    """

    candidate: str
    seed: int
    n: int
    differing: tuple[int, ...]
    confidences: int
    furthest: float
    excuse: str

    @property
    def due(self) -> bool:
        """Whether all must be the same."""
        return not self.excuse


@dataclass(frozen=True)
class Refused:
    """What was not compared, and why."""

    candidate: str
    what: str
    reason: str


@dataclass(frozen=True)
class Agreement:
    """In what two runs agree and in what they do not."""

    differences: tuple[Difference, ...]
    items: tuple[Items, ...]
    exact: tuple[Exact, ...]
    numbers: tuple[Number, ...]
    gaps: tuple[RunGap, ...]
    refused: tuple[Refused, ...]

    @property
    def tested(self) -> tuple[Number, ...]:
        """The numbers that have intervals in both runs, and that neither run calls unstable."""
        return tuple(each for each in self.numbers if each.test is not None and each.verdict != "unstable")

    @property
    def unstable(self) -> tuple[NoiseMetric, ...]:
        """What the reference differs from itself in, in one of the runs, so that no such number is judged."""
        metrics = (each.first.noise for each in self.numbers if each.verdict == "unstable")
        return tuple(dict.fromkeys(each for each in metrics if each is not None))

    @property
    def by_chance(self) -> float:
        """How many of them chance within the runs alone would put apart at the 5 % level; a slow hour is not in it."""
        return ALPHA * len(self.tested)

    @property
    def worse(self) -> tuple[RunGap, ...]:
        """The candidates whose answers are worse in the second run, by more than chance."""
        return tuple(each for each in self.gaps if each.worse)

    @property
    def latencies(self) -> tuple[Number, ...]:
        """Those of the tested numbers that are times of a request; a ratio to the reference is none."""
        return tuple(each for each in self.tested if each.first.latency)

    @property
    def slower(self) -> tuple[Number, ...]:
        """The latencies that are longer in the second run, by more than chance over all numbers and than noise."""
        differing = [each for each in self.latencies if each.verdict == "differs"]
        return tuple(each for each in differing if each.second.estimate.value > each.first.estimate.value)

    @property
    def broken(self) -> bool:
        """Whether something differs that must be the same."""
        return any(each.due and each.differing for each in self.items) or any(
            each.due and not each.same for each in self.exact
        )


def compare(
    first: Record,
    second: Record,
    first_predictions: pd.DataFrame | None = None,
    second_predictions: pd.DataFrame | None = None,
) -> Agreement:
    """Compare two runs.

    Args:
        first: the one.
        second: the other; ratios are its values over the first's.
        first_predictions: the first's per-item predictions (`predictions.parquet`); None where they are gone.
        second_predictions: the second's.

    Raises:
        NotComparable: other task, data, metric or test items.
    """
    _check_same_question(first, second)
    found = differences(circumstances(first), circumstances(second))
    names = [each.name for each in first.candidates if each.name in {other.name for other in second.candidates}]
    if not names:
        raise NotComparable("The two runs have no candidate in common.")
    excuses = {name: excuse(first, second, name, found) for name in names}
    refused = list(_missing(first, second, names))
    working = [name for name in names if "failed" not in (first.candidate(name).status, second.candidate(name).status)]
    items: tuple[Items, ...] = ()
    gaps: tuple[RunGap, ...] = ()
    if first_predictions is None or second_predictions is None:
        refused.append(Refused("", "predictions", "a run has no predictions.parquet any more"))
    else:
        items = _compared_items(first_predictions, second_predictions, excuses)
        gaps, unfit = run_gaps(first, second, first_predictions, second_predictions, working)
        refused += [Refused(name, "quality of B less A", why) for name, why in unfit.items()]
    exact = [each for name in working for each in _compared_exactly(first, second, name, excuses)]
    numbers: list[Number] = []
    for name in working:
        refused += _refused_numbers(first, second, name, found)
        numbers += _compared_numbers(first, second, name, found)
    return Agreement(found, items, tuple(exact), judged(numbers), gaps, tuple(refused))


def _check_same_question(first: Record, second: Record) -> None:
    data = [each.task.sha256 for each in (first, second)]
    for what, one, other in (
        ("tasks", first.task.name, second.task.name),
        ("metrics", first.task.metric, second.task.metric),
        ("data or splits of the task", *(("", "") if same_data(*data) else (each[:14] for each in data))),
        ("numbers of test items", first.task.test_used, second.task.test_used),
    ):
        if one != other:
            raise NotComparable(
                f"The two runs have different {what}: {one} in A and {other} in B. Numbers of different items say "
                "nothing about each other; compare runs of one task, seed and protocol."
            )


def _missing(first: Record, second: Record, names: Sequence[str]) -> Iterator[Refused]:
    for which, record in (("A", first), ("B", second)):
        for each in record.candidates:
            if each.name not in names:
                yield Refused(each.name, "everything", f"it is in {which} only")
            elif each.status == "failed":
                yield Refused(each.name, "everything", f"it failed in {which}: {each.error}")


def _compared_items(first: pd.DataFrame, second: pd.DataFrame, excuses: Mapping[str, str]) -> tuple[Items, ...]:
    ours, theirs = (each[TRAINING].drop_duplicates() for each in (first, second))
    trainings = ours.merge(theirs, on=TRAINING)
    pairs = [(str(name), int(seed)) for name, seed in trainings.itertuples(index=False) if name in excuses]
    return tuple(_compared_training(first, second, name, seed, excuses[name]) for name, seed in pairs)


def _compared_training(first: pd.DataFrame, second: pd.DataFrame, name: str, seed: int, excuse: str) -> Items:
    ours, theirs = (each[(each["candidate"] == name) & (each["seed"] == seed)] for each in (first, second))
    rows = ours.merge(theirs, on="item", how="outer", suffixes=("_a", "_b"), indicator=True)
    alone = int((rows["_merge"] != "both").sum())
    if alone or (rows["label_a"] != rows["label_b"]).any():
        raise NotComparable(
            f"The two runs have different test items: of {name}'s {len(rows)}, {alone} are in one run only, or labels "
            "differ. Compare runs of one task, seed and protocol."
        )
    differing = (rows["prediction_a"] != rows["prediction_b"]) | ~_equal(rows["score_a"], rows["score_b"])
    apart = (rows["confidence_a"] - rows["confidence_b"]).abs().max()
    return Items(
        candidate=name,
        seed=seed,
        n=len(rows),
        differing=tuple(int(item) for item in rows.loc[differing, "item"]),
        confidences=int((~_equal(rows["confidence_a"], rows["confidence_b"])).sum()),
        furthest=0.0 if np.isnan(apart) else float(apart),
        excuse=excuse,
    )


def _equal(one: pd.Series[float], other: pd.Series[float]) -> pd.Series[bool]:
    return (one == other) | (one.isna() & other.isna())


def _compared_exactly(first: Record, second: Record, name: str, excuses: Mapping[str, str]) -> Iterator[Exact]:
    ours, theirs = counted(first.candidate(name)), counted(second.candidate(name))
    for what in ours:
        if what in theirs and not (what == GAP and _other_reference(first, second)):
            of_reference = excuses.get(first.spec.reference, "") if what == GAP else ""  # whose answers it rests on too
            yield Exact(name, what, ours[what], theirs[what], excuses[name] or of_reference)


def _compared_numbers(first: Record, second: Record, name: str, found: tuple[Difference, ...]) -> Iterator[Number]:
    theirs = {each.name: each for each in readings(second.candidate(name), second.spec)}
    for ours in readings(first.candidate(name), first.spec):
        if ours.name in theirs and not _refusal(ours, first, second, name, found):
            other = theirs[ours.name]
            test = log_test(ours.estimate, ours.freedom, other.estimate, other.freedom)
            threshold = larger_noise(ours, first, second)
            yield Number(name, ours, other, test, threshold, verdict="one worker" if ours.one_worker else "no interval")


def _refused_numbers(first: Record, second: Record, name: str, found: tuple[Difference, ...]) -> Iterator[Refused]:
    ours, theirs = (readings(each.candidate(name), each.spec) for each in (first, second))
    if all(GAP in counted(each.candidate(name)) for each in (first, second)) and _other_reference(first, second):
        yield Refused(name, GAP, _other_reference(first, second))
    for which, one, other in (("B", ours, theirs), ("A", theirs, ours)):
        missing = {each.name for each in one} - {each.name for each in other}
        yield from (Refused(name, each.name, f"{which} has no such number") for each in one if each.name in missing)
    for each in ours:
        reason = _refusal(each, first, second, name, found)
        if reason and each.name in {other.name for other in theirs}:
            yield Refused(name, each.name, reason)


def _refusal(reading: Reading, first: Record, second: Record, name: str, found: tuple[Difference, ...]) -> str:
    """Why one kind of number may not be compared; empty where it may."""
    if reading.to_reference and (reason := _other_reference(first, second)):
        return reason
    for field in ("threads", "device"):
        ours, theirs = getattr(first.spec.protocol, field), getattr(second.spec.protocol, field)
        if reading.unit != "bytes" and ours != theirs:
            return f"`protocol.{field}` differs: {ours} in A and {theirs} in B"
    if reading.energy:
        for each in (name, first.spec.reference) if reading.to_reference else (name,):
            one, other = (record.candidate(each).energy for record in (first, second))
            if one and other and (reason := _another_quantity(one, other)):
                return reason if each == name else f"of the reference, {reason}"
        if not same_host(found):
            return "energy of different hosts"
    return ""


def _another_quantity(one: Energy, other: Energy) -> str:
    """Why two energies are not of one quantity; empty where they are."""
    parts = [", ".join(part.component for part in each.components) for each in (one, other)]
    for what, ours, theirs in (("ranks", one.rank, other.rank), ("parts of the machine", parts[0], parts[1])):
        if ours != theirs:
            return f"energy of different {what}: {ours} in A and {theirs} in B"
    return ""


def _other_reference(first: Record, second: Record) -> str:
    """Why what is relative to the reference may not be compared; empty where it may."""
    one, other = first.spec.reference, second.spec.reference
    return "" if one == other else f"the references differ: {one} in A and {other} in B"
