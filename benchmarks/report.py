"""Put the parts that `make bench` kept together: benchmarks/results/NAME.md into benchmarks/RESULTS.md.

What a person has to say of them stands in benchmarks/notes.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import yaml

from benchmarks.summary import host_line

HERE = Path(__file__).parent
PARTS = (
    "aa",
    "aa-matrix",
    "luck",
    "yardstick",
    "ab",
    "coverage",
    "overhead",
    "batch_overhead",
    "many_runs",
    "two_hosts",
    "published",
    "loadgen",
)


def part(name: str, notes: Mapping[str, str]) -> str:
    """Return one part; where it does not name its host itself, this one and the file's date are named."""
    path = HERE / "results" / f"{name}.md"
    text = path.read_text(encoding="utf-8").strip()
    if name in notes:
        text += f"\n\n{notes[name]}"
    if "Host: " in text:
        return text
    made = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat()
    heading, _, body = text.partition("\n")
    return f"{heading}\n\n{host_line([{'at': made}])}\n\n{body.strip()}"


def main() -> None:
    """Write RESULTS.md."""
    notes: dict[str, str] = yaml.safe_load((HERE / "notes.yaml").read_text(encoding="utf-8"))
    there = [name for name in PARTS if (HERE / "results" / f"{name}.md").exists()]
    head = "# Benchmarks\n\nMade by `make bench`; what each part does stands at the top of `benchmarks/NAME.py`."
    missing = [name for name in PARTS if name not in there]
    if missing:
        head += f" Not run yet: {', '.join(missing)}."
    (HERE / "RESULTS.md").write_text(
        "\n\n".join([head, notes["all"], *(part(name, notes) for name in there)]) + "\n", encoding="utf-8"
    )
    print(HERE / "RESULTS.md")


if __name__ == "__main__":
    main()
