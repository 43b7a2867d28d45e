"""One reason not to trust what was measured, with what would help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reason = Literal[
    "data", "unstable", "contended", "too few samples", "imprecise", "generator-limited", "mixed ranks", "isolation"
]  # fmt: skip


@dataclass(frozen=True)
class Doubt:
    """One reason for doubt.

    Attributes:
        reason: its kind.
        sentence: what is the matter, with its number.
        fix: what would help.
    """

    reason: Reason
    sentence: str
    fix: str
