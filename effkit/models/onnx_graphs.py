"""ONNX graphs: fewer bits, and ONNX Runtime itself."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effkit.models.base import threads
from effkit.models.fronts import Feed
from effkit.models.graph_files import GRAPH, OUTPUT

BLOCK = 32
"""Weights of 4 or 8 bits that share one scale."""


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
    options.intra_op_num_threads = threads() or allowed
    options.inter_op_num_threads = 1
    # Threads that wait by spinning would take the core from whoever is measured next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def integers(source: Path, place: Path) -> None:
    """Write weights as 8-bit integers, one scale a channel; activations are quantised as they come.

    Args:
        source: folder of an exported graph.
        place: an empty folder.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    plain = _prepared(source, place)
    quantize_dynamic(plain, place / GRAPH, weight_type=QuantType.QInt8, per_channel=True)
    plain.unlink()


def weights(source: Path, place: Path, bits: int) -> None:
    """Write the weights of matrix products in blocks of few bits; activations are rounded to 8 bits as they come.

    Args:
        source: folder of an exported graph.
        place: an empty folder.
        bits: 4 or 8.
    """
    import onnx
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    # It tells of every node.
    logging.getLogger("onnxruntime.quantization.matmul_nbits_quantizer").setLevel(logging.WARNING)
    plain = _prepared(source, place)
    quantizer = MatMulNBitsQuantizer(
        onnx.load(str(plain)), block_size=BLOCK, is_symmetric=True, accuracy_level=4, bits=bits
    )
    quantizer.process()
    quantizer.model.save_model_to_file(str(place / GRAPH), False)
    plain.unlink()


def constants_bytes(graph: Path) -> int:
    """Count the bytes of an ONNX graph's constants."""
    import onnx

    stored = onnx.load(str(graph)).graph.initializer
    return int(sum(onnx.numpy_helper.to_array(each).nbytes for each in stored))


def _prepared(source: Path, place: Path) -> Path:
    """Infer shapes and fold constants, which quantising expects."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    plain = place / "plain.onnx"
    quant_pre_process(str(source / GRAPH), str(plain), skip_symbolic_shape=True)
    return plain
