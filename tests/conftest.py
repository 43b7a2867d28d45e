"""What all tests share: results of their own, a small study, and a protocol that only rehearses."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings

# What tests measure is no result: they take turns with no other run of this machine, and those that run side by side
# not with each other, each process as a host of its own.
SLOT_FOLDER = None if "EFFKIT_SLOT" in os.environ else TemporaryDirectory(prefix="effkit-slot-")
if SLOT_FOLDER is not None:
    os.environ["EFFKIT_SLOT"] = SLOT_FOLDER.name
if side := os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ.setdefault("EFFKIT_HOST", side)

# Whoever starts the tests in the background of a shell has them, and so what they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is slow for a moment, and that is not what a test asks.
settings.register_profile("effkit", deadline=None)
settings.load_profile("effkit")

LONG = (
    "batch/test_cluster",
    "notebooks/test_notebooks",
    "models/test_techniques_of_texts",
    "test_study",
    "batch/test_states",
    "remote/test_sending",
    "bench/test_measure",
    "batch/test_runner",
    "models/test_image_techniques",
    "batch/test_faults",
    "test_preparing",
    "bench/test_prepare",
    "test_cli",
    "report/test_report_what_if_script",
    "commands/test_repeating",
    "remote/test_fetching",
    "bench/test_load",
    "batch/test_cluster_faults",
    "test_docs",
    "models/test_tabular_graphs",
    "test_cascades",
    "remote/test_whole",
    "export/test_model_card",
    "test_plan",
    "catalogue/test_catalogue_fetch",
    "bench/test_selftest",
    "test_under_load",
    "models/test_encoder",
    "commands/test_verdicts",
    "bench/test_process",
    "test_links",
    "batch/test_orders",
    "models/test_tabular",
    "bench/test_slot",
)
"""The files that take longest, the longest first: a long one that begins last is waited for by all others."""


def pytest_configure(config: pytest.Config) -> None:
    """Hand files out in the order that they have here, and not by the number of their tests."""
    if hasattr(config.option, "loadscopereorder"):  # there is pytest-xdist
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let long files begin first; within a file everything stays in its order."""
    here = Path(__file__).parent
    places = {here / f"{name}.py": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path, len(LONG)))


REHEARSAL: dict[str, Any] = {
    "base": "smoke",
    "blocks": 1,
    "calls": 32,
    "visit_s": 0.05,
    "warm_up_s": 0.05,
    "warm_up_fast_s": 0.05,
    "warm_up_most_s": 0.3,
    "throughput_s": 0.05,
    "idle_s": 0.0,
    "retries": 0,
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
def caplog(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What is logged from warnings up, though a library raised the level of all loggers of this process before."""
    caplog.set_level(logging.WARNING)
    return caplog


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty results folder that every store of this test uses."""
    folder = tmp_path / "results"
    monkeypatch.setenv("EFFKIT_RESULTS", str(folder))
    monkeypatch.delenv("EFFKIT_RUN", raising=False)
    return folder
