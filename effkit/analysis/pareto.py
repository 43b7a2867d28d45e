"""Which candidates are on the Pareto front, and how surely, when all axes are resampled together."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Direction = Literal["min", "max"]
Mask = NDArray[np.bool_]


def front(points: ArrayLike, directions: Sequence[Direction]) -> Mask:
    """Which points no other point beats: at least as good on every axis and better on one.

    Args:
        points: Shape (candidates, axes), each axis in one unit.
        directions: "min" or "max" for each axis.

    Returns:
        Shape (candidates,); equal points are on the front together.

    Raises:
        ValueError: Shapes that do not fit, another direction, or NaN.
    """
    values = _all_lower_is_better(points, directions, dimensions=2)
    mine, theirs = values[:, None, :], values[None, :, :]
    beaten = np.all(theirs <= mine, axis=2) & np.any(theirs < mine, axis=2)
    return np.asarray(~beaten.any(axis=1))


def dominated(samples: ArrayLike, directions: Sequence[Direction], *, error: float = 0.05) -> Mask:
    """Which candidates may be called dominated: one and the same rival beats them in nearly all joint resamples.

    To be off the front in 95 % of the resamples is not enough: with several rivals each beats it sometimes, and a
    candidate that none of them truly beats is called dominated in up to four runs of ten (`benchmarks/RESULTS.md`).
    One rival must do it alone, in a share of 1 - `error` / (candidates - 1), so that by the union bound the error
    stays under `error` however many rivals there are.

    Args:
        samples: Shape (resamples, candidates, axes); within one resample every axis comes from the same draw.
        directions: "min" or "max" for each axis.
        error: Probability of calling a candidate dominated that is not.

    Returns:
        Shape (candidates,).

    Raises:
        ValueError: As `front`.
    """
    values = _all_lower_is_better(samples, directions, dimensions=3)
    _, candidates, _ = values.shape
    needed = 1 - error / max(1, candidates - 1)
    beaten = np.zeros((candidates, candidates))
    for mine in range(candidates):
        theirs = values - values[:, mine : mine + 1, :]
        beaten[mine] = np.mean(np.all(theirs <= 0, axis=2) & np.any(theirs < 0, axis=2), axis=0)
    return np.asarray((beaten >= needed - 1e-12).any(axis=1))


def _all_lower_is_better(points: ArrayLike, directions: Sequence[Direction], dimensions: int) -> NDArray[np.float64]:
    array = np.asarray(points, dtype=np.float64)
    shape = "(candidates, axes)" if dimensions == 2 else "(resamples, candidates, axes)"
    if array.ndim != dimensions or array.shape[-1] != len(directions):
        raise ValueError(
            f"got shape {array.shape} with {len(directions)} directions; give {shape} and one direction per axis"
        )
    unknown = sorted(set(directions) - {"min", "max"})
    if unknown:
        raise ValueError(f"direction {unknown[0]!r} is unknown; each axis is 'min' or 'max'")
    if np.isnan(array).any():
        raise ValueError("a value is NaN; leave out the axis or the candidate that was not measured")
    return array * np.where(np.asarray(directions) == "min", 1.0, -1.0)
