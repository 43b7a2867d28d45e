"""Test items that repeat an item to fit: counted by content, whatever an item is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from effkit.tasks import Task, split
from effkit.tasks.items import request

NAN = float("nan")
TEST = np.arange(40) >= 30


@pytest.mark.parametrize(
    ("same", "other"),
    [
        ("a", lambda n: f"a{n}"),
        (b"a", lambda n: b"a%d" % n),
        ({"x": NAN, "y": "s"}, lambda n: {"x": float(n), "y": "s"}),
        ({"x": 1, "y": pd.Timestamp("2024-01-02")}, lambda n: {"x": 1, "y": pd.Timestamp(2025, 1, 1 + n)}),
        ({"x": b"\x00", "y": [1, 2]}, lambda n: {"x": b"\x00", "y": [1, n + 3]}),
    ],
)
def test_what_repeats_an_item_to_fit_is_counted_whatever_its_label(same: Any, other: Callable[[int], Any]) -> None:
    items = [same] * 34 + [other(n) for n in range(6)]
    assert Task.from_arrays("t", items, [0, 1] * 20, test=TEST).repeated == 4


def test_numbers_without_a_value_repeat_each_other() -> None:
    rows = np.array([[NAN, 1.0]] * 34 + [[NAN, float(n)] for n in range(2, 8)])
    assert Task.from_arrays("t", rows, [0, 1] * 20, test=TEST).repeated == 4


def test_copies_among_test_items_alone_are_none() -> None:
    items = [f"a{n}" for n in range(30)] + ["b"] * 10
    assert Task.from_arrays("t", items, [0, 1] * 20, test=TEST).repeated == 0


def test_copies_that_share_a_cluster_share_a_split() -> None:
    table = pd.DataFrame({"text": [f"a{n // 4}" for n in range(400)], "y": [0, 1] * 200})
    table = table.assign(copies=table.groupby("text").ngroup())
    made = {name: Task.from_frame("t", table, target="y", features=["text"], cluster=name) for name in (None, "copies")}
    assert made[None].repeated > 80 and made["copies"].repeated == 0


def test_questions_that_were_asked_before_are_counted() -> None:
    table = pa.table({"question": ["where is it?"] * 20})
    made = Task("t", "retrieval", "text", table, np.zeros(20, dtype=np.int64), split(20))
    assert made.repeated == len(made.splits["test"]) == 6
    assert replace(made, splits={**made.splits, "fit": np.array([], dtype=np.int64)}).repeated == 0


def test_a_request_is_what_would_be_sent() -> None:
    assert request(b"\xff") == b"\xff" and request("é") == b"\xc3\xa9"
    assert request({"x": None, "y": np.float32(0.5), "z": b"a"}) == b'{"x":null,"y":0.5,"z":"YQ=="}'
