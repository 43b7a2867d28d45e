"""ONNX Runtime: the threads they take."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = """
import os, sys
from pathlib import Path

core = min(os.sched_getaffinity(0))
os.sched_setaffinity(0, {core})  # before anything has threads

import numpy as np
from onnx import TensorProto, helper, save
from effkit.models.onnx_graphs import onnx_session

sides = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [300, 300]) for name in "ab"]
product = helper.make_graph([helper.make_node("MatMul", ["a", "a"], ["b"])], "product", sides[:1], sides[1:])
path = Path(sys.argv[1]) / "product.onnx"
save(helper.make_model(product, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
session = onnx_session(path)  # its threads last as long as it does
session.run(None, {"a": np.ones((300, 300), np.float32)})
statuses = [each.read_text() for each in Path("/proc/self/task").glob("*/status")]
allowed = {each.split("Cpus_allowed_list:")[1].split()[0] for each in statuses}
assert allowed == {str(core)}, allowed
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process choose its cores")
def test_a_session_keeps_to_the_cores_of_its_process(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    environment = {name: value for name, value in os.environ.items() if name != "EFFKIT_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
