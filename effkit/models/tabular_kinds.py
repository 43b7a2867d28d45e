"""Linear models, trees, forests and LightGBM: each trained, opened and written as a graph.

They are saved in their libraries' own data formats and never as a pickle.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from effkit.models import tabular_graphs
from effkit.models.base import Recipe, softmax, threads
from effkit.models.columns import TrainingData, mean_and_scale

if TYPE_CHECKING:
    import onnx

TREE_TYPES = ["sklearn.tree._tree.Tree"]
"""A tree's node arrays: skops loads them when told so. Each product's files are checked against their hash first."""

OURS = ("features", "distil", "transforms")
"""Settings that techniques leave for effkit, and no library knows."""

Array = NDArray[np.float64]


class Model(Protocol):
    """The numerical part of a tabular model; the columns are the other part."""

    parameters: int
    tensor_bytes: int | None
    flops: float | None

    def __call__(self, encoded: Array, /) -> Array: ...


class Trained(Model, Protocol):
    """One that can be exported."""

    def graph(self) -> onnx.ModelProto: ...


def _settings(recipe: Recipe) -> dict[str, Any]:
    """Return what the training library is told: a recipe's settings without what techniques say to effkit."""
    return {key: value for key, value in recipe.settings.items() if key not in OURS}


def _weighted(data: TrainingData) -> tuple[Array, NDArray[Any], Array | None]:
    """Return rows, labels and weights whose cross-entropy is that with the teacher's probabilities.

    A row stands there once for each class, weighted by the probability of the class.
    """
    if data.shares is None:
        return data.encoded, data.labels, None
    labels = np.repeat(np.arange(data.classes), len(data.encoded))
    return np.tile(data.encoded, (data.classes, 1)), labels, data.shares.T.ravel()


def _spread(probabilities: Array, present: NDArray[np.int64], classes: int) -> Array:
    """Give classes that training has not seen the probability 0."""
    if len(present) == classes:
        return probabilities
    spread = np.zeros((len(probabilities), classes))
    spread[:, present] = probabilities
    return spread


# ------------------------------------------------------------------ linear
def _train_linear(recipe: Recipe, data: TrainingData, folder: Path) -> None:
    from sklearn.linear_model import LogisticRegression, Ridge

    settings = {"C": 1.0, "alpha": 1.0, "max_iter": 1000, "standardise": True, **_settings(recipe)}
    mean, scale = mean_and_scale(data.encoded)
    if not settings["standardise"]:
        scale = np.ones_like(mean)
    rows, labels, weight = _weighted(data)
    scaled = np.nan_to_num((rows - mean) / scale)
    if recipe.kind == "classification":
        model = LogisticRegression(C=settings["C"], max_iter=settings["max_iter"], random_state=recipe.seed)
        present = model.fit(scaled, labels, weight).classes_
    else:
        model = Ridge(alpha=settings["alpha"], random_state=recipe.seed).fit(scaled, labels)
        present = np.array([], dtype=np.int64)
    # The scaling goes into the weights, so that answering is one product.
    weights = np.atleast_2d(model.coef_).T / scale[:, None]
    bias = np.atleast_1d(model.intercept_) - mean @ weights
    # Scores learnt on flattened probabilities are as much too small.
    weights, bias = data.temperature * weights, data.temperature * bias
    np.savez(folder / "model.npz", weights=weights, bias=bias, mean=mean, present=present, classes=data.classes)


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

    def graph(self) -> onnx.ModelProto:
        """Write it as a graph."""
        return tabular_graphs.linear(self.weights, self.bias, self.mean, self._present.tolist(), self._classes)


def probabilities(scores: Array) -> Array:
    """Turn the decision scores of a logistic regression into (n, classes) probabilities."""
    if scores.shape[1] == 1:
        scores = np.hstack([np.zeros_like(scores), scores])
    return softmax(scores)


# ------------------------------------------------------- trees and forests
def _train_trees(recipe: Recipe, data: TrainingData, folder: Path) -> None:
    import skops.io

    estimator = _estimator(recipe).fit(data.encoded, data.labels)
    skops.io.dump(estimator, folder / "model.skops")
    (folder / "classes.json").write_text(json.dumps(data.classes), encoding="utf-8")


