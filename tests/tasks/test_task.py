"""Tasks of one's own: from tables and arrays, on disk, split and scored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from effkit.spec import SpecError
from effkit.tasks import METRICS, SPLITS, Task, split


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "size": np.arange(40.0),
            "shop": ["north", "south"] * 20,
            "customer": [number // 4 for number in range(40)],
            "bought": ["yes", "no", "no", "yes"] * 10,
        }
    )


def search() -> Task:
    """A search of two documents."""
    return Task(
        name="search",
        kind="retrieval",
        modality="text",
        table=pa.table({"question": [f"question {n}" for n in range(20)]}),
        corpus=pa.table({"document": ["one", "two"]}),
        labels=np.arange(20) % 2,
        splits=split(20),
        licence="CC0-1.0",
    )


def test_from_frame_separates_request_label_and_groups() -> None:
    task = Task.from_frame(
        "shop", frame(), target="bought", features=["size", "shop"], groups=["shop"], cluster="customer", title="A shop"
    )
    assert task.items[1] == {"size": 1.0, "shop": "south"}
    assert task.classes == ("no", "yes")
    assert task.labels[:4].tolist() == [1, 0, 0, 1]
    assert task.groups["shop"][:2].tolist() == ["north", "south"]
    assert task.clusters is not None
    assert task.clusters[:5].tolist() == [0, 0, 0, 0, 1]
    assert (task.title, task.metric) == ("A shop", "accuracy")


def test_the_target_may_be_a_group_and_stays_out_of_the_request() -> None:
    task = Task.from_frame("shop", frame(), target="bought", groups=["bought"])
    assert set(task.items[0]) == {"size", "shop", "customer"}
    assert task.groups["bought"][:3].tolist() == ["yes", "no", "no"]


def test_a_single_feature_is_the_item_itself() -> None:
    assert Task.from_frame("shop", frame(), target="bought", features=["shop"]).items[:2] == ["north", "south"]


@pytest.mark.parametrize("mask", [np.arange(40) >= 30, pd.Series(np.arange(40) >= 30), [False] * 30 + [True] * 10])
def test_a_mask_is_the_test_split(mask: object) -> None:
    task = Task.from_frame("shop", frame(), target="bought", test=mask)  # type: ignore[arg-type]
    assert sorted(task.splits["test"]) == list(range(30, 40))


def test_errors_name_the_column() -> None:
    with pytest.raises(SpecError, match=r"shop: no column colour; the table has size, shop, customer, bought\."):
        Task.from_frame("shop", frame(), target="bought", groups=["colour"])
    holes = frame().assign(bought=[None, *["yes", "no"] * 19, "yes"])
    with pytest.raises(SpecError, match="shop: 1 of 40 rows have no `bought`"):
        Task.from_frame("shop", holes, target="bought")


@pytest.mark.parametrize(
    ("metric", "kind"), [("balanced_accuracy", "regression"), ("absolute_error", "classification")]
)
def test_a_metric_of_another_kind_is_refused(metric: str, kind: str) -> None:
    with pytest.raises(SpecError, match=f"shop: `{metric}` scores no {kind}. It may be a"):
        Task.from_frame("shop", frame(), target="size", kind=kind, metric=metric)  # type: ignore[arg-type]


def test_rows_without_the_one_thing_an_item_holds_are_refused() -> None:
    holes = frame().assign(shop=[None, *frame()["shop"][1:]])
    with pytest.raises(SpecError, match="shop: 1 of 40 rows have no `shop`, which is all that an item holds"):
        Task.from_frame("shop", holes, target="bought", features=["shop"])
    assert Task.from_frame("shop", holes, target="bought", features=["shop", "size"]).items[0]["shop"] is None


def test_rows_without_a_cluster_are_refused_and_no_cluster_of_their_own() -> None:
    holes = frame().assign(customer=[None, None, *range(38)])
    with pytest.raises(SpecError, match="shop: 2 of 40 rows have no `customer`; .* a value of its own"):
        Task.from_frame("shop", holes, target="bought", cluster="customer")


@pytest.mark.parametrize(
    ("items", "modality"),
    [
        (["a", "b"] * 10, "text"),
        ([b"a", b"b"] * 10, "vision"),
        (np.ones((20, 2)), "tabular"),
        ([{"x": 1, "y": 2}] * 20, "tabular"),
    ],
)
def test_from_arrays_tells_texts_from_images_from_rows(items: object, modality: str) -> None:
    assert Task.from_arrays("mine", items, ["u", "v"] * 10).modality == modality  # type: ignore[arg-type]


def test_saved_and_loaded_is_the_same_task(tmp_path: Path) -> None:
    task = search()
    task.save(tmp_path / "task")
    again = Task.load(tmp_path / "task")
    assert again.sha256 == task.sha256
    assert again.documents == ["one", "two"]
    assert again.items.take([3, 1]) == ["question 3", "question 1"]
    assert (again.labels == task.labels).all()
    assert all((again.splits[name] == task.splits[name]).all() for name in SPLITS)
    assert (again.kind, again.metric, again.licence) == ("retrieval", "recall_at_1", "CC0-1.0")


def of(names: list[str] = ["x", "y"], cut: int = 10, categories: tuple[str, str] = ("a", "b")) -> Task:  # noqa: B006
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 10, pa.int8()), list(categories))
    table = pa.table([pa.array(np.arange(20.0)), column], names=names)
    parts = np.split(np.arange(20), [cut, cut + 2, cut + 4])
    return Task("t", "regression", "tabular", table, np.arange(20.0), dict(zip(SPLITS, parts, strict=True)))


@pytest.mark.parametrize("other", [of(names=["y", "x"]), of(cut=8), of(categories=("b", "a"))])
def test_names_of_columns_categories_and_where_the_splits_are_cut_belong_to_the_data(other: Task) -> None:
    assert of().sha256 == of().sha256 != other.sha256


def test_any_name_is_a_folder_of_its_own_below_the_place(tmp_path: Path) -> None:
    task = Task.from_arrays("../churn/2024", ["a", "b"] * 10, [0, 1] * 10)
    folder = task.saved_below(tmp_path / "loaded")
    assert folder.parent == tmp_path / "loaded" and Task.load(folder).name == "../churn/2024"
    assert folder == task.saved_below(tmp_path / "loaded")


def test_a_place_that_cannot_be_written_is_an_error_and_no_folder(tmp_path: Path) -> None:
    task = Task.from_arrays("t", ["a", "b"] * 10, [0, 1] * 10)
    (tmp_path / f"t-{task.sha256[:16]}").write_text("a file is in the way")
    with pytest.raises(OSError):
        task.saved_below(tmp_path)


@pytest.mark.parametrize("harm", ["a byte", "cut off", "empty"])
def test_a_saved_task_that_is_not_whole_is_saved_again(harm: str, tmp_path: Path) -> None:
    task = Task.from_frame("shop", frame(), target="bought")
    folder = task.saved_below(tmp_path)
    labels = folder / "labels.npy"
    if harm == "a byte":
        labels.write_bytes(labels.read_bytes()[:-1] + b"\x07")
    elif harm == "cut off":
        (folder / "task.json").unlink()
    else:
        (folder / "task.json").write_text("")
    assert task.saved_below(tmp_path) == folder
    assert (Task.load(folder).labels == task.labels).all()
    assert sorted(each.name for each in tmp_path.iterdir() if each.is_dir()) == [folder.name]


def test_overlapping_splits_are_refused() -> None:
    overlapping = {**split(20), "fit": np.arange(20)}
    with pytest.raises(SpecError, match="the splits share items"):
        Task("t", "regression", "text", pa.table({"x": ["a"] * 20}), np.arange(20.0), overlapping)


def test_labels_groups_and_clusters_fit_the_items() -> None:
    made = Task.from_frame("shop", frame(), target="bought", groups=["shop"])
    for changed, words in (
        ({"labels": made.labels + 1}, "whole numbers from 0 to 1; `Task.from_arrays` takes the classes themselves"),
        ({"labels": made.labels.astype(float)}, "whole numbers from 0 to 1"),
        ({"labels": made.labels[:39]}, "40 items but 39 labels"),
        ({"clusters": np.arange(41)}, "40 items but 41 clusters"),
        ({"groups": {"shop": made.groups["shop"][:3]}}, "40 items but 3 names of the group `shop`"),
    ):
        with pytest.raises(SpecError, match=f"shop: .*{words}"):
            replace(made, **changed)  # type: ignore[arg-type]


def test_fewer_labels_are_a_prefix_of_more() -> None:
    task = Task.from_frame("shop", frame(), target="bought")
    assert task.first("fit", 5).tolist() == task.first("fit", "all")[:5].tolist()
    assert len(task.first("fit", 10_000)) == len(task.splits["fit"])


def test_request_bytes_counts_what_would_be_sent() -> None:
    texts = Task.from_arrays("texts", ["é", "ab"] * 5, [0, 1] * 5)
    assert texts.request_bytes(np.array([0, 1])) == 2
    rows = Task.from_arrays("rows", [{"x": 1, "y": "a"}] * 10, [0, 1] * 5)
    assert rows.request_bytes(np.array([0])) == len('{"x":1,"y":"a"}')
    frame = pd.DataFrame({"when": pd.to_datetime(["2024-01-02"] * 10), "scan": [b"abc"] * 10, "y": [0, 1] * 5})
    mixed = Task.from_frame("mixed", frame, target="y")
    assert mixed.request_bytes(np.array([0])) == len('{"when":"2024-01-02 00:00:00","scan":"YWJj"}')


def test_metrics_score_item_by_item() -> None:
    labels = np.array([1, 0])
    assert METRICS["accuracy"].score(np.array([[0.1, 0.9], [0.2, 0.8]]), labels).tolist() == [1, 0]
    assert METRICS["accuracy"].score(np.array([1, 0]), labels).tolist() == [1, 1]
    four = np.array([0, 0, 0, 1])  # of the one class two of three are right, of the other all
    balanced = METRICS["balanced_accuracy"].score(np.array([0, 0, 1, 1]), four)
    assert balanced == pytest.approx([2 / 3, 2 / 3, 0, 2]) and balanced.mean() == pytest.approx((2 / 3 + 1) / 2)
    assert METRICS["absolute_error"].score(np.array([1.5, -1.0]), labels).tolist() == [0.5, 1]
    ranked = np.array([[1, 0, 2], [2, 1, 0]])
    assert METRICS["recall_at_1"].score(ranked, labels).tolist() == [1, 0]
    assert METRICS["reciprocal_rank"].score(ranked, labels).tolist() == [1, pytest.approx(1 / 3)]
