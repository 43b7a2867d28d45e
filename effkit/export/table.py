"""One row per candidate and number, as CSV or Parquet."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from effkit.report.answer import answer
from effkit.report.tidy import as_csv, as_rows, tidy
from effkit.report.values import Tidy
from effkit.report.view import View
from effkit.store import Loaded

_TYPES = {"str": "string", "bool": "bool", "float | None": "Float64", "int | None": "Int64"}


def numbers(run: Loaded) -> tuple[Tidy, ...]:
    """Return every number of a run with its interval, unit and origin."""
    view = View(run.record)
    return tidy(view, answer(view).chosen)


def write_csv(run: Loaded, out: str) -> str:
    """Write the tidy table as CSV; an empty cell is a number that was not measurable."""
    Path(out).write_text(as_csv(numbers(run), Tidy), encoding="utf-8", newline="\n")
    return out


def write_parquet(run: Loaded, out: str) -> str:
    """Write the tidy table as Parquet, with the same columns whatever was measured."""
    import pandas as pd

    types = {field.name: _TYPES[str(field.type)] for field in fields(Tidy)}
    frame = pd.DataFrame(as_rows(numbers(run)), columns=list(types))
    frame.astype(types).to_parquet(out, index=False)
    return out
