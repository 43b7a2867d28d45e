"""Vision tasks: a request is the bytes of an image file."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from effkit.tasks.base import Task
from effkit.tasks.splits import split

if TYPE_CHECKING:
    from effkit.catalogue.entries import TaskEntry


def cifar10(name: str, entry: TaskEntry, folder: Path, seed: int) -> Task:
    """Load the 10,000 images of the official test set, as PNG, and cut them anew.

    The 50,000 training images are not part of this task, so scores are not those of the literature.
    """
    content = json.loads((folder / entry.files[0].name).read_text(encoding="utf-8"))
    examples = content["examples"]
    classes = tuple(sorted(examples[0]["target_scores"]))
    labels = [classes.index(max(each["target_scores"], key=each["target_scores"].get)) for each in examples]
    images = [base64.b64decode(each["input"]) for each in examples]
    return _task(name, entry, images, np.array(labels, dtype=np.int64), classes, seed)


def bundled_images(name: str, entry: TaskEntry, data: Any, seed: int) -> Task:
    """Make a task of scikit-learn's digits, each drawn as a grey PNG of 8 by 8 pixels."""
    classes = tuple(str(each) for each in data.target_names)
    images = [_png(np.rint(each * (255 / 16)).astype(np.uint8)) for each in data.images]
    return _task(name, entry, images, np.asarray(data.target, dtype=np.int64), classes, seed)


def _task(
    name: str,
    entry: TaskEntry,
    images: Sequence[bytes],
    labels: NDArray[np.int64],
    classes: tuple[str, ...],
    seed: int,
) -> Task:
    import pyarrow as pa

    return Task(
        name=name,
        kind="classification",
        modality="vision",
        table=pa.table({"image": pa.array(images, type=pa.binary())}),
        labels=labels,
        classes=classes,
        splits=split(len(labels), seed=seed),
        title=entry.title,
        metric=entry.metric,
        licence=entry.licence,
    )


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()
