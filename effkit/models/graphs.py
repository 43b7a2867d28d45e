"""Encoders as graphs: exported once, and run without PyTorch by ONNX Runtime or OpenVINO."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from effkit.models import onnx_graphs
from effkit.models.fronts import Feed, front
from effkit.models.graph_files import GRAPH, OPENVINO_GRAPH, OUTPUT, read_facts, write_facts
from effkit.models.openvino_graphs import OpenVinoSession

if TYPE_CHECKING:
    from effkit.models.originals import TorchEncoder

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
        "tensor_bytes": onnx_graphs.constants_bytes(folder / GRAPH),
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


def _session(folder: Path, facts: Mapping[str, Any]) -> Session:
    if (folder / OPENVINO_GRAPH).exists():
        return OpenVinoSession(folder / OPENVINO_GRAPH, facts.get("precision", "f32"))
    return onnx_graphs.OnnxSession(folder / GRAPH)
