"""What two runs agree in, and what differs, in plain lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from effkit.analysis.agreement import Agreement, Exact, Items
from effkit.analysis.apart import Number
from effkit.analysis.circumstances import Difference
from effkit.analysis.readings import Reading
from effkit.analysis.regressions import RunGap
from effkit.report.units import NBSP, interval, many, show, signed, signed_interval, times
from effkit.report.words import listing

NAMED_ITEMS = 10
"""Of the items that differ, so many are named."""


def difference_lines(found: Sequence[Difference], before: str, after: str) -> Iterator[str]:
    """Say what differs, a line each.

    Args:
        found: the differences.
        before: what the one is called, as in "A".
        after: what the other is called, as in "here".
    """
    if not found:
        yield f"Nothing differs between {before} and {after}: host, versions, data, weights, notebook, parameters."
    for each in found:
        values = (each.before, each.after)
        if each.kind in ("data", "weights", "notebook"):
            values = (each.before[:12], each.after[:12])
        yield f"{each.kind}: {each.what} is {values[0]} in {before} and {values[1]} {_place(after)}"


def agreement_lines(found: Agreement) -> Iterator[str]:
    """Say in what two runs, A and B, agree and in what they do not."""
    yield from difference_lines(found.differences, "A", "B")
    yield ""
    yield from _answers(found.items)
    yield from _exact(found.exact)
    yield from _gaps(found.gaps)
    yield ""
    yield from _table(found.numbers)
    yield ""
    yield from _refused(found)
    if found.unstable:
        yield (
            f"In one of the runs the reference differs from itself in {listing(found.unstable)}: no such number is "
            "held against the other run's."
        )
    yield _count(found)
    yield _verdict(found)


def _place(after: str) -> str:
    return after if after == "here" else f"in {after}"


def _answers(items: Sequence[Items]) -> Iterator[str]:
    same = [each for each in items if not each.differing]
    if same:
        names = ", ".join(dict.fromkeys(each.candidate for each in same))
        yield f"Answers: the same for all {same[0].n:,} test items, item by item ({names})."
    for each in items:
        if each.differing:
            named = ", ".join(map(str, each.differing[:NAMED_ITEMS])) + (
                ", …" if len(each.differing) > NAMED_ITEMS else ""
            )
            yield (
                f"Answers: {each.candidate} (seed {each.seed}) differs in {len(each.differing):,} of {each.n:,} test "
                f"items: {named}. {_due(each.excuse)}"
            )
        elif each.confidences:
            yield (
                f"  {each.candidate} (seed {each.seed}) is surer or less sure of {each.confidences:,} items, by "
                f"{each.furthest:.1g} at most; its answers are the same."
            )


def _exact(exact: Sequence[Exact]) -> Iterator[str]:
    same = sum(each.same for each in exact)
    yield f"Computed and counted numbers: {same} of {len(exact)} are the same to the last bit."
    for each in exact:
        if not each.same:
            values = f"{each.first:.10g} in A and {each.second:.10g} in B"
            yield f"  {each.candidate}, {each.name}: {values}. {_due(each.excuse)}"


def _due(excuse: str) -> str:
    return f"They may: {excuse}." if excuse else "On the same host and versions they must not differ."


def _gaps(gaps: Sequence[RunGap]) -> Iterator[str]:
    if not gaps:
        return
    together = f"; the intervals hold for all {len(gaps)} at once" if len(gaps) > 1 else ""
    yield ""
    yield f"Quality, how much better B is than A on the same items{together}:"
    width = max(len(each.candidate) for each in gaps)
    for each in gaps:
        yield f"  {each.candidate:<{width}}  {_gap(each)}{'  worse in B' if each.worse else ''}"


def _gap(found: RunGap) -> str:
    if found.of_errors:
        ends = interval(found.low, found.high, "count", found.difference)
        text = f"{'+' if found.difference > 0 else ''}{show(found.difference, 'count')} {ends}"
    else:
        ends = signed_interval(100 * found.low, 100 * found.high, decimals=2)
        text = f"{signed(100 * found.difference, decimals=2)} points {ends}"
    return text.replace(NBSP, " ")


def _table(numbers: Sequence[Number]) -> Iterator[str]:
    if not numbers:
        return
    rows = [("", "A", "B", "B / A", "")]
    for name, group in groupby(numbers, key=lambda each: each.candidate):
        rows.append((name, "", "", "", ""))
        rows += [_row(each) for each in group]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
    if any(each.first.one_worker for each in numbers):
        yield (
            "Behind each number under load stands one worker a run, whose luck its interval leaves out: two of them "
            "are not held against each other."
        )


def _row(number: Number) -> tuple[str, str, str, str, str]:
    ratio = ""
    if number.test is not None:
        ratio = f"{times(number.test.ratio)} [{number.test.low:.2f}, {number.test.high:.2f}]"
    return f"  {number.first.name}", _shown(number.first), _shown(number.second), ratio, number.verdict


def _shown(reading: Reading) -> str:
    found = reading.estimate
    if reading.unit == "×":
        ends = "" if found.low is None or found.high is None else f" [{found.low:.3g}, {found.high:.3g}]"
        return f"{found.value:.3g}×{ends}"
    ends = interval(found.low, found.high, reading.unit, found.value)
    return f"{show(found.value, reading.unit)} {ends}".rstrip().replace(NBSP, " ")


def _refused(found: Agreement) -> Iterator[str]:
    for reason, group in groupby(sorted(found.refused, key=lambda each: each.reason), key=lambda each: each.reason):
        parts = [f"{each.candidate}: {each.what}" if each.candidate else each.what for each in group]
        shown = "; ".join(parts[:6]) + (f"; and {len(parts) - 6} more" if len(parts) > 6 else "")
        yield f"Not compared, for {reason}: {shown}."


def _count(found: Agreement) -> str:
    tested = found.tested
    if not tested and found.unstable:
        return "No number that has an interval in both runs may be held against the other's."
    if not tested:
        return "No number has an interval in both runs, so none can be told apart: that takes two generations or more."
    apart = [each for each in tested if each.verdict != "agrees"]
    sure = sum(each.verdict == "differs" for each in apart)
    return (
        f"Of {many(len(tested), 'number')} with intervals {len(apart)} {'lies' if len(apart) == 1 else 'lie'} apart at "
        f"the 5 % level, where chance within the runs alone gives about {found.by_chance:.1f}; {sure} of them "
        f"{'differs' if sure == 1 else 'differ'}: by more than that chance after Holm over all, and by more than the "
        "noise of either run. An hour that was slower as a whole is not in that chance."
    )


def _verdict(found: Agreement) -> str:
    if found.broken:
        return "NOT REPRODUCED: what is computed from the same data by the same code came out differently."
    due = [*(each.due for each in found.items), *(each.due for each in found.exact)]
    if due and all(due):
        return "Reproduced: everything that must be the same is."
    return "Nothing came out differently that had to be the same; elsewhere answers may differ."
