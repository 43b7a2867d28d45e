"""The files of a graph: the graph itself, in either runtime's format, and what is known of it without opening it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

GRAPH, FACTS = "model.onnx", "encoder.json"
OPENVINO_GRAPH, OPENVINO_WEIGHTS = "model.xml", "model.bin"
OUTPUT = "embedding"


def read_facts(folder: Path) -> dict[str, Any]:
    """Return what is known of a graph without opening it."""
    facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return facts


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write what is known of a graph."""
    (folder / FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")
