"""What a notebook shows of one record: a fragment of HTML and a data frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from effkit.record import Record
from effkit.report.answer import answer
from effkit.report.render import environment
from effkit.report.summary import section
from effkit.report.tidy import wide
from effkit.report.view import View

if TYPE_CHECKING:
    import pandas


def comparison_html(record: Record) -> str:
    """The answer and the comparison table as a fragment that a notebook can show."""
    return environment().get_template("comparison.html.j2").render(study=section(record))


def comparison_frame(record: Record) -> pandas.DataFrame:
    """One row per candidate, SI units in the column names; what was not measured is missing, never 0."""
    import pandas

    view = View(record)
    return pandas.DataFrame(wide(view, answer(view).chosen)).set_index("candidate")
