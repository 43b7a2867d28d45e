"""Paired statistics, Pareto fronts, cost and carbon: from plain arrays to claims that the data can carry.

Nothing here measures anything, and nothing here imports what does. Names load on first use, so that a
process which only needs `effkit.analysis.statistics` never pays for the rest.
"""

from typing import Any

from effkit.names import on_first_use

_PUBLIC = {
    "interval": ("Interval",),
    "tails": ("Percentile", "calls_needed", "effective_sample_size", "percentiles"),
    "statistics": (
        "a_a_log_ratios", "claim", "mean_interval_over_generations", "noise_threshold", "paired_log_ratios",
        "ratio_over_generations", "settle", "unstable",
    ),
    "bootstrap": ("paired_bootstrap", "score_bounds", "score_p_value"),
    "quality": (
        "NonInferiority", "exact_mcnemar", "holm", "holm_verdicts", "non_inferiority",
        "relative_margin", "seed_verdict",
    ),
    "sample_size": ("items_for_power",),
    "links": ("link_energy", "link_gaps", "link_latency"),
    "verdict": ("worth",),
    "groups": ("GroupGap", "group_gaps"),
    "pareto": ("front",),
    "carbon": (
        "GridFactor", "embodied_g_per_hour", "embodied_g_per_request", "factor", "grams_per_thousand", "regions",
    ),
    "cost": ("Capacity", "Provision", "machines", "provision"),
    "claims": ("Finding", "judge"),
    "claim_terms": ("known_claims", "read_claims"),
    "payback": ("BreakEven", "energy_break_even", "link_payback", "time_break_even", "year_grams"),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    return on_first_use(__name__, name, _MODULE_OF)


def __dir__() -> list[str]:
    return __all__
