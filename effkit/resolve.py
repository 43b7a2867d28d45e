"""From names in a study to what they stand for; every wrong name is refused here, before anything loads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING, Any

from effkit import catalogue
from effkit.analysis.carbon import check_regions
from effkit.analysis.family import OWN_FAMILIES
from effkit.models.own import Packed
from effkit.production import NO_POINTS
from effkit.spec import CandidateSpec, ItemsSpec, SpecError, StudySpec, unknown_name
from effkit.techniques import check as check_techniques
from effkit.techniques import models_of, teacher_of
from effkit.techniques import words as technique_words

if TYPE_CHECKING:
    from effkit.tasks import Task

BatchFunction = Callable[[list[Any]], Any]
FEW = {"fit": 300, "test": 200}
CASCADE = "cascade"
"""The builder of cascades."""


@dataclass(frozen=True)
class Own:
    """A user's own model: a callable from a batch of items to one prediction each, as it was when it was given.

    Raises:
        SpecError: when it is no callable or cannot travel to a worker, or for an unknown family: said here, before
            anything else is prepared.
    """

    function: InitVar[BatchFunction]
    title: str
    family: str = ""
    packed: Packed = field(init=False)

    def __post_init__(self, function: BatchFunction) -> None:
        if not callable(function):
            raise SpecError(
                f"`{self.title}` is given as {type(function).__name__}, which cannot be called: give a function, as in "
                "`lambda items: model.predict(items)`."
            )
        if self.family and self.family not in OWN_FAMILIES:
            raise unknown_name("family", self.family, OWN_FAMILIES)
        object.__setattr__(self, "packed", Packed.of(function))


@dataclass(frozen=True)
class TaskKind:
    """What must be known of a task before it is loaded."""

    name: str
    title: str
    kind: str
    modality: str
    grouped: bool
    own: bool


@dataclass(frozen=True)
class Model:
    """A candidate's model: an entry of the catalogue, or a user's own."""

    name: str
    title: str
    builder: str
    entry: catalogue.ModelEntry | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    stages: tuple[Model, ...] = ()
    family: str = ""

    @property
    def built_by(self) -> str:
        """What builds it, as records tell it: a user's own with its family, where that is said."""
        return f"{self.builder}.{self.family}" if self.family else self.builder

    @property
    def seeded(self) -> bool:
        """Whether training is cheap and depends on a seed, so that several are tried."""
        return any(stage.seeded for stage in self.stages) or (self.entry is not None and self.entry.seeded)

    @property
    def licence(self) -> str | None:
        """Its licence, or those of a cascade's stages; None where one is not known."""
        if not self.stages:
            return self.entry.licence if self.entry else None
        found = dict.fromkeys(stage.licence for stage in self.stages)
        return None if None in found else "; ".join(filter(None, found))


def task_kind(name: str, own: Task | None) -> TaskKind:
    """Look a task up without loading it.

    Raises:
        SpecError: for an unknown task, naming the nearest.
    """
    if own is not None:
        return TaskKind(own.name, own.title, own.kind, own.modality, grouped=bool(own.groups), own=True)
    known = catalogue.tasks()
    if name not in known:
        raise unknown_name("task", name, known)
    entry = known[name]
    return TaskKind(name, entry.title, entry.kind, entry.modality, grouped=bool(entry.groups), own=False)


def model(name: str, own: Mapping[str, Own]) -> Model:
    """Look a model up.

    Raises:
        SpecError: for an unknown model, naming the nearest.
    """
    if name in own:
        return Model(name, own[name].title, "own", entry=None, family=own[name].family)
    known = catalogue.models()
    if name not in known:
        raise unknown_name("model", name, [*known, *own])
    entry = known[name]
    return Model(name, entry.title, entry.builder, entry, dict(entry.settings))


def model_of(candidate: CandidateSpec, own: Mapping[str, Own]) -> Model:
    """Look up the model of a candidate, or the models of a cascade's stages.

    Raises:
        SpecError: for an unknown model, naming the nearest.
    """
    if not candidate.cascade:
        return model(candidate.model, own)
    stages = tuple(model(stage.model, own) for stage in candidate.cascade)
    return Model(candidate.name, title="", builder=CASCADE, entry=None, stages=stages)


def title(candidate: CandidateSpec, found: Model, labelled: int | None = None) -> str:
    """What sentences call a candidate: "EfficientNet-Lite0 at 128 px", "TF-IDF, then MiniLM-L6".

    Args:
        candidate: as the study names it.
        found: what its model stands for.
        labelled: items that the task has to fit, once it is known: no candidate gets more labels.
    """
    if candidate.cascade:
        stages = ", then ".join(title(*each, labelled) for each in zip(candidate.cascade, found.stages, strict=True))
        return " ".join((stages, *([f"({', '.join(candidate.how)})"] if candidate.how else [])))
    parts = [found.title, technique_words(candidate.chain)]
    if (asked := candidate.fit_items) is not None:
        parts.append(f"with {asked if isinstance(asked, str) else f'{min(asked, labelled or asked):,}'} labels")
    return " ".join(filter(None, parts))


