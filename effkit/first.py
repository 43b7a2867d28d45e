"""The first five minutes: two scikit-learn models on a bundled set, offline and without torch."""

from __future__ import annotations

from effkit.study import Study


def first_study() -> Study:
    """Return a study that runs in under a minute: is logistic regression enough, or does it take a forest?"""
    return Study.from_params(
        name="first",
        task="breast-cancer",
        reference="random-forest",
        candidates=["logreg", "random-forest"],
        margin_points=2.0,
        margin_reason="two tumours in a hundred are sent to a second reader today",
        protocol={
            "base": "smoke",
            "calls": 16,
            "warm_up_most_s": 1.0,
            "warm_up_s": 0.2,
            "warm_up_most_calls": 20,
            "idle_s": 0.0,
        },
    )
