"""What must be said beside an answer: nobody waited, some groups are not judged, it only rehearses, hardly felt."""

from __future__ import annotations

from collections.abc import Iterator

from effkit.report.budget import met_by_reference
from effkit.report.groups import unjudged
from effkit.report.units import many
from effkit.report.view import View
from effkit.report.words import listing

HARDLY_MATTERS_S = 1e-3
"""Where every candidate answers within this, speed decides nothing."""


def remarks(view: View) -> tuple[str, ...]:
    """Every remark that a record asks for."""
    return tuple(remark for part in (_waiting, _unjudged, _indicative, _hardly_matters) for remark in part(view))


def _waiting(view: View) -> Iterator[str]:
    """Where the study names a traffic and a limit on p99, and nobody was put under load."""
    budget = view.asked.budget
    if budget.requests_per_s is not None and budget.latency_p99_s is not None and view.waiting:
        yield view.waiting


def _unjudged(view: View) -> Iterator[str]:
    """Where the study asks that no group loses more, and some are too small to tell."""
    yield from unjudged(view, view.asked.budget.group_margin_points)


def _indicative(view: View) -> Iterator[str]:
    if view.indicative:
        generations = many(view.generations, "generation")
        rehearsal = "This is a rehearsal on few items. " if view.rehearsal else ""
        yield f"{rehearsal}With {generations} of fresh workers speeds are indicative: none is claimed below five."


def _hardly_matters(view: View) -> Iterator[str]:
    """An honest word where efficiency does not decide."""
    means = [c.latency.mean_s for c in view.measured if c.latency]
    if means and all((mean.high or mean.value) <= HARDLY_MATTERS_S for mean in means):
        yield (
            "Every candidate answers within 1 ms: speed will hardly be felt here, so quality and upkeep should decide."
        )
    met = met_by_reference(view)
    if met:
        yield (
            f"{view.label(view.reference)} already meets the budget for {listing(met)}: nothing here demands a smaller "
            "model."
        )
