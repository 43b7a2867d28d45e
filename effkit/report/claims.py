"""Claims of the literature: a card for each that the runs touch, and a line for each comparison behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from effkit.analysis.claim_figures import Figure
from effkit.analysis.claim_terms import Condition, Quantity
from effkit.analysis.claims import ClaimVerdict, Finding, Outcome, State, judge
from effkit.record import Record
from effkit.report.claim_values import ClaimCard, ClaimLine, ClaimsSection, TidyClaim
from effkit.report.units import MINUS, NBSP
from effkit.report.values import Cell, Tone
from effkit.report.words import listing

TONES: Mapping[ClaimVerdict, Tone] = {
    "supported": "good",
    "refuted": "bad",
    "inconclusive": "warn",
    "untested": "muted",
}
_STATES: Mapping[State, Cell] = {
    "holds": Cell("holds", tone="good"),
    "fails": Cell("fails", tone="bad"),
    "open": Cell("cannot be told", tone="warn"),
}
_WORDS: Mapping[Quantity, tuple[str, str]] = {
    "latency": ("latency", "×"),
    "latency_per_operation": ("time per operation", "×"),
    "energy": ("energy", "×"),
    "size": ("weights", "×"),
    "parameters": ("parameters", "×"),
    "operations": ("operations", "×"),
    "peak_memory": ("peak memory", "×"),
    "machines": ("machines", "×"),
    "quality_points": ("quality", "points"),
    "quality_percent": ("quality", "%"),
    "quality_margins": ("quality", "margins"),
    "group_points": ("worst group, beyond all items", "points"),
    "p99_over_p50": ("p99 over p50", "×"),
    "later_gain_points": ("gain of the later doubling, less the earlier", "points"),
}
"""What a quantity is called, and its unit."""
MOST_LINES = 8
"""Of one claim; what cannot be told is then left out first."""


def claims_section(records: Sequence[Record]) -> ClaimsSection:
    """Judge all claims by the records, and put the verdicts into words.

    Args:
        records: of the runs that are shown.
    """
    findings = judge(records)
    touched = [each for each in findings if each.verdict != "untested"]
    return ClaimsSection(
        note=_note(findings, records),
        cards=tuple(_card(each) for each in touched),
        untested=tuple(_card(each) for each in findings if each.verdict == "untested"),
        tidy=tuple(row for each in touched for row in _tidy(each)),
    )


def _note(findings: Sequence[Finding], records: Sequence[Record]) -> str:
    counts = Counter(each.verdict for each in findings)
    said = listing([f"{counts[verdict]} {verdict}" for verdict in TONES if counts[verdict]])
    hosts = listing(sorted({each.host.cpu for each in records})) if records else "no host"
    return (
        f"{len(findings)} claims were looked at on {hosts}: {said}. The verdicts describe these runs, "
        "not every model and machine. Each interval holds at 95 % by itself: among so many, one or two "
        "verdicts may be chance."
    )


def _card(finding: Finding) -> ClaimCard:
    claim = finding.claim
    told = [each for each in finding.outcomes if each.state != "open"]
    numbered = [each for each in finding.outcomes if each.state == "open" and any(f.value for _, f in each.figures)]
    ordered = sorted(told, key=lambda each: each.state != "fails") + numbered
    # A reason is worth a line only where there is no number to show.
    shown = (ordered or list(finding.outcomes[:1]))[:MOST_LINES]
    return ClaimCard(
        key=claim.id,
        statement=claim.statement,
        verdict=Cell(finding.verdict, tone=TONES[finding.verdict]),
        reason=finding.reason,
        source=claim.source,
        reading=claim.reading,
        lines=tuple(_line(each) for each in shown),
        left=len(finding.outcomes) - len(shown),
    )


def _line(outcome: Outcome) -> ClaimLine:
    found = outcome.comparison
    middle = f" and {spaced(found.middle.name)}" if found.middle else ""
    against = f" against {spaced(found.before)}{middle}" if found.before else ""
    figures = [said(condition, figure) for condition, figure in outcome.figures if figure.value is not None]
    return ClaimLine(
        study=found.record.spec.name,
        compared=f"{spaced(found.name)}{against}",
        state=_STATES[outcome.state],
        figures="; ".join(figures),
        why=outcome.why,
    )


def spaced(name: str) -> str:
    """A candidate's name with room to break a line: "minilm-l6 +int8-openvino"."""
    return name.replace("+", " +")


def said(condition: Condition, figure: Figure) -> str:
    """A number with its unit and interval: "latency 0.343× [0.294, 0.400]"."""
    words, unit = _WORDS[condition.quantity]
    at = f" at {condition.at_per_s:,.9g}/s" if condition.at_per_s is not None else ""
    assert figure.value is not None
    signed = unit != "×"
    number = _number(figure.value, signed) + (unit if unit == "×" else f"{NBSP}{unit}")
    if figure.low is None or figure.high is None or figure.low == figure.high:
        return f"{words}{at} {number}"
    return f"{words}{at} {number} [{_number(figure.low, signed)},{NBSP}{_number(figure.high, signed)}]"


def _number(value: float, signed: bool) -> str:
    """Three significant digits of a ratio; one decimal and the sign of a difference."""
    if not signed:
        return f"{value:,.0f}" if value >= 99.95 else f"{value:#.3g}"
    text = f"{abs(value):.1f}"
    return text if float(text) == 0 else f"{MINUS if value < 0 else '+'}{text}"


def _tidy(finding: Finding) -> Iterator[TidyClaim]:
    for outcome in finding.outcomes:
        found = outcome.comparison
        for condition, figure in outcome.figures:
            yield TidyClaim(
                claim=finding.claim.id,
                verdict=finding.verdict,
                study=found.record.spec.name,
                run=found.record.run,
                candidate=found.name,
                before=found.before,
                quantity=condition.quantity,
                requests_per_s=condition.at_per_s,
                at_least=condition.at_least,
                at_most=condition.at_most,
                value=figure.value,
                low=figure.low,
                high=figure.high,
                holds=figure.holds(condition),
                reason=figure.why,
            )
