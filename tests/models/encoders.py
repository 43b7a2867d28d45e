"""Small encoders' tasks and recipes, for tests of encoders and of what techniques make of them."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np

from effkit.models import Recipe
from effkit.tasks.base import Task

WORDS = ["red", "blue", "green", "dress", "shirt", "soft", "loose", "tight", "warm", "cold", "light", "long"]


def texts(count: int = 80) -> Task:
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    written = [" ".join([WORDS[label], *rng.choice(WORDS[3:], rng.integers(2, 30))]) for label in labels]
    return Task.from_arrays("texts", written, labels.tolist(), modality="text")


def images(count: int = 24, side: int = 32) -> Task:
    from PIL import Image

    rng = np.random.default_rng(0)
    items = []
    for row in range(count):
        pixels = rng.integers(0, 40, (side, side, 3)).astype(np.uint8)
        pixels[..., row % 2] += 200
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, format="PNG")
        items.append(stream.getvalue())
    return Task.from_arrays("images", items, [row % 2 for row in range(count)], modality="vision")


def recipe_of(weights: Path, name: str, kind: str = "classification", fit_items: int = 40, **settings: Any) -> Recipe:
    files = (path for path in weights.rglob("*") if path.is_file())
    digests = {path.relative_to(weights).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return Recipe(name, name, kind, fit_items, 1, {"C": 3.0, **settings}, weights, digests)
