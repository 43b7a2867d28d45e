"""Two runs of one study: the golden record, and what it answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from effkit.migrations import read_record
from effkit.record import Record

GOLDEN = Path(__file__).parents[1] / "golden" / "record-v3.json"


def golden() -> Record:
    return read_record(GOLDEN.read_bytes())


def predictions(items: int = 40) -> pd.DataFrame:
    """Answers of the golden record's three candidates that worked."""
    rows = [
        {"candidate": name, "seed": 1, "item": 3 * item, "prediction": "Tops", "confidence": 0.5 + item / 100,
         "label": "Tops" if item % 5 else "Bottoms", "score": float(item % 5 > 0)}
        for name in ("mpnet-base", "tfidf-logreg", "minilm-l6")
        for item in range(items)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def changed(record: Record, **parts: dict[str, Any]) -> Record:
    """The record with some fields of its parts replaced: `changed(record, host={"cores": 4})`."""
    return record.model_copy(
        update={part: getattr(record, part).model_copy(update=fields) for part, fields in parts.items()}
    )


def with_candidate(record: Record, name: str, **fields: Any) -> Record:
    """The record with some fields of one candidate replaced."""
    return record.model_copy(
        update={"candidates": tuple(c.model_copy(update=fields) if c.name == name else c for c in record.candidates)}
    )


def lost(items: int, name: str = "minilm-l6") -> pd.DataFrame:
    """Those answers, with so many of one candidate's right ones wrong."""
    frame = predictions()
    right = frame.index[(frame["candidate"] == name) & (frame["score"] == 1)]
    frame.loc[right[:items], "score"] = 0.0
    return frame
