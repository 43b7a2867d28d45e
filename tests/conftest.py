"""What all tests share: results of their own, a small study, and a protocol that only rehearses."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings

# What tests measure is no result: they take turns with no other run of this machine, and those that run side by side
# not with each other, each process as a host of its own.
SLOT_FOLDER = TemporaryDirectory(prefix="effkit-slot-")
os.environ.setdefault("EFFKIT_SLOT", SLOT_FOLDER.name)
if side := os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ.setdefault("EFFKIT_HOST", side)

# A busy machine is slow for a moment, and that is not what a test asks.
settings.register_profile("effkit", deadline=None)
settings.load_profile("effkit")

REHEARSAL: dict[str, Any] = {
    "base": "smoke",
    "calls": 32,
    "visit_s": 0.05,
    "warm_up_s": 0.05,
    "warm_up_fast_s": 0.05,
    "warm_up_most_s": 0.3,
    "throughput_s": 0.05,
    "idle_s": 0.0,
    "resamples": 500,
}
"""A protocol for tests of everything but the numbers."""


def parameters(**changes: Any) -> dict[str, Any]:
    """The keys of a small study on a bundled set, with some changed or added."""
    return {
        "name": "t",
        "task": "breast-cancer",
        "reference": "lightgbm-small",
        "candidates": ["logreg", "lightgbm-small"],
        "margin_points": 2.0,
        "margin_reason": "a test",
        "protocol": REHEARSAL,
        **changes,
    }


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty results folder that every store of this test uses."""
    folder = tmp_path / "results"
    monkeypatch.setenv("EFFKIT_RESULTS", str(folder))
    monkeypatch.delenv("EFFKIT_RUN", raising=False)
    return folder
