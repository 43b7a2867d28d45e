"""Which candidates are on the Pareto front: those that no other beats."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Direction = Literal["min", "max"]
Mask = NDArray[np.bool_]


def front(points: ArrayLike, directions: Sequence[Direction]) -> Mask:
    """Which points no other point beats: at least as good on every axis and better on one.

    The values are taken as they are. Who is off the front may be off it by chance.

    Args:
        points: Shape (candidates, axes), each axis in one unit.
        directions: "min" or "max" for each axis.

    Returns:
        Shape (candidates,); equal points are on the front together.

    Raises:
        ValueError: Shapes that do not fit, another direction, or NaN.
    """
    values = _lower_is_better(points, directions)
    mine, theirs = values[:, None, :], values[None, :, :]
    beaten = np.all(theirs <= mine, axis=2) & np.any(theirs < mine, axis=2)
    return np.asarray(~beaten.any(axis=1))


def _lower_is_better(points: ArrayLike, directions: Sequence[Direction]) -> NDArray[np.float64]:
    array = np.asarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[-1] != len(directions):
        raise ValueError(
            f"got shape {array.shape} with {len(directions)} directions; give (candidates, axes) and one direction per "
            "axis"
        )
    unknown = sorted(set(directions) - {"min", "max"})
    if unknown:
        raise ValueError(f"direction {unknown[0]!r} is unknown; each axis is 'min' or 'max'")
    if np.isnan(array).any():
        raise ValueError("a value is NaN; leave out the axis or the candidate that was not measured")
    return array * np.where(np.asarray(directions) == "min", 1.0, -1.0)
