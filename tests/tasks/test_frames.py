"""What a table, or items and labels, must be before they become a task; what cannot be one says why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from effkit.spec import SpecError
from effkit.tasks import Task
from tests.tasks.test_task import frame


def shop(table: pd.DataFrame, **options: Any) -> Task:
    return Task.from_frame("shop", table, **{"target": "bought", **options})


def test_rows_without_a_value_are_a_group_of_their_own() -> None:
    holes = frame().assign(shop=[None, *frame()["shop"][1:]], size=[np.nan, *range(39)])
    groups = shop(holes, groups=["shop", "size"]).groups
    assert groups["shop"][:2].tolist() == ["missing", "south"]
    assert groups["size"][:2].tolist() == ["missing", "0.0"]
    assert all(isinstance(name, str) for names in groups.values() for name in names), "they are sorted by name"


def test_a_request_never_holds_the_answer() -> None:
    with pytest.raises(SpecError, match="shop: `bought` is what is to be predicted, and no part of a request"):
        shop(frame(), features=["size", "bought"])


def test_features_may_be_columns_of_the_table() -> None:
    assert set(shop(frame(), features=frame().columns[:2]).items[0]) == {"size", "shop"}


def test_two_columns_of_one_name_are_refused() -> None:
    twice = pd.concat([frame(), frame()[["bought"]]], axis=1)
    with pytest.raises(SpecError, match="shop: the table has several columns called bought: rename them"):
        shop(twice)


@pytest.mark.parametrize(
    ("test", "words"),
    [
        (30, "`test` is 30: give the share of rows"),
        (0.0, "`test` is 0: give the share of rows"),
        ([3, 5, 7], "`test` has 3 values for 40 rows"),
        (np.ones(41, dtype=bool), "`test` has 41 values for 40 rows"),
        (["train", "test"] * 20, "`test` holds 'train'"),
        (list(range(40)), "`test` holds 2"),
        (np.zeros(40, dtype=bool), "`test` names no row to test on"),
    ],
)
def test_what_is_neither_a_share_nor_a_mask_is_refused(test: Any, words: str) -> None:
    with pytest.raises(SpecError, match=f"shop: {words}.* or a mask with a truth value for each row"):
        shop(frame(), test=test)


def test_all_rows_may_be_tested_on() -> None:
    for test in (1.0, [1] * 40, pd.Series([True] * 40, dtype=object)):
        assert len(shop(frame(), test=test).splits["test"]) == 40


def test_classes_of_several_kinds_are_refused() -> None:
    with pytest.raises(SpecError, match=r"shop: `bought` holds values of several kinds \(int, str\); make them one"):
        shop(frame().assign(bought=[1, "yes"] * 20))


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (pd.to_datetime(["2024-05-02", "2024-05-01"] * 20), ("2024-05-01 00:00:00", "2024-05-02 00:00:00")),
        (np.array([0.2, 0.1] * 20, dtype=np.float32), ("0.1", "0.2")),
        ([b"yes", b"no"] * 20, ("b'no'", "b'yes'")),
        ([True, False] * 20, ("False", "True")),
        (pd.Categorical(["m", "l"] * 20), ("l", "m")),
    ],
)
def test_classes_may_be_dates_floats_and_bytes(values: Any, classes: tuple[str, ...]) -> None:
    task = shop(frame().assign(bought=values))
    assert task.classes == classes
    assert task.labels[:3].tolist() == [1, 0, 1]


def test_a_regression_predicts_finite_numbers() -> None:
    with pytest.raises(SpecError, match="shop: a regression predicts numbers, and `bought` holds '1,200'"):
        shop(frame().assign(bought=["1,200"] * 40), kind="regression")
    endless = frame().assign(bought=[np.inf, *range(39)])
    with pytest.raises(SpecError, match="shop: 1 of 40 rows have no finite `bought`"):
        shop(endless, kind="regression")


@pytest.mark.parametrize("kind", ["retrieval", "binary"])
def test_a_table_makes_no_other_kind(kind: Any) -> None:
    with pytest.raises(SpecError, match=f"of `classification` or of `regression`, not of `{kind}`"):
        shop(frame(), kind=kind)


def test_a_column_of_several_kinds_is_named() -> None:
    with pytest.raises(SpecError, match="shop: a column cannot be kept .*column size.* one kind of them alone"):
        shop(frame().assign(size=[75011, "2A"] * 20))


def test_an_item_of_text_is_one_column() -> None:
    with pytest.raises(SpecError, match="an item of text is one column, and size, shop are 2: name one in `features`"):
        shop(frame(), features=["size", "shop"], modality="text")
    assert shop(frame(), features=["size", "shop"], modality="notes").items[0] == {"size": 0.0, "shop": "north"}


def test_items_and_labels_may_have_an_index_of_their_own() -> None:
    some = frame().iloc[20:]
    task = Task.from_arrays("shop", some["shop"], some["bought"])
    assert (task.modality, task.items[0], len(task.labels)) == ("text", "north", 20)


@pytest.mark.parametrize(
    ("items", "labels", "words"),
    [
        (["a", "b"], [0], "2 items but 1 labels"),
        (frame(), [0] * 40, "a table goes to `Task.from_frame`"),
        ([{"x": 1, "label": 2}] * 4, [0, 1] * 2, "the items have a `label` of their own"),
        ([[1.0, 2.0]] * 4, [0, 1] * 2, "and list is none of these: say what it is"),
        (np.zeros((4, 8, 8)), [0, 1] * 2, "and ndarray is none of these: say what it is"),
    ],
)
def test_what_is_no_list_of_items_and_labels_is_refused(items: Any, labels: list[int], words: str) -> None:
    with pytest.raises(SpecError, match=f"mine: .*{words}"):
        Task.from_arrays("mine", items, labels)


def test_items_of_another_kind_say_what_they_are() -> None:
    task = Task.from_arrays("mine", [[1.0, 2.0], [3.0, 4.0]] * 5, [0, 1] * 5, modality="audio")
    assert (task.modality, task.items[1]) == ("audio", [3.0, 4.0])
    with pytest.raises(SpecError, match="mine: a column cannot be kept .* a picture is the bytes of its file"):
        Task.from_arrays("mine", np.zeros((4, 8, 8)), [0, 1] * 2, modality="vision")