def check(spec: StudySpec, own: Mapping[str, Own], own_task: Task | None) -> None:
    """Check a study against the catalogue: everything that can be known without loading anything.

    Raises:
        SpecError: naming the key, what it got, what it may be and the nearest valid name.
    """
    _check_own(own, own_task)
    task = task_kind(spec.task, own_task)
    margin, other = ("margin_percent", "margin_points")
    if task.kind != "regression":
        margin, other = other, margin
    if getattr(spec, margin) is None:
        raise SpecError(f"`{spec.task}` is a {task.kind} task: its margin is `{margin}`, not `{other}`.")
    if task.kind == "regression" and spec.budget.group_margin_points is not None:
        raise SpecError(NO_POINTS)
    if spec.budget.group_margin_points is not None and not task.grouped:
        raise SpecError(
            f"`budget.group_margin_points` asks of groups, and `{spec.task}` has none: leave it out, or take a task "
            "that names some (`groups`)."
        )
    if spec.load is not None and list(spec.load.shares) != sorted(set(spec.load.shares)):
        raise SpecError(f"`load.shares` is {list(spec.load.shares)}: give each once, the lowest first.")
    if any(candidate.cascade for candidate in spec.candidates) and task.kind != "classification":
        raise SpecError(
            f"A cascade asks how sure a class is, and `{spec.task}` is {task.kind}: "
            "it takes classification tasks alone."
        )
    _check_names(spec.candidates)
    for candidate in [part for each in spec.with_curves for part in each.parts]:
        found = model(candidate.model, own)
        if found.entry is not None:
            _check_fit(found.name, found.entry, task)
        elif candidate.fit_items is not None:
            raise SpecError(
                f"`{candidate.model}` is your own model and learns outside effkit: it takes no `fit_items` and no "
                "learning curve."
            )
        check_techniques(candidate.chain, task.modality, found.builder, found.settings, device=spec.protocol.device)
        _check_teacher(candidate, task)
    check_regions(spec.carbon)


def _check_own(own: Mapping[str, Own], own_task: Task | None) -> None:
    """What is given in Python is called as nothing else is, and is not the same thing twice."""
    for name in (*own, *([] if own_task is None else [own_task.name])):
        if name in catalogue.models() or name in catalogue.tasks():
            raise SpecError(
                f"`{name}` stands in the catalogue, and records of two things would go by one name: give yours another."
            )
    first: dict[bytes, str] = {}
    for name, each in own.items():
        if (other := first.setdefault(each.packed.content, name)) != name:
            raise SpecError(
                f"`{other}` and `{name}` are the same function. One that is made in a loop looks up what it refers to "
                "when it is called: give each its own, as in `lambda items, model=model: model.predict(items)`."
            )


def _check_teacher(candidate: CandidateSpec, task: TaskKind) -> None:
    name = teacher_of(candidate.chain)
    if name is None:
        return
    entry = model(name, {}).entry
    if entry is not None:
        _check_fit(name, entry, task)
    if name == candidate.model:
        raise SpecError(f"`{candidate.name}`: the teacher is the model itself. Name a larger one, or use `heal`.")


def _check_fit(name: str, entry: catalogue.ModelEntry, task: TaskKind) -> None:
    fits = [
        each
        for each, other in catalogue.models().items()
        if other.modality == task.modality and task.kind in other.tasks
    ]
    if entry.modality != task.modality or task.kind not in entry.tasks:
        raise SpecError(
            f"`{name}` is a {entry.modality} model for {', '.join(entry.tasks)}, and `{task.name}` is "
            f"{task.modality} {task.kind}. It may be {', '.join(fits) or 'your own model (study.add)'}."
        )


def _check_names(candidates: Sequence[CandidateSpec]) -> None:
    """A name has the values of parameters and not their keys, so two chains may have one."""
    known: dict[str, CandidateSpec] = {}
    for each in (each for candidate in candidates for part in candidate.parts for each in prefixes(part)):
        other = known.setdefault(each.name, each)
        if other != each:
            raise SpecError(
                f"`{each.name}` would be the name of two chains, {list(other.techniques)} and {list(each.techniques)}: "
                "write out more of their parameters, so that they differ in their values."
            )


def prefixes(candidate: CandidateSpec) -> list[CandidateSpec]:
    """The chain's beginnings, from the bare model to the whole candidate."""
    lengths = range(len(candidate.techniques) + 1)
    return [candidate.model_copy(update={"techniques": candidate.techniques[:length]}) for length in lengths]


def steps(candidates: Sequence[CandidateSpec]) -> list[CandidateSpec]:
    """The beginnings of chains that are no candidates: they are predicted and not timed."""
    names = {candidate.name for candidate in candidates}
    found = {each.name: each for candidate in candidates for each in prefixes(candidate)}
    return [each for name, each in found.items() if name not in names]


def curve_points(spec: StudySpec) -> list[CandidateSpec]:
    """Candidates that only the learning curve needs; none with few items."""
    if spec.protocol.items == "few":
        return []
    return [
        CandidateSpec(model=curve.model, fit_items=count) for curve in spec.learning_curve for count in curve.fit_items
    ]


def needed(spec: StudySpec) -> set[str]:
    """Name the task and the models of the catalogue that a study needs."""
    names = {spec.task} | {name for candidate in spec.with_curves for name in models_of(candidate)}
    return names & (catalogue.tasks().keys() | catalogue.models().keys())


def item_counts(spec: StudySpec) -> ItemsSpec:
    """How many items to fit and to test, by the protocol's tier."""
    if spec.protocol.items == "few":
        return ItemsSpec(**FEW)
    if spec.protocol.items == "all":
        return ItemsSpec(fit="all", test="all")
    return spec.items


def seeds(found: Model, spec: StudySpec) -> Sequence[int]:
    """Training seeds of a model: several where training is cheap and depends on one."""
    return range(spec.seed, spec.seed + (spec.protocol.seeds if found.seeded else 1))
