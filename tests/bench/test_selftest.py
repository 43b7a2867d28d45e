"""The self-test really measures, and tells how small a difference this host resolves."""

from __future__ import annotations

import pytest

from effkit.bench import selftest
from effkit.bench.process import WorkerFailed
from effkit.bench.selftest import self_test


def test_the_self_test_measures_a_model_against_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    fewest = selftest.PROTOCOL.model_copy(update={"generations": 5})  # below which no speed is claimed
    monkeypatch.setattr(selftest, "PROTOCOL", fewest)
    told: list[str] = []
    seen = self_test(lambda share, text: told.append(text))
    assert seen.low <= seen.ratio <= seen.high
    assert 0.01 <= seen.resolves < seen.found
    assert 0.0 <= seen.disturbed <= 1.0
    assert told[-1] == "measured"


def test_a_worker_that_cannot_start_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(items: list[object]) -> list[int]:
        raise OSError("no room")

    monkeypatch.setattr("effkit.bench.selftest._matrix", lambda: refuses)
    with pytest.raises(WorkerFailed, match="no room"):
        self_test()
