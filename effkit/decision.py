"""Decide on a run: under its own budget, or under another one, without measuring anything again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from effkit import places
from effkit.analysis.asked import asked, changed
from effkit.analysis.decide import Outcome, Weighed
from effkit.analysis.decide import decide as choose
from effkit.record import Record
from effkit.report.checks import why_not
from effkit.report.decision import argument
from effkit.report.plain_decision import plain, weighed
from effkit.report.render import environment
from effkit.report.view import View
from effkit.spec import SpecError, unknown_name
from effkit.untried import untried

if TYPE_CHECKING:
    from effkit.report.widgets import WhatIfPanel


class Measured(Protocol):
    """What has been measured and holds its record: a study that has been run."""

    @property
    def record(self) -> Record:
        """The record of the run."""
        ...


class Reasoned:
    """A decision and its reasons; it shows itself in a notebook and prints as an argument.

    Attributes:
        record: what it rests on.
        decision: the choice, every candidate weighed against every limit.
        argument: the same in sentences.
        untried: candidates worth adding to the study, as lines of its parameter file.
    """

    def __init__(self, record: Record, keys: dict[str, Any]) -> None:
        self._view = view = View(record)
        self.record = record
        self.decision = choose(view.contenders, asked(record, changed(record, keys)))
        found = argument(view, self.decision)
        assert found is not None
        self.argument = found
        self.untried = untried(record, self.decision)

    @property
    def chosen(self) -> str | None:
        """Name of the candidate that is chosen; None where none is."""
        return self.decision.chosen

    @property
    def kind(self) -> str:
        """Of the choice: smaller, reference, larger, indifferent, open or none."""
        return self.decision.kind

    def verdict(self, name: str) -> Outcome:
        """Whether a candidate `meets` all that is asked, `fails`, or is `open`: not shown, as of one that did not run.

        Raises:
            SpecError: for a name that no candidate of the run has.
        """
        found = self._weighed(name)
        return "open" if found is None else found.outcome

    def sentence(self, name: str) -> str:
        """The verdict on a candidate in words, and why it is not good enough or not shown to be.

        Raises:
            SpecError: for a name that no candidate of the run has.
        """
        found = self._weighed(name)
        if found is None:
            why = self.record.candidate(name).error
            return f"Whether {name} is good enough is not shown: it failed in this run ({why})."
        match found.outcome:
            case "meets":
                return f"{name} is good enough."
            case "fails":
                return f"{name} is not good enough: {why_not(self._view, found)}."
            case "open":
                return f"Whether {name} is good enough is not shown: {why_not(self._view, found)}."

    def plain(self) -> dict[str, Any]:
        """The decision as what JSON can hold, under the keys that docs/how-to.md tells."""
        return plain(self._view, self.decision)

    def _weighed(self, name: str) -> Weighed | None:
        names = [each.name for each in self.record.candidates]
        if name not in names:
            raise unknown_name("candidate of this run", name, names)
        return weighed(self._view, self.decision, name)

    def _repr_html_(self) -> str:
        return environment().get_template("decision.html.j2").render(argument=self.argument, untried=self.untried)

    def __str__(self) -> str:
        if not self.untried:
            return self.argument.text
        lines = "\n".join(f"  {line}" for line in self.untried)
        return f"{self.argument.text}\n\nNot tried yet; candidates to add to the parameter file\n{lines}"


def decide(run: Record | Measured | Path | str, /, **keys: Any) -> Reasoned:
    """Choose the simplest candidate of a run that is good enough, and say why.

    Of what is shown to be faster than the reference, or takes less memory, the simplest family comes first, and of one
    family the fastest.

    Args:
        run: a record, a study that has been run, or the folder of a run or of a study (its newest run).
        keys: what to ask instead of what the run's parameters ask: `margin_points=2`,
            `budget__latency_p99_s=0.05`, `budget__requests_per_s=100`, `carbon__region="FRA"`. Dots are written `__`.

    Raises:
        SpecError: for several runs at once, for a key that only a new run could change, for budgets that contradict
            themselves, or where the run has nothing to compare.
        StoreError: when the folder holds no run.
    """
    record = _record(run)
    return Reasoned(record, {key.replace("__", "."): value for key, value in keys.items()})


def what_if(run: Record | Measured | Path | str) -> WhatIfPanel:
    """Sliders for margin, latency, traffic, price and grid over a run, which redraw front, table and decision at once.

    Args:
        run: a record, a study that has been run, or the folder of a run or of a study (its newest run).

    Returns:
        A widget; it shows itself in a notebook.

    Raises:
        SpecError: for several runs at once, or where the run has nothing to compare.
        StoreError: when the folder holds no run.
    """
    from effkit.report.widgets import panel

    return panel(_record(run))


def _record(run: Record | Measured | Path | str) -> Record:
    """The one record that a decision rests on."""
    if isinstance(run, (list, tuple)):
        raise SpecError(
            f"A decision rests on one run, and {len(run)} were given: only candidates that took turns on one host were "
            "compared with each other. Put them into one parameter file and run that."
        )
    record = _loaded(run)
    if record.reference.status == "failed":
        raise SpecError(
            f"The reference `{record.reference.name}` failed in this run: there is nothing to compare with."
        )
    if len([each for each in record.candidates if each.status == "ok"]) < 2:
        raise SpecError("Only the reference was measured in this run: add a candidate to the study and run it.")
    return record


def _loaded(run: Record | Measured | Path | str) -> Record:
    if isinstance(run, Record):
        return run
    if isinstance(run, (Path, str)):
        return places.load_newest(run).record
    return run.record
