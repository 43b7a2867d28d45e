"""Scores published on data that effkit's catalogue has: Adult, California housing and the sets inside scikit-learn."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from effkit import tasks

if TYPE_CHECKING:
    import pandas as pd

Numbers = Sequence[float]
SKLEARN = "scikit-learn.org/stable"
API = f"{SKLEARN}/modules/generated/sklearn"
CROSS_VALIDATE = f"{API}.model_selection.cross_validate.html"
MOOC = "inria.github.io/scikit-learn-mooc"
COURSE = f"{MOOC}, as executed in github.com/cagrikurt8/FUN-Mooc-Scikit-learn"
CALIFORNIA = ("MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude", "Longitude")


def cases() -> list[tuple[str, str, tuple[str, ...], Callable[[], Numbers], str]]:
    """What, where, the printed numbers, how to compute them, a note."""
    return [
        ("Adult, share of incomes of at most 50,000 dollars", COURSE, ("0.7607182343065395",), adult_share, ""),
        (
            "Adult, accuracy of always “more” and of always “less”, rows held out at random (42)",
            f"{MOOC}, M1.03",
            ("0.234", "0.766"),
            adult_constant,
            "",
        ),
        (
            "Adult, logistic regression on ordinal codes of the categories, five folds",
            f"{COURSE}, M1.04",
            ("0.75514382", "0.75555328", "0.75573301", "0.75307125", "0.75788288"),
            adult_logistic,
            "of several years ago; the solver has changed since",
        ),
        (
            "Adult, the same, mean and spread",
            f"{COURSE}, M1.04",
            ("0.755", "0.002"),
            lambda: _mean_and_spread(adult_logistic()),
            "",
        ),
        (
            "Adult, gradient boosting on ordinal codes, mean and spread of five folds",
            f"{COURSE}, M1.05",
            ("0.873", "0.002"),
            adult_boosting,
            "the page sets no seed; here 0",
        ),
        (
            "California housing, random forest of 4 trees found by random search, R²",
            f"{SKLEARN}/getting_started.html",
            ("9", "4", "0.73…"),
            california,
            "depth and trees chosen, then R²",
        ),
        (
            "Diabetes, lasso, three folds, R²",
            CROSS_VALIDATE,
            ("0.3315057", "0.08022103", "0.03531816"),
            lambda: diabetes_lasso("test_r2"),
            "",
        ),
        (
            "Diabetes, lasso, three folds, R² on the training rows",
            CROSS_VALIDATE,
            ("0.28009951", "0.3908844", "0.22784907"),
            lambda: diabetes_lasso("train_r2"),
            "",
        ),
        (
            "Diabetes, lasso, three folds, negative squared error",
            CROSS_VALIDATE,
            ("-3635.5…", "-3573.3…", "-6114.7…"),
            lambda: diabetes_lasso("test_neg_mean_squared_error"),
            "",
        ),
        ("Diabetes, ridge, R²", f"{SKLEARN}/modules/permutation_importance.html", ("0.356…",), diabetes_ridge, ""),
        (
            "Diabetes, least squares on one column, squared error and R²",
            f"{SKLEARN}/auto_examples/linear_model/plot_ols_ridge.html",
            ("2548.07", "0.47"),
            diabetes_line,
            "",
        ),
        ("Diabetes, 100 extra trees, R²", f"{API}.ensemble.ExtraTreesRegressor.html", ("0.2727…",), diabetes_trees, ""),
        (
            "Breast cancer, logistic regression, area under the ROC curve, training rows",
            f"{API}.metrics.roc_auc_score.html",
            ("0.99",),
            breast_cancer,
            "",
        ),
        (
            "Digits, chi-squared features and a linear model, accuracy, training rows",
            f"{API}.kernel_approximation.AdditiveChi2Sampler.html",
            ("0.9499…",),
            digits,
            "pixels back from effkit's PNG files",
        ),
    ]


@cache
def adult() -> tuple[pd.DataFrame, NDArray[Any]]:
    """The census rows as OpenML and the course have them: the official test rows first, without `fnlwgt`."""
    task = tasks.load("adult-income", seed=1)
    order = np.roll(np.arange(len(task.labels)), 16_281)
    frame = task.table.to_pandas().drop(columns=["fnlwgt", "education-num"])
    return frame.iloc[order].reset_index(drop=True), np.asarray(task.labels)[order]


def adult_share() -> Numbers:
    """Share of the lower class."""
    return [float(np.mean(adult()[1] == 0))]


def adult_constant() -> Numbers:
    """Accuracy of each constant answer."""
    from sklearn.model_selection import train_test_split

    held_out = train_test_split(adult()[1], random_state=42)[1]
    return [float(np.mean(held_out == answer)) for answer in (1, 0)]


@cache
def adult_logistic() -> tuple[float, ...]:
    """Accuracy of each fold."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_validate
    from sklearn.pipeline import make_pipeline

    rows, labels = adult()
    model = make_pipeline(_codes(), LogisticRegression(max_iter=500))
    return tuple(cross_validate(model, rows[_words(rows)], labels)["test_score"])


