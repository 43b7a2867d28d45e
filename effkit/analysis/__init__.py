"""Paired statistics, Pareto fronts, cost and carbon: from plain arrays to claims that the data can carry.

Nothing here measures anything, and nothing here imports what does. Names load on first use, so that a
process which only needs `effkit.analysis.statistics` never pays for the rest.
"""

from typing import Any

from effkit.names import on_first_use

_MODULE_OF = {"judge": "claims", "known_claims": "claim_terms", "read_claims": "claim_terms"}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    return on_first_use(__name__, name, _MODULE_OF)


def __dir__() -> list[str]:
    return __all__
