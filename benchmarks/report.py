"""Move the parts that were made anew, benchmarks/results/NAME.md, into benchmarks/RESULTS.md; the others stay there.

What a person has to say of them stands in benchmarks/notes.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import yaml

from benchmarks.summary import IN_SHORT, host_line

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


def kept(page: str) -> dict[str, str]:
    """Return the parts that a page has, by name, without what a person said of them."""
    _, *found = PART.split(page)
    return {name: text.partition(NOTE)[0].strip() for name, text in zip(found[::2], found[1::2], strict=True)}


def made(path: Path) -> str:
    """Return a part that was made anew; where it does not name its host itself, this one and the file's date are."""
    text = path.read_text(encoding="utf-8").strip()
    if "Host: " in text:
        return text
    at = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat()
    heading, _, body = text.partition("\n")
    return f"{heading}\n\n{host_line([{'at': at}])}\n\n{body.strip()}"


def page(parts: Mapping[str, str], notes: Mapping[str, str]) -> str:
    """Return the whole page: what each part finds in short, then the parts.

    Raises:
        ValueError: a note on no part.
    """
    if lost := notes.keys() - {"all", *PARTS}:
        raise ValueError(f"notes.yaml speaks of {', '.join(sorted(lost))}; parts are {', '.join(PARTS)}")
    head = "# Benchmarks\n\nMade by `make bench`; what each part does stands at the top of `benchmarks/NAME.py`."
    missing = [name for name in PARTS if name not in parts]
    if missing:
        head += f" Not run yet: {', '.join(missing)}."
    said = {name: f"\n\n{NOTE}\n{notes[name].strip()}" if name in notes else "" for name in parts}
    shown = [f"<!-- part: {name} -->\n{parts[name]}{said[name]}" for name in PARTS if name in parts]
    return "\n\n".join([head, notes["all"].strip(), *found_in_short(parts), *shown]) + "\n"


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
    notes: dict[str, str] = yaml.safe_load((HERE / "notes.yaml").read_text(encoding="utf-8"))
    found = [path for path in (HERE / "results").glob("*.md") if path.stem in PARTS and path.read_text().strip()]
    anew = {path.stem: made(path) for path in found}
    PAGE.write_text(page({**kept(PAGE.read_text(encoding="utf-8")), **anew}, notes), encoding="utf-8")
    for path in found:
        path.unlink()
    print(PAGE)


if __name__ == "__main__":
    main()
