"""Drawing bars: what each link of a chain multiplies the latency by, and what each layer costs."""

from __future__ import annotations

from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from matplotlib.transforms import blended_transform_factory

from effkit.report.palette import CHOSEN, FAINT, GRID, INK, OTHER, REFERENCE, WIDTH_INCHES
from effkit.report.values import Bar, BarChart, BarGroup

_COLOURS = {"blue": CHOSEN, "orange": REFERENCE, "grey": OTHER}
_AXIS_INCHES = 0.55
_LINK_INCHES, _LAYER_INCHES = 0.62, 0.185
_ABOVE, _BELOW, _BAR = 0.36, 0.06, -0.28
"""Where a link's name, its numbers and its bar stand, in rows from the row's middle."""


def size_inches(found: BarChart) -> tuple[float, float]:
    """Width and height of the figure: as high as its bars need."""
    bars = sum(len(group.bars) for group in found.groups)
    if found.kind == "waterfall":
        return WIDTH_INCHES, _AXIS_INCHES + _LINK_INCHES * (bars + len(found.groups))
    return WIDTH_INCHES, _LAYER_INCHES * (bars + 2 * len(found.groups)) + _AXIS_INCHES * len(found.groups)


def draw_waterfall(figure: Figure, found: BarChart) -> None:
    """Draw every chain below the last, all on one logarithmic axis."""
    axes = figure.add_subplot(facecolor="none")
    axes.set_xscale("log")
    row = 0.0
    for group in found.groups:
        _draw_chain(axes, group, row)
        row -= len(group.bars) + 1
    _log_axis(axes, [bar for group in found.groups for bar in group.bars])
    axes.set_ylim(row + 0.4, 0.6)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(found.x_label)


def draw_sensitivity(figure: Figure, found: BarChart) -> None:
    """Draw a panel for each network, a bar for each layer."""
    heights = [len(group.bars) + 3 for group in found.groups]
    panels = figure.subplots(len(found.groups), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, group in zip(panels, found.groups, strict=True):
        axes.set_facecolor("none")
        _draw_layers(axes, group)
    panels[-1].set_xlabel(found.x_label)


def _draw_chain(axes: Axes, group: BarGroup, row: float) -> None:
    start = group.bars[0].start
    _say(axes, row + _BELOW, group.title, weight="bold")
    axes.plot(start, row + _BAR, "D", color=INK, markersize=5.5, zorder=3)
    previous = row + _BAR
    for bar in group.bars:
        row -= 1
        _say(axes, row + _ABOVE, bar.label)
        _say(axes, row + _BELOW, bar.detail, size=9, colour=FAINT)
        axes.plot([bar.start, bar.start], [previous, row + _BAR], color=FAINT, linewidth=0.7, alpha=0.45, zorder=1)
        _draw_step(axes, bar, row + _BAR)
        previous = row + _BAR


def _draw_step(axes: Axes, bar: Bar, y: float) -> None:
    colour = _COLOURS[bar.colour]
    axes.plot([bar.start, bar.end], [y, y], color=colour, linewidth=6, solid_capstyle="butt", zorder=3)
    axes.plot(bar.end, y, "|", color=colour, markersize=9, markeredgewidth=2, zorder=3)
    if bar.low is not None and bar.high is not None:
        axes.plot([bar.low, bar.high], [y, y], color=INK, linewidth=1.2, zorder=4)


def _say(axes: Axes, y: float, text: str, *, size: float = 10, colour: str = INK, weight: str = "normal") -> None:
    """A line of text that starts at the left edge."""
    axes.text(
        0, y, text, transform=axes.get_yaxis_transform(), va="center", fontsize=size, color=colour, fontweight=weight,
        zorder=5,
    )  # fmt: skip


def _log_axis(axes: Axes, bars: list[Bar]) -> None:
    ends = [end for bar in bars for end in (bar.start, bar.end, bar.low, bar.high) if end is not None]
    low, high = min(ends), max(ends)
    axes.set_xlim(low / 1.08, high * 1.08)
    subs = (1.0,) if high / low > 100 else (1.0, 2.0, 5.0) if high / low > 4 else (1.0, 1.5, 2, 3, 4, 5, 6, 8)
    axes.xaxis.set_major_locator(LogLocator(base=10, subs=subs, numticks=12))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.3g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(which="minor", length=0)


def _draw_layers(axes: Axes, group: BarGroup) -> None:
    places = range(len(group.bars))
    axes.barh(
        places,
        [bar.end for bar in group.bars],
        color=[_COLOURS[bar.colour] for bar in group.bars],
        height=0.7,
        zorder=3,
    )
    axes.axvline(0, color=FAINT, linewidth=0.7, zorder=4)
    for place, bar in zip(places, group.bars, strict=True):
        axes.annotate(
            bar.detail, (max(bar.end, 0.0), place), xytext=(3, 0), textcoords="offset points", va="center",
            fontsize=8.5, color=FAINT, zorder=4,
        )  # fmt: skip
    axes.set_yticks(places, [bar.label for bar in group.bars], fontsize=8.5)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(len(group.bars) - 0.4, -0.6)
    axes.margins(x=0.12)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}".replace("-", "−")))
    axes.grid(visible=False, axis="y")
    axes.grid(color=GRID, axis="x")
    axes.spines["left"].set_visible(False)
    _over_the_whole_width(axes, group.title)


def _over_the_whole_width(axes: Axes, title: str) -> None:
    """A panel's title from the figure's left edge, for the names of layers leave the axes little room."""
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    lines = wrap(title, 62)
    axes.set_title("\n".join(" " for _ in lines), fontsize=9)  # keeps the room
    axes.text(
        0.01, 1.0, "\n".join(lines), transform=blended_transform_factory(figure.transFigure, axes.transAxes),
        va="bottom", fontsize=9, color=INK, fontweight="bold", in_layout=False,
    )  # fmt: skip
