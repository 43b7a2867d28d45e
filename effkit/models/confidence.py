"""How sure a model is of an answer: scores, and calibration on items that are neither learnt from nor tested on.

Temperature scaling: Guo, Pleiss, Sun & Weinberger (2017), On calibration of modern neural networks, ICML. Isotonic
regression of "is it right?" on the score: Zadrozny & Elkan (2002), Transforming classifier scores into accurate
multiclass probability estimates, KDD.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effkit.models.base import softmax
from effkit.spec import Calibration, Score, SpecError
from effkit.tasks.metrics import LEAST, log_loss

Floats = NDArray[np.float64]

COLDEST, HOTTEST = 0.05, 20.0
ROUNDED = 0.01
"""How far from 1 the probabilities of an item may add up to: some are rounded."""
BINS = 15
"""Of the expected calibration error, as Guo et al. have it."""


def _margin(shares: Floats) -> Floats:
    """The likeliest class's probability before the second's."""
    best = np.partition(shares, -2, axis=1)
    return np.asarray(best[:, -1] - best[:, -2])


def _log_probability(shares: Floats) -> Floats:
    """The logarithm of the likeliest class's probability."""
    return np.asarray(np.log(np.maximum(shares.max(axis=1), LEAST)))


def _entropy(shares: Floats) -> Floats:
    """Minus the entropy, so that more is surer."""
    return np.asarray((shares * np.log(np.maximum(shares, LEAST))).sum(axis=1))


SCORES: Mapping[Score, Callable[[Floats], Floats]] = {
    "margin": _margin,
    "log_probability": _log_probability,
    "entropy": _entropy,
}
"""(n, classes) probabilities to (n,) scores; more is surer."""


@dataclass(frozen=True)
class Confidence:
    """From a stage's probabilities to how sure it is.

    Attributes:
        score: by which.
        temperature: by which probabilities are flattened (above 1) or sharpened first.
        steps: rising scores and what share of answers is right at each, of an isotonic fit; None without.
    """

    score: Score
    temperature: float = 1.0
    steps: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    def of(self, shares: NDArray[Any]) -> Floats:
        """Return (n,) confidences of (n, classes) probabilities: more is surer."""
        scored = SCORES[self.score](tempered(shares, self.temperature))
        return scored if self.steps is None else np.interp(scored, *self.steps)

    def right(self, shares: NDArray[Any]) -> Floats:
        """Return (n,) probabilities that the likeliest class is the true one."""
        return tempered(shares, self.temperature).max(axis=1) if self.steps is None else self.of(shares)

    def to_json(self) -> dict[str, Any]:
        """Plain values, from which `Confidence.from_json` makes the same."""
        return {"score": self.score, "temperature": self.temperature, "steps": self.steps}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Confidence:
        """Rebuild what `to_json` gave."""
        steps = values["steps"]
        return cls(
            values["score"], values["temperature"], None if steps is None else (tuple(steps[0]), tuple(steps[1]))
        )


def calibrated(score: Score, kind: Calibration, shares: NDArray[Any], labels: NDArray[Any]) -> Confidence:
    """Fit a confidence to items whose labels are known.

    Args:
        score: by which.
        kind: temperature or isotonic.
        shares: (n, classes) probabilities of the `calibrate` items.
        labels: (n,) their classes.
    """
    if kind == "temperature":
        return Confidence(score, fitted_temperature(shares, labels))
    from sklearn.isotonic import IsotonicRegression

    scored = SCORES[score](tempered(shares, 1.0))
    fitted = IsotonicRegression(out_of_bounds="clip").fit(scored, shares.argmax(axis=1) == labels)
    return Confidence(score, steps=(tuple(map(float, fitted.X_thresholds_)), tuple(map(float, fitted.y_thresholds_))))


def fitted_temperature(shares: NDArray[Any], labels: NDArray[Any]) -> float:
    """Return the temperature at which probabilities have the least log-loss; 1 where none does better than that.

    Args:
        shares: (n, classes) probabilities.
        labels: (n,) classes.
    """
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda log: log_loss(tempered(shares, float(np.exp(log))), labels),
        bounds=(np.log(COLDEST), np.log(HOTTEST)),
        method="bounded",
    )
    temperature = float(np.exp(found.x))
    return temperature if found.fun < log_loss(tempered(shares, 1.0), labels) else 1.0


def tempered(shares: NDArray[Any], temperature: float) -> Floats:
    """Return (n, classes) probabilities to the power of 1/temperature, scaled to the sum of one."""
    return softmax(np.log(np.maximum(shares.astype(np.float64), LEAST)) / temperature)


def expected_calibration_error(right: Floats, correct: NDArray[Any], bins: int = BINS) -> float:
    """Return the mean distance between what was promised and what came true, over bins of equal width.

    Args:
        right: (n,) probabilities that an answer is right.
        correct: (n,) whether it was.
        bins: how many.
    """
    place = np.minimum((right * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=right - correct, minlength=bins)
    return float(np.abs(gaps).sum() / len(right))


def refuse_unsure(model: str, answers: NDArray[Any], *, last: bool) -> None:
    """Refuse answers of which nobody can tell how sure they are.

    Args:
        model: whose they are, for the error.
        answers: (n, classes) probabilities, or (n,) classes.
        last: whether no stage follows, so that nobody asks.

    Raises:
        SpecError: for classes alone, unless nobody asks; for rows that are no probabilities, such as logits.
    """
    if answers.ndim != 2:
        if last:
            return
        raise SpecError(
            f"`{model}` names classes and gives no probabilities, so nobody can tell how sure it is: put it last, or "
            "let it return one probability for each class."
        )
    if answers.min() < -ROUNDED or np.abs(answers.sum(axis=1) - 1).max() > ROUNDED:
        raise SpecError(
            f"`{model}` gives classes numbers that are no probabilities (from {answers.min():.3g} to "
            f"{answers.max():.3g}, and not 1 together), so nobody can tell how sure it is: let it return their softmax."
        )
