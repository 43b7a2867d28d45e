"""The summary of claims: plain, frozen values that a page, a CSV file or a terminal only has to lay out."""

from __future__ import annotations

from dataclasses import dataclass

from effkit.report.values import Cell


@dataclass(frozen=True)
class ClaimLine:
    """One comparison of a claim: what was compared where, its numbers, and what they say."""

    study: str
    compared: str
    state: Cell
    figures: str
    why: str = ""


@dataclass(frozen=True)
class ClaimCard:
    """A statement of the literature and what these runs make of it; `left` comparisons have no line."""

    key: str
    statement: str
    verdict: Cell
    reason: str
    source: str
    reading: str
    lines: tuple[ClaimLine, ...] = ()
    left: int = 0


@dataclass(frozen=True)
class TidyClaim:
    """One condition of one comparison of a claim: a row of its own CSV file. None is an empty cell, never 0."""

    claim: str
    verdict: str
    study: str
    run: str
    candidate: str
    before: str
    quantity: str
    requests_per_s: float | None
    at_least: float | None
    at_most: float | None
    value: float | None
    low: float | None
    high: float | None
    holds: bool | None
    reason: str


@dataclass(frozen=True)
class ClaimsSection:
    """Claims of the literature: those that the runs touch, and those that they do not."""

    note: str
    cards: tuple[ClaimCard, ...]
    untested: tuple[ClaimCard, ...]
    tidy: tuple[TidyClaim, ...]
