"""The whole of a report: everything it says of each study, and of all of them together."""

from __future__ import annotations

from dataclasses import dataclass

from effkit.report.claim_values import ClaimsSection
from effkit.report.values import Answer, AnyChart, Argument, CascadeCard, DeltaCard, Fact, Table, Tidy, TidyLink
from effkit.report.what_if import WhatIf


@dataclass(frozen=True)
class StudySection:
    """Everything the report says of one study."""

    key: str
    title: str
    question: str
    answer: Answer
    comparison: Table
    charts: tuple[AnyChart, ...]
    limits: tuple[str, ...]
    noise: Table
    budget: Table | None
    traffic: Table | None
    curve: Table | None
    argument: Argument | None
    what_if: WhatIf | None
    worst_groups: tuple[str, ...]
    techniques: tuple[str, ...]
    worth: str
    deltas: tuple[DeltaCard, ...]
    cascades: tuple[CascadeCard, ...]
    details: tuple[Table, ...]
    facts: tuple[Fact, ...]
    versions: tuple[Fact, ...]
    date: str
    tidy: tuple[Tidy, ...]
    links: tuple[TidyLink, ...]


@dataclass(frozen=True)
class Report:
    """One section per study, the dates they span, and what they say of the literature."""

    title: str
    studies: tuple[StudySection, ...]
    dates: str
    claims: ClaimsSection
