"""Models of a user's own that behave and misbehave, for tests of the bench and of studies."""

from __future__ import annotations

import os
import signal
from typing import Any

import numpy as np


def wrong_by_size(items: list[Any]) -> list[int]:
    """Learn nothing and guess from one column, mostly wrong."""
    return [int(item["mean radius"] < 15) for item in items]


def always_one(items: list[Any]) -> list[int]:
    return [1] * len(items)


def raises(items: list[Any]) -> list[int]:
    raise ValueError("this model has a fault")


def too_few(items: list[Any]) -> list[int]:
    return [1] * (len(items) - 1) if len(items) > 1 else []


def out_of_memory(items: list[Any]) -> list[int]:
    raise MemoryError


def killed(items: list[Any]) -> list[int]:
    os.kill(os.getpid(), signal.SIGKILL)
    return [1] * len(items)


def prints(items: list[Any]) -> list[int]:
    print("a model that talks must not garble the pipe")
    return [1] * len(items)


def fails_when_alone(items: list[Any]) -> Any:
    """Predict whole batches and fail at batch 1: it breaks only while it is measured."""
    if len(items) == 1:
        raise RuntimeError("no batch of one, please")
    return np.ones(len(items), dtype=int)
