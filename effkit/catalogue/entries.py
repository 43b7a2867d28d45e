"""What the catalogue may say: models and tasks, their licence, sources and hashes."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import yaml
from pydantic import Field, TypeAdapter, model_validator

from effkit.catalogue.errors import UnknownEntry
from effkit.catalogue.own import own_path, read_own
from effkit.catalogue.sources import Declaration, File, Source, given_files

Modality = Literal["tabular", "text", "vision"]
Kind = Literal["classification", "regression", "retrieval"]
Metric = Literal["accuracy", "balanced_accuracy", "absolute_error", "recall_at_1"]
Builder = Literal[
    "tabular.logreg",
    "tabular.tree",
    "tabular.lightgbm",
    "tabular.forest",
    "tabular.mlp",
    "text.tfidf",
    "text.encoder",
    "vision.cnn",
    "vision.squeezenet",
    "vision.efficientnet_lite",
]
Loader = Literal["adult", "california", "clothing", "cifar10", "squad", "bundled", "table"]
TABLES = (".csv", ".parquet")
"""Endings of the files that the loader ``table`` reads."""
TABLE_METRICS: Mapping[Kind, tuple[Metric, ...]] = {
    "classification": ("accuracy", "balanced_accuracy"),
    "regression": ("absolute_error",),
}
"""The kinds of task that a table makes, and how each may be scored."""
TEST_SHARE = 0.3


class Cost(Declaration):
    """Nominal seconds on one core, for planning a run's length and for nothing else."""

    load_s: float = Field(default=0.0, ge=0)
    """Start of a worker until the first answer."""
    call_s: float = Field(default=0.0, ge=0)
    """One item, batch of one."""
    fit_s_per_item: float = Field(default=0.0, ge=0)
    """Training, per training item, embeddings apart."""
    embed_s_per_item: float = Field(default=0.0, ge=0)
    """Turning one item into features before a head is trained."""


class _Entry(Declaration):
    title: str
    """As a reader knows it."""
    modality: Modality
    licence: str
    """Of the weights or the data, as its publisher states it."""
    citation: str
    """Whom to cite."""
    url: str | None = None
    """The paper or the publisher's page."""
    files: tuple[File, ...] = ()
    """What a complete cache folder holds."""
    sources: tuple[Source, ...] = ()
    """Where the files can be had; tried in this order."""

    @model_validator(mode="after")
    def _sources_give_the_files(self) -> _Entry:
        wanted = {file.name for file in self.files}
        if len(wanted) != len(self.files):
            raise ValueError("`files` lists a name twice; each file stands once")
        for source in self.sources:
            given = given_files(source)
            if given is not None and given != wanted:
                raise ValueError(
                    f"{source.describe()} gives {sorted(given)} and `files` wants "
                    f"{sorted(wanted)}; the two must name the same files"
                )
        return self

    def file(self, name: str) -> File:
        """The declaration of one file.

        Raises:
            UnknownEntry: The entry lists no such file.
        """
        for file in self.files:
            if file.name == name:
                return file
        raise UnknownEntry(
            f"{self.title} has no file {name!r}; it has {', '.join(file.name for file in self.files) or 'none'}"
        )


class ModelEntry(_Entry):
    """One model of the catalogue."""

    tasks: tuple[Kind, ...] = Field(min_length=1)
    """The kinds of task that it can do."""
    builder: Builder
    """How effkit builds it."""
    settings: Mapping[str, Any] = Field(default_factory=dict)
    """Hyperparameters, resolution, maximum tokens: what the builder is called with."""
    parameters: int | None = Field(default=None, ge=0)
    """Number of parameters without any head; ``None`` where training decides."""
    trained_here: bool = False
    """Trained from the task's data alone, so that there is nothing to fetch."""
    seeded: bool = False
    """Training depends on a seed and is cheap, so that it is repeated over five seeds."""
    cost: Cost = Cost()

    @model_validator(mode="after")
    def _trained_or_fetched(self) -> ModelEntry:
        if self.trained_here == bool(self.files or self.sources):
            raise ValueError("a model has either `trained_here: true` or `files` with `sources`, not both")
        return self


