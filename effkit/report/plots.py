"""Figures: text as text, the same bytes for the same numbers."""

from __future__ import annotations

import io
import re
from functools import lru_cache
from itertools import pairwise
from textwrap import wrap
from typing import Any
from xml.sax.saxutils import escape

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from effkit.record import Record
from effkit.report.answer import answer
from effkit.report.barplots import draw_sensitivity, draw_waterfall, size_inches
from effkit.report.cascadeplots import cascade_inches, draw_cascades
from effkit.report.charts import chart
from effkit.report.labels import BEND, place_labels, short
from effkit.report.palette import (
    CHOSEN,
    CURVES,
    FAINT,
    FONTS,
    OTHER,
    REFERENCE,
    STYLE,
    VARIABLES,
    WIDTH_INCHES,
)
from effkit.report.values import AnyChart, BarChart, CascadeChart, Chart, ChartKind, Dot
from effkit.report.view import View

_ROLE_COLOURS = {"reference": REFERENCE, "chosen": CHOSEN, "other": OTHER}
_ROLE_MARKERS = {"reference": "D", "chosen": "o", "other": "o"}
_LINE_STYLES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (8, 2, 1, 2, 1, 2)))
"""For who cannot tell the colours apart, or prints without any."""
_SIZE_INCHES = (WIDTH_INCHES, 3.7)
_HIGH = 42
"""Letters of a line along the height: with more its ends would be cut off."""


class ReportFigure(Figure):
    """A matplotlib figure that a notebook shows as SVG, without pyplot, and as PNG where it was run by another."""

    def _repr_svg_(self) -> str:
        return svg(self)

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        # JupyterLab trusts no SVG of a notebook that it has not run itself, such as those that runs keep.
        stream = io.BytesIO()
        with rc_context(STYLE):
            self.savefig(stream, format="png", dpi=2 * self.dpi)
        width, height = (int(each) for each in self.bbox.size)
        return stream.getvalue(), {"width": width, "height": height}


def plot(record: Record, kind: ChartKind = "latency") -> ReportFigure:
    """Draw one figure of a record, for a notebook.

    Args:
        record: the run to draw.
        kind: `latency` and `energy` show quality against them with the Pareto front; `curve` shows quality
            against the number of labels; `traffic` and `price` energy and price against requests a second;
            `waterfall` a chain's latency link by link; `sensitivity` what each layer costs in few bits; `cascade`
            what passing on fewer or more items would do.

    Returns:
        The figure; where a record has no numbers for it, one that says so, since a notebook that has measured
        for an hour should not stop at a picture.
    """
    view = View(record)
    found = chart(view, kind, answer(view).chosen)
    figure = nothing_to_draw(kind) if found is None else draw(found)
    figure.set_facecolor("white")
    return figure


_TOO_FEW = "fewer than two points have both its numbers"
_WHY_NONE: dict[ChartKind, str] = {
    "waterfall": "no chain of two techniques has all its beginnings as candidates",
    "sensitivity": "no candidate is in mixed precision",
    "cascade": "no candidate is a cascade or has exits",
    "traffic": "energy, or the idle machine's power, is not known",
    "price": "the study gives no `cost`",
}


def nothing_to_draw(kind: ChartKind) -> ReportFigure:
    """A figure that says why there is none."""
    with rc_context(STYLE):
        figure = ReportFigure(figsize=(_SIZE_INCHES[0], 0.6))
        FigureCanvasAgg(figure)
        figure.text(0.01, 0.5, f"No {kind} figure: {_WHY_NONE.get(kind, _TOO_FEW)}.", va="center")
        return figure


def draw(found: AnyChart) -> ReportFigure:
    """Draw a chart."""
    with rc_context(STYLE):
        size = _size(found)
        figure = ReportFigure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        figure.set_facecolor("none")
        if isinstance(found, BarChart):
            (draw_waterfall if found.kind == "waterfall" else draw_sensitivity)(figure, found)
            return figure
        if isinstance(found, CascadeChart):
            draw_cascades(figure, found)
            return figure
        axes = figure.add_subplot(facecolor="none")
        drawn = {"curve": _draw_curves, "traffic": _draw_lines, "price": _draw_lines}
        drawn.get(found.kind, _draw_trade_off)(axes, found)
        return figure


def _size(found: AnyChart) -> tuple[float, float]:
    if isinstance(found, BarChart):
        return size_inches(found)
    return cascade_inches(found) if isinstance(found, CascadeChart) else _SIZE_INCHES


@lru_cache(maxsize=64)
def picture(found: AnyChart) -> str:
    """A chart as SVG."""
    return svg(draw(found))


def standalone(found: AnyChart) -> str:
    """A chart as SVG for a file of its own, with its title and its words for who cannot see it."""
    head, rest = picture(found).split(">", 1)
    told = f"<title>{escape(found.title)}</title>\n <desc>{escape(found.alt)}</desc>"
    return f'{head} role="img">\n {told}{rest}'


def svg(figure: Figure) -> str:
    """The figure as SVG: text as text, no date, the same bytes every time."""
    stream = io.StringIO()
    with rc_context(STYLE):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = stream.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = text.replace("'DejaVu Sans'", FONTS)
    return text[text.index("<svg") :]


