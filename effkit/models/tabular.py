"""Tabular models: logistic and ridge regression, trees, forests and LightGBM.

They are saved in their libraries' own data formats and never as a pickle.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from effkit.models.base import THREADS, Facts, Predictor, Recipe, predict_in_batches, weight_bytes
from effkit.models.columns import Columns, mean_and_scale, training_data
from effkit.models.products import Products
from effkit.tasks.base import Task

TREE_TYPES = ["sklearn.tree._tree.Tree"]
"""A tree's node arrays: skops loads them when told so. Each product's files are checked against their hash first."""

Array = NDArray[np.float64]

LIBRARIES: dict[str, tuple[str, ...]] = {
    "tabular.logreg": (),
    "tabular.tree": ("skops.io", "sklearn.tree"),
    "tabular.forest": ("skops.io", "sklearn.ensemble"),
    "tabular.lightgbm": ("lightgbm",),
}


def libraries(recipe: Recipe) -> tuple[str, ...]:
    """Name what a fresh worker must import before it can load this model."""
    return LIBRARIES[recipe.builder]


class _Model(Protocol):
    """The numerical part of a tabular model; the columns are the other part."""

    parameters: int
    tensor_bytes: int | None
    flops: float | None

    def __call__(self, encoded: Array, /) -> Array: ...


class TabularPredictor:
    """Encodes rows, then asks the model.

    Args:
        columns: as the training data had them.
        model: encoded rows to probabilities or values.
    """

    def __init__(self, columns: Columns, model: _Model) -> None:
        self.columns = columns
        self.model = model

    def prepare(self, items: list[Any]) -> Array:
        """Encode rows as numbers."""
        return self.columns.encode(items)

    def infer(self, prepared: Array) -> Array:
        """Return probabilities or values."""
        return self.model(prepared)


def make(recipe: Recipe, task: Task, products: Products) -> Path:
    """Train on the first `fit` items and return the product's folder."""
    step = f"train {recipe.model}"
    return products.make(recipe.key(task.sha256), step, recipe.fit_items, partial(_train, recipe, task))


def load(recipe: Recipe, folder: Path) -> Predictor:
    """Open what `make` wrote."""
    columns = Columns(**json.loads((folder / "columns.json").read_text(encoding="utf-8")))
    return TabularPredictor(columns, _MODELS[recipe.builder](folder))


def facts(predictor: TabularPredictor, item: Any, folder: Path) -> Facts:
    """Count coefficients, or splits and leaves. Following a tree is no floating-point arithmetic."""
    model = predictor.model
    return Facts(model.parameters, model.tensor_bytes, weight_bytes(folder), model.flops)


def predict(recipe: Recipe, folder: Path, task: Task, indices: NDArray[np.int64], products: Products) -> NDArray[Any]:
    """Return the predictions for items of a task."""
    return predict_in_batches(load(recipe, folder), task.items, indices)


def _train(recipe: Recipe, task: Task, folder: Path) -> None:
    columns, encoded, labels = training_data(recipe, task)
    (folder / "columns.json").write_text(json.dumps(columns.to_json()), encoding="utf-8")
    _TRAIN[recipe.builder](recipe, len(task.classes), encoded, labels, folder)


def _spread(probabilities: Array, present: NDArray[np.int64], classes: int) -> Array:
    """Give classes that training has not seen the probability 0."""
    if len(present) == classes:
        return probabilities
    spread = np.zeros((len(probabilities), classes))
    spread[:, present] = probabilities
    return spread


# ------------------------------------------------------------------ linear
def _train_linear(recipe: Recipe, classes: int, encoded: Array, labels: NDArray[Any], folder: Path) -> None:
    from sklearn.linear_model import LogisticRegression, Ridge

    settings = {"C": 1.0, "alpha": 1.0, "max_iter": 1000, "standardise": True, **recipe.settings}
    mean, scale = mean_and_scale(encoded)
    if not settings["standardise"]:
        scale = np.ones_like(mean)
    scaled = np.nan_to_num((encoded - mean) / scale)
    if recipe.kind == "classification":
        model = LogisticRegression(C=settings["C"], max_iter=settings["max_iter"], random_state=recipe.seed)
        present = model.fit(scaled, labels).classes_
    else:
        model = Ridge(alpha=settings["alpha"], random_state=recipe.seed).fit(scaled, labels)
        present = np.array([], dtype=np.int64)
    # The scaling goes into the weights, so that answering is one product.
    weights = np.atleast_2d(model.coef_).T / scale[:, None]
    bias = np.atleast_1d(model.intercept_) - mean @ weights
    np.savez(folder / "model.npz", weights=weights, bias=bias, mean=mean, present=present, classes=classes)


