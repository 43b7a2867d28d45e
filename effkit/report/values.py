"""The summary of records: plain, frozen values that a page, a figure or a CSV file only has to lay out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["", "good", "bad", "warn", "muted"]
"""How a value should be taken; colour only repeats what the words already say."""

AnswerKind = Literal["yes", "better", "no matter", "not shown", "no", "none"]
"""Whether the small model is enough; `none` where there is nothing to compare."""

ChartKind = Literal["latency", "energy", "curve", "waterfall", "sensitivity", "cascade", "traffic", "price"]
BarColour = Literal["blue", "orange", "grey"]


@dataclass(frozen=True)
class Cell:
    """One cell of a table: the number, its interval, what may be said of it, and how it came to be."""

    text: str
    detail: str = ""
    claim: str = ""
    tone: Tone = ""
    origin: str = ""


@dataclass(frozen=True)
class Column:
    """A column's heading; `origin` stands here when every cell shares it."""

    title: str
    hint: str = ""
    origin: str = ""


@dataclass(frozen=True)
class Row:
    """One row; `failure` replaces the cells of a candidate that could not be measured."""

    title: str
    name: str
    cells: tuple[Cell, ...]
    tags: tuple[str, ...] = ()
    failure: str = ""


@dataclass(frozen=True)
class Table:
    """A table ready to lay out. Its first column holds the rows' titles."""

    key: str
    title: str
    head: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""


@dataclass(frozen=True)
class Dot:
    """A point of a chart with its intervals; None where there is none."""

    label: str
    x: float
    y: float
    x_low: float | None = None
    x_high: float | None = None
    y_low: float | None = None
    y_high: float | None = None
    role: Literal["reference", "chosen", "other"] = "other"
    named: bool = True


@dataclass(frozen=True)
class Chart:
    """The numbers of one figure, in the units of its axes; `arrows` lead from dot to dot."""

    kind: ChartKind
    title: str
    x_label: str
    y_label: str
    alt: str
    dots: tuple[Dot, ...]
    front: tuple[int, ...] = ()
    arrows: tuple[tuple[int, int], ...] = ()
    lower_is_better: bool = False
    note: str = ""


@dataclass(frozen=True)
class Bar:
    """A bar from `start` to `end`, and the interval of its end."""

    label: str
    detail: str
    start: float
    end: float
    low: float | None = None
    high: float | None = None
    colour: BarColour = "grey"


@dataclass(frozen=True)
class BarGroup:
    """Bars that belong together under one title."""

    title: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class BarChart:
    """The numbers of a figure of bars, in the unit of its axis."""

    kind: ChartKind
    title: str
    x_label: str
    alt: str
    groups: tuple[BarGroup, ...]
    note: str = ""


@dataclass(frozen=True)
class CascadePanel:
    """The curve of one cascade: its modelled line, its first and last stage alone, and the system as measured."""

    title: str
    x_label: str
    line: tuple[Dot, ...]
    ends: tuple[Dot, Dot]
    measured: Dot | None
    alt: str


@dataclass(frozen=True)
class CascadeChart:
    """The numbers of a figure with a panel for each cascade."""

    kind: ChartKind
    title: str
    y_label: str
    alt: str
    panels: tuple[CascadePanel, ...]
    note: str = ""


AnyChart = Chart | BarChart | CascadeChart


@dataclass(frozen=True)
class CascadeCard:
    """What one cascade saves and costs against its last stage, and what is known of it beside that."""

    title: str
    name: str
    verdict: Cell
    sentences: tuple[str, ...]
    facts: tuple[tuple[Column, Cell], ...]
    stages: Table
    mixes: Table


@dataclass(frozen=True)
class DeltaCard:
    """What one technique changes against the chain before it, and whether it was worth it."""

    title: str
    name: str
    before: str
    verdict: Cell
    reason: str
    facts: tuple[tuple[Column, Cell], ...]


@dataclass(frozen=True)
class KeyFigure:
    """A number large enough to be read across a room."""

    value: str
    caption: str
    tone: Tone = ""


@dataclass(frozen=True)
class Answer:
    """Whether the small model is enough: a word, and the sentence that bears it out."""

    kind: AnswerKind
    word: str
    sentence: str
    notes: tuple[str, ...] = ()
    chosen: str | None = None
    figures: tuple[KeyFigure, ...] = ()

    @property
    def text(self) -> str:
        """The word and the sentence, for plain text."""
        return f"{self.word}: {self.sentence}"


@dataclass(frozen=True)
class Step:
    """A step of an argument: its heading and a sentence for each thing that it says."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Argument:
    """The decision step by step, and what is chosen at every traffic."""

    steps: tuple[Step, ...]
    traffic: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it as plain text."""
        parts = [(step.title, step.lines) for step in self.steps]
        if self.traffic:
            parts.append(("At each traffic", self.traffic))
        return "\n\n".join("\n".join([title, *(f"  - {line}" for line in lines)]) for title, lines in parts)


@dataclass(frozen=True)
class Fact:
    """A term and what stands behind it."""

    term: str
    text: str


@dataclass(frozen=True)
class Tidy:
    """One number of one candidate: a row of the CSV file. None is an empty cell, never 0."""

    study: str
    run: str
    candidate: str
    reference: bool
    chosen: bool
    status: str
    metric: str
    unit: str
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    origin: str = ""
    rank: str = ""
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    verdict: str = ""
    reason: str = ""


@dataclass(frozen=True)
class TidyLink:
    """One technique of a chain: a row of its own CSV file. SI units in the names; None is an empty cell, never 0."""

    study: str
    run: str
    chain: str
    before: str
    technique: str
    gap: float | None
    gap_low: float | None
    gap_high: float | None
    gap_verdict: str
    latency_ratio: float | None
    latency_low: float | None
    latency_high: float | None
    latency_verdict: str
    size_ratio: float | None
    peak_ratio: float | None
    energy_ratio: float | None
    energy_low: float | None
    energy_high: float | None
    energy_verdict: str
    energy_rank: str
    making_s: float | None
    making_j: float | None
    time_payback: str
    time_payback_requests: float | None
    time_payback_low: float | None
    time_payback_high: float | None
    energy_payback: str
    energy_payback_requests: float | None
    energy_payback_low: float | None
    energy_payback_high: float | None
    verdict: str
    reason: str
