"""One candidate's share of a plan: what it downloads, and how long making and measuring it take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from effkit import catalogue, resolve
from effkit.bench.host import slower_than_nominal
from effkit.bench.latency import RE_WARM_ITEMS, RE_WARM_S, WARM_UP_ITEMS
from effkit.bench.schedule import calls_per_visit
from effkit.bench.sequence import FEWEST_QUERIES
from effkit.record import CandidateRecord
from effkit.spec import CandidateSpec, ItemCount, ItemsSpec, LoadSpec, StudySpec
from effkit.techniques import embeddings, exits_of, models_of, start_s, teacher_of

if TYPE_CHECKING:
    from effkit.tasks import Task

REOPEN_S = 4.0
"""A prepared candidate is opened once more, and its products are found: start of a worker, imports, hashing."""
VISIT_OVERHEAD_S = 0.1
"""Waiting for the others to fall still, and two requests over the pipe."""
START_OVERHEAD_S = 0.6
SEQUENCE_OVERHEAD_S = 1.0
"""Start of the load generator, and reading what it saw."""
PASSED_ON = 0.4
"""Share of the items that a stage of a cascade passes on, before anything is known of it."""
HELD_OUT = 1000
"""Items of `calibrate` and of `select` by which a cascade is set up, where their number is not known yet."""


@dataclass(frozen=True)
class Row:
    """One candidate's share of the plan."""

    candidate: str
    download_bytes: int
    prepare_s: float
    measure_s: float
    under_load_s: float
    """The same if it is put under load."""
    timed: bool
    """What measuring takes comes from an earlier run on this host, not from the catalogue."""
    kept: bool
    """An earlier run has made it: it is only opened again."""

    @property
    def known(self) -> bool:
        """Whether nothing is taken from the catalogue."""
        return self.timed and self.kept