def _estimator(recipe: Recipe) -> Any:
    from sklearn import ensemble, tree

    settings = _settings(recipe)
    share = settings.pop("max_features_regression", None)
    regression = recipe.kind == "regression"
    if regression and share is not None:
        settings["max_features"] = share
    if recipe.builder == "tabular.tree":
        kind = tree.DecisionTreeRegressor if regression else tree.DecisionTreeClassifier
        return kind(**settings, random_state=recipe.seed)
    forest = ensemble.RandomForestRegressor if regression else ensemble.RandomForestClassifier
    return forest(**settings, random_state=recipe.seed, n_jobs=threads() or -1)


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
        self._trees = [each.tree_ for each in getattr(self.estimator, "estimators_", [self.estimator])]
        self.parameters = sum(int(each.node_count) for each in self._trees)
        if hasattr(self.estimator, "n_jobs"):
            # Threads add the trees up as each is done, which changes the last digits from run to run: without a
            # number of threads, as where quality is measured, there is one.
            self.estimator.n_jobs = threads() or 1

    def __call__(self, encoded: Array) -> Array:
        if not self._classes:
            return np.asarray(self.estimator.predict(encoded))
        return _spread(self.estimator.predict_proba(encoded), self.estimator.classes_, self._classes)

    def graph(self) -> onnx.ModelProto:
        """Write it as a graph."""
        return tabular_graphs.forest([self._told(each) for each in self._trees])

    def _told(self, tree: Any) -> tabular_graphs.Tree:
        """Read a tree of scikit-learn, each leaf's values as its share of the mean over trees."""
        values = tree.value[:, 0, :] / len(self._trees)
        if self._classes:
            values = _spread(values, self.estimator.classes_, self._classes)
        sides = tree.children_left, tree.children_right
        return tabular_graphs.Tree(*sides, tree.feature, tree.threshold, tree.missing_go_to_left, values)


# ---------------------------------------------------------------- LightGBM
def _train_lightgbm(recipe: Recipe, data: TrainingData, folder: Path) -> None:
    import lightgbm

    settings: dict[str, Any] = {"n_estimators": 100, **_settings(recipe)}
    rounds = settings.pop("n_estimators")
    booster = lightgbm.train(
        {
            **_objective(data),
            "seed": recipe.seed,
            "num_threads": threads(),
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
            **settings,
        },
        _dataset(data),
        num_boost_round=rounds,
    )
    if data.temperature != 1:
        _sharpen(booster, data.temperature)
    booster.save_model(folder / "model.txt")


def _objective(data: TrainingData) -> Mapping[str, Any]:
    if not data.classes:
        return {"objective": "regression"}
    if data.classes > 2:
        return {"objective": "multiclass", "num_class": data.classes}
    return {"objective": "binary" if data.shares is None else "cross_entropy"}


def _dataset(data: TrainingData) -> Any:
    import lightgbm

    if data.shares is not None and data.classes == 2:
        return lightgbm.Dataset(data.encoded, data.shares[:, 1])
    rows, labels, weight = _weighted(data)
    return lightgbm.Dataset(rows, labels, weight=weight)


def _sharpen(booster: Any, temperature: float) -> None:
    """Multiply what all leaves add by the temperature: scores learnt on flattened probabilities are too small."""
    for tree in booster.dump_model()["tree_info"]:
        for leaf in range(tree["num_leaves"]):
            place = tree["tree_index"], leaf
            booster.set_leaf_output(*place, temperature * booster.get_leaf_output(*place))


class _LightGBM:
    """Boosted trees, asked through the booster: its scikit-learn wrapper takes several times as long for one row."""

    tensor_bytes: int | None = None
    flops: float | None = None

    def __init__(self, folder: Path) -> None:
        import lightgbm

        self._threads = threads()
        path = folder / "model.txt"
        self.booster = lightgbm.Booster(model_file=path)
        objective = self.booster.dump_model(num_iteration=1)["objective"]
        self._binary = objective.startswith(("binary", "cross_entropy"))
        lines = path.read_text(encoding="utf-8").splitlines()
        leaves = [int(line.partition("=")[2]) for line in lines if line.startswith("num_leaves=")]
        self.parameters = sum(2 * count - 1 for count in leaves)

    def __call__(self, encoded: Array) -> Array:
        given = np.asarray(self.booster.predict(encoded, num_threads=self._threads))
        return np.column_stack([1.0 - given, given]) if self._binary else given

    def graph(self) -> onnx.ModelProto:
        """Write it as a graph."""
        told = self.booster.dump_model()
        many = told["objective"].startswith("multiclass")
        ending = f"softmax {told['num_class']}" if many else "sigmoid" if self._binary else "sum"
        trees = [tabular_graphs.lightgbm_tree(each["tree_structure"]) for each in told["tree_info"]]
        return tabular_graphs.boosted(trees, ending)


TRAIN: dict[str, Callable[[Recipe, TrainingData, Path], None]] = {
    "tabular.logreg": _train_linear,
    "tabular.tree": _train_trees,
    "tabular.forest": _train_trees,
    "tabular.lightgbm": _train_lightgbm,
}
MODELS: dict[str, Callable[[Path], Trained]] = {
    "tabular.logreg": _Linear,
    "tabular.tree": _Trees,
    "tabular.forest": _Trees,
    "tabular.lightgbm": _LightGBM,
}
