"""Reports: summarise records into plain values, then render them. Reads records and nothing else.

Names load on first use: a summary needs no matplotlib, and a figure no templates.
"""

from typing import TYPE_CHECKING, Any

from effkit.names import on_first_use

if TYPE_CHECKING:
    from effkit.report.notebook import Heading, Sentences, comparison_frame, comparison_html, or_why_not
    from effkit.report.plots import plot
    from effkit.report.render import render_html, write
    from effkit.report.summary import summarise

__all__ = [
    "Heading",
    "Sentences",
    "comparison_frame",
    "comparison_html",
    "or_why_not",
    "plot",
    "render_html",
    "summarise",
    "write",
]

_MODULES = {
    "Heading": "notebook",
    "Sentences": "notebook",
    "or_why_not": "notebook",
    "comparison_frame": "notebook",
    "comparison_html": "notebook",
    "plot": "plots",
    "render_html": "render",
    "summarise": "summary",
    "write": "render",
}


def __getattr__(name: str) -> Any:
    return on_first_use(__name__, name, _MODULES)
