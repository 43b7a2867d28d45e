"""What a host makes of an order from elsewhere, without anything that carries it."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from effkit import attempts, store
from effkit.batch import Point, orders, points
from effkit.batch.local import request
from tests.batch.sweeps import project, sweep

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="effkit measures on Linux and macOS")


@pytest.fixture
def point(tmp_path: Path) -> Point:
    (found,) = points(sweep(project(tmp_path, "raise OSError('it ran ' + name)"), "s"))
    return found


def order(point: Point, results: Path, key: str = "one") -> orders.Order:
    text = point.notebook.read_text(encoding="utf-8")
    asked = request(point, again=False)
    return orders.Order(key=key, results=str(results), request=asked, notebook=text)


def test_the_same_kit_and_a_shared_folder_differ_in_nothing(point: Point, results: Path) -> None:
    with orders.marked(results) as marker:
        assert orders.differences(orders.kit(str(results), marker, [point])) == []
    assert not list((results / attempts.LOCKS).iterdir())
    assert orders.differences(orders.kit("s3://bucket/results", None, [point])) == []


def test_what_differs_is_named_with_its_fix(point: Point, results: Path) -> None:
    mine = orders.kit(str(results), None, [point])
    (said,) = orders.differences(mine.model_copy(update={"version": "9.9.9"}))
    assert "the coordinator effkit 9.9.9" in said and "install the same on both" in said
    (said,) = orders.differences(mine.model_copy(update={"source_sha256": "0" * 64}))
    assert "(00000000)" in said
    (said,) = orders.differences(mine.model_copy(update={"notebooks": {str(point.notebook): "0" * 64}}))
    assert str(point.notebook) in said and "same commit" in said
    assert orders.differences(mine.model_copy(update={"notebooks": {"/nowhere.ipynb": "0" * 64}})) == []


def test_a_host_with_other_entries_of_its_own_is_refused(
    point: Point, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = orders.kit(str(results), None, [point])
    own = tmp_path / "own.yaml"
    own.write_text("models: {}\n")
    monkeypatch.setenv("EFFKIT_CATALOGUE", str(own))
    (said,) = orders.differences(without)
    assert str(own) in said and "none where the coordinator has none" in said
    with_own = orders.kit(str(results), None, [point])
    assert orders.differences(with_own) == []
    monkeypatch.setenv("EFFKIT_CATALOGUE", str(tmp_path / "gone.yaml"))
    (said,) = orders.differences(with_own)
    assert "gone.yaml" in said and "the same file" in said


def test_a_folder_that_is_not_shared_or_whose_locks_are_not_is_refused(point: Point, results: Path) -> None:
    (said,) = orders.differences(orders.kit(str(results), "shared-elsewhere", [point]))
    assert "give --results a folder that all hosts share" in said
    (results / attempts.LOCKS).mkdir(parents=True)
    (results / attempts.LOCKS / "shared-unlocked").touch()
    (said,) = orders.differences(orders.kit(str(results), "shared-unlocked", [point]))
    assert "do not reach from host to host" in said


def test_an_order_runs_the_notebook_it_brings_where_there_is_none(
    point: Point, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFKIT_CACHE", str(tmp_path / "cache"))
    asked = order(point, results)
    point.notebook.unlink()
    lines: list[str] = []
    ended = orders.carry_out(asked, lines.append)
    assert ended.status == "failed" and "it ran t" in ended.sentence and lines[0] == ""
    assert ended.folder is not None and (results / ended.folder / attempts.FAILURE).exists()
    assert attempts.request(results / ended.folder).notebook.startswith(str(tmp_path / "cache"))


def test_an_order_that_this_host_would_carry_out_otherwise_is_refused(point: Point, results: Path) -> None:
    asked = order(point, results)
    other = asked.model_copy(update={"request": asked.request.model_copy(update={"identity": "1-0"})})
    ended = orders.carry_out(other, lambda line: None)
    assert ended.status == "failed" and "Install the same on both" in ended.sentence
    point.notebook.write_text("{}")
    ended = orders.carry_out(asked, lambda line: None)
    assert ended.status == "failed" and "has changed" in ended.sentence
    wrong = asked.request.params | {"margin_pionts": 1}
    other = asked.model_copy(update={"request": asked.request.model_copy(update={"params": wrong})})
    assert "Did you mean `margin_points`" in orders.carry_out(other, lambda line: None).sentence
    assert not attempts.unfinished(results), "something was started"


def test_an_order_that_is_stopped_before_it_begins_never_does(point: Point, results: Path) -> None:
    assert orders.stop(["one"]) == []
    assert orders.carry_out(order(point, results), lambda line: None).status == "stopped"
    assert not results.exists()


def test_a_host_without_room_begins_nothing_and_says_so(
    point: Point, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results.mkdir()
    monkeypatch.setattr("effkit.places.LEAST_FREE_BYTES", 2**80)
    ended = orders.carry_out(order(point, results), lambda line: None)
    assert ended.unable and f"{results} has " in ended.sentence and "free some space" in ended.sentence
    assert not attempts.unfinished(results)


def test_what_goes_wrong_with_one_point_is_not_taken_for_the_host(point: Point, results: Path) -> None:
    results.mkdir()
    (results / "t").write_text("a file where the study's folder would be")
    ended = orders.carry_out(order(point, results), lambda line: None)
    assert ended.status == "failed" and not ended.unable, "or every host would be refused for it, one after the other"


def test_an_order_that_is_stopped_ends_its_processes(tmp_path: Path, results: Path) -> None:
    (point,) = points(sweep(project(tmp_path, "import time; time.sleep(600)"), "s"))
    stopped: list[list[str]] = []
    lines: list[str] = []
    stopper = threading.Thread(target=lambda: stopped.append(orders.stop(["one"])))

    def tell(line: str) -> None:
        lines.append(line)
        if not line:
            stopper.start()

    ended = orders.carry_out(order(point, results), tell)
    stopper.join()
    assert ended.status == "stopped" and stopped == [[]] and lines[-1] == "stopping"
    (attempt,) = attempts.unfinished(results)
    assert not attempt.alive and attempt.folder.name.endswith(store.FAILED)
