"""What a run would download, how long it would take, and what it could show."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from effkit import catalogue, resolve
from effkit.balance import class_weights
from effkit.bench.host import slower_than_nominal
from effkit.bench.schedule import entries
from effkit.cautions import Caution, of_constant, of_rarest, of_repeated, of_waiting, within_margin
from effkit.evidence import LEVEL
from effkit.plan_earlier import Earlier, seen_before
from effkit.plan_rows import REOPEN_S, Planned, Row, count, known_task, row_of
from effkit.production import MOST_UNDER_LOAD
from effkit.spec import StudySpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from effkit.tasks import Task

USUAL_DISCORDANCE = 0.10
"""Share of items that two fair models judge differently, where nothing better is known."""
IN_CLUSTERS = frozenset({"squad"})
"""Loaders whose items depend on each other whatever their entry says: questions on one paragraph."""
NOTEBOOK_S = 12.0
"""Kernel, imports, figures, files."""


@dataclass(frozen=True)
class Plan:
    """What a run would take, and what it could show.

    Attributes:
        test_items: that the run would take; None where that is known only once the data are here.
        all_test_items: that the task has, likewise.
        compared: candidates that are compared with the reference; the power allows for all of them.
        seeds: with which the models are trained that several are tried of; the power is that of one.
        power: of items that do not depend on each other, as `items_for_power`.
        weighs: how much wider the spread of scores is than that of right or wrong: 1 but for balanced accuracy.
        clustered: whether items depend on each other.
        per_item: how many of them are worth an independent one at worst; None where it is not known before.
        cautions: what the budget warns of, and labels and items where they are here.
    """

    study: str
    protocol: str
    rows: tuple[Row, ...]
    task_download_bytes: int
    idle_s: float
    test_items: int | None
    all_test_items: int | None
    compared: int
    seeds: int
    margin: float | None
    power: float | None
    items_for_power: int | None
    generations: int
    most_generations: int | None = None
    """Where the protocol asks for an interval: the run may go on until this many generations."""
    weighs: float = 1.0
    clustered: bool = False
    per_item: float | None = None
    cautions: tuple[Caution, ...] = ()
    downloads: tuple[str, ...] = ()
    """A line for each task and model that is not here yet."""
    unsized: bool = False
    """Of some of them no entry says how large they are."""

    @property
    def total_s(self) -> float:
        """Predicted wall time, downloads apart, seconds."""
        return NOTEBOOK_S + self.idle_s + sum(row.prepare_s + row.measure_s for row in self.rows) + self.load_s

    @property
    def load_s(self) -> float:
        """Of that the load test, seconds; of the slowest candidates, where not all are put under it."""
        return sum(sorted((row.under_load_s for row in self.rows), reverse=True)[:MOST_UNDER_LOAD])

    @property
    def download_bytes(self) -> int:
        """Bytes that are not in the cache yet."""
        return self.task_download_bytes + sum(row.download_bytes for row in self.rows)

    def sentences(self) -> list[str]:
        """The plan in words."""
        said = [
            f"{self.study} ({self.protocol}): about {duration(self.total_s)}, {self._source()}; "
            f"{to_download(self.download_bytes, unsized=self.unsized)} to download."
        ]
        if self.load_s:
            said.append(f"Of that the load test takes {duration(self.load_s)}.")
        return [*said, *self.outlook(), *(f"To download: {each}" for each in self.downloads)]

    def outlook(self) -> list[str]:
        """What the run could show, and what it could not, in words: points of a sweep mostly have it in common."""
        from effkit.analysis.statistics import FEWEST_GENERATIONS  # here, as it comes with SciPy

        said: list[str] = []
        if self.most_generations is not None:
            said.append(
                f"It goes on until the interval asked for is reached, at most {self.most_generations} generations."
            )
        if self.generations < FEWEST_GENERATIONS:
            of_one = ", and of one every limit on time, throughput or energy stays open"
            said.append(
                f"No speed is claimed from fewer than {FEWEST_GENERATIONS} generations"
                f"{of_one if self.generations == 1 else ''}."
            )
        if self.margin is None:
            said.append("Power: not predicted for an error; it depends on the spread of the errors, known only after.")
        elif self.power is None or self.test_items is None:
            enough = self.items_for_power
            wanted = f"80 % would take about {enough:,} test items" if enough else "it goes by the items of each class"
            said.append(f"Power: not known before the data are loaded; at a margin of {_points(self.margin)} {wanted}.")
        else:
            allowed = f", after allowing for all {self.compared} candidates" if self.compared > 1 else ""
            which = "the items of each class" if self.weighs > 1 else "the items"
            said.append(
                f"Power: with {self.test_items:,} test items and a margin of {_points(self.margin)}, a model "
                f"that is truly as good is shown to be non-inferior with a probability of {self.power:.0%}{allowed} "
                f"(if the two disagree on {_discordance(self.margin):.0%} of {which})."
            )
            if self.items_for_power and self.power < 0.8:
                there = self.all_test_items
                only = "" if there is None or there >= self.items_for_power else f", and the task has {there:,}"
                said.append(f"80 % would take about {self.items_for_power:,} test items{only}.")
            if self.seeds > 1:
                said.append(
                    f"Where either is trained with {self.seeds} seeds, each of them must show it, which is rarer."
                )
        if self.clustered and self.margin is not None:
            known = self.per_item is not None
            most = f"{self.per_item:.1f} times as many" if known else "as many times as a cluster holds items"
            said.append(
                "Power is told for items that do not depend on each other; those of this task come in clusters, so it "
                f"takes more of them: at worst {most}."
            )
        return said + [f"{each.sentence} {each.fix}" for each in self.cautions]

    def _source(self) -> str:
        """Where the times come from."""
        if all(row.known for row in self.rows):
            return "from the last run on this host"
        if any(row.timed or row.kept for row in self.rows):
            return "from earlier runs on this host and, where there are none, nominal costs and its speed"
        return "from nominal costs and this host's speed"

    def __str__(self) -> str:
        width = max(len(row.candidate) for row in self.rows)
        lines = [*self.sentences(), f"  {'candidate':<{width}}  download   prepare   measure"]
        for row in self.rows:
            lines.append(
                f"  {row.candidate:<{width}}  {size(row.download_bytes):>8}  {duration(row.prepare_s):>8}"
                f"  {duration(row.measure_s):>8}"
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:left'>{html.escape(row.candidate)}</td><td>{size(row.download_bytes)}</td>"
            f"<td>{duration(row.prepare_s)}</td><td>{duration(row.measure_s)}</td></tr>"
            for row in self.rows
        )
        head = "<tr><th style='text-align:left'>candidate</th><th>download</th><th>prepare</th><th>measure</th></tr>"
        words = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in self.sentences())
        # JupyterLab would take two $ of names for mathematics.
        return f'<div class="tex2jax_ignore mathjax_ignore">{words}<table>{head}{rows}</table></div>'


def plan(spec: StudySpec, own: Mapping[str, resolve.Own], task: Task | None, results: Path) -> Plan:
    """Predict a run from earlier runs of the same candidates on this host, or from nominal costs.

    Args:
        spec: a checked study.
        own: the user's own models.
        task: the user's own task, if it is not one of the catalogue's.
        results: where earlier runs are looked for.
    """
    asked = Planned(spec, own, resolve.item_counts(spec), task)
    earlier = seen_before(spec, results)
    rows = []
    lines = entries([candidate.name for candidate in spec.candidates], spec.reference)
    for candidate in spec.candidates:
        copies = sum(line.candidate == candidate.name for line in lines)
        before, kept = earlier.timed.get(candidate.name), candidate.name in earlier.kept
        rows.append(row_of(candidate, asked, before=before, kept=kept, copies=copies))
    kind = resolve.task_kind(spec.task, task)
    test = count(asked.items.test, "test", spec, task)
    compared = len(spec.candidates) - 1
    margin = None if spec.margin_points is None else spec.margin_points / 100
    known = known_task(spec, task)
    used = None if known is None else known.first("test", asked.items.test)
    metric = catalogue.tasks()[spec.task].metric if task is None else task.metric
    weighs = _weighs(metric, known, used)
    clustered, per_item = _clusters(spec, task, used)
    power = enough = None
    if margin is not None and weighs is not None:
        from effkit.analysis.sample_size import items_for_power
        from effkit.analysis.sample_size import power as power_of

        # Holm's first step: what the good one has to pass where all others are worse.
        discordance, alpha = _discordance(margin), LEVEL / max(1, compared)
        enough = round(weighs * items_for_power(margin, discordance=discordance, alpha=alpha))
        power = None if test is None else power_of(round(test / weighs), margin, discordance=discordance, alpha=alpha)
    wanted = resolve.needed(spec)
    return Plan(
        study=spec.name,
        protocol=spec.protocol.base,
        rows=tuple(rows),
        task_download_bytes=0 if kind.own else catalogue.download_bytes(spec.task),
        idle_s=spec.protocol.idle_s * spec.protocol.generations + _curve_s(spec, earlier) + _steps_s(asked, earlier),
        test_items=test,
        all_test_items=count("all", "test", spec, task),
        compared=compared,
        seeds=max(len(resolve.seeds(resolve.model_of(each, own), spec)) for each in spec.candidates),
        margin=margin,
        power=power,
        items_for_power=enough,
        generations=spec.protocol.generations,
        most_generations=spec.protocol.most_generations if spec.protocol.interval is not None else None,
        weighs=weighs or 1.0,
        clustered=clustered,
        per_item=per_item,
        cautions=(*of_waiting(spec.budget, spec.load), *_cautions(known, used, margin)),
        downloads=downloads(wanted),
        unsized=any(catalogue.missing_bytes(name) is None for name in wanted),
    )


def downloads(names: Iterable[str]) -> tuple[str, ...]:
    """Say of what is not here yet how large it is, where it comes from and under which licence: a line each.

    Args:
        names: tasks and models of the catalogue.
    """
    return tuple(
        f"{name}: {to_download(missing or 0, unsized=missing is None)} from "
        f"{', else '.join(catalogue.network_sources(name))}; licence: {catalogue.find(name).licence}."
        for name in sorted(names)
        if (missing := catalogue.missing_bytes(name)) != 0
    )


def to_download(known_bytes: int, *, unsized: bool) -> str:
    """Say how much is to be downloaded.

    Args:
        known_bytes: What the entries say.
        unsized: Whether some of them do not say it.
    """
    if not unsized:
        return size(known_bytes)
    return f"{size(known_bytes)} and files of unknown size" if known_bytes else "files of unknown size"


def _weighs(metric: str, task: Task | None, test: NDArray[np.int64] | None) -> float | None:
    """The mean square of what a right answer scores: a few heavy items spread the mean as fewer items would.

    None where it goes by labels that are not here yet.
    """
    from effkit.tasks import METRICS

    if not METRICS[metric].balanced:
        return 1.0
    return None if task is None or test is None else float((class_weights(task.labels[test]) ** 2).mean())


def _clusters(spec: StudySpec, task: Task | None, test: NDArray[np.int64] | None) -> tuple[bool, float | None]:
    """Whether items depend on each other, and how many are at worst worth an independent one, where that is known."""
    if task is None:
        entry = catalogue.tasks()[spec.task]
        return entry.cluster is not None or entry.loader in IN_CLUSTERS, None
    if task.clusters is None or test is None:
        return task.clusters is not None, None
    from effkit.analysis.strata import most_per_item

    return True, most_per_item(task.clusters[test])


def _cautions(task: Task | None, test: NDArray[np.int64] | None, margin: float | None) -> Iterator[Caution]:
    """What could not be told even if the reference made no mistake; of an error the labels alone do not tell.

    Nothing where the labels are not here yet.
    """
    if task is None or test is None:
        return
    from effkit.tasks.labels import constant, rarest

    found = constant(task, test)
    if found is not None and margin is not None and within_margin(1 - found.value, margin):
        scores = f"{task.metric.replace('_', ' ')} is {100 * found.value:.4g} %"
        yield of_constant(found.answer, scores, margin=_points(margin), metric=task.metric)
    yield from of_rarest(rarest(task, test), task.metric)
    yield from of_repeated(task.repeated, len(task.splits["test"]))


def _curve_s(spec: StudySpec, earlier: Earlier) -> float:
    """Preparing the points of learning curves; what they embed is mostly what the candidates embed too."""
    if spec.protocol.items == "few":
        return 0.0
    points = sum(len(curve.fit_items) for curve in spec.learning_curve)
    return points * REOPEN_S * (1.0 if earlier.kept else slower_than_nominal())


def _steps_s(asked: Planned, earlier: Earlier) -> float:
    """Preparing the beginnings of chains that are no candidates: they are predicted and not timed."""
    return sum(
        REOPEN_S if each.name in earlier.kept else row_of(each, asked, before=None, kept=False).prepare_s
        for each in resolve.steps(asked.spec.candidates)
    )


def _discordance(margin: float) -> float:
    """Share of items that two models are taken to judge differently, before anything is known of them."""
    return max(USUAL_DISCORDANCE, 2 * margin)


def duration(seconds: float) -> str:
    """Seconds in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _points(share: float) -> str:
    return f"{100 * share:g} point" + ("" if round(100 * share, 6) == 1 else "s")


def size(size_bytes: int) -> str:
    """Bytes in words."""
    if not size_bytes:
        return "nothing"
    return f"{size_bytes / 1e6:.0f} MB" if size_bytes >= 1e6 else f"{max(1, round(size_bytes / 1e3))} kB"