def measuring_s(spec: StudySpec, *, call_s: float, load_s: float, copies: int) -> float:
    """Time that the schedule gives one candidate, in all its generations.

    Args:
        spec: the study.
        call_s: one item at batch 1.
        load_s: from the start of a worker to its first answer.
        copies: 2 for the reference, 1 otherwise.
    """
    protocol = spec.protocol
    fast = call_s < 0.005
    warm_up = max(
        protocol.warm_up_fast_s if fast else protocol.warm_up_s,
        min(protocol.warm_up_most_calls / 2, 4 * WARM_UP_ITEMS) * call_s,
    )
    whole_passes = -(-calls_per_visit(protocol, copies) // protocol.block_items) * protocol.block_items
    visit = (
        min(min(RE_WARM_ITEMS, protocol.block_items) * call_s, RE_WARM_S + call_s)
        + max(whole_passes * call_s, protocol.visit_s)
        + VISIT_OVERHEAD_S
    )
    batch = protocol.batch * call_s + max(protocol.batch * call_s, protocol.throughput_s)
    generation = START_OVERHEAD_S + load_s + warm_up + protocol.blocks * visit + batch
    return copies * protocol.generations * generation


def under_load_s(load: LoadSpec, call_s: float) -> float:
    """Time of one candidate under load: a saturated queue and every rate, each sequence cut as the load test cuts it.

    Args:
        load: what is asked.
        call_s: one item at batch 1.
    """
    between_s = [call_s / share for share in (1.0, *load.shares)]
    sequences = [max(FEWEST_QUERIES * each, min(load.queries * each, load.most_s)) for each in between_s]
    return load.seeds * sum(each + SEQUENCE_OVERHEAD_S for each in sequences)


@dataclass(frozen=True)
class Planned:
    """What is to be planned.

    Attributes:
        spec: the study.
        own: the user's own models.
        items: to fit and to test.
        task: the user's own task, if it is not one of the catalogue's.
    """

    spec: StudySpec
    own: Mapping[str, resolve.Own]
    items: ItemsSpec
    task: Task | None


def row_of(
    candidate: CandidateSpec, asked: Planned, *, before: CandidateRecord | None, kept: bool, copies: int = 1
) -> Row:
    """Return a candidate's share of the plan.

    Args:
        candidate: as the study names it.
        asked: the study it belongs to.
        before: what an earlier run on a host like this one found of it, if any.
        kept: whether an earlier run has made it of the same split.
        copies: 2 for the reference, 1 otherwise.
    """
    new = {*models_of(candidate)} - {name for each in _before(candidate, asked.spec) for name in models_of(each)}
    download = sum(catalogue.download_bytes(name) for name in new & catalogue.models().keys())
    seen = _seen(before)
    expected = seen if seen is not None and kept else _expected(candidate, asked, new)
    times = seen or expected
    return Row(
        candidate.name,
        download,
        REOPEN_S + (times.open_s if kept else expected.made_s),
        measuring_s(asked.spec, call_s=times.call_s, load_s=times.start_s, copies=copies),
        under_load_s=0.0 if asked.spec.load is None else under_load_s(asked.spec.load, times.call_s),
        timed=seen is not None,
        kept=kept,
    )


@dataclass(frozen=True)
class _Times:
    """Seconds of one candidate on this host.

    Attributes:
        made_s: of making it and predicting with it.
        call_s: of one item at batch 1.
        open_s: of loading it and its first answer.
        start_s: from the start of a worker to its first answer.
    """

    made_s: float
    call_s: float
    open_s: float
    start_s: float


def _seen(before: CandidateRecord | None) -> _Times | None:
    """Times of an earlier run, which need not be made again."""
    if before is None or before.latency is None or before.cold_start is None:
        return None
    start = before.cold_start
    open_s = start.load_s.value + start.first_call_s.value  # what is compiled is compiled in the first call
    return _Times(0.0, before.latency.mean_s.value, open_s, start.import_s.value + open_s)


def _expected(candidate: CandidateSpec, asked: Planned, new: set[str]) -> _Times:
    """Nominal costs at this host's speed."""
    slower = slower_than_nominal()
    parts = [_nominal(part, asked, new) for part in candidate.parts]
    # What is a candidate itself is made in its own row.
    names = {each.name for each in asked.spec.candidates if not each.cascade} - {candidate.name}
    made = sum(nominal.made_s for part, nominal in zip(candidate.parts, parts, strict=True) if part.name not in names)
    if candidate.cascade:
        made += 2 * _held_out(asked.spec, asked.task) * sum(nominal.item_s for nominal in parts)
    call_s = sum(nominal.call_s * PASSED_ON**stage for stage, nominal in enumerate(parts))
    load_s = slower * sum(nominal.load_s for nominal in parts)
    return _Times(made * slower, call_s * slower, load_s, load_s)


@dataclass(frozen=True)
class _Nominal:
    """Seconds of one model on the machine that the catalogue's costs were taken on."""

    made_s: float
    call_s: float
    load_s: float
    item_s: float
    """Of embedding one item."""


def _nominal(candidate: CandidateSpec, asked: Planned, new: set[str]) -> _Nominal:
    spec, items, task = asked.spec, asked.items, asked.task
    found = resolve.model(candidate.model, asked.own)
    cost = found.entry.cost if found.entry is not None else catalogue.Cost(load_s=1.0, call_s=0.001)
    pixels = _pixels_share(candidate, found)
    fit = count(candidate.fit_items or items.fit, "fit", spec, task) or 10_000
    test = count(items.test, "test", spec, task) or 3_000
    seeds = len(resolve.seeds(found, spec))
    learnt, taught = embeddings(_own_part(candidate, spec))
    if exits_of(candidate.chain):  # run up to its exits for the fit and test items once more, and for those held out
        learnt += fit + test + 2 * _held_out(spec, task)
    made = fit * cost.fit_s_per_item * seeds + (fit + test + learnt) * cost.embed_s_per_item * pixels
    if (teacher := teacher_of(candidate.chain)) in new and teacher is not None:
        made += taught * catalogue.models()[teacher].cost.embed_s_per_item
    first_s, later_s = start_s(candidate.chain)
    return _Nominal(made + first_s, cost.call_s * pixels, cost.load_s + later_s, cost.embed_s_per_item * pixels)


def _held_out(spec: StudySpec, task: Task | None) -> int:
    """Items of `calibrate`, and as many of `select`, by which a cascade is set up."""
    most = resolve.FEW["test"] if spec.protocol.items == "few" else HELD_OUT
    return min(most, count("all", "calibrate", spec, task) or most)


def _before(candidate: CandidateSpec, spec: StudySpec) -> tuple[CandidateSpec, ...]:
    return spec.candidates[: spec.candidates.index(candidate)] if candidate in spec.candidates else ()


def _own_part(candidate: CandidateSpec, spec: StudySpec) -> tuple[tuple[str, dict[str, Any]], ...]:
    """The end of a chain that no candidate before it has: what they share is made once."""
    known = {part.name for each in _before(candidate, spec) for part in resolve.prefixes(each)}
    shared = sum(part.name in known for part in resolve.prefixes(candidate)[1:])
    return candidate.chain[shared:]


def _pixels_share(candidate: CandidateSpec, found: resolve.Model) -> float:
    """Pixels of an image, as a share of those that the catalogue's cost is for."""
    for technique, parameters in candidate.chain:
        if technique == "resolution" and "resolution" in found.settings:
            return float((parameters["pixels"] / found.settings["resolution"]) ** 2)
    return 1.0


def count(wanted: ItemCount, split: str, spec: StudySpec, task: Task | None) -> int | None:
    """How many items a count means; None where that is known only once the data are here."""
    if task is not None:
        return len(task.first(split, wanted))
    sizes = _sizes(spec)
    if wanted == "all":
        return sizes.get(split)
    return min(wanted, sizes.get(split, wanted))


def known_task(spec: StudySpec, task: Task | None) -> Task | None:
    """Return the study's task where its labels are here: one's own, or one that was loaded before on this host."""
    folder = None if task is not None else _loaded(spec)
    return task if folder is None else _opened(folder)


def _sizes(spec: StudySpec) -> dict[str, int]:
    """Split sizes of a task that has been loaded before on this host."""
    folder = _loaded(spec)
    if folder is None:
        return {}
    with np.load(folder / "splits.npz") as splits:
        return {split: len(splits[split]) for split in splits.files}


def _loaded(spec: StudySpec) -> Path | None:
    """Where a task lies that has been loaded before on this host; under another seed its test items may be others.

    An entry of one's own may have been another by the same name: of that nothing is known before it is loaded.
    """
    if spec.task not in catalogue.shipped():
        return None
    for folder in sorted((catalogue.cache_dir() / "loaded").glob(f"{spec.task}-*")):
        if not (folder / "splits.npz").exists():
            continue
        if json.loads((folder / "task.json").read_text(encoding="utf-8"))["name"] == spec.task:
            return folder
    return None


@lru_cache(maxsize=4)
def _opened(folder: Path) -> Task | None:
    """Open a saved task; None where it is not whole. A sweep's points ask for the same one."""
    from effkit.tasks import Task

    try:
        return Task.load(folder)
    except (OSError, ValueError, KeyError):
        return None
