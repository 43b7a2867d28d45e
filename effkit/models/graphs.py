"""Encoders as graphs: exported once, and run without PyTorch by ONNX Runtime or OpenVINO."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from effkit.models import networks
from effkit.models.fronts import Feed, front

if TYPE_CHECKING:
    from effkit.models.originals import TorchEncoder

GRAPH, FACTS = "model.onnx", "encoder.json"
OPENVINO_GRAPH, OPENVINO_WEIGHTS = "model.xml", "model.bin"
OUTPUT = "embedding"
OPSET = 17
BATCH = 32


class Session(Protocol):
    """A runtime that has opened a graph."""

    def run(self, feed: Feed) -> NDArray[np.float32]:
        """Return (n, dimensions) embeddings."""
        ...


def export(encoder: TorchEncoder, folder: Path) -> None:
    """Write an encoder as one ONNX graph, from its inputs to the pooled embedding.

    Args:
        encoder: in 32 bits; it is left on the CPU.
        folder: an empty one.
    """
    import torch

    traced = encoder.traceable()
    axes = {name: {0: "items", **further} for name, further in traced.axes.items()} | {OUTPUT: {0: "items"}}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns of every shape it looks at; the tests compare what comes out
        torch.onnx.export(
            traced.module.eval().cpu(),
            tuple(traced.inputs.values()),
            str(folder / GRAPH),
            input_names=list(traced.inputs),
            output_names=[OUTPUT],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,  # its graphs are faster than the newer exporter's, and written in a tenth of the time
        )
    parameters, _ = encoder.count()
    facts = {
        **encoder.write_front(folder),
        "parameters": parameters,
        "tensor_bytes": constants_bytes(folder / GRAPH),
        "integers": False,
        "alone": False,
    }
    write_facts(folder, facts)


class GraphEncoder:
    """Items to embeddings by a graph.

    Args:
        folder: that `export` or a step after it wrote.
        settings: of the encoder.
        original: loads a PyTorch module of the graph's shape, on which operations are counted.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], original: Callable[[], TorchEncoder]) -> None:
        self._facts = read_facts(folder)
        self._original = cache(original)  # counted over several items, it is opened once
        self._front = front(folder, self._facts, settings)
        self._session = _session(folder, self._facts)

    @property
    def batch(self) -> int:
        """Items to embed together: one, where the scale of activations is the whole batch's."""
        return 1 if self._facts["alone"] else BATCH

    def size(self, item: Any) -> int:
        """Return what the time of an item grows with, so that like items share a batch."""
        return self._front.size(item)

    def prepare(self, items: list[Any]) -> Feed:
        """Turn raw items into the graph's inputs."""
        return self._front.prepare(items)

    def embed(self, prepared: Feed) -> NDArray[np.float32]:
        """Return (n, dimensions) embeddings."""
        return self._session.run(prepared)

    def count(self) -> tuple[int, int]:
        """Count parameters, and bytes of the graph's weights."""
        return self._facts["parameters"], self._facts["tensor_bytes"]

    def flops(self, item: Any) -> float | None:
        """Count operations of one item on the original; None for integers, which are no floating-point arithmetic."""
        if self._facts["integers"]:
            return None
        counted: float | None = self._facts.get("flops")  # of images, which are all of one size
        return self._original().flops(item) if counted is None else counted


def read_facts(folder: Path) -> dict[str, Any]:
    """Return what is known of a graph without opening it."""
    facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return facts


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write what is known of a graph."""
    (folder / FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")


def constants_bytes(graph: Path) -> int:
    """Count the bytes of an ONNX graph's constants."""
    import onnx

    stored = onnx.load(str(graph)).graph.initializer
    return int(sum(onnx.numpy_helper.to_array(each).nbytes for each in stored))


def _session(folder: Path, facts: Mapping[str, Any]) -> Session:
    if (folder / OPENVINO_GRAPH).exists():
        from effkit.models.openvino_graphs import OpenVinoSession

        return OpenVinoSession(folder / OPENVINO_GRAPH, facts.get("precision", "f32"))
    return OnnxSession(folder / GRAPH)


class OnnxSession:
    """ONNX Runtime on the CPU.

    Args:
        path: of the graph.
    """

    def __init__(self, path: Path) -> None:
        self._session = onnx_session(path)

    def run(self, feed: Feed) -> NDArray[np.float32]:
        """Return (n, dimensions) embeddings."""
        embedded: NDArray[np.float32] = self._session.run([OUTPUT], feed)[0]
        return embedded


def onnx_session(path: Path) -> Any:
    """Open a graph with ONNX Runtime, with the threads that the process was told."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Left to choose, it pins threads to every core there is, those that this process keeps off too.
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    options.intra_op_num_threads = networks.threads() or allowed
    options.inter_op_num_threads = 1
    # Threads that wait by spinning would take the core from whoever is measured next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
