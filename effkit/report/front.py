"""The front that redraws itself: quality against mean latency, each candidate with its number and its p99."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from effkit.analysis.contenders import Contender, Known
from effkit.report.view import View

LEFT, RIGHT, TOP, BOTTOM = 46.0, 426.0, 14.0, 268.0
_ROOM = 0.08
"""Share of an axis left free at both ends."""
_MARK, _LETTER, _LINE = 6.0, 7.0, 11.0
"""Half a mark, a letter's width and a line's height, in the figure's own pixels."""
_STUB = 26.0
_DIGITS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8))
"""Of ticks on a logarithmic axis, ever finer."""


@dataclass(frozen=True)
class Tick:
    """A line of the grid and its label."""

    at: float
    text: str


@dataclass(frozen=True)
class Mark:
    """A candidate: its place, its intervals and where its number stands; pixels.

    Attributes:
        p99: from and to, of its interval; None where nothing is known of it.
        p99_open: whether it is only known to lie beyond the first.
    """

    number: int
    label: str
    reference: bool
    x: float
    y: float
    x_ends: tuple[float, float]
    y_ends: tuple[float, float]
    p99: tuple[float, float] | None
    p99_open: bool
    text_x: float
    text_y: float


@dataclass(frozen=True)
class Front:
    """The figure without what moves. A margin m lies at `margin_at + margin_per * m`, a limit of s seconds at
    `limit_at + limit_per * log10(s)`."""

    alt: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    margin_at: float
    margin_per: float
    limit_at: float
    limit_per: float
    limit_drawn: bool

    def margin_px(self, margin: float) -> float | None:
        """Height of the margin's line; None where it lies outside."""
        found = self.margin_at + self.margin_per * margin
        return found if TOP <= found <= BOTTOM else None

    def limit_px(self, limit_s: float | None) -> float | None:
        """Place of the latency limit's line; None where there is none or it lies outside."""
        if limit_s is None or not self.limit_drawn:
            return None
        found = self.limit_at + self.limit_per * math.log10(limit_s)
        return found if LEFT <= found <= RIGHT else None


def front(view: View, known: Sequence[Contender]) -> Front | None:
    """The figure of a record; None where fewer than two candidates have both numbers.

    Args:
        view: of the record.
        known: candidates in the order of the table, which numbers them from 1.
    """
    shown = [(place, each) for place, each in enumerate(known, 1) if _mean_s(view, each) is not None]
    if len(shown) < 2 or view.reference.quality is None:
        return None
    budget = view.asked.budget
    drawn = not budget.network_s and not budget.network_bytes_per_s
    across = _Axis([end for _, each in shown for end in _x_ends(view, each)], LEFT, RIGHT, log=True)
    own = view.scaled(view.reference.quality.value.value)
    sign = 1.0 if view.lower_is_better else -1.0
    margin_per = sign * view.scaled(1.0)
    heights = [end for _, each in shown for end in _quality(view, each)[1:]]
    ends = (TOP, BOTTOM) if view.lower_is_better else (BOTTOM, TOP)
    up = _Axis([*heights, own + margin_per * view.asked.margin], *ends, log=False)
    return Front(
        alt=f"{view.metric} against mean latency of {', '.join(view.of(each.name) for _, each in shown)}; "
        "the table below says of each whether it is good enough",
        x_label="mean latency of one item; grey: its p99",
        y_label=view.y_label,
        x_ticks=tuple(Tick(across.at(value), _milliseconds(value)) for value in across.ticks()),
        y_ticks=tuple(Tick(up.at(value), f"{value:g}") for value in up.ticks()),
        marks=tuple(_placed([_mark(view, place, each, across, up) for place, each in shown])),
        margin_at=up.at(own),
        margin_per=up.per * margin_per,
        limit_at=across.zero,
        limit_per=across.per,
        limit_drawn=drawn,
    )


class _Axis:
    """A scale from numbers to pixels."""

    def __init__(self, values: Sequence[float], first: float, last: float, *, log: bool) -> None:
        self.log = log
        ends = [math.log10(value) if log else value for value in (min(values), max(values))]
        room = _ROOM * (ends[1] - ends[0] or 1.0)
        self.low, self.high = ends[0] - room, ends[1] + room
        self.per = (last - first) / (self.high - self.low)
        self.zero = first - self.per * self.low

    def at(self, value: float) -> float:
        return round(self.zero + self.per * (math.log10(value) if self.log else value), 3)

    def ticks(self) -> Sequence[float]:
        if not self.log:
            return _even(self.low, self.high)
        powers = range(math.floor(self.low), math.ceil(self.high) + 1)
        first = 0 if self.high - self.low > 2 else 1 if self.high - self.low > 1 else 2
        for digits in _DIGITS[first:]:
            found = [digit * 10.0**power for power in powers for digit in digits]
            inside = [each for each in found if self.low <= math.log10(each) <= self.high]
            if len(inside) >= 2:
                return inside
        return _even(10**self.low, 10**self.high)


