"""Labels of dots: none on another, however crowded, and each far one led to its dot."""

from __future__ import annotations

from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

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
