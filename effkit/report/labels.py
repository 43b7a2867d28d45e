"""Labels of dots in a figure: each where it covers least, with a line to its dot where that is far away."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from textwrap import wrap
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation
from numpy.typing import NDArray

from effkit.report.palette import FAINT, INK
from effkit.report.values import Dot

BEND = -0.15
"""Of an arrow, so that one there and one back do not lie on each other."""
Horizontal = Literal["left", "center", "right"]
Vertical = Literal["bottom", "center", "top"]

Place = tuple[float, float, Horizontal, Vertical]
"""Where a label stands from its dot, in points, and which of its sides is there."""
Boxes = NDArray[np.float64]
"""Left, bottom, right and top in pixels, a row a box."""

_NEAR: tuple[Place, ...] = (
    (9, 0, "left", "center"), (-9, 0, "right", "center"), (7, 8, "left", "bottom"), (-7, 8, "right", "bottom"),
    (7, -8, "left", "top"), (-7, -8, "right", "top"), (0, 12, "center", "bottom"), (0, -12, "center", "top"),
    (10, 20, "left", "bottom"), (-10, 20, "right", "bottom"), (10, -20, "left", "top"), (-10, -20, "right", "top"),
    (0, 30, "center", "bottom"), (0, -30, "center", "top"),
)  # fmt: skip
_FAR: tuple[Place, ...] = tuple(
    (
        radius * math.cos(angle), radius * math.sin(angle),
        "left" if math.cos(angle) > 0.1 else "right" if math.cos(angle) < -0.1 else "center",
        "bottom" if math.sin(angle) > 0.1 else "top" if math.sin(angle) < -0.1 else "center",
    )
    for radius in (40, 55, 70, 90, 110)
    for angle in (math.pi / 12 * step for step in range(24))
)  # fmt: skip
_PLACES = (*_NEAR, *_FAR)
"""What is nearest and most usual first: of two that cover as much the first is taken."""
_BEFORE = {"left": 0.0, "center": 0.5, "right": 1.0, "bottom": 0.0, "top": 1.0}
"""The share of a label that lies before the point where it stands."""
_OUTSIDE, _TEXT_ON_TEXT = 3.0, 6.0
"""A pixel beyond the frame, or under another label, is that much worse than one under a line."""
_PER_POINT, _ASTRAY = 1.5, 400.0
"""A point of distance, and a label that seems another dot's or whose line runs over one, in covered pixels."""
_BESIDE = 14.0
"""Pixels from a dot within which a label seems to be that dot's."""
_ROUNDS = 4
"""Every label is placed again at most so often, now that the others stand: the first had no choice to make."""


def place_labels(
    axes: Axes,
    dots: Sequence[Dot],
    others: Sequence[Dot] = (),
    lines: Sequence[Sequence[Dot]] = (),
    arcs: Sequence[tuple[Dot, Dot]] = (),
) -> None:
    """Put each label where it covers least: other labels, dots, bars and the figure's edge.

    Args:
        axes: with their final limits.
        dots: that get a label.
        others: more dots that are not to be covered.
        lines: through dots.
        arcs: arrows from dot to dot, bent by `BEND`.
    """
    if not dots:
        return
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    order = sorted(dots, key=lambda dot: (dot.role == "other", dot.y))
    labels = [_label(axes, dot) for dot in order]
    centres = [_pixel(axes, dot.x, dot.y) for dot in order]
    possible = [_boxes(label, centre) for label, centre in zip(labels, centres, strict=True)]

    taken = [box for dot in (*dots, *others) for box in _occupied(axes, dot)]
    taken += [box for line in lines for start, end in pairwise(line) for box in _along(axes, start, end)]
    taken += [box for start, end in arcs for box in _along(axes, start, end, BEND)]
    frame = axes.get_window_extent().get_points().reshape(1, 4)
    far = _PER_POINT * np.array([math.hypot(*place[:2]) if place in _FAR else 0.0 for place in _PLACES])
    spots = np.array([_pixel(axes, dot.x, dot.y) for dot in (*dots, *others)])
    alone = [
        _OUTSIDE * (_area(each) - _covered(each, frame))
        + _covered(each, np.array(taken))
        + _ASTRAY * _taken_for_another(each, centre, spots)
        + far
        for each, centre in zip(possible, centres, strict=True)
    ]

    chosen = [int(cost.argmin()) for cost in alone]
    for _ in range(_ROUNDS):
        before = list(chosen)
        for number, boxes in enumerate(possible):
            standing = [possible[other][chosen[other]] for other in range(len(labels)) if other != number]
            dots_there = [_square(centre, 6) for centre in centres if not np.allclose(centre, centres[number])]
            led = _led(labels[number], centres[number], np.array([*standing, *dots_there]).reshape(-1, 4))
            cost = alone[number] + _TEXT_ON_TEXT * _covered(boxes, np.array(standing).reshape(-1, 4)) + _ASTRAY * led
            chosen[number] = int(cost.round(1).argmin())
        if chosen == before:
            break
    for label, number in zip(labels, chosen, strict=True):
        _put(axes, label, _PLACES[number])


