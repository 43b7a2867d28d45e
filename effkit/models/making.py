"""What each step does: from what lies on the workbench to a folder that the next step, or a worker, opens.

What a step learns from is gathered before it is measured, so that no work is counted twice.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effkit.models import (
    graphs,
    heads,
    networks,
    onnx_graphs,
    openvino_graphs,
    originals,
    sensitivity,
    static,
    surgery,
    training,
)
from effkit.models.base import MANIFEST, Recipe
from effkit.models.embedding import Embedder, embed
from effkit.models.fronts import front
from effkit.models.graph_files import FACTS, GRAPH, OPENVINO_GRAPH, OPENVINO_WEIGHTS, read_facts, write_facts
from effkit.models.products import Products
from effkit.models.steps import SEEN, SERVING, SHAPING, Step, identity
from effkit.models.teaching import lesson
from effkit.spec import SpecError
from effkit.tasks.base import Task
from effkit.tasks.metrics import METRICS

CALIBRATION_ITEMS = 300

Write = Callable[[Path], None]
Prepared = tuple[str, int, Write]
"""What is done, in a few words; how many items it works on; and what fills the folder."""


@dataclass(frozen=True)
class Workbench:
    """What lies on the bench before a step.

    Attributes:
        recipe: of the candidate; its settings hold the steps before this one only.
        source: folder that the step before left, or the published files.
        module: folder of the PyTorch module that `source` is, or was exported from.
        task: what the candidate is for.
        products: the cache.
    """

    recipe: Recipe
    source: Path
    module: Path
    task: Task
    products: Products

    def encoder(self, step: Step) -> Any:
        """Load the PyTorch module as it stands, for items as the step sees them."""
        return originals.original(_as_seen(step, self.recipe), self.module)


# ------------------------------------------------------------------ cutting
def _cut(said: str, bench: Workbench, step: Step) -> Prepared:
    def write(place: Path) -> None:
        network = originals.open_network(bench.recipe, bench.source)
        surgery.CUTS[step["step"]](network, step)
        originals.save_network(bench.recipe, network, place)

    return said.format(**step), 0, write


def _precision(bench: Workbench, step: Step) -> Prepared:
    def write(place: Path) -> None:
        network = surgery.open_sentences(bench.source).to(networks.precision({"precision": step["type"]}))
        surgery.save_sentences(network, place)

    return f"rewrite the encoder in {step['type']}", 0, write


# ----------------------------------------------------------------- learning
def _heal(bench: Workbench, step: Step) -> Prepared:
    items = bench.task.items.take(bench.task.first("fit", step["items"]))
    uncut = _as_seen(step, bench.recipe.with_settings(steps=[]))
    embedder = Embedder(uncut, originals.published(uncut, bench.products), "", bench.products)
    wanted = embedder.of(items, "items to heal on")

    def write(place: Path) -> None:
        encoder = bench.encoder(step)
        training.match(encoder, items, wanted, step["epochs"], bench.recipe.seed)
        originals.save_network(bench.recipe, encoder.network, place)

    return "heal: learn the uncut encoder's embeddings", len(items), write


def _distil(bench: Workbench, step: Step) -> Prepared:
    indices, wanted = lesson(bench.recipe, step, bench.task, bench.products)
    return "learn what the teacher says", len(indices), _learning(bench, step, indices, wanted)


def _tune(bench: Workbench, step: Step) -> Prepared:
    indices = bench.task.first("fit", step["items"])
    wanted = np.eye(len(bench.task.classes), dtype=np.float32)[bench.task.labels[indices]]
    return "learn the labels", len(indices), _learning(bench, step, indices, wanted)


def _learning(bench: Workbench, step: Step, indices: NDArray[np.int64], wanted: NDArray[Any]) -> Write:
    if bench.recipe.kind != "classification":
        raise SpecError(f"`{step['step']}` teaches an encoder classes, and this task is {bench.recipe.kind}.")
    soft = step.get("labels") == "soft"

    def write(place: Path) -> None:
        encoder = bench.encoder(step)
        texts = bench.task.items.take(indices)
        temperature = float(step["temperature"]) if soft else 1.0
        training.classify(encoder, texts, wanted, step["epochs"], bench.recipe.seed, temperature)
        surgery.save_sentences(encoder.network, place)

    return write


def _static(bench: Workbench, step: Step) -> Prepared:
    def write(place: Path) -> None:
        static.distil(bench.encoder(step), place, step["dimensions"])

    return f"make a table of {step['dimensions']} numbers a word", 0, write


# ------------------------------------------------------------------- graphs
def _export(bench: Workbench, step: Step) -> Prepared:
    def write(place: Path) -> None:
        graphs.export(originals.original(_bare(bench.recipe), bench.source), place)

    return "export to ONNX", 0, write


def _openvino(bench: Workbench, step: Step) -> Prepared:
    def write(place: Path) -> None:
        openvino_graphs.convert(bench.source, place)
        _describe(bench.source, place, precision=step["precision"])

    return "convert to OpenVINO", 0, write


def _int8(bench: Workbench, step: Step) -> Prepared:
    if step["runtime"] == "onnxruntime":

        def write(place: Path) -> None:
            onnx_graphs.integers(bench.source, place)
            _describe(bench.source, place, integers=True, alone=True)

        return "quantise to INT8", 0, write
    return _int8_beforehand(bench, step)


def _int8_beforehand(bench: Workbench, step: Step) -> Prepared:
    items = bench.task.items.take(bench.task.first("calibrate", CALIBRATION_ITEMS))
    if not items:
        raise SpecError(
            f"{bench.task.name} has no `calibrate` items, on which scales are set: give it some, or take "
            "`int8: {runtime: onnxruntime}`, which needs none."
        )

    def write(place: Path) -> None:
        # What comes later in the chain may not reach back into the product, which others share.
        before = front(bench.source, read_facts(bench.source), _as_seen(step, bench.recipe).settings)
        feeds = [before.prepare([item]) for item in items]
        openvino_graphs.integers(bench.source, place, feeds, transformer=bench.recipe.builder == "text.encoder")
        _describe(bench.source, place, integers=True)

    return "quantise to INT8, scales from `calibrate`", len(items), write


def _weights(bench: Workbench, step: Step) -> Prepared:
    writer = onnx_graphs.weights if step["runtime"] == "onnxruntime" else openvino_graphs.weights

    def write(place: Path) -> None:
        writer(bench.source, place, step["bits"])
        _describe(bench.source, place)

    return f"write weights in {step['bits']} bits", 0, write


def _mixed(bench: Workbench, step: Step) -> Prepared:
    if bench.recipe.kind != "classification":
        raise SpecError(f"`mixed` judges layers by accuracy, and this task is {bench.recipe.kind}.")
    chosen = bench.task.first("select", step["items"])
    fit = bench.task.first("fit", bench.recipe.fit_items)
    plain = _as_seen(step, bench.recipe)
    embedder = Embedder(plain, bench.module, identity(plain, bench.task), bench.products)
    embedded = embedder.of(bench.task.items.take(fit), "fit items")

    def write(place: Path) -> None:
        labels = bench.task.labels
        head = heads.fit(bench.recipe.settings, embedded, labels[fit], len(bench.task.classes))
        encoder = bench.encoder(step)
        texts = bench.task.items.take(chosen)
        costs = sensitivity.choose(
            encoder.network,
            lambda: embed(encoder, texts),
            head,
            labels[chosen],
            step["points"],
            METRICS[bench.task.metric].score,
        )
        openvino_graphs.mixed(bench.source, place, sensitivity.in_four_bits(costs))
        sensitivity.write(costs, place)
        _describe(bench.source, place)

    return "find the layers that bear 4 bits", len(chosen), write


def _bare(recipe: Recipe) -> Recipe:
    """The PyTorch module that a graph is exported from: the same steps up to it, nothing of how it is served.

    Nor of where texts are cut: that may come after it in the chain, and the graph is the same.
    """
    kept = {key: value for key, value in recipe.settings.items() if key not in SERVING | {"max_tokens"}}
    kept["steps"] = [step for step in kept.get("steps", ()) if step["step"] in SHAPING]
    return replace(recipe, settings=kept)


def _as_seen(step: Step, recipe: Recipe) -> Recipe:
    """The PyTorch module of a recipe, given items as a step sees them: texts as long, images as large.

    Where it is taught, without transforms: they come after that in the chain, and run when what was taught is loaded.
    """
    plain = _bare(recipe)
    later = [*SEEN, *(["transforms"] if step["step"] in SHAPING else [])]
    kept = {key: value for key, value in plain.settings.items() if key not in later}
    return replace(plain, settings={**kept, **{key: step[key] for key in SEEN if key in step}})


def _describe(source: Path, place: Path, **changed: Any) -> None:
    """Copy what stands before a graph, and say what has changed in the graph."""
    facts = {**read_facts(source), **changed}
    if (place / OPENVINO_GRAPH).exists():
        facts["tensor_bytes"] = openvino_graphs.constants_bytes(place)
    else:
        facts["tensor_bytes"] = onnx_graphs.constants_bytes(place / GRAPH)
    replaced = {GRAPH, OPENVINO_GRAPH, OPENVINO_WEIGHTS, FACTS, MANIFEST, sensitivity.SENSITIVITY}
    for path in source.iterdir():
        if path.is_file() and path.name not in replaced:
            shutil.copy(path, place)
    write_facts(place, facts)


STEPS: dict[str, Callable[[Workbench, Step], Prepared]] = {
    "layers": partial(_cut, "keep {keep} layers"),
    "neurons": partial(_cut, "keep {keep:.0%} of the neurons"),
    "heads": partial(_cut, "keep {keep:.0%} of the heads"),
    "sparse": partial(_cut, "set {zero:.0%} of the weights to 0"),
    "channels": partial(_cut, "keep {keep:.0%} of the channels"),
    "precision": _precision,
    "heal": _heal,
    "distil": _distil,
    "tune": _tune,
    "static": _static,
    "export": _export,
    "openvino": _openvino,
    "int8": _int8,
    "weights": _weights,
    "mixed": _mixed,
}
"""A step prepares its work from the workbench and its parameters."""
