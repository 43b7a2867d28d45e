"""What a notebook shows of one record: a fragment of HTML and a data frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from html import escape
from typing import TYPE_CHECKING

from effkit.record import Record
from effkit.report.answer import answer
from effkit.report.render import environment
from effkit.report.sections import StudySection
from effkit.report.summary import section
from effkit.report.tidy import as_rows, wide
from effkit.report.values import Table, TidyLink
from effkit.report.view import View
from effkit.report.words import listing
from effkit.spec import SpecError

if TYPE_CHECKING:
    import pandas


class Sentences(tuple[str, ...]):
    """Sentences: a list in a notebook, where no sign of theirs is taken for markup; printed, a line each."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{escape(each)}</li>" for each in self)
        return f'<ul class="tex2jax_ignore mathjax_ignore">{lines}</ul>'  # JupyterLab would take $ for mathematics

    def __str__(self) -> str:
        return "\n".join(self)


class Heading:
    """A heading in a notebook, where no sign of its text is taken for markup."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_html_(self) -> str:
        return f'<h3 class="tex2jax_ignore mathjax_ignore">{escape(self.text)}</h3>'

    def __str__(self) -> str:
        return self.text


def or_why_not(make: Callable[[Record], object], record: Record) -> object:
    """Return what is made of a record, or why nothing can be: a notebook of many goes on to the next.

    Args:
        make: such as `effkit.decide`.
        record: of one run.
    """
    try:
        return make(record)
    except SpecError as reason:
        return Sentences([str(reason)])


class Cards:
    """A card for each technique of a record's chains; they show themselves in a notebook and print as sentences."""

    def __init__(self, section: StudySection) -> None:
        self._section = section

    def _repr_html_(self) -> str:
        return environment().get_template("deltas.html.j2").render(study=self._section)

    def __str__(self) -> str:
        return "\n".join(self._section.techniques)


class Cascades:
    """A card and two tables for each cascade; they show themselves in a notebook and print as sentences."""

    def __init__(self, section: StudySection) -> None:
        self._section = section

    def _repr_html_(self) -> str:
        return environment().get_template("cascades.html.j2").render(study=self._section)

    def __str__(self) -> str:
        return "\n".join(f"{card.title}: {' '.join(card.sentences)}" for card in self._section.cascades)


class Comparison:
    """The answer of one record and its table; it shows itself in a notebook and prints as text.

    Attributes:
        record: what it was made from.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self._section = section(record)

    @property
    def answer(self) -> str:
        """The answer in one sentence."""
        return self._section.answer.text

    @property
    def chosen(self) -> str | None:
        """Name of the simplest candidate that is good enough; None when none is shown to be."""
        return self._section.answer.chosen

    @property
    def limits(self) -> Sentences:
        """What cannot be concluded, a sentence each."""
        return Sentences(self._section.limits)

    @property
    def frame(self) -> pandas.DataFrame:
        """One row per candidate, SI units in the column names."""
        return comparison_frame(self.record)

    @property
    def worst_groups(self) -> Sentences:
        """For each candidate, the group in which it loses most, a sentence each."""
        return Sentences(self._section.worst_groups)

    @property
    def techniques(self) -> Sentences:
        """For each technique, whether it was worth it on this host and why, a sentence each."""
        return Sentences(self._section.techniques)

    @property
    def links(self) -> pandas.DataFrame:
        """One row per technique of a chain: what it changes against the chain without it, and its verdict."""
        import pandas

        columns = [field.name for field in fields(TidyLink)]
        return pandas.DataFrame(as_rows(self._section.links), columns=columns).drop(columns=["study", "run"])

    @property
    def cards(self) -> Cards:
        """For each technique, a card of what it changes; it shows itself in a notebook."""
        return Cards(self._section)

    @property
    def cascades(self) -> Cascades:
        """For each cascade, what it saves and costs, its stages, and what other traffic would do to it."""
        return Cascades(self._section)

    @property
    def making(self) -> pandas.DataFrame:
        """What each step of making a candidate took: paid once, whatever the traffic."""
        import pandas

        rows = [
            {"candidate": each.name, "labels": each.fit_items, **step.model_dump(exclude={"product"})}
            for each in self.record.candidates
            for step in each.making
        ]
        return pandas.DataFrame(rows)

    @property
    def seeds(self) -> pandas.DataFrame:
        """Quality by training seed, one row per candidate that was trained with several."""
        import pandas

        first = self.record.spec.seed
        rows = {
            each.name: dict(enumerate(each.quality.seed_values, first))
            for each in self.record.candidates
            if each.quality and len(each.quality.seed_values) > 1
        }
        return pandas.DataFrame(rows).T

    def _repr_html_(self) -> str:
        return _html(self._section)

    def __str__(self) -> str:
        table = self._section.comparison
        heads = ["", *(column.title for column in table.columns)]
        rows = [[row.name, *(cell.text for cell in row.cells)] for row in table.rows if row.cells]
        widths = [max(len(line[place]) for line in (heads, *rows)) for place in range(len(heads))]
        widths[0] = max(len(row.name) for row in table.rows)
        lines = [[text.ljust(width) for text, width in zip(line, widths, strict=True)] for line in (heads, *rows)]
        failed = [[row.name.ljust(widths[0]), row.failure] for row in table.rows if not row.cells]
        told = ["  ".join(line).rstrip() for line in (*lines, *failed)]
        return "\n".join([self.answer, "", *told, "", _how_they_came_to_be(table)]).rstrip()


def _how_they_came_to_be(table: Table) -> str:
    """The columns of a table by the origin of their numbers: "measured: Quality and Gap; modelled: Energy"."""
    origins: dict[str, list[str]] = {}
    for place, column in enumerate(table.columns):
        own = {row.cells[place].origin for row in table.rows if row.cells} - {""}
        found = column.origin or " or ".join(sorted(own))
        if found:
            origins.setdefault(found, []).append(column.title)
    told = "; ".join(f"{origin}: {listing(titles)}" for origin, titles in origins.items())
    return f"{told}. The report has the intervals." if told else ""


def comparison_html(record: Record) -> str:
    """The answer and the comparison table as a fragment that a notebook can show."""
    return _html(section(record))


def _html(found: StudySection) -> str:
    return environment().get_template("comparison.html.j2").render(study=found)


def comparison_frame(record: Record) -> pandas.DataFrame:
    """One row per candidate, SI units in the column names; what was not measured is missing, never 0."""
    import pandas

    view = View(record)
    return pandas.DataFrame(wide(view, answer(view).chosen)).set_index("candidate")
