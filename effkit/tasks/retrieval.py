"""Retrieval tasks: a request is a question, the answer is the row of a document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from effkit.tasks.base import Task
from effkit.tasks.splits import split

if TYPE_CHECKING:
    from effkit.catalogue.entries import TaskEntry

TEST_SHARE = 0.8
"""Larger than elsewhere, because no model learns from the questions."""


def squad(name: str, entry: TaskEntry, folder: Path, seed: int) -> Task:
    """Load questions and the distinct paragraphs among which each one's own is sought.

    Questions about one paragraph depend on each other, so the paragraph is their cluster. The file's
    articles alone become the task: its canary string is no document.
    """
    import pyarrow as pa

    articles = json.loads((folder / entry.files[0].name).read_text(encoding="utf-8"))["data"]
    rows: dict[str, int] = {}
    questions, labels = [], []
    for paragraph in (each for article in articles for each in article["paragraphs"]):
        row = rows.setdefault(paragraph["context"], len(rows))
        for asked in paragraph["qas"]:
            questions.append(asked["question"])
            labels.append(row)
    answers = np.array(labels, dtype=np.int64)
    return Task(
        name=name,
        kind="retrieval",
        modality="text",
        table=pa.table({"question": questions}),
        corpus=pa.table({"paragraph": list(rows)}),
        labels=answers,
        clusters=answers,
        splits=split(len(answers), test_share=TEST_SHARE, seed=seed),
        title=entry.title,
        metric=entry.metric,
        licence=entry.licence,
    )
