"""What a technique is: a function from one recipe to another, and what it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from effkit.models.base import Recipe
from effkit.spec import Frozen


@dataclass(frozen=True)
class Technique:
    """One optimisation of a candidate.

    Attributes:
        name: as parameter files call it.
        needs: what it needs, in one sentence.
        parameters: what it may be given.
        words: its checked parameters to what follows a model's title, as in "at 128 px".
        apply: the recipe and its checked parameters to the optimised recipe.
        refuse: why it cannot be applied to a modality's builder, or None where it can.
    """

    name: str
    needs: str
    parameters: type[Frozen]
    words: Callable[[Any], str]
    apply: Callable[[Recipe, Any], Recipe]
    refuse: Callable[[str, str], str | None]
