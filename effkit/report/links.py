"""Techniques, link by link: what each costs in quality, saves, takes to make, and whether it was worth it here."""

from __future__ import annotations

from effkit.analysis.verdict import Worth, worth
from effkit.record import CandidateRecord, Link
from effkit.report import savings
from effkit.report.units import show, times
from effkit.report.values import Cell, Column, Row, Table, Tone
from effkit.report.view import View

TONES: dict[Worth, Tone] = {"worth it": "good", "not worth it": "bad", "not resolvable": "warn"}
_GAP_WORDS = {
    "superior": "better",
    "non-inferior": "not worse by the margin",
    "inferior": "worse by more than the margin",
    "inconclusive": "inconclusive",
}


def links_table(view: View) -> Table | None:
    """Every link of every chain, the ones that chains share once."""
    rows = tuple(_row(view, candidate, link) for candidate, link in distinct(view))
    columns = (
        Column("Chain before"),
        Column("Quality", f"{_unit(view)} against the chain before; margin {view.margin}", "measured"),
        Column("Latency", "against the chain before", "measured"),
        Column("Weights", "in memory, of the chain before", "counted"),
        Column("Making", "what the chain before did not need"),
        Column("Verdict"),
    )
    return Table("links", "Techniques, link by link", "Technique", columns, rows) if rows else None


def sentences(view: View) -> tuple[str, ...]:
    """One sentence a link: "“in bf16”, added to MiniLM-L6, is worth it: it is faster and not worse …"."""
    return tuple(_sentence(view, candidate, link) for candidate, link in distinct(view))


def links_rows(view: View) -> list[dict[str, object]]:
    """One mapping a link, SI units in its keys; what is not known is None, never 0."""
    return [
        {
            "chain": link.name,
            "before": link.before,
            "gap": link.gap.difference if link.gap else None,
            "gap_low": link.gap.low if link.gap else None,
            "gap_high": link.gap.high if link.gap else None,
            "latency_ratio": link.latency.value if link.latency else None,
            "latency_low": link.latency.low if link.latency else None,
            "latency_high": link.latency.high if link.latency else None,
            "size_ratio": link.size,
            "making_s": link.making_s,
            "making_j": link.making_j,
            "verdict": worth(link)[0],
        }
        for _, link in distinct(view)
    ]


def distinct(view: View) -> list[tuple[CandidateRecord, Link]]:
    """Links in the order of the candidates, each once."""
    found: dict[str, tuple[CandidateRecord, Link]] = {}
    for candidate in view.record.candidates:
        for link in candidate.links:
            found.setdefault(link.name, (candidate, link))
    return list(found.values())


def _row(view: View, candidate: CandidateRecord, link: Link) -> Row:
    word, reason = worth(link)
    making = show(link.making_s, "s")
    return Row(
        link.words,
        link.name,
        (
            Cell(_before(view, candidate, link)),
            _quality(view, link),
            _latency(link),
            Cell(times(link.size)) if link.size is not None else _unknown("not counted"),
            Cell(making, detail="" if link.making_j is None else show(link.making_j, "j")),
            Cell(word, detail=reason, tone=TONES[word]),
        ),
    )


def _quality(view: View, link: Link) -> Cell:
    if link.gap is None:
        return _unknown(link.error or "not known")
    gap = link.gap
    said = _GAP_WORDS.get(gap.verdict, gap.verdict)
    return Cell(view.gap_value(gap.difference), detail=view.gap_interval(gap.low, gap.high), claim=said)


def _latency(link: Link) -> Cell:
    if link.latency is None:
        return _unknown("not measured")
    said = savings.speed(link.latency)
    number, _, ends = said.partition(" [")
    return Cell(number, detail=f"[{ends}" if ends else "")


def _sentence(view: View, candidate: CandidateRecord, link: Link) -> str:
    word, reason = worth(link)
    parts = [f"“{link.words}”, added to {_before(view, candidate, link)}, is {word}: {reason}"]
    if link.gap is not None:
        parts.append(f"{view.gap(link.gap)} {_unit(view)}")
    if link.latency is not None:
        parts.append(savings.speed(link.latency))
    return "; ".join(parts) + "."


def _before(view: View, candidate: CandidateRecord, link: Link) -> str:
    """The chain before a link in words: "MiniLM-L6 with 3 layers"."""
    bare = next((c for c in view.record.candidates if c.model == candidate.model and not c.techniques), None)
    # A candidate that failed while it was made learnt from no items that are known.
    same = bare is not None and candidate.fit_items in (None, bare.fit_items)
    model = bare.title if bare is not None and same else candidate.model
    earlier = [each.words for each in candidate.links[: candidate.links.index(link)]]
    return f"{model} {', '.join(earlier)}".rstrip()


def _unit(view: View) -> str:
    return "% of the error" if view.lower_is_better else "points"


def _unknown(text: str) -> Cell:
    return Cell("–", detail=text, tone="muted")
