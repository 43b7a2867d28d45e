"""The timed loops, on a model whose times are known."""

import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from effkit.bench.latency import RE_WARM_ITEMS, is_steady, one_pass, throughput, visit, warm_up
from effkit.spec import Protocol


class Sleeper:
    """Prepares in 1 ms and infers in 2 ms."""

    def __init__(self) -> None:
        self.calls = 0

    def prepare(self, items: list[Any]) -> list[Any]:
        time.sleep(0.001)
        return items

    def infer(self, prepared: list[Any]) -> NDArray[Any]:
        self.calls += 1
        time.sleep(0.002)
        return np.zeros((len(prepared), 2))


class Slowing(Sleeper):
    """Takes longer with every call."""

    def infer(self, prepared: list[Any]) -> NDArray[Any]:
        time.sleep(0.0005 * self.calls)
        return super().infer(prepared)


class Instant(Sleeper):
    def prepare(self, items: list[Any]) -> list[Any]:
        return items

    def infer(self, prepared: list[Any]) -> NDArray[Any]:
        self.calls += 1
        return np.zeros((len(prepared), 2))


def test_preparing_and_inferring_are_timed_apart() -> None:
    prepare_s, infer_s = one_pass(Sleeper(), list(range(10)))
    assert min(prepare_s) >= 0.001
    assert min(infer_s) >= 0.002
    assert len(prepare_s) == len(infer_s) == 10


def test_a_visit_makes_whole_passes_after_one_of_rewarming() -> None:
    model = Sleeper()
    calls = visit(model, list(range(4)), least_calls=9, least_s=0.0, most_kept=1000)
    assert calls.item == list(range(4)) * 3
    assert calls.calls == model.calls == 16


def test_a_visit_re_warms_as_many_items_as_it_is_told() -> None:
    model, items = Instant(), list(range(40))
    assert visit(model, items, least_calls=1, least_s=0.0, most_kept=1000).calls == model.calls == RE_WARM_ITEMS + 40
    model.calls = 0
    calls = visit(model, items, least_calls=1, least_s=0.0, most_kept=1000, re_warm_items=40)
    assert calls.calls == model.calls == 2 * 40
    assert calls.item == items


def test_a_slow_model_is_warm_again_before_it_has_seen_as_many_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("effkit.bench.latency.RE_WARM_S", 0.005)
    model = Sleeper()
    assert 10 < visit(model, list(range(10)), least_calls=1, least_s=0.0, most_kept=1000).calls == model.calls < 10 + 4


def test_a_visit_lasts_as_long_as_is_asked() -> None:
    start = time.perf_counter()
    visit(Sleeper(), [1], least_calls=1, least_s=0.1, most_kept=1000)
    assert time.perf_counter() - start >= 0.1


def test_a_fast_model_keeps_whole_passes_but_its_mean_is_over_all_calls() -> None:
    model = Instant()
    calls = visit(model, list(range(16)), least_calls=4000, least_s=0.0, most_kept=100)
    assert calls.calls == model.calls > 4000
    assert len(calls.item) == 96, "as many whole passes as there is room for"
    assert calls.mean_infer_s > 0


def test_equal_windows_are_steady_and_a_slow_first_call_is_not() -> None:
    window = np.linspace(1.0, 2.0, 20)
    assert is_steady(window, window)
    slow_first = window.copy()
    slow_first[0] = 10.0
    assert not is_steady(slow_first, window)


def test_items_of_nearly_equal_time_are_steady_whatever_their_tiny_spread() -> None:
    first, second = (1.0 + share * np.linspace(-1, 1, 20) for share in (0.001, 0.002))
    assert is_steady(first, second) is True  # a plain bool: it travels as JSON


def test_a_window_that_still_gets_faster_is_not_steady() -> None:
    window = np.linspace(1.0, 2.0, 20)
    assert not is_steady(window * 1.2, window)


def test_warm_up_ends_when_steady_or_when_patience_ends() -> None:
    steady = warm_up(Sleeper(), list(range(20)), Protocol(warm_up_s=0.1, warm_up_fast_s=0.1))
    assert steady["calls"] >= 41
    assert steady["first_call_s"] >= 0.003
    hasty = Protocol(warm_up_most_s=0.001, warm_up_fast_s=0.001)
    assert not warm_up(Slowing(), list(range(20)), hasty)["steady"]


def test_no_model_is_called_unsteady_before_it_was_compared_with_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    hasty = Protocol(warm_up_most_s=0.001, warm_up_fast_s=0.001)
    model = Sleeper()
    warm_up(model, list(range(20)), hasty)
    assert model.calls >= 41
    monkeypatch.setattr("effkit.bench.latency.MOST_TO_COMPARE_S", 0.0)
    endless = Sleeper()
    assert not warm_up(endless, list(range(20)), hasty)["steady"]
    assert endless.calls < model.calls


def test_throughput_times_whole_batches() -> None:
    batch_s, yard_s = throughput(Sleeper(), list(range(30)), least_s=0.05)
    assert len(batch_s) == len(yard_s) >= 2
    assert all(0.003 <= seconds < 1.0 for seconds in batch_s)
