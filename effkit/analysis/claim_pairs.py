"""What a claim compares: candidates of a record in pairs, by links of their chains, alone or three in a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from effkit.analysis.claim_terms import Chosen, Ladder, Links, Pairs, Pattern, Selector
from effkit.analysis.family import family
from effkit.record import CandidateRecord, Link, Record

Technique = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Comparison:
    """What is looked at in one record.

    Attributes:
        record: The run.
        name: What is judged, as a candidate is called.
        before: What it is compared with; empty where it stands alone.
        one: The candidate of that name; None where it was only predicted as part of a chain.
        base: The candidate it is compared with; None likewise.
        link: The technique's own link, where exactly one was added.
        middle: The candidate between the two, of three in a row.
    """

    record: Record
    name: str
    before: str
    one: CandidateRecord | None
    base: CandidateRecord | None
    link: Link | None = None
    middle: CandidateRecord | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes it the same comparison in another run."""
        middle = self.middle.name if self.middle else ""
        return self.record.task.name, self.name, self.before, middle


def comparisons(record: Record, selector: Selector) -> Iterator[Comparison]:
    """Every comparison of a record that a selector means, each once."""
    if selector.links is not None:
        yield from _links(record, selector.links)
    elif selector.pairs is not None:
        yield from _pairs(record, selector.pairs)
    elif selector.each is not None:
        yield from (Comparison(record, one.name, "", one, None) for one in _chosen(record, selector.each))
    for ladder in selector.ladder:
        yield from _ladder(record, ladder)


def _links(record: Record, wanted: Links) -> Iterator[Comparison]:
    known = {each.name: each for each in record.candidates}
    seen = set()
    for candidate in record.candidates:
        if not _is_kind(candidate, wanted):
            continue
        for end in range(1, len(candidate.links) + 1):
            for added in wanted.added:
                chain = candidate.links[max(0, end - len(added)) : end]
                if not _is_chain([link.technique for link in chain], added):
                    continue
                name, before = chain[-1].name, chain[0].before
                if (name, before) not in seen:
                    seen.add((name, before))
                    link = chain[0] if len(chain) == 1 else None
                    yield Comparison(record, name, before, known.get(name), known.get(before), link)


def _is_chain(techniques: Sequence[Technique], wanted: tuple[Pattern, ...]) -> bool:
    return len(techniques) == len(wanted) and all(
        pattern.matches(technique) for pattern, technique in zip(wanted, techniques, strict=True)
    )


def _pairs(record: Record, wanted: Pairs) -> Iterator[Comparison]:
    for one in _chosen(record, wanted.of):
        for base in _against(record, wanted.against, one):
            if base is not one and (wanted.same is None or base.model == one.model):
                yield Comparison(record, one.name, base.name, one, base)


def _against(record: Record, against: Chosen | str, one: CandidateRecord) -> Iterator[CandidateRecord]:
    if isinstance(against, Chosen):
        yield from _chosen(record, against)
    elif against == "reference":
        yield record.reference
    else:
        yield from _teachers(record, one)


def _teachers(record: Record, one: CandidateRecord) -> Iterator[CandidateRecord]:
    """The teacher of a distilled candidate: as it is, or else the reference where that is the same model."""
    for technique in one.techniques:
        teacher = technique.get("distil", {}).get("teacher")
        for each in record.candidates:
            if each.model == teacher and (not each.techniques or each.reference):
                yield each


def _ladder(record: Record, wanted: Ladder) -> Iterator[Comparison]:
    for small in _chosen(record, wanted.small):
        for middle in _chosen(record, wanted.middle):
            for large in _chosen(record, wanted.large):
                yield Comparison(record, large.name, small.name, large, small, middle=middle)


def _chosen(record: Record, wanted: Chosen) -> Iterator[CandidateRecord]:
    for each in record.candidates:
        if not _is_kind(each, wanted):
            continue
        if wanted.techniques is not None and not _is_chain(each.techniques, wanted.techniques):
            continue
        if not all(any(pattern.matches(technique) for technique in each.techniques) for pattern in wanted.has):
            continue
        if wanted.cascade is not None and wanted.cascade != (each.cascade is not None):
            continue
        if wanted.enough is not None and wanted.enough != _is_enough(each):
            continue
        yield each


def _is_kind(candidate: CandidateRecord, wanted: Chosen | Links) -> bool:
    if wanted.models and candidate.model not in wanted.models:
        return False
    return not wanted.families or family(candidate) in wanted.families


def _is_enough(candidate: CandidateRecord) -> bool:
    return candidate.gap is not None and candidate.gap.verdict in ("superior", "non-inferior")
