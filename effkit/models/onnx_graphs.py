"""ONNX graphs in fewer bits, for ONNX Runtime."""

from __future__ import annotations

import logging
from pathlib import Path

from effkit.models.graphs import GRAPH

BLOCK = 32
"""Weights of 4 or 8 bits that share one scale."""


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
    """Write the weights of matrix products in blocks of few bits; arithmetic stays in floats.

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


def _prepared(source: Path, place: Path) -> Path:
    """Infer shapes and fold constants, which quantising expects."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    plain = place / "plain.onnx"
    quant_pre_process(str(source / GRAPH), str(plain), skip_symbolic_shape=True)
    return plain
