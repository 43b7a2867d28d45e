"""Published numbers, reproduced with effkit's data and models to the last printed digit. Prints Markdown.

    python -m benchmarks.published

What cannot be had here (no hub, a carrier that is gone) becomes a row that says so; nothing fails for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from benchmarks import published_tables, published_text
from benchmarks.summary import host_line, in_short
from effkit.catalogue import CatalogueError


@dataclass(frozen=True)
class Case:
    """One publication and how to compute its numbers.

    Attributes:
        what: model, data and procedure.
        where: address of the page that prints the numbers.
        published: the numbers as printed; one that ends in … is cut off there, not rounded.
        compute: gives the same numbers, unrounded and in the same order.
        note: what the page leaves open.
    """

    what: str
    where: str
    published: tuple[str, ...]
    compute: Callable[[], Sequence[float]]
    note: str = ""


@dataclass(frozen=True)
class Outcome:
    """A case with what was found, or why nothing was."""

    case: Case
    found: tuple[float, ...] = ()
    missing: str = ""

    @property
    def agreeing(self) -> int:
        """How many of the printed numbers agree to their last digit."""
        return sum(agrees(text, value) for text, value in zip(self.case.published, self.found, strict=True))

    @property
    def reproduced(self) -> str:
        """In words."""
        if self.missing:
            return f"not reproduced: {self.missing}"
        total = len(self.case.published)
        if self.agreeing == total:
            return "yes" if total == 1 else f"all {total}"
        worst = min(places_in_common(text, each) for text, each in zip(self.case.published, self.found, strict=True))
        return (
            f"**{self.agreeing} of {total}**; all agree to {worst} decimals"
            if worst >= 0
            else f"**{self.agreeing} of {total}**"
        )


def agrees(published: str, found: float) -> bool:
    """Whether a number, printed as the page prints it, is the same text."""
    return shown(published, found) == published.lstrip("+").replace("−", "-").removesuffix("…")


def shown(published: str, found: float) -> str:
    """A number with as many decimals as the published one, cut off where that one is, else rounded."""
    places = decimals(published)
    if published.endswith("…"):
        whole, _, fraction = f"{Decimal(found):f}".partition(".")
        return f"{whole}.{fraction.ljust(places, '0')[:places]}" if places else whole
    return f"{found:.{places}f}"


def decimals(published: str) -> int:
    """How many decimals a printed number has."""
    return len(published.removesuffix("…").partition(".")[2])


def places_in_common(published: str, found: float) -> int:
    """To how many decimals a number agrees with the published one; -1 where not even the whole numbers do."""
    printed = float(published.removesuffix("…").replace("−", "-"))
    for places in range(decimals(published), -1, -1):
        if f"{found:.{places}f}" == f"{printed:.{places}f}":
            return places
    return -1


def cases() -> list[Case]:
    """All of them, quick ones last."""
    return [Case(*each) for each in (*published_text.cases(), *published_tables.cases())]


def reproduce(case: Case) -> Outcome:
    """Compute one case."""
    try:
        return Outcome(case, tuple(float(value) for value in case.compute()))
    except (CatalogueError, published_text.NoHub) as error:
        return Outcome(case, missing=" ".join(str(error).split()))


def report(outcomes: Sequence[Outcome]) -> str:
    """The page."""
    tried = [each for each in outcomes if not each.missing]
    numbers = sum(len(each.case.published) for each in tried)
    missing = sum(len(each.case.published) for each in outcomes) - numbers
    short = f"{sum(each.agreeing for each in tried)} of {numbers} numbers agree to the last printed digit"
    lines = [
        "## Published numbers",
        "",
        host_line(),
        "",
        in_short(f"{short}; {missing or 'none'} could not be tried."),
        "",
        "… marks a number that the page cuts off.",
        "",
        "| what | published | here | reproduced | where | note |",
        "|---|---|---|---|---|---|",
    ]
    for each in outcomes:
        here = (
            ", ".join(shown(text, value) for text, value in zip(each.case.published, each.found, strict=False)) or "–"
        )
        cells = (each.case.what, ", ".join(each.case.published), here, each.reproduced, each.case.where, each.case.note)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Print the report."""
    print(report([reproduce(case) for case in cases()]))


if __name__ == "__main__":
    main()
