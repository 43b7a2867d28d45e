"""Move the parts that were made anew, benchmarks/results/NAME.md, into benchmarks/RESULTS.md; the others stay there.

What a person has to say of them stands in benchmarks/notes.yaml.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.summary import IN_SHORT

HERE = Path(__file__).parent
PAGE = HERE / "RESULTS.md"
PARTS = (
    "aa",
    "ab",
    "luck",
    "yardstick",
    "coverage",
    "overhead",
    "batch_overhead",
    "many_runs",
    "two_hosts",
    "published",
    "loadgen",
)
PART, NOTE = re.compile(r"^<!-- part: (\w+) -->\n", re.MULTILINE), "<!-- note -->"
DAY = re.compile(r"^Host: .*(\d{4}-\d{2}-\d{2})\.$", re.MULTILINE)


def kept(page: str) -> dict[str, str]:
    """Return the parts that a page has, by name, without what a person said of them."""
    _, *found = PART.split(page)
    return {name: text.partition(NOTE)[0].strip() for name, text in zip(found[::2], found[1::2], strict=True)}


def day(part: str) -> str:
    """Return the last day that a part was measured on, as it names it."""
    days: list[str] = DAY.findall(part)
    return max(days)


def page(parts: Mapping[str, str], notes: Mapping[str, Any]) -> str:
    """Return the whole page: what each part finds in short, then the parts, each with its note if it is of that day.

    Raises:
        ValueError: a note on no part.
    """
    if lost := notes.keys() - {"all", *PARTS}:
        raise ValueError(f"notes.yaml speaks of {', '.join(sorted(lost))}; parts are {', '.join(PARTS)}")
    head = "# Benchmarks\n\nMade by `make bench`; what each part does stands at the top of `benchmarks/NAME.py`."
    missing = [name for name in PARTS if name not in parts]
    if missing:
        head += f" Not run yet: {', '.join(missing)}."
    there = [name for name in PARTS if name in parts]
    shown = [f"<!-- part: {name} -->\n{parts[name]}{_note(parts[name], notes.get(name))}" for name in there]
    return "\n\n".join([head, notes["all"].strip(), *found_in_short(parts), *shown]) + "\n"


def _note(part: str, note: Mapping[str, Any] | None) -> str:
    """What a person said of a part; nothing of a part of another day, of which it may not be so any more."""
    if not note or str(note["of"]) != day(part):
        return ""
    paragraphs = note["said"].strip().splitlines()  # YAML folds the lines of a paragraph into one
    return f"\n\n{NOTE}\n" + "\n\n".join(paragraphs)


def found_in_short(parts: Mapping[str, str]) -> list[str]:
    """Return what the parts find in short, as a list under a heading; nothing where none of them says."""
    lines = []
    for name in PARTS:
        title = ""
        for line in parts.get(name, "").splitlines():
            title = line.removeprefix("## ") if line.startswith("## ") else title
            if line.startswith(IN_SHORT):
                lines.append(f"- **{title}**: {line.removeprefix(IN_SHORT)}")
    return ["## In short", "\n".join(lines)] if lines else []


def main() -> None:
    """Write RESULTS.md."""
    notes: dict[str, Any] = yaml.safe_load((HERE / "notes.yaml").read_text(encoding="utf-8"))
    found = [path for path in (HERE / "results").glob("*.md") if path.stem in PARTS and path.read_text().strip()]
    anew = {path.stem: path.read_text(encoding="utf-8").strip() for path in found}
    PAGE.write_text(page({**kept(PAGE.read_text(encoding="utf-8")), **anew}, notes), encoding="utf-8")
    for path in found:
        path.unlink()
    old = [name for name, text in anew.items() if name in notes and str(notes[name]["of"]) != day(text)]
    if old:
        print(f"Left out of the page: notes.yaml on {', '.join(old)}, which are of another day.", file=sys.stderr)
    print(PAGE)


if __name__ == "__main__":
    main()