def embedded(found: AnyChart, prefix: str) -> str:
    """The chart as SVG for a page: themed by CSS variables, described for a screen reader, ids made its own."""
    text = picture(found)
    for colour, name in VARIABLES.items():
        text = text.replace(colour, f"var(--plot-{name}, {colour})")
    text = re.sub(
        r'(<g|<path|<text)( id="[^"]*(?:figure|axes|patch|line|text|tick|matplotlib|PathColl|LineColl)[^"]*")',
        r"\1",
        text,
    )
    text = re.sub(r'id="([^"]+)"', rf'id="{prefix}-\1"', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", text)
    text = re.sub(r' xmlns(?::xlink)?="[^"]*"', "", text).replace("xlink:href", "href")
    return re.sub(
        r'<svg [^>]*viewBox="([^"]+)"[^>]*>', r'<svg viewBox="\1" role="img" aria-hidden="true">', text, count=1
    )


def _draw_trade_off(axes: Axes, found: Chart) -> None:
    axes.set_xscale("log")
    best = sorted((found.dots[place] for place in found.front), key=lambda dot: dot.x)
    if len(best) > 1:
        axes.plot([d.x for d in best], [d.y for d in best], color=FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    for dot in found.dots:
        _error_bars(axes, dot, _ROLE_COLOURS[dot.role], alpha=0.55 if dot.named else 0.2)
        axes.plot(
            dot.x, dot.y, _ROLE_MARKERS[dot.role], color=_ROLE_COLOURS[dot.role],
            markersize=8 if dot.role == "chosen" else 6.5 if dot.named else 4.5, zorder=3,
        )  # fmt: skip
    arrows = [(found.dots[start], found.dots[end]) for start, end in found.arrows]
    for start, end in arrows:
        axes.annotate(
            "", (end.x, end.y), xytext=(start.x, start.y), zorder=2,
            arrowprops={
                "arrowstyle": "->", "connectionstyle": f"arc3,rad={BEND}", "color": OTHER, "linewidth": 0.8,
                "shrinkA": 4, "shrinkB": 4,
            },
        )  # fmt: skip
    axes.margins(x=0.16, y=0.16)
    _axes(axes, found)
    named = [dot for dot in found.dots if dot.named]
    others = [dot for dot in found.dots if not dot.named]
    place_labels(axes, named, others=others, lines=[best], arcs=arrows)


def _draw_curves(axes: Axes, found: Chart) -> None:
    axes.set_xscale("log")
    ends, lines = [], []
    for place, name in enumerate(dict.fromkeys(dot.label for dot in found.dots)):
        dots = [dot for dot in found.dots if dot.label == name]
        colour = CURVES[place % len(CURVES)]
        for dot in dots:
            _error_bars(axes, dot, colour)
        axes.plot([d.x for d in dots], [d.y for d in dots], "o-", color=colour, markersize=5, linewidth=1.6, zorder=3)
        ends.append(dots[-1])
        lines.append(dots)
    axes.margins(x=0.12, y=0.14)
    _axes(axes, found)
    place_labels(axes, ends, others=found.dots, lines=lines)


def _draw_lines(axes: Axes, found: Chart) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    names = dict.fromkeys(dot.label for dot in found.dots)
    lines = [[dot for dot in found.dots if dot.label == name] for name in names]
    for place, dots in enumerate(lines):
        axes.plot(
            [d.x for d in dots], [d.y for d in dots], color=CURVES[place % len(CURVES)], linewidth=1.6, zorder=3,
            linestyle=_LINE_STYLES[place % len(_LINE_STYLES)],
            label=short(dots[0].label, 46),
        )  # fmt: skip
    axes.margins(x=0.02, y=0.12)
    _axes(axes, found)
    axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0), numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}×"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.legend(loc="best", frameon=False, fontsize=8.5, labelcolor=FAINT, handlelength=2.6, labelspacing=0.3)


def _error_bars(axes: Axes, dot: Dot, colour: str, alpha: float = 0.55) -> None:
    for along, value, low, high in (("x", dot.x, dot.x_low, dot.x_high), ("y", dot.y, dot.y_low, dot.y_high)):
        if low is None or high is None:
            continue
        ends: dict[str, Any] = {f"{along}err": [[max(value - low, 0.0)], [max(high - value, 0.0)]]}
        axes.errorbar(dot.x, dot.y, **ends, fmt="none", ecolor=colour, elinewidth=1.3, alpha=alpha, zorder=2)


def _axes(axes: Axes, found: Chart) -> None:
    axes.set_xlabel(found.x_label)
    axes.set_ylabel("\n".join(wrap(found.y_label, _HIGH)))
    axes.spines["left"].set_visible(False)
    low, high = axes.get_xlim()
    subs = (1.0,) if high / low > 100 else (1.0, 2.0, 5.0)
    labels = sorted({dot.x for dot in found.dots}) if found.kind == "curve" else []
    spread = all(b / a > 1.5 for a, b in pairwise(labels))
    axes.xaxis.set_major_locator(
        FixedLocator(labels) if labels and spread else LogLocator(base=10, subs=subs, numticks=12)
    )
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}" if x >= 1 else f"{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    if found.lower_is_better and not axes.yaxis_inverted():
        axes.invert_yaxis()