def _even(low: float, high: float) -> list[float]:
    """Round numbers at equal distances, six at most."""
    power = math.floor(math.log10(high - low))
    steps = (digit * 10.0**each for each in (power - 1, power) for digit in (1, 2, 5))
    step = next(each for each in steps if (high - low) / each <= 5)
    return [round(n * step, 1 - power) for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _mark(view: View, place: int, each: Contender, across: _Axis, up: _Axis) -> Mark:
    mean = _mean_s(view, each)
    assert mean is not None
    value, low, high = _quality(view, each)
    x = across.at(mean[0])
    p99, p99_open = _p99(each.p99_s, across)
    return Mark(
        place, view.of(each.name), each.reference, x, up.at(value),
        (across.at(mean[1]), across.at(mean[2])), (up.at(low), up.at(high)), p99, p99_open, x, up.at(value),
    )  # fmt: skip


def _p99(known: Known, across: _Axis) -> tuple[tuple[float, float] | None, bool]:
    if known.low is None:
        return None, False
    begin = across.at(known.low)
    if known.high is None:
        return (begin, min(begin + _STUB, RIGHT)), True
    return (begin, across.at(known.high)), False


def _mean_s(view: View, each: Contender) -> tuple[float, float, float] | None:
    latency = view.record.candidate(each.name).latency
    if latency is None or latency.mean_s.value <= 0:
        return None
    mean = latency.mean_s
    low = mean.value if mean.low is None or mean.low <= 0 else mean.low
    return mean.value, low, mean.value if mean.high is None else mean.high


def _x_ends(view: View, each: Contender) -> Iterator[float]:
    mean = _mean_s(view, each)
    assert mean is not None
    yield from mean[1:]
    known = each.p99_s
    yield from (end for end in (known.value, known.low, known.high) if end is not None and end > 0)


def _quality(view: View, each: Contender) -> tuple[float, float, float]:
    found = view.record.candidate(each.name).quality
    assert found is not None
    value = found.value
    ends = [value.value if end is None else end for end in (value.low, value.high)]
    return view.scaled(value.value), view.scaled(ends[0]), view.scaled(ends[1])


def _milliseconds(value: float) -> str:
    return f"{value:g} s" if value >= 1 else f"{1000 * value:g} ms"


def _placed(marks: Sequence[Mark]) -> Iterator[Mark]:
    """Each number where it covers least of marks, intervals and other numbers."""
    taken = [(mark.x - _MARK, mark.y - _MARK, mark.x + _MARK, mark.y + _MARK) for mark in marks]
    taken += [(mark.x - 1.5, min(mark.y_ends), mark.x + 1.5, max(mark.y_ends)) for mark in marks]
    taken += [(mark.x, mark.y - 2, mark.p99[1], mark.y + 2) for mark in marks if mark.p99]
    for mark in marks:
        width = _LETTER * len(_numbered(mark))
        best = min(
            _beside(mark, width), key=lambda box: sum(_shared(box, other) for other in taken) + 9 * _outside(box)
        )
        taken.append(best)
        yield Mark(**(mark.__dict__ | {"text_x": round(best[0], 1), "text_y": round(best[3] - 2, 1)}))


Box = tuple[float, float, float, float]


def _numbered(mark: Mark) -> str:
    return f"{mark.number} ref" if mark.reference else str(mark.number)


def _beside(mark: Mark, width: float) -> Iterator[Box]:
    for away in (_MARK + 1, _MARK + 9):
        for right, down in ((1, -1), (-1, -1), (1, 1), (-1, 1), (1, 0), (-1, 0), (0, -1), (0, 1)):
            x = mark.x + right * away - (width if right < 0 else 0 if right else width / 2)
            y = mark.y + down * away - (_LINE if down < 0 else 0 if down else _LINE / 2)
            yield x, y, x + width, y + _LINE


def _shared(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return width * height if width > 0 and height > 0 else 0.0


def _outside(box: Box) -> float:
    return max(0.0, LEFT - box[0], box[2] - RIGHT, TOP - box[1], box[3] - BOTTOM)