class TaskEntry(_Entry):
    """One task of the catalogue: its data, its target and how it is scored."""

    kind: Kind
    metric: Metric
    """Scored item by item."""
    loader: Loader
    """What in ``effkit.tasks`` reads the files; ``table`` reads any one CSV or Parquet file."""
    target: str
    """What is to be predicted."""
    groups: tuple[str, ...] = ()
    """Attributes for which quality is also reported by subgroup."""
    features: tuple[str, ...] = ()
    """Of a ``table``: the columns that a request holds; without any, all but the target and the cluster."""
    cluster: str | None = None
    """Of a ``table``: the column whose equal values mark items that depend on each other."""
    test: float = Field(default=TEST_SHARE, gt=0, lt=1)
    """Of a ``table``: the share of rows to test on."""

    @model_validator(mode="after")
    def _sourced(self) -> TaskEntry:
        bundled = any(source.kind == "bundled" for source in self.sources)
        if not self.sources or bundled == bool(self.files):
            raise ValueError("a task has either one `bundled` source and no `files`, or `files` with sources")
        return self

    @model_validator(mode="after")
    def _a_table_is_one_file(self) -> TaskEntry:
        if self.loader != "table":
            if self.features or self.cluster is not None or self.test != TEST_SHARE:
                raise ValueError(
                    "`features`, `cluster` and `test` are said of a task with `loader: table`; leave them out"
                )
            return self
        names = [file.name for file in self.files]
        if len(names) != 1 or PurePosixPath(names[0]).suffix not in TABLES:
            raise ValueError(f"`loader: table` reads one file, {' or '.join(TABLES)}; got {', '.join(names) or 'none'}")
        if self.metric not in TABLE_METRICS.get(self.kind, ()):
            known = ", ".join(f"{kind} by {' or '.join(metrics)}" for kind, metrics in TABLE_METRICS.items())
            raise ValueError(f"a table makes {known}; got {self.kind} by {self.metric}")
        if self.modality != "tabular" and len(self.features) != 1:
            raise ValueError(f"an item of {self.modality} is one column: name it, and no other, in `features`")
        return self


Entry = ModelEntry | TaskEntry
_E = TypeVar("_E", ModelEntry, TaskEntry)
DECIDING = frozenset({"builder", "settings", "seeded", "kind", "metric", "loader", "target", "groups"})
"""Keys of an entry that results depend on, beside its files: not where they lie, what it costs or whom to cite."""
OF_A_TABLE = frozenset({"features", "cluster", "test"})
"""Further ones, where they are said."""


def read(path: Path, kind: type[_E]) -> Mapping[str, _E]:
    """Read one catalogue file.

    Args:
        path: A YAML mapping of names to entries.
        kind: ``ModelEntry`` or ``TaskEntry``.

    Raises:
        pydantic.ValidationError: An entry says what it may not; the message names the key.
    """
    # The C loader reads the catalogue ten times faster; not every platform's wheel has it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both are safe loaders
    adapter: TypeAdapter[dict[str, _E]] = TypeAdapter(dict[str, kind])  # type: ignore[valid-type]
    return MappingProxyType(adapter.validate_python(content))


def models() -> Mapping[str, ModelEntry]:
    """The models that come with effkit, then those of one's own catalogue, by name.

    Raises:
        CatalogueError: That one says what it may not.
    """
    return _models(own_path())


def tasks() -> Mapping[str, TaskEntry]:
    """The tasks that come with effkit, then those of one's own catalogue, by name.

    Raises:
        CatalogueError: That one says what it may not.
    """
    return _tasks(own_path())


@cache
def _models(own: Path | None) -> Mapping[str, ModelEntry]:
    if own is None:
        return read(Path(__file__).with_name("models.yaml"), ModelEntry)
    return MappingProxyType({**_models(None), **read_own(own, "models", ModelEntry, shipped())})


@cache
def _tasks(own: Path | None) -> Mapping[str, TaskEntry]:
    if own is None:
        return read(Path(__file__).with_name("tasks.yaml"), TaskEntry)
    return MappingProxyType({**_tasks(None), **read_own(own, "tasks", TaskEntry, shipped())})


def shipped() -> set[str]:
    """The names that come with effkit: what they stand for is the same wherever this effkit is."""
    return _models(None).keys() | _tasks(None).keys()


def known_settings(builder: Builder) -> set[str]:
    """What a builder may be told: the settings that entries which come with effkit give it."""
    return {key for entry in _models(None).values() if entry.builder == builder for key in entry.settings}


def find(name: str) -> Entry:
    """The model or task of a name.

    Raises:
        UnknownEntry: Neither catalogue holds it; the message names the nearest ones, or all.
    """
    entry = models().get(name) or tasks().get(name)
    if entry is not None:
        return entry
    known = [*models(), *tasks()]
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"; did you mean {', '.join(near)}?" if near else f". It has {', '.join(known)}."
    raise UnknownEntry(f"the catalogue has no model or task {name!r}{hint}")


def declared(name: str) -> dict[str, Any]:
    """An entry in plain values, as a catalogue file would hold it; what it leaves to the defaults is left out.

    Raises:
        UnknownEntry: Neither catalogue holds it.
    """
    return find(name).model_dump(mode="json", exclude_defaults=True)


def deciding(said: Mapping[str, Any]) -> dict[str, Any]:
    """What results depend on of an entry in plain values, as `declared` returns it and records keep it."""
    files = {file["name"]: file["sha256"] for file in said.get("files", ())}
    return {**{key: said[key] for key in DECIDING | OF_A_TABLE if key in said}, "files": files}
