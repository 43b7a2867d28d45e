"""The margins at which verdicts change agree with the verdicts at every margin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effkit.analysis.comparison import QualityTest, Scored, compare
from effkit.analysis.margins import enough_from, worse_below
from effkit.analysis.quality import holm_verdicts, non_inferiority, seed_verdict


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    differ=st.lists(st.floats(0.0, 0.3), min_size=1, max_size=4),
    margin=st.floats(0.001, 0.2),
    n=st.sampled_from([10, 60, 400]),
)
def test_the_verdict_at_any_margin_follows(seed: int, differ: list[float], margin: float, n: int) -> None:
    rng = np.random.default_rng(seed)
    base = (rng.random(n) < 0.8).astype(float)
    candidates = {f"c{number}": np.where(rng.random(n) < share, 1 - base, base) for number, share in enumerate(differ)}

    def tests(allowed: float) -> dict[str, object]:
        return {
            name: non_inferiority(scores, base, margin=allowed, seed=1, resamples=500)
            for name, scores in candidates.items()
        }

    reference = tests(0.01)
    verdicts = holm_verdicts(tests(margin))  # type: ignore[arg-type]
    for name in candidates:
        enough, worse = enough_from([reference], name), worse_below([reference], name)  # type: ignore[list-item]
        if enough is None:
            assert verdicts[name] == "inconclusive"
            continue
        if abs(margin - enough) > 1e-4:
            assert (verdicts[name] in ("superior", "non-inferior")) == (margin > enough)
        assert worse is not None
        if abs(margin - worse) > 1e-9:
            assert (verdicts[name] == "inferior") == (margin < worse)


def test_a_better_candidate_is_enough_at_no_margin_at_all() -> None:
    base = np.tile([1.0, 0.0], 500)
    better = np.ones(1000)
    test = non_inferiority(better, base, margin=0.01, seed=1, resamples=500)
    assert enough_from([{"better": test}], "better") == 0.0


def test_seeds_must_agree() -> None:
    rng = np.random.default_rng(3)
    base = (rng.random(800) < 0.8).astype(float)
    scores = [np.where(rng.random(800) < share, 0.0, base) for share in (0.01, 0.08)]
    rounds = [{"c": non_inferiority(each, base, margin=0.02, seed=1, resamples=500)} for each in scores]
    alone = [enough_from([each], "c") for each in rounds]
    assert enough_from(rounds, "c") == max(alone)  # type: ignore[type-var]
    assert seed_verdict([holm_verdicts(each)["c"] for each in rounds]) == "inconclusive"


@pytest.mark.parametrize("binary", [True, False])
def test_gaps_carry_them(binary: bool) -> None:
    rng = np.random.default_rng(5)
    base = (rng.random(500) < 0.8).astype(float) if binary else rng.gamma(2.0, size=500)
    other = base.copy()
    other[:20] = 1 - other[:20] if binary else other[:20] + 0.5
    test = QualityTest(
        "accuracy" if binary else "absolute_error", binary, binary, 1.0 if binary else None,
        None if binary else 2.0, 1, 500,
    )  # fmt: skip
    gap = compare({"r": Scored((base,)), "c": Scored((other,))}, "r", test)["c"][1]
    assert gap is not None and gap.enough_from is not None and gap.worse_below is not None
    assert gap.enough_from >= gap.worse_below
    assert gap.enough_from == pytest.approx(-gap.low, abs=2e-3)