class _Linear:
    """A weighted sum of the columns; a missing value counts as the training data's mean."""

    def __init__(self, folder: Path) -> None:
        with np.load(folder / "model.npz") as stored:
            self.weights, self.bias, self.mean = stored["weights"], stored["bias"], stored["mean"]
            self._present, self._classes = stored["present"], int(stored["classes"])
        self.parameters = self.weights.size + self.bias.size
        self.tensor_bytes = self.weights.nbytes + self.bias.nbytes + self.mean.nbytes
        self.flops = 2.0 * self.weights.size

    def __call__(self, encoded: Array) -> Array:
        unknown = np.isnan(encoded)
        if unknown.any():
            encoded = np.where(unknown, self.mean, encoded)
        scores = encoded @ self.weights + self.bias
        if not self._classes:
            return np.asarray(scores[:, 0])
        return _spread(probabilities(scores), self._present, self._classes)


def probabilities(scores: Array) -> Array:
    """Turn the decision scores of a logistic regression into (n, classes) probabilities."""
    if scores.shape[1] == 1:
        scores = np.hstack([np.zeros_like(scores), scores])
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


# ------------------------------------------------------- trees and forests
def _train_trees(recipe: Recipe, classes: int, encoded: Array, labels: NDArray[Any], folder: Path) -> None:
    import skops.io

    estimator = _estimator(recipe).fit(encoded, labels)
    skops.io.dump(estimator, folder / "model.skops")
    (folder / "classes.json").write_text(json.dumps(classes), encoding="utf-8")


def _estimator(recipe: Recipe) -> Any:
    from sklearn import ensemble, tree

    settings = dict(recipe.settings)
    share = settings.pop("max_features_regression", None)
    regression = recipe.kind == "regression"
    if regression and share is not None:
        settings["max_features"] = share
    if recipe.builder == "tabular.tree":
        kind = tree.DecisionTreeRegressor if regression else tree.DecisionTreeClassifier
        return kind(**settings, random_state=recipe.seed)
    forest = ensemble.RandomForestRegressor if regression else ensemble.RandomForestClassifier
    return forest(**settings, random_state=recipe.seed, n_jobs=THREADS or -1)


class _Trees:
    """A tree or a forest, asked through scikit-learn as it is usually shipped.

    Most of what a forest takes for a single row is scikit-learn's bookkeeping around each tree.
    """

    tensor_bytes: int | None = None
    flops: float | None = None

    def __init__(self, folder: Path) -> None:
        import skops.io

        self.estimator = skops.io.load(folder / "model.skops", trusted=TREE_TYPES)
        self._classes = json.loads((folder / "classes.json").read_text(encoding="utf-8"))
        trees = getattr(self.estimator, "estimators_", [self.estimator])
        self.parameters = sum(int(each.tree_.node_count) for each in trees)
        if hasattr(self.estimator, "n_jobs"):
            self.estimator.n_jobs = THREADS or -1

    def __call__(self, encoded: Array) -> Array:
        if not self._classes:
            return np.asarray(self.estimator.predict(encoded))
        return _spread(self.estimator.predict_proba(encoded), self.estimator.classes_, self._classes)


# ---------------------------------------------------------------- LightGBM
def _train_lightgbm(recipe: Recipe, classes: int, encoded: Array, labels: NDArray[Any], folder: Path) -> None:
    import lightgbm

    settings: dict[str, Any] = {"n_estimators": 100, **recipe.settings}
    rounds = settings.pop("n_estimators")
    booster = lightgbm.train(
        {
            **_objective(classes),
            "seed": recipe.seed,
            "num_threads": THREADS,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
            **settings,
        },
        lightgbm.Dataset(encoded, labels),
        num_boost_round=rounds,
    )
    booster.save_model(folder / "model.txt")


def _objective(classes: int) -> Mapping[str, Any]:
    if not classes:
        return {"objective": "regression"}
    return {"objective": "binary"} if classes == 2 else {"objective": "multiclass", "num_class": classes}


class _LightGBM:
    """Boosted trees, asked through the booster: its scikit-learn wrapper takes several times as long for one row."""

    tensor_bytes: int | None = None
    flops: float | None = None

    def __init__(self, folder: Path) -> None:
        import lightgbm

        path = folder / "model.txt"
        self.booster = lightgbm.Booster(model_file=path)
        self._binary = self.booster.dump_model(num_iteration=1)["objective"].startswith("binary")
        lines = path.read_text(encoding="utf-8").splitlines()
        leaves = [int(line.partition("=")[2]) for line in lines if line.startswith("num_leaves=")]
        self.parameters = sum(2 * count - 1 for count in leaves)

    def __call__(self, encoded: Array) -> Array:
        given = np.asarray(self.booster.predict(encoded, num_threads=THREADS))
        return np.column_stack([1.0 - given, given]) if self._binary else given


_TRAIN: dict[str, Callable[[Recipe, int, Array, NDArray[Any], Path], None]] = {
    "tabular.logreg": _train_linear,
    "tabular.tree": _train_trees,
    "tabular.forest": _train_trees,
    "tabular.lightgbm": _train_lightgbm,
}
_MODELS: dict[str, Callable[[Path], _Model]] = {
    "tabular.logreg": _Linear,
    "tabular.tree": _Trees,
    "tabular.forest": _Trees,
    "tabular.lightgbm": _LightGBM,
}
