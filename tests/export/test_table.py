"""Tables keep every number with its origin, and any text."""

from __future__ import annotations

import csv
import io
from dataclasses import fields, replace
from pathlib import Path

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from effkit.export import export
from effkit.export.table import numbers
from effkit.report.tidy import as_csv
from effkit.report.values import Tidy
from effkit.store import Loaded

NUMBER = Tidy("s", "r", "c", False, False, "ok", "latency_mean", "s", 0.1 + 0.2, n=5, origin="measured")


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_every_number_says_how_it_came_to_be(run: Loaded) -> None:
    rows = numbers(run)
    assert len(rows) > 50
    assert {row.origin for row in rows if row.value is not None} == {"measured", "counted", "modelled"}


def test_csv_holds_every_number_to_the_last_bit(run: Loaded, tmp_path: Path) -> None:
    path = Path(export(run, "csv", str(tmp_path / "new" / "numbers.csv")))
    rows = read(path.read_text(encoding="utf-8"))
    assert [row["metric"] for row in rows] == [each.metric for each in numbers(run)]
    for row, each in zip(rows, numbers(run), strict=True):
        assert row["value"] == ("" if each.value is None else str(each.value))


@given(st.lists(st.text(st.characters(codec="utf-8")) | st.text('",\r\n;=\x00'), min_size=1, max_size=4))
def test_csv_carries_any_text(texts: list[str]) -> None:
    rows = read(as_csv([replace(NUMBER, candidate=text, reason=text) for text in texts], Tidy))
    # What a spreadsheet would take for a formula begins with an apostrophe.
    inert = [f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text for text in texts]
    assert [row["candidate"] for row in rows] == [row["reason"] for row in rows] == inert
    assert float(rows[0]["value"]) == 0.1 + 0.2


def test_parquet_has_the_same_rows_and_types_whatever_was_measured(run: Loaded, tmp_path: Path) -> None:
    frame = pd.read_parquet(export(run, "parquet", str(tmp_path)))
    assert list(frame.columns) == [field.name for field in fields(Tidy)]
    assert len(frame) == len(numbers(run))
    missing = frame["value"].isna()
    assert missing.sum() == sum(each.value is None for each in numbers(run))
    assert frame["value"].dtype == "Float64" and frame["n"].dtype == "Int64" and frame["chosen"].dtype == bool
    bare = Loaded(run.folder, run.record.model_copy(update={"candidates": (run.record.candidates[0],)}))
    other = pd.read_parquet(export(bare, "parquet", str(tmp_path / "bare.parquet")))
    assert list(other.dtypes) == list(frame.dtypes)
