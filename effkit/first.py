"""The first five minutes: two models trained on a bundled set, offline and without torch."""

from __future__ import annotations

from effkit.study import Study


def first_study() -> Study:
    """Return a study that runs in under a minute: is logistic regression enough, or does it take boosted trees?"""
    return Study.from_params(
        name="first",
        task="breast-cancer",
        reference="lightgbm-large",
        candidates=["logreg", "lightgbm-large"],
        margin_points=2.0,
        margin_reason="two tumours in a hundred are sent to a second reader today",
        protocol={
            "base": "smoke",
            "blocks": 1,
            "calls": 16,
            "visit_s": 0.3,
            "warm_up_most_s": 1.0,
            "warm_up_s": 0.2,
            "warm_up_most_calls": 20,
            "idle_s": 0.0,
        },
    )
