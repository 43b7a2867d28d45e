"""ONNX Runtime: a graph opened the same way whatever model it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from effkit.models import networks


def open_graph(graph: Path) -> Any:
    """Open a graph on the CPU, with the threads that EFFKIT_THREADS asks for."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = networks.threads()
    options.inter_op_num_threads = 1
    # Threads that wait by spinning would take the core from whoever is measured next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
