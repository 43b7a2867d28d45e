"""Tabular models as ONNX graphs, in 64 bits.

Trees become one `TreeEnsemble` node of 64-bit splits and leaves. The usual converters write 32 bits, in which a
threshold may fall on the other side of a value and sums differ in the seventh digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

INPUT, OUTPUT = "rows", "answers"
OPSET, TREES_OPSET, IR_VERSION = 17, 5, 9

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tree:
    """A decision tree as arrays, one entry a node; the root is the first.

    Attributes:
        left: node where the value is at most the threshold; -1 at a leaf.
        right: node where it is more.
        feature: column that is looked at.
        threshold: that it is compared with.
        missing_left: whether a missing value goes left.
        values: (nodes, answers) that a leaf adds to the sum over trees.
    """

    left: NDArray[Any]
    right: NDArray[Any]
    feature: NDArray[Any]
    threshold: Array
    missing_left: NDArray[Any]
    values: Array


def linear(weights: Array, bias: Array, mean: Array, classes: Sequence[int], count: int) -> onnx.ModelProto:
    """Write a weighted sum of columns; a missing value counts as the mean.

    Args:
        weights: (columns, scores).
        bias: (scores,).
        mean: (columns,).
        classes: that training has seen; empty for regression.
        count: how many classes there are.
    """
    if count:
        weights, bias = _scores_of_all(weights, bias, classes, count)
    chain = _Chain()
    known = chain.add("Where", chain.add("IsNaN", INPUT), chain.constant(mean), INPUT)
    sums = chain.add("Gemm", known, chain.constant(weights), chain.constant(bias))
    return chain.shares(chain.add("Softmax", sums, axis=1)) if count else chain.values(sums)


def boosted(trees: Sequence[Tree], ending: str) -> onnx.ModelProto:
    """Write boosted trees; each has one answer a leaf.

    Args:
        trees: in the order of training; of several classes, one of each in turn.
        ending: `sigmoid`, `softmax` of the number of classes as in "softmax 3", or `sum`.
    """
    name, _, classes = ending.partition(" ")
    chain = _Chain()
    targets = int(classes or 1)
    sums = chain.trees(INPUT, trees, [number % targets for number in range(len(trees))], targets)
    match name:
        case "sigmoid":
            return chain.shares(chain.two(chain.add("Sigmoid", sums)))
        case "softmax":
            return chain.shares(chain.add("Softmax", sums, axis=1))
        case _:
            return chain.values(sums)


def forest(trees: Sequence[Tree]) -> onnx.ModelProto:
    """Write the mean of trees' probabilities or values, each leaf holding its share of it.

    Args:
        trees: of scikit-learn, which compares 32-bit values with 64-bit thresholds. One answer a leaf is a value;
            two are the probabilities of two classes.
    """
    answers = trees[0].values.shape[1]
    chain = _Chain()
    rows = chain.add("Cast", chain.add("Cast", INPUT, to=chain.FLOAT), to=chain.DOUBLE)
    if answers > 2:
        return chain.shares(_by_leaf(chain, rows, trees))
    last = [replace(tree, values=tree.values[:, -1:]) for tree in trees]
    sums = chain.trees(rows, last, [0] * len(trees), 1)
    return chain.shares(chain.two(sums)) if answers == 2 else chain.values(sums)


def lightgbm_tree(root: Mapping[str, Any]) -> Tree:
    """Read a tree as LightGBM's `dump_model` gives it."""
    nodes: list[dict[str, Any]] = []

    def visit(node: Mapping[str, Any]) -> int:
        place, told = len(nodes), {"left": -1, "right": -1, "feature": 0, "threshold": 0.0, "missing_left": False}
        nodes.append(told)
        if "left_child" not in node:
            told["values"] = node["leaf_value"]
            return place
        if node["decision_type"] != "<=":
            raise ValueError(f"a split by `{node['decision_type']}` is none that effkit trains; leave `onnx` out.")
        # Where training saw none missing, LightGBM takes a missing value for 0.
        goes_left = node["default_left"] if node["missing_type"] == "NaN" else node["threshold"] >= 0
        told |= {"feature": node["split_feature"], "threshold": node["threshold"], "missing_left": goes_left}
        told |= {"left": visit(node["left_child"]), "right": visit(node["right_child"]), "values": 0.0}
        return place

    visit(root)
    arrays = {name: np.array([node[name] for node in nodes]) for name in nodes[0]}
    return Tree(**{**arrays, "values": arrays["values"][:, None]})


def _scores_of_all(weights: Array, bias: Array, seen: Sequence[int], count: int) -> tuple[Array, Array]:
    """Give every class a score: two classes are stored as one, and an unseen class can never win."""
    if weights.shape[1] == 1:
        weights, bias = np.hstack([np.zeros_like(weights), weights]), np.append(0.0, bias)
    wide, high = np.zeros((len(weights), count)), np.full(count, -np.inf)
    wide[:, list(seen)], high[list(seen)] = weights, bias
    return wide, high


