"""A task: items, labels, four disjoint splits and a metric.

A task on disk is a folder of memory-mapped files, so that items reach workers without passing
through a pipe: `items.arrow`, `labels.npy`, `splits.npz`, `task.json`, and for retrieval `corpus.arrow`.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from effkit.hashing import sha256_of
from effkit.spec import ItemCount, SpecError
from effkit.tasks import frames
from effkit.tasks.items import Items, count_repeated, request
from effkit.tasks.metrics import METRICS, default_metric
from effkit.tasks.splits import SPLITS, split

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Kind = Literal["classification", "regression", "retrieval"]
TASK = "task.json"


@dataclass(frozen=True)
class Task:
    """What is to be done and how it is scored, item by item.

    Attributes:
        name: as parameter files call it.
        kind: classification, regression or retrieval.
        modality: `text`, `vision`, `tabular` or your own word; catalogue models ask for theirs.
        table: one row an item, holding what a request would hold and never the label.
        labels: (n,) class indices, target values, or rows of the corpus.
        splits: item indices of `fit`, `calibrate`, `select` and `test`, disjoint. `fit` is in the
            order in which items are used, so that fewer labels are always a prefix of more.
        classes: names of the classes, in the order of their indices.
        corpus: what retrieval searches, one row a document.
        groups: (n,) names by group column, for quality by group.
        clusters: (n,) ids; items of one cluster are not independent.
        metric: as `METRICS` has it; the usual one of the kind where none is given.
    """

    name: str
    kind: Kind
    modality: str
    table: pa.Table
    labels: NDArray[Any]
    splits: Mapping[str, NDArray[np.int64]]
    title: str = ""
    classes: tuple[str, ...] = ()
    corpus: pa.Table | None = None
    groups: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    clusters: NDArray[np.int64] | None = None
    metric: str = ""
    licence: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "metric", self.metric or default_metric(self.kind))
        object.__setattr__(self, "title", self.title or self.name)
        if self.metric not in METRICS:
            raise SpecError(f"`{self.metric}` is not a metric. Known: {', '.join(METRICS)}.")
        if METRICS[self.metric].kind != self.kind:
            fit = ", ".join(name for name, each in METRICS.items() if each.kind == self.kind)
            raise SpecError(f"{self.name}: `{self.metric}` scores no {self.kind}. It may be {fit}.")
        self._check_lengths()
        if self.kind == "classification" and self.classes and not _are_indices(self.labels, len(self.classes)):
            raise SpecError(
                f"{self.name}: labels of a classification are indices of its classes, whole numbers from 0 to "
                f"{len(self.classes) - 1}; `Task.from_arrays` takes the classes themselves."
            )
        seen = np.concatenate([self.splits[split] for split in SPLITS])
        if len(np.unique(seen)) != len(seen):
            raise SpecError(f"{self.name}: the splits share items; fit, calibrate, select and test must be disjoint.")

    def _check_lengths(self) -> None:
        lengths: dict[str, NDArray[Any] | None] = {"labels": self.labels, "clusters": self.clusters}
        lengths |= {f"names of the group `{column}`": names for column, names in self.groups.items()}
        for what, each in lengths.items():
            if each is not None and len(each) != self.table.num_rows:
                raise SpecError(f"{self.name}: {self.table.num_rows} items but {len(each)} {what}.")

    @cached_property
    def items(self) -> Items:
        """The items as Python values."""
        return Items(self.table)

    @cached_property
    def documents(self) -> list[str]:
        """The corpus of a retrieval task as texts."""
        return [] if self.corpus is None else self.corpus.column(0).to_pylist()

    @cached_property
    def repeated(self) -> int:
        """How many test items hold, the label apart, what an item to fit holds: they can be known by heart."""
        return count_repeated(self.items, self.splits["fit"], self.splits["test"])

    @cached_property
    def sha256(self) -> str:
        """Hash of items, labels, corpus and splits: the identity of the data, after the number of its formula."""
        import pyarrow as pa

        digest = hashlib.sha256(repr((self.kind, self.modality, self.metric, self.classes)).encode())
        for table in (self.table, self.corpus):
            if table is not None:
                # A whole stream: a batch alone holds neither the columns' names nor what categories stand for.
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, table.schema.remove_metadata()) as out:
                    out.write_table(table.replace_schema_metadata(None).combine_chunks())
                digest.update(sink.getvalue())
        for array in (self.labels, *(self.splits[name] for name in SPLITS)):
            digest.update(f"{array.dtype.str} {array.shape}".encode())  # or else splits could be cut elsewhere
            digest.update(np.ascontiguousarray(array).tobytes())
        return f"2-{digest.hexdigest()}"

    def first(self, split: str, count: ItemCount) -> NDArray[np.int64]:
        """Return the first `count` items of a split; all of them when there are fewer."""
        indices = self.splits[split]
        return indices if count == "all" else indices[:count]

    def request_bytes(self, indices: NDArray[np.int64]) -> float:
        """Mean size of an item as it would be sent: image bytes, UTF-8 text or compact JSON."""
        return float(np.mean([len(request(item)) for item in self.items.take(indices)]))

    def save(self, folder: Path) -> None:
        """Write the task as memory-mappable files; `task.json` comes last."""
        import pyarrow as pa

        folder.mkdir(parents=True, exist_ok=True)
        for name, table in (("items", self.table), ("corpus", self.corpus)):
            if table is not None:
                with pa.OSFile(str(folder / f"{name}.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
                    out.write_table(table)
        np.save(folder / "labels.npy", self.labels)
        fit, calibrate, select, test = (self.splits[split] for split in SPLITS)
        np.savez(folder / "splits.npz", fit=fit, calibrate=calibrate, select=select, test=test)
        keys = ("name", "kind", "modality", "title", "classes", "metric", "licence")
        facts = {key: getattr(self, key) for key in keys}
        files = {path.name: sha256_of(path) for path in sorted(folder.iterdir()) if path.is_file()}
        (folder / TASK).write_text(json.dumps({**facts, "sha256": self.sha256, "files": files}), encoding="utf-8")

    def saved_below(self, root: Path) -> Path:
        """Save the task in a folder named by its hash, once, and return the folder."""
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", self.name).lstrip(".")
        folder = root / f"{plain}-{self.sha256[:16]}"
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not _whole(folder):
                shutil.rmtree(folder, ignore_errors=True)
                staged = Path(tempfile.mkdtemp(prefix=".saving-", dir=root))
                try:
                    self.save(staged)
                    staged.replace(folder)
                finally:
                    shutil.rmtree(staged, ignore_errors=True)
        return folder

    @classmethod
    def load(cls, folder: Path) -> Task:
        """Open what `save` wrote, memory-mapped. Groups and clusters stay with the coordinator."""
        import pyarrow as pa

        facts = json.loads((folder / TASK).read_text(encoding="utf-8"))
        digest = facts.pop("sha256")
        facts.pop("files", None)  # looked at when it was saved
        tables = {
            name: pa.ipc.open_file(pa.memory_map(str(folder / f"{name}.arrow"))).read_all()
            for name in ("items", "corpus")
            if (folder / f"{name}.arrow").exists()
        }
        with np.load(folder / "splits.npz") as stored:
            splits = {split: stored[split] for split in SPLITS}
        task = cls(
            table=tables["items"],
            corpus=tables.get("corpus"),
            labels=np.load(folder / "labels.npy"),
            splits=splits,
            **{**facts, "classes": tuple(facts["classes"])},
        )
        task.__dict__["sha256"] = digest
        return task

    @classmethod
    def from_frame(
        cls,
        name: str,
        frame: pd.DataFrame,
        *,
        target: str,
        kind: Kind = "classification",
        features: Sequence[str] | None = None,
        groups: Sequence[str] = (),
        test: NDArray[Any] | float = 0.3,
        cluster: str | None = None,
        modality: str = "tabular",
        seed: int = 1,
        **facts: Any,
    ) -> Task:
        """Make a task from a table.

        Args:
            name: what to call it.
            frame: one row an item.
            target: the column to predict.
            kind: `classification` or `regression`.
            features: the columns that a request holds; all but the target when not given.
                One column makes an item that column's value, several make it a mapping.
            groups: columns by which quality is also shown.
            test: a mask over rows, or the share of rows drawn for testing.
            cluster: column whose equal values mark dependent items; they share a split and are resampled together.
                Every row needs a value: of rows without one nobody can say whether they depend on each other.
            modality: which catalogue models may be used.
            seed: of the splits.
            facts: further attributes of a task (`title`, `metric`, `licence`).

        Raises:
            SpecError: when a column is missing or tells the answer, when values are missing of the target, of the
                cluster or of an item's only column, or are of several kinds in one column, and when `test` is
                neither a share nor a mask.
        """
        features = [] if features is None else list(features)
        columns = frames.feature_columns(
            name, frame, target=target, features=features, groups=list(groups), cluster=cluster, modality=modality
        )
        labels, classes = frames.targets(name, frame[target], kind)
        mask, share = frames.tested(name, test, len(frame))
        clusters = None if cluster is None else np.asarray(frame[cluster].astype("category").cat.codes, dtype=np.int64)
        return cls(
            name=name,
            kind=kind,
            modality=modality,
            table=frames.arrow(name, frame[columns]),
            labels=labels,
            splits=split(len(frame), test_mask=mask, test_share=share, clusters=clusters, seed=seed),
            classes=classes,
            groups={column: frames.group_names(frame[column]) for column in groups},
            clusters=clusters,
            **facts,
        )

    @classmethod
    def from_arrays(
        cls,
        name: str,
        items: Sequence[Any] | NDArray[Any],
        labels: Sequence[Any] | NDArray[Any],
        *,
        kind: Kind = "classification",
        **options: Any,
    ) -> Task:
        """Make a task from items and their labels.

        Args:
            name: what to call it.
            items: texts, bytes of images, mappings, or an (n, d) array. Of anything else say the `modality`.
            labels: one label an item.
            kind: `classification` or `regression`.
            options: further arguments of `from_frame`.

        Raises:
            SpecError: as `from_frame` does; also when there are more or fewer labels than items, or when nobody can
                tell what an item is.
        """
        frame, modality = frames.frame_of(name, items, labels, options.pop("modality", None))
        return cls.from_frame(name, frame, target=frames.LABEL, kind=kind, modality=modality, **options)


def _are_indices(labels: NDArray[Any], classes: int) -> bool:
    """Whether each label is the place of a class."""
    if labels.dtype.kind not in "iu":
        return False
    return not len(labels) or (int(labels.min()) >= 0 and int(labels.max()) < classes)


def _whole(folder: Path) -> bool:
    """Whether a task was saved there, and all of it is as it was written."""
    try:
        files = json.loads((folder / TASK).read_text(encoding="utf-8"))["files"]
        return all(sha256_of(folder / name) == digest for name, digest in files.items())
    except (FileNotFoundError, ValueError, KeyError):
        return False
