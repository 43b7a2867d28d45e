"""The self-test really measures, and tells how small a difference this host resolves."""

from __future__ import annotations

from effkit.bench.selftest import self_test


def test_the_self_test_measures_a_model_against_itself() -> None:
    told: list[str] = []
    seen = self_test(lambda share, text: told.append(text))
    assert seen.low <= seen.ratio <= seen.high
    assert seen.resolves >= 0.01
    assert 0.0 <= seen.disturbed <= 1.0
    assert told[-1] == "measured"
