"""Who is visited when, and on which items: all of it a function of the seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from effkit.spec import Protocol


@dataclass(frozen=True)
class Entry:
    """A line of the schedule: a candidate, or one of the reference's two.

    Attributes:
        candidate: the candidate's name.
        twin: "a" or "b" for the reference, which is entered twice, and "" otherwise.
    """

    candidate: str
    twin: str = ""

    @property
    def workers(self) -> int:
        """How many workers its candidate has at once."""
        return 2 if self.twin else 1

    @property
    def name(self) -> str:
        """Unique in a study."""
        return f"{self.candidate}#{self.twin}" if self.twin else self.candidate


def entries(candidates: Sequence[str], reference: str) -> list[Entry]:
    """Enter every candidate once and the reference twice (A/A)."""
    result = []
    for name in candidates:
        result += [Entry(name, "a"), Entry(name, "b")] if name == reference else [Entry(name)]
    return result


MOST_KEPT_CALLS = 1000
"""Calls of a generation that are kept: a fast model makes thousands."""


def kept_calls_per_visit(protocol: Protocol) -> int:
    """Most calls of one visit that are kept."""
    return math.ceil(MOST_KEPT_CALLS / protocol.blocks)


def calls_per_visit(protocol: Protocol, workers: int = 1) -> int:
    """Fewest batch-1 calls of one visit, so that all visits to a candidate reach `protocol.calls`.

    Args:
        protocol: its calls, generations and blocks.
        workers: workers that the candidate has at once; the reference's two share the calls.
    """
    return math.ceil(protocol.calls / (protocol.generations * protocol.blocks * workers))


STARTS, VISITS, TURNS = 0, 1, 2
"""What is put in order: the starts of a generation, the visits of a block, or a load test's turns at one rate."""
WARM_UP, THROUGHPUT, LOAD, COUNTED = 10_000, 20_000, 30_000, 40_000
"""Where the numbers of what is no block begin; a generation adds its own."""


def order(names: Sequence[str], *, seed: int, what: int, number: int) -> list[str]:
    """Return the names in a random order; every second one is the one before backwards.

    A place in an order may be worth something: on one host the process that was started later was 2 % faster for
    life. Of two orders that mirror each other every pair of names has both, so that it cancels.

    Args:
        names: to be put in order.
        seed: of the study.
        what: `STARTS`, `VISITS` or `TURNS`.
        number: of the order, counted over all generations.
    """
    rng = np.random.default_rng([seed, what, number // 2])
    drawn = [names[index] for index in rng.permutation(len(names))]
    return drawn[::-1] if number % 2 else drawn


def order_number(generation: int, block: int, blocks: int) -> int:
    """Number of a block's order of visits: the next block has its mirror, and so has the same one a generation later.

    What is measured in one block of each generation only, as throughput is, has mirrored orders too by that.

    Args:
        generation: from 0.
        block: from 0, within its generation.
        blocks: of a generation.
    """
    pair = generation // 2 * math.ceil(blocks / 2) + block // 2
    return 2 * pair + (generation + block) % 2


def block_items(
    indices: NDArray[np.int64], sizes: NDArray[np.float64], count: int, *, seed: int, number: int
) -> NDArray[np.int64]:
    """Draw the items of one block, stratified by size so that every block has short and long ones.

    Each stratum is gone through in an order of its own: no item comes twice before all have come once.

    Args:
        indices: (n,) test items.
        sizes: (n,) size of each as a request, bytes.
        count: how many to draw; all when there are fewer.
        seed: of the study.
        number: of the block, counted over all generations; what is no block takes a number far beyond.
    """
    run, block = np.random.default_rng([seed, 1]), np.random.default_rng([seed, number, 1])
    strata = np.array_split(indices[np.argsort(sizes, kind="stable")], min(count, len(indices)))
    chosen = np.array([run.permutation(stratum)[number % len(stratum)] for stratum in strata])
    return chosen[block.permutation(len(chosen))]
