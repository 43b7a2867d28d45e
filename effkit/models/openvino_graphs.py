"""OpenVINO graphs: conversion, fewer bits by NNCF, and the runtime itself."""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effkit.models.base import threads
from effkit.models.fronts import Feed
from effkit.models.graph_files import GRAPH, OPENVINO_GRAPH, OPENVINO_WEIGHTS
from effkit.spec import SpecError

GROUP = 64
"""Weights of 4 bits that share one scale, where the width of every layer is a multiple of it."""


class OpenVinoSession:
    """OpenVINO on the CPU.

    Args:
        path: of the graph.
        precision: of its arithmetic, "f32" or "bf16".

    Raises:
        SpecError: when the processor has no such arithmetic.
    """

    def __init__(self, path: Path, precision: str) -> None:
        import openvino

        config: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": precision,
            "ENABLE_CPU_PINNING": False,  # the worker is pinned already
        }
        if threads():
            config["INFERENCE_NUM_THREADS"] = threads()
        compiled = openvino.Core().compile_model(str(path), "CPU", config)
        taken = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        if taken != precision:  # OpenVINO says nothing, and computes in what it has
            raise SpecError(
                f"OpenVINO is to compute in {precision}, and on this processor it computes in {taken}: leave "
                "`precision` out."
            )
        self._request = compiled.create_infer_request()

    def run(self, feed: Feed) -> NDArray[np.float32]:
        """Return (n, dimensions) embeddings."""
        embedded = self._request.infer(feed, share_inputs=True)[0]
        return np.array(embedded, np.float32)


def convert(source: Path, place: Path) -> None:
    """Write an exported graph in OpenVINO's own format."""
    _save(_read(source), place)


def integers(source: Path, place: Path, feeds: Sequence[Feed], *, transformer: bool) -> None:
    """Write weights and activations as 8-bit integers, with scales that are set beforehand.

    Args:
        source: folder of a graph.
        place: an empty folder.
        feeds: inputs of the calibration items, one item each.
        transformer: whether it is one; then outliers are smoothed over (Xiao et al., 2023, SmoothQuant).
    """
    with _nncf() as nncf:
        kind = nncf.ModelType.TRANSFORMER if transformer else None
        made = nncf.quantize(_read(source), nncf.Dataset(feeds), model_type=kind, subset_size=len(feeds))
    _save(made, place)


def weights(source: Path, place: Path, bits: int) -> None:
    """Write weights in 8 or 4 bits. With 4 bits the ends of the network keep 8.

    Activations stay in floats between the layers; inside, OpenVINO rounds them to 8 bits where the processor multiplies
    those.
    """
    with _nncf() as nncf:
        made = _read(source)
        made = _four(nncf, made) if bits == 4 else nncf.compress_weights(made, mode=nncf.CompressWeightsMode.INT8_ASYM)
    _save(made, place)


def mixed(source: Path, place: Path, four: Callable[[str], bool]) -> None:
    """Write the weights of chosen matrix products in 4 bits, and all others in 8.

    Args:
        source: folder of a graph.
        place: an empty folder.
        four: whether a matrix product, by its name, gets 4 bits.
    """
    with _nncf() as nncf:
        made = _read(source)
        chosen = [name for name in _products(made) if four(name)]
        scope = nncf.IgnoredScope(names=chosen, validate=False)
        made = nncf.compress_weights(made, mode=nncf.CompressWeightsMode.INT8_ASYM, ignored_scope=scope)
        # All layers: else the last product of what is left would keep 8, whichever that is.
        made = _four(nncf, made, all_layers=True) if chosen else made
    _save(made, place)


def constants_bytes(folder: Path) -> int:
    """Count the bytes of an OpenVINO graph's constants."""
    return (folder / OPENVINO_WEIGHTS).stat().st_size


def _four(nncf: Any, graph: Any, *, all_layers: bool = False) -> Any:
    mode = nncf.CompressWeightsMode.INT4_SYM
    size = GROUP if all(width % GROUP == 0 for width in _widths(graph)) else -1
    return nncf.compress_weights(graph, mode=mode, group_size=size, ratio=1.0, all_layers=all_layers)


def _products(graph: Any) -> list[str]:
    return [each.get_friendly_name() for each in graph.get_ops() if each.get_type_name() == "MatMul"]


def _widths(graph: Any) -> Iterator[int]:
    for each in graph.get_ops():
        shape = each.input(1).get_partial_shape() if each.get_type_name() == "MatMul" else None
        if shape is not None and shape.is_static and len(shape) == 2:
            yield min(shape[0].get_length(), shape[1].get_length())


def _read(source: Path) -> Any:
    import openvino

    path = source / OPENVINO_GRAPH
    return openvino.Core().read_model(str(path if path.exists() else source / GRAPH))


def _save(graph: Any, place: Path) -> None:
    import openvino

    openvino.save_model(graph, str(place / OPENVINO_GRAPH), compress_to_fp16=False)


@contextlib.contextmanager
def _nncf() -> Iterator[Any]:
    """NNCF, which neither tells its makers that it was used nor draws tables."""
    os.environ.setdefault("NNCF_CI", "1")  # read when it is imported: no telemetry
    import nncf

    nncf.set_log_level(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield nncf