def short(label: str, longest: int = 30) -> str:
    """A label in at most two lines."""
    return "\n".join(wrap(label, longest, max_lines=2, placeholder="…"))


def _label(axes: Axes, dot: Dot) -> Annotation:
    return axes.annotate(
        short(dot.label), (dot.x, dot.y), xytext=(0, 0), textcoords="offset points", fontsize=8.5, zorder=4,
        color=INK if dot.role != "other" else FAINT, fontweight="bold" if dot.role == "chosen" else "normal",
    )  # fmt: skip


def _boxes(label: Annotation, centre: Boxes) -> Boxes:
    """The label's box at each place."""
    extent = label.get_window_extent()
    size = np.array([extent.width, extent.height])
    corners = _points(label) + centre - size * [[_BEFORE[side], _BEFORE[height]] for _, _, side, height in _PLACES]
    return np.hstack([corners, corners + size])


def _points(label: Annotation) -> Boxes:
    """Each place from the dot, in pixels."""
    dpi = label.get_figure(root=True).dpi  # type: ignore[union-attr] # it was drawn a moment ago
    return np.array([place[:2] for place in _PLACES]) * dpi / 72


def _area(boxes: Boxes) -> Boxes:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))


def _covered(boxes: Boxes, others: Boxes) -> Boxes:
    """Of each box the pixels that others lie on, each of them counted."""
    low, high = np.maximum(boxes[:, None, :2], others[None, :, :2]), np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.asarray(np.clip(high - low, 0, None).prod(axis=2).sum(axis=1))


def _taken_for_another(boxes: Boxes, centre: Boxes, spots: Boxes) -> Boxes:
    """1 for a box that is beside another dot and as near to it as to its own, else 0."""
    others = spots[~np.isclose(spots, centre).all(axis=1)]
    if not len(others):
        return np.zeros(len(boxes))
    nearest = _apart(boxes, others).min(axis=1)
    return np.asarray(nearest <= np.minimum(_apart(boxes, centre[None])[:, 0], _BESIDE), dtype=np.float64)


def _apart(boxes: Boxes, spots: Boxes) -> Boxes:
    """Pixels between each box and each spot, (boxes, spots)."""
    beyond = np.maximum(boxes[:, None, :2] - spots, spots - boxes[:, None, 2:]).clip(min=0)
    return np.asarray(np.hypot(beyond[..., 0], beyond[..., 1]))


def _led(label: Annotation, centre: Boxes, others: Boxes) -> Boxes:
    """How many boxes a line from the dot to each far place runs over."""
    points = centre + _points(label)[:, None, :] * np.linspace(0, 1, 16)[None, :, None]
    inside = (points[:, :, None, :] > others[:, :2]) & (points[:, :, None, :] < others[:, 2:])
    touched = np.any(np.all(inside, axis=3), axis=1)
    far = np.arange(len(_PLACES)) >= len(_NEAR)
    return np.where(far, np.sum(touched, axis=1), 0).astype(np.float64)


def _put(axes: Axes, label: Annotation, place: Place) -> None:
    x, y, horizontal, vertical = place
    label.set_position((x, y))
    label.set_horizontalalignment(horizontal)
    label.set_verticalalignment(vertical)
    if place in _FAR:
        axes.annotate(
            "", label.xy, xytext=(x, y), textcoords="offset points", zorder=1.5,
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 4},
        )  # fmt: skip


def _pixel(axes: Axes, x: float, y: float) -> Boxes:
    return np.asarray(axes.transData.transform((x, y)))


def _square(centre: Boxes, reach: float) -> Boxes:
    return np.concatenate([centre - reach, centre + reach])


def _along(axes: Axes, start: Dot, end: Dot, bend: float = 0.0, steps: int = 24) -> list[Boxes]:
    """The pixels of a line from dot to dot, in small squares; bent as matplotlib's `arc3` bends it."""
    first, last = (_pixel(axes, dot.x, dot.y) for dot in (start, end))
    across = np.array([last[1] - first[1], first[0] - last[0]])
    middle = (first + last) / 2 + bend * across
    shares = np.linspace(0, 1, steps + 1)[:, None]
    points = (1 - shares) ** 2 * first + 2 * shares * (1 - shares) * middle + shares**2 * last
    return [_square(point, 1.5) for point in points]


def _occupied(axes: Axes, dot: Dot) -> list[Boxes]:
    """The pixels of a dot and its bars."""
    x, y = _pixel(axes, dot.x, dot.y)
    boxes = [_square(np.array([x, y]), 6)]
    if dot.x_low is not None and dot.x_high is not None:
        left, right = _pixel(axes, max(dot.x_low, dot.x / 1e3), dot.y)[0], _pixel(axes, dot.x_high, dot.y)[0]
        boxes.append(np.array([left, y - 2, right, y + 2]))
    if dot.y_low is not None and dot.y_high is not None:
        low, high = sorted((_pixel(axes, dot.x, dot.y_low)[1], _pixel(axes, dot.x, dot.y_high)[1]))
        boxes.append(np.array([x - 2, low, x + 2, high]))
    return boxes
