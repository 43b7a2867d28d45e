"""Drawing cascades: quality against cost, a panel each."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from effkit.report.palette import CHOSEN, FAINT, INK, OTHER, REFERENCE, WIDTH_INCHES
from effkit.report.values import CascadeChart, CascadePanel, Dot

_PANEL_INCHES = 2.6
_NEAR = 0.85
"""Beyond this share of the last stage's cost a label would leave the figure."""


def cascade_inches(found: CascadeChart) -> tuple[float, float]:
    """Width and height of the figure."""
    return WIDTH_INCHES, _PANEL_INCHES * len(found.panels)


def draw_cascades(figure: Figure, found: CascadeChart) -> None:
    """Draw a panel for each cascade, one below the other."""
    panels = figure.subplots(len(found.panels), 1, squeeze=False)[:, 0]
    for axes, panel in zip(panels, found.panels, strict=True):
        axes.set_facecolor("none")
        _draw(axes, panel)
        axes.set_ylabel(found.y_label)


def _draw(axes: Axes, panel: CascadePanel) -> None:
    x = [dot.x for dot in panel.line]
    axes.fill_between(
        x, [_low(dot) for dot in panel.line], [_high(dot) for dot in panel.line], color=OTHER, alpha=0.18, linewidth=0
    )
    axes.plot(x, [dot.y for dot in panel.line], color=OTHER, linewidth=1.6, zorder=2)
    first, last = panel.ends
    axes.plot([first.x, last.x], [first.y, last.y], color=FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    for dot, colour, side in ((first, OTHER, "left"), (last, REFERENCE, "right")):
        axes.plot(dot.x, dot.y, "D", color=colour, markersize=5.5, zorder=3)
        axes.annotate(
            dot.label, (dot.x, dot.y), xytext=(6 if side == "left" else -6, -8), textcoords="offset points",
            fontsize=8.5, color=FAINT, ha=side, va="top", zorder=4,
        )  # fmt: skip
    if panel.measured is not None:
        _draw_measured(axes, panel.measured, near_the_end=panel.measured.x > _NEAR * last.x)
    axes.margins(x=0.06, y=0.2)
    axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.set_xlabel(panel.x_label)
    axes.set_title(panel.title, fontsize=9, color=INK, fontweight="bold", loc="left")
    axes.spines["left"].set_visible(False)


def _draw_measured(axes: Axes, dot: Dot, *, near_the_end: bool) -> None:
    axes.plot(dot.x, dot.y, "o", color=CHOSEN, markersize=8, zorder=4)
    if dot.x_low is not None and dot.x_high is not None:
        axes.plot([dot.x_low, dot.x_high], [dot.y, dot.y], color=CHOSEN, linewidth=1.3, alpha=0.6, zorder=3)
    axes.plot([dot.x, dot.x], [_low(dot), _high(dot)], color=CHOSEN, linewidth=1.3, alpha=0.6, zorder=3)
    axes.annotate(
        dot.label, (dot.x, dot.y), xytext=(0, 9), textcoords="offset points", fontsize=8.5, color=INK,
        fontweight="bold", ha="right" if near_the_end else "center", zorder=5,
    )  # fmt: skip


def _low(dot: Dot) -> float:
    return dot.y if dot.y_low is None else dot.y_low


def _high(dot: Dot) -> float:
    return dot.y if dot.y_high is None else dot.y_high
