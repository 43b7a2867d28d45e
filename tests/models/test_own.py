"""A user's own callable."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effkit.models import Products, Recipe, own
from effkit.models.own import OwnPredictor
from effkit.resolve import Own
from effkit.spec import SpecError
from effkit.tasks import Task

NAMES = ("no", "perhaps", "yes")


def task() -> Task:
    return Task.from_arrays("answers", [f"text {n}" for n in range(60)], [NAMES[n % 3] for n in range(60)])


def recipe_of(function: Callable[[list[Any]], Any], folder: Path) -> Recipe:
    return Recipe("mine", "own", "classification", 0, 1, own.Packed.of(function).settings(task(), folder))


def answer(given: Any, kind: str = "classification", classes: tuple[str, ...] = NAMES, items: int = 2) -> Any:
    return OwnPredictor(lambda batch: given, "mine", kind, classes).infer([""] * items)


def test_travels_as_a_file_and_is_asked_in_batches(tmp_path: Path, products: Products) -> None:
    offset = 1

    def modulo(batch: list[str]) -> list[str]:
        return [NAMES[(int(text.split()[1]) + offset - 1) % 3] for text in batch]

    made = recipe_of(modulo, tmp_path)
    assert Recipe.from_json(made.to_json()) == made
    folder = own.make(made, task(), products)
    found = own.predict(made, folder, task(), np.arange(60), products)
    assert (found == task().labels).all()
    assert products.used == []
    assert own.facts(own.load(made, folder), "text 1", folder).parameters is None


def test_the_key_depends_on_the_function(tmp_path: Path) -> None:
    one, two = (recipe_of(lambda batch, number=number: [number] * len(batch), tmp_path) for number in (1, 2))
    assert one.key() != two.key()


def test_another_file_in_its_place_is_refused(tmp_path: Path) -> None:
    made = recipe_of(len, tmp_path)
    Path(made.settings["function"]).write_bytes(b"something else")
    with pytest.raises(ValueError, match="is not the function that was written there"):
        own.load(made, tmp_path)


def test_a_function_that_cannot_travel_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as stream, pytest.raises(SpecError, match="cannot travel to a worker"):
        recipe_of(lambda batch: stream.write(""), tmp_path)


def test_whatever_a_function_holds_refuses_with_it_is_told_when_it_is_added() -> None:
    pointer = ctypes.pointer(ctypes.c_int(1))  # refuses with a ValueError
    with pytest.raises(SpecError, match="cannot travel to a worker: .*Open what cannot travel at the first call"):
        Own(lambda batch: [pointer.contents.value] * len(batch), "mine")


def test_a_function_travels_as_it_was_when_it_was_given(tmp_path: Path) -> None:
    given = []
    for answer in NAMES:  # each looks `answer` up when it is called, as functions made in a loop do
        given.append(Own(lambda batch: [answer] * len(batch), answer))  # noqa: B023
    for each in given:
        made = Recipe("mine", "own", "classification", 0, 1, each.packed.settings(task(), tmp_path))
        assert own.load(made, tmp_path).infer(["text"]).tolist() == [NAMES.index(each.title)]


def test_what_is_no_function_and_no_family_is_refused() -> None:
    with pytest.raises(SpecError, match="`mine` is given as dict, which cannot be called: give a function"):
        Own({"a": 1}, "mine")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"`tre` is not a known family\. Did you mean `tree`\?"):
        Own(len, "mine", "tre")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["yes", "no"], [2, 0]),
        (np.array(["yes", "no"], dtype=object), [2, 0]),
        ([2, 0], [2, 0]),
        (np.array([2.0, 0.0]), [2, 0]),
        (np.array([2, 0], dtype=np.uint8), [2, 0]),
    ],
)
def test_names_and_indices_become_indices(given: Any, expected: list[int]) -> None:
    assert answer(given).tolist() == expected


def test_probabilities_stay() -> None:
    assert answer([[0.1, 0.2, 0.7], [1, 0, 0]]).tolist() == [[0.1, 0.2, 0.7], [1, 0, 0]]


def test_numbers_are_names_where_classes_are_numbers() -> None:
    assert answer([3, 1], classes=("1", "2", "3")).tolist() == [2, 0]
    assert answer([True, False], classes=("False", "True")).tolist() == [1, 0]
    assert answer([1.0, 2.0], classes=("1.0", "2.0", "3.0")).tolist() == [0, 1]
    assert answer(["3.0", "1.0"], classes=("1.0", "2.0", "3.0")).tolist() == [2, 0]
    with pytest.raises(SpecError, match="classes among 1.0, 2.0, 3.0, not 4.0"):
        answer([4.0, 1.0], classes=("1.0", "2.0", "3.0"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["yes"], "mine got 2 items and gave 1 prediction; it must give one prediction for each item"),
        ("yes", "mine got 2 items and gave one value"),
        ([0.3, 0.7], "class names, class indices or one probability for each class"),
        ([0, 3], "class indices from 0 to 2"),
        (["yes", "maybe"], "classes among no, perhaps, yes, not 'maybe'"),
        ([[0.5, 0.5], [1, 0]], "3 probabilities an item"),
        ([[np.nan, 0, 1], [1, 0, 0]], "finite numbers"),
    ],
)
def test_errors_say_what_was_given_and_what_is_wanted(given: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        answer(given)


def test_regression_takes_one_number_an_item() -> None:
    assert answer([[1], [2.5]], "regression", ()).tolist() == [1, 2.5]
    with pytest.raises(SpecError, match="one number an item"):
        answer([[1, 2], [3, 4]], "regression", ())


def test_retrieval_takes_rows_of_the_corpus() -> None:
    assert answer([list(range(20))] * 2, "retrieval", ()).shape == (2, 10)
    with pytest.raises(SpecError, match="rows of the corpus"):
        answer([1, 2], "retrieval", ())