def _by_leaf(chain: _Chain, rows: str, trees: Sequence[Tree]) -> str:
    """Let each tree name its leaf, and add up what the leaves hold: a leaf of the node itself holds one number."""
    starts = np.cumsum([0, *(len(tree.left) for tree in trees[:-1])])
    numbered = [
        replace(tree, values=(start + np.arange(len(tree.left), dtype=np.float64))[:, None])
        for start, tree in zip(starts, trees, strict=True)
    ]
    leaves = chain.add("Cast", chain.trees(rows, numbered, range(len(trees)), len(trees)), to=chain.INT64)
    held = chain.add("Gather", chain.constant(np.concatenate([tree.values for tree in trees])), leaves, axis=0)
    return chain.add("ReduceSum", held, chain.constant(np.array([1])), keepdims=0)


class _Chain:
    """A graph in the making, from INPUT to OUTPUT."""

    FLOAT, INT64, DOUBLE = 1, 7, 11
    """`onnx.TensorProto`'s numbers."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, values: NDArray[Any]) -> str:
        """Add a constant and return its name."""
        from onnx import numpy_helper

        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        from onnx import helper

        name = f"node_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def two(self, second: str) -> str:
        """Put the probability of the first class beside that of the second."""
        return self.add("Concat", self.add("Sub", self.constant(np.array(1.0)), second), second, axis=1)

    def trees(self, rows: str, trees: Sequence[Tree], targets: Sequence[int], count: int) -> str:
        """Add trees, each to the sum of its target."""
        from onnx import numpy_helper

        told = _Ensemble(trees, targets)
        return self.add(
            "TreeEnsemble",
            rows,
            domain="ai.onnx.ml",
            n_targets=count,
            tree_roots=told.roots,
            nodes_featureids=told.features,
            nodes_splits=numpy_helper.from_array(np.array(told.splits, dtype=np.float64)),
            nodes_modes=numpy_helper.from_array(np.zeros(len(told.splits), dtype=np.uint8)),  # at most
            nodes_truenodeids=told.lefts,
            nodes_falsenodeids=told.rights,
            nodes_trueleafs=told.left_leaves,
            nodes_falseleafs=told.right_leaves,
            nodes_missing_value_tracks_true=told.missing_left,
            leaf_targetids=told.leaf_targets,
            leaf_weights=numpy_helper.from_array(np.array(told.leaf_values, dtype=np.float64)),
        )

    def shares(self, output: str) -> onnx.ModelProto:
        """Close the graph: (n, classes) probabilities become OUTPUT."""
        return self._model(output, ["items", "classes"])

    def values(self, output: str) -> onnx.ModelProto:
        """Close the graph: (n, 1) values become an OUTPUT of (n,)."""
        return self._model(self.add("Squeeze", output, self.constant(np.array([1]))), ["items"])

    def _model(self, output: str, shape: list[str]) -> onnx.ModelProto:
        from onnx import checker, helper

        self._nodes.append(helper.make_node("Identity", [output], [OUTPUT]))
        given = helper.make_tensor_value_info(INPUT, self.DOUBLE, ["items", "columns"])
        wanted = helper.make_tensor_value_info(OUTPUT, self.DOUBLE, shape)
        graph = helper.make_graph(self._nodes, "model", [given], [wanted], self._constants)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", TREES_OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        checker.check_model(model)
        return model


class _Ensemble:
    """Trees as the lists that a `TreeEnsemble` node holds: splits and leaves are counted apart."""

    def __init__(self, trees: Sequence[Tree], targets: Sequence[int]) -> None:
        self.roots: list[int] = []
        self.features: list[int] = []
        self.splits: list[float] = []
        self.lefts: list[int] = []
        self.rights: list[int] = []
        self.left_leaves: list[int] = []
        self.right_leaves: list[int] = []
        self.missing_left: list[int] = []
        self.leaf_targets: list[int] = []
        self.leaf_values: list[float] = []
        for tree, target in zip(trees, targets, strict=True):
            self._add(_with_a_split(tree), target)

    def _add(self, tree: Tree, target: int) -> None:
        leaf = tree.left < 0
        places = np.where(leaf, np.cumsum(leaf) + len(self.leaf_values), np.cumsum(~leaf) + len(self.splits)) - 1
        split = np.flatnonzero(~leaf)
        self.roots.append(len(self.splits))
        self.features += tree.feature[split].tolist()
        self.splits += tree.threshold[split].tolist()
        self.lefts += places[tree.left[split]].tolist()
        self.rights += places[tree.right[split]].tolist()
        self.left_leaves += leaf[tree.left[split]].astype(int).tolist()
        self.right_leaves += leaf[tree.right[split]].astype(int).tolist()
        self.missing_left += tree.missing_left[split].astype(int).tolist()
        self.leaf_targets += [target] * int(leaf.sum())
        self.leaf_values += tree.values[leaf, 0].tolist()


def _with_a_split(tree: Tree) -> Tree:
    """Give a tree that is a single leaf a split whose sides are alike: a root is a split."""
    if len(tree.left) > 1:
        return tree
    leaf, zero = np.array([1, -1, -1]), np.zeros(3)
    right = np.array([2, -1, -1])
    return Tree(leaf, right, zero.astype(int), zero, zero.astype(int), np.repeat(tree.values, 3, axis=0))
