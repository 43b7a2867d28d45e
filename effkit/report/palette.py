"""The look of figures: one style, colour-blind safe.

Colours are the Okabe–Ito palette. In a page they become CSS variables, so that a figure follows the
reader's light or dark theme; on its own it keeps the light colours.
"""

from __future__ import annotations

from typing import Any

INK, FAINT, GRID = "#1f2328", "#6a737d", "#e4e7eb"
REFERENCE, CHOSEN, OTHER = "#d55e00", "#0072b2", "#7b8794"
CURVES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
VARIABLES = {INK: "ink", FAINT: "faint", GRID: "grid", REFERENCE: "reference", CHOSEN: "chosen", OTHER: "other"}
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
WIDTH_INCHES = 5.0
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": FAINT,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "effkit",
}
