"""Judging claims of the literature by what runs have left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from effkit.commands.options import no_runs, runs_of

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from effkit.record import Record
    from effkit.report.claim_values import ClaimCard
    from effkit.report.values import Tone

MOST_LINES = 4
"""Comparisons of one claim; the report has more, and tables/_claims.csv all."""
_STYLES: dict[Tone, str] = {"": "", "good": "green", "bad": "red", "warn": "yellow", "muted": "dim"}


def claims(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            help="Folders or addresses of runs, studies or results [default: EFFKIT_RESULTS, else results/].",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Judge claims of the literature by runs: supported, refuted, inconclusive or untested on this host."""
    from rich.console import Console

    from effkit.report.claims import claims_section

    records = [each for place in _places(runs) for each in _records(place)]
    found = claims_section(records)
    console = Console()
    console.print(f"{found.note}\n", highlight=False)
    console.print(_table([*found.cards, *found.untested]))


def _places(given: list[str] | None) -> list[Path]:
    from effkit import places

    return [places.located(each) for each in given] if given else [places.current()]


def _records(place: Path) -> list[Record]:
    """The run, or the one that stands for a study, or those that stand for each study."""
    from effkit import index, places, store
    from effkit.address import shown

    if (place / store.RECORD).exists() or any(place.glob(f"[!.]*/{store.RECORD}")):
        return [places.load_newest(place).record]
    runs = runs_of(place)
    if not runs:
        raise no_runs(place)
    chosen = store.newest(index.unattended(runs))
    if not chosen:
        raise store.StoreError(
            f"{shown(place)} has runs made by hand only: name a study, as in "
            f"`effkit claims {shown(place)}/{runs[0].study}`."
        )
    return [store.load(place / each.folder).record for each in chosen]


def _table(cards: list[ClaimCard]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("claim, and what was found")
    for card in cards:
        table.add_row(Text(card.verdict.text, style=_STYLES[card.verdict.tone]), _told(card))
        table.add_row("", "")
    return table


def _told(card: ClaimCard) -> Text:
    from rich.text import Text

    told = Text.assemble((card.statement, "bold"), f"\n{card.reason[0].upper()}{card.reason[1:]}.")
    for line in card.lines[:MOST_LINES]:
        told.append(f"\n{line.state.text}: ", style=_STYLES[line.state.tone])
        told.append(f"{line.compared} ({line.study}): {line.figures or line.why}")
    left = card.left + max(0, len(card.lines) - MOST_LINES)
    if left:
        told.append(f"\nand {left} more", style="dim")
    told.append(f"\nRead as: {card.reading}.", style="dim")
    return told
