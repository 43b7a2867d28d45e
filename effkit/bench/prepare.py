"""Preparing a candidate: make it, predict the test items, count what can be counted.

It runs in a worker of its own with all cores, so that a crash costs one candidate and not the study.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effkit.bench.energy import EnergyMeter
from effkit.bench.measurements import Built
from effkit.bench.process import WorkerFailed, WorkerProcess
from effkit.models import Facts, Recipe, sensitivity
from effkit.record import LayerCost

ALL_CORES = 0
LOADED_TO_WEIGHTS = 2.0


@dataclass(frozen=True)
class Staged:
    """What is known of a cascade's stages before anything is timed.

    Attributes:
        answers: (stages, n, classes) probabilities of every stage for every test item; of the first seed.
        facts: counted on each stage; of a part of a network, what it adds.
        setup: how it was calibrated, and when an item goes on.
    """

    answers: NDArray[np.float64]
    facts: tuple[Facts, ...]
    setup: dict[str, Any]


@dataclass(frozen=True)
class Prepared:
    """A candidate that can be measured.

    Attributes:
        built: what a worker loads; trained with the first seed.
        predictions: one array a seed, over the test items.
        making: cost of each step, of the first seed only: the others are there to show the spread.
        facts: counted on the loaded model.
        response_bytes: mean size of an answer.
        sensitivity: what each layer loses in few bits, where mixed precision measured it.
        staged: of a cascade; None of a single model.
    """

    built: Built
    predictions: tuple[NDArray[Any], ...]
    making: tuple[dict[str, Any], ...]
    facts: Facts
    response_bytes: float
    sensitivity: tuple[LayerCost, ...] = ()
    staged: Staged | None = None


def prepare(
    recipe: Recipe,
    seeds: Sequence[int],
    task: Path,
    products: Path,
    test: NDArray[np.int64],
    meter: EnergyMeter,
    *,
    device: str = "cpu",
    counted: Sequence[int] = (),
    changed: bool = False,
) -> Prepared:
    """Make a candidate with each seed and predict the test items with each.

    Args:
        recipe: what determines it; its seed is the first of `seeds`.
        seeds: of training.
        task: folder of the saved task.
        products: folder of cached products.
        test: item indices to predict.
        meter: measures the energy of making.
        device: where PyTorch trains, embeds and predicts, "cpu" or "cuda".
        counted: items over which operations are counted, once it is loaded; without any, nothing is counted.
        changed: whether techniques made it, so that one answer to everything is their fault.

    Raises:
        WorkerFailed: with the reason, when it cannot be made or gives wrong answers.
    """
    with (
        tempfile.TemporaryDirectory(prefix="effkit-") as folder,
        WorkerProcess(threads=ALL_CORES, device=device, meter=meter) as worker,
    ):
        scratch = Path(folder)
        np.save(scratch / "test.npy", test)
        opened = worker.ask("open", recipe=recipe.to_json(), task=str(task), products=str(products))
        predictions, making, made_first, response_bytes = [], (), "", 0.0
        for seed in seeds:
            made = worker.ask("make", seed=seed)
            out = scratch / f"predictions-{seed}.npy"
            predicted = worker.ask(
                "predict", seed=seed, folder=made["folder"], indices=str(scratch / "test.npy"), out=str(out)
            )
            predictions.append(_sane(np.load(out), changed))
            if seed == seeds[0]:
                made_first, response_bytes = made["folder"], predicted["response_bytes"]
                making = tuple(made["making"])
        facts, staged = Facts(), None
        items = list(counted)
        if items:
            worker.ask("load", folder=made_first)
            facts = Facts(**worker.ask("facts", folder=made_first, items=items))
        if items and recipe.stages:
            out = scratch / "stages.npy"
            told = worker.ask("stages", folder=made_first, indices=str(scratch / "test.npy"), out=str(out), items=items)
            staged = Staged(np.load(out), tuple(Facts(**each) for each in told["facts"]), told["setup"])
        memory = worker.ask("memory")
    peak = memory["peak_bytes"]
    if facts.tensor_bytes is not None:
        peak = opened["floor_bytes"] + int(LOADED_TO_WEIGHTS * facts.tensor_bytes)
    built = Built(recipe, Path(made_first), peak, memory["device_reserved_bytes"] or 0)
    return Prepared(built, tuple(predictions), making, facts, response_bytes, sensitivity.read(built.folder), staged)


def _sane(predictions: NDArray[Any], changed: bool) -> NDArray[Any]:
    """Return predictions that are some answer; a fast model that answers nothing is no saving."""
    if predictions.dtype.kind == "f" and not np.isfinite(predictions).all():
        broken = int((~np.isfinite(predictions.reshape(len(predictions), -1)).all(axis=1)).sum())
        raise WorkerFailed(
            f"{broken:,} of its {len(predictions):,} predictions are not numbers: the model is broken, not fast"
        )
    # Probabilities tell more than the classes: where one class dominates, all may have it and none be broken.
    if changed and len(predictions) > 1 and _all_the_same(predictions):
        raise WorkerFailed("it gives every test item the same answer: its techniques broke it")
    return predictions


def _all_the_same(predictions: NDArray[Any]) -> bool:
    if predictions.ndim == 1:  # values, which may be small in the unit that the task has
        return bool((predictions == predictions[0]).all())
    return bool(np.allclose(predictions, predictions[0], rtol=0.0, atol=1e-6))
