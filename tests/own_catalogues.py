"""A catalogue of one's own, as small as one can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

STUMP: dict[str, Any] = {
    "title": "Stump", "modality": "tabular", "tasks": ["classification"], "builder": "tabular.tree",
    "trained_here": True, "licence": "ours", "citation": "us",
}  # fmt: skip


def own_catalogue(path: Path, **models: dict[str, Any]) -> str:
    """Write one; return what `EFFKIT_CATALOGUE` names it by."""
    path.write_text(yaml.safe_dump({"models": models}), encoding="utf-8")
    return str(path)