def adult_boosting() -> Numbers:
    """Mean and spread of the folds' accuracy."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import cross_validate
    from sklearn.pipeline import make_pipeline

    rows, labels = adult()
    encoder = ColumnTransformer([("categorical", _codes(), _words(rows))], remainder="passthrough")
    model = make_pipeline(encoder, HistGradientBoostingClassifier(random_state=0))
    return _mean_and_spread(cross_validate(model, rows, labels)["test_score"])


def california() -> Numbers:
    """Depth, trees and R² of the forest that a random search finds."""
    from scipy.stats import randint
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import RandomizedSearchCV, train_test_split

    task = tasks.load("california-housing", seed=1)
    rows = task.table.to_pandas()[list(CALIFORNIA)].to_numpy(np.float64)
    train_x, test_x, train_y, test_y = train_test_split(rows, task.labels, random_state=0)
    search = RandomizedSearchCV(
        RandomForestRegressor(random_state=0),
        {"n_estimators": randint(1, 5), "max_depth": randint(5, 10)},
        n_iter=5,
        random_state=0,
    ).fit(train_x, train_y)
    best = search.best_params_
    return [best["max_depth"], best["n_estimators"], search.score(test_x, test_y)]


def diabetes_lasso(score: str) -> Numbers:
    """One score of three folds of the first 150 rows."""
    from sklearn.linear_model import Lasso
    from sklearn.model_selection import cross_validate

    rows, target = _bundled("diabetes")
    found = cross_validate(
        Lasso(), rows[:150], target[:150], cv=3, scoring=("r2", "neg_mean_squared_error"), return_train_score=True
    )
    return list(found[score])


def diabetes_ridge() -> Numbers:
    """R² on the held-out quarter."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import train_test_split

    train_x, test_x, train_y, test_y = train_test_split(*_bundled("diabetes"), random_state=0)
    return [Ridge(alpha=1e-2).fit(train_x, train_y).score(test_x, test_y)]


def diabetes_line() -> Numbers:
    """Squared error and R² on the last 20 rows, from the body-mass index alone."""
    from sklearn.linear_model import LinearRegression
    from sklearn.metrics import mean_squared_error

    rows, target = _bundled("diabetes")
    model = LinearRegression().fit(rows[:-20, 2:3], target[:-20])
    error = mean_squared_error(target[-20:], model.predict(rows[-20:, 2:3]))
    return [error, model.score(rows[-20:, 2:3], target[-20:])]


def diabetes_trees() -> Numbers:
    """R² on the held-out quarter."""
    from sklearn.ensemble import ExtraTreesRegressor
    from sklearn.model_selection import train_test_split

    train_x, test_x, train_y, test_y = train_test_split(*_bundled("diabetes"), random_state=0)
    return [ExtraTreesRegressor(n_estimators=100, random_state=0).fit(train_x, train_y).score(test_x, test_y)]


def breast_cancer() -> Numbers:
    """Area under the curve on the rows it was fitted to; which class is positive does not matter."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    rows, labels = _bundled("breast-cancer")
    model = LogisticRegression(solver="newton-cholesky", random_state=0).fit(rows, labels)
    return [roc_auc_score(labels, model.predict_proba(rows)[:, 1])]


def digits() -> Numbers:
    """Accuracy on the rows it was fitted to."""
    from PIL import Image
    from sklearn.kernel_approximation import AdditiveChi2Sampler
    from sklearn.linear_model import SGDClassifier

    task = tasks.load("digits", seed=1)
    images = [np.asarray(Image.open(io.BytesIO(each)).convert("L"), np.float64).ravel() for each in task.items]
    pixels = np.rint(np.stack(images) * (16 / 255))
    features = AdditiveChi2Sampler(sample_steps=2).fit_transform(pixels, task.labels)
    return [SGDClassifier(max_iter=5, random_state=0, tol=1e-3).fit(features, task.labels).score(features, task.labels)]


def _bundled(name: str) -> tuple[NDArray[np.float64], NDArray[Any]]:
    task = tasks.load(name, seed=1)
    return task.table.to_pandas().to_numpy(np.float64), np.asarray(task.labels)


def _words(rows: pd.DataFrame) -> list[str]:
    return [str(name) for name in rows if not np.issubdtype(np.asarray(rows[name]).dtype, np.number)]


def _codes() -> Any:
    from sklearn.preprocessing import OrdinalEncoder

    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)


def _mean_and_spread(scores: Numbers) -> Numbers:
    return [float(np.mean(scores)), float(np.std(scores))]
