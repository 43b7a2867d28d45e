"""Labels of dots: none on another, however crowded, and each far one led to its dot."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from effkit.report.labels import place_labels
from effkit.report.values import Dot


def placed(dots: list[Dot]) -> list[Annotation]:
    """All annotations of a figure of these dots: the labels, then the lines to those that are far."""
    figure = Figure(figsize=(6.2, 3.7))
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(0.0, 1.0)
    place_labels(axes, dots)
    return [each for each in axes.texts if isinstance(each, Annotation)]


@pytest.mark.parametrize("crowd", [2, 4, 6])
def test_labels_of_a_crowd_do_not_lie_on_each_other(crowd: int) -> None:
    dots = [
        Dot(f"model number {place}, then the larger one", 0.5 + place / 200, 0.5 + place / 200)
        for place in range(crowd)
    ]
    labels = [each for each in placed(dots) if each.get_text()]
    assert len(labels) == crowd
    for one, other in combinations(labels, 2):
        common = Bbox.intersection(one.get_window_extent(), other.get_window_extent())
        assert common is None or common.width * common.height < 20, (one.get_text(), other.get_text())


def test_only_a_far_label_is_led_to_its_dot() -> None:
    alone = placed([Dot("alone", 0.5, 0.5)])
    assert [each.get_text() for each in alone] == ["alone"]
    crowded = placed([Dot(f"quite a long name of a model, {n}", 0.5, 0.5 + n / 500) for n in range(8)])
    assert any(not each.get_text() and each.arrow_patch for each in crowded)


def test_no_dots_have_no_labels() -> None:
    assert placed([]) == []


def test_no_label_stands_where_it_seems_to_be_of_another_dot() -> None:
    # The reference of a rehearsal on few items: bars cover what is beside it, and a neighbour's dot has room.
    def dot(label: str, x: float, y: float) -> Dot:
        return Dot(label, x, y, y_low=y - 0.25, y_high=y + 0.2)

    dots = [
        dot("large model", 0.28, 0.5), dot("perceptron", 0.31, 0.6), dot("shallow tree", 0.35, 0.37),
        dot("small model", 0.2, 0.45), dot("linear model", 0.12, 0.45),
    ]  # fmt: skip
    labels = [each for each in placed(dots) if each.get_text()]
    spots = [labels[0].axes.transData.transform((each.x, each.y)) for each in dots]  # type: ignore[union-attr]
    for label in labels:
        box, own = label.get_window_extent(), labels[0].axes.transData.transform(label.xy)  # type: ignore[union-attr]
        others = [apart(box, spot) for spot in spots if not np.allclose(spot, own)]
        assert min(others) > min(apart(box, own), 14), label.get_text()


def apart(box: Bbox, spot: NDArray[np.float64]) -> float:
    """Pixels between a box and a spot."""
    beyond = np.maximum(box.min - spot, spot - box.max).clip(min=0)
    return float(np.hypot(*beyond))
