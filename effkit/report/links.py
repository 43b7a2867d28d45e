"""Techniques, link by link: what each costs in quality, saves, takes to make, and whether it was worth it here."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from effkit.analysis.verdict import Worth, worth
from effkit.record import CandidateRecord, Link, Payback
from effkit.report import savings
from effkit.report.units import DASH, interval, show, times
from effkit.report.values import Cell, Column, DeltaCard, Row, Table, Tone
from effkit.report.view import View
from effkit.report.words import GAP_WORDS, listing, rank_origin

TONES: dict[Worth, Tone] = {"worth it": "good", "not worth it": "bad", "not resolvable": "warn"}


def links_table(view: View) -> Table | None:
    """Every link of every chain, the ones that chains share once."""
    cards = deltas(view)
    if not cards:
        return None
    # The verdict stands first, where a narrow screen shows it.
    columns = (Column("Verdict"), Column("Chain before"), *(column for column, _ in cards[0].facts))
    rows = tuple(
        Row(
            card.title,
            card.name,
            (replace(card.verdict, detail=card.reason), Cell(card.before), *(cell for _, cell in card.facts)),
        )
        for card in cards
    )
    return Table("links", "Techniques, link by link", "Technique", columns, rows)


def deltas(view: View) -> tuple[DeltaCard, ...]:
    """What each technique changes against the chain without it, a card each."""
    return tuple(_card(view, candidate, link) for candidate, link in distinct(view))


def sentences(view: View) -> tuple[str, ...]:
    """One sentence a link: "“in bf16”, added to MiniLM-L6, is worth it: it is faster and not worse …"."""
    return tuple(_sentence(view, candidate, link) for candidate, link in distinct(view))


def counts(view: View) -> str:
    """How many techniques were worth it here, in a sentence; empty where there are none."""
    words = Counter(worth(link)[0] for _, link in distinct(view))
    if not words:
        return ""
    tested = "One technique was tested" if words.total() == 1 else f"{words.total()} techniques were tested, each"
    said = listing([f"{words[word]} {word}" for word in TONES if words[word]])
    return f"{tested} against the same chain without it: {said}."


def distinct(view: View) -> list[tuple[CandidateRecord, Link]]:
    """Links in the order of the candidates, each once."""
    found: dict[str, tuple[CandidateRecord, Link]] = {}
    for candidate in view.record.candidates:
        for link in candidate.links:
            found.setdefault(link.name, (candidate, link))
    return list(found.values())


def _card(view: View, candidate: CandidateRecord, link: Link) -> DeltaCard:
    word, reason = worth(link)
    facts = (
        (Column(f"Quality, {unit(view)}", f"margin {view.margin}", "measured"), _quality(view, link)),
        (Column("Latency", "one item", "measured"), _latency(link)),
        (Column("Weights", "in memory", "counted"), _share(link.size, "not counted")),
        (Column("Peak memory", "above the libraries", "measured"), _share(link.peak, "not measured")),
        (Column("Energy", "per request"), _energy(link)),
        (Column("Making", "beyond the chain before"), _making(link)),
        (Column("Time paid back", "by its own saving"), _payback(link.time_payback)),
        (Column("Energy paid back", "by its own saving"), _payback(link.energy_payback)),
    )
    return DeltaCard(
        title=link.words,
        name=link.name,
        before=before(view, candidate, link),
        verdict=Cell(word, tone=TONES[word]),
        reason=reason,
        facts=facts,
    )


def _quality(view: View, link: Link) -> Cell:
    if link.gap is None:
        return _unknown(link.error or "not known")
    gap = link.gap
    said = GAP_WORDS.get(gap.verdict, gap.verdict)
    return Cell(view.gap_value(gap.difference), detail=view.gap_interval(gap.low, gap.high), claim=said)


def _latency(link: Link) -> Cell:
    return _unknown("not measured") if link.latency is None else _said(savings.speed(link.latency))


def _share(ratio: float | None, unknown: str) -> Cell:
    return _unknown(unknown) if ratio is None else Cell(times(ratio))


def _energy(link: Link) -> Cell:
    if link.energy is None:
        return _unknown("not measurable")
    return replace(_said(savings.energy(link.energy)), origin=rank_origin(link.energy_rank))


def _said(found: savings.Said) -> Cell:
    """What may be said of a ratio, its interval below it."""
    return Cell(found.words, detail=found.ends)


def _making(link: Link) -> Cell:
    if link.making_s == 0:
        return Cell("nothing made", tone="muted")
    return Cell(
        show(link.making_s, "s"), detail="energy not known" if link.making_j is None else show(link.making_j, "j")
    )


def _payback(found: Payback | None) -> Cell:
    if found is None:
        return _unknown("not made")
    if found.requests is None:
        return Cell(found.outcome, detail=found.reason, tone="muted" if found.outcome == "not resolvable" else "")
    number = found.requests
    return Cell(
        f"after {show(number.value, 'count')} requests",
        detail=interval(number.low, number.high, "count", number.value),
        origin="" if number.origin == "measured" else number.origin,
    )


def _sentence(view: View, candidate: CandidateRecord, link: Link) -> str:
    word, reason = worth(link)
    parts = [f"“{link.words}”, added to {before(view, candidate, link)}, is {word}: {reason}"]
    if link.gap is not None:
        parts.append(f"{view.gap(link.gap)} {unit(view)}")
    if link.latency is not None:
        parts.append(str(savings.speed(link.latency)))
    return "; ".join(parts) + "."


def before(view: View, candidate: CandidateRecord, link: Link) -> str:
    """The chain before a link in words: "MiniLM-L6 with 3 layers"."""
    bare = next((c for c in view.record.candidates if c.model == candidate.model and not c.techniques), None)
    # A candidate that failed while it was made learnt from no items that are known.
    same = bare is not None and candidate.fit_items in (None, bare.fit_items)
    model = bare.title if bare is not None and same else candidate.model
    earlier = [each.words for each in candidate.links[: candidate.links.index(link)]]
    return f"{model} {', '.join(earlier)}".rstrip()


def unit(view: View) -> str:
    """The unit of a quality gap."""
    return "% of the error" if view.lower_is_better else "points"


def _unknown(text: str) -> Cell:
    return Cell(DASH, detail=text, tone="muted")
