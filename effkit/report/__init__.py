"""Reports: summarise records into plain values, then render them. Reads records and nothing else.

Names load on first use: a summary needs no matplotlib, and a figure no templates.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from effkit.report.notebook import comparison_frame, comparison_html
    from effkit.report.plots import plot
    from effkit.report.render import render_html, write
    from effkit.report.summary import summarise

__all__ = ["comparison_frame", "comparison_html", "plot", "render_html", "summarise", "write"]

_MODULES = {
    "comparison_frame": "notebook",
    "comparison_html": "notebook",
    "plot": "plots",
    "render_html": "render",
    "summarise": "summary",
    "write": "render",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"effkit.report has no `{name}`; it has {', '.join(__all__)}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
