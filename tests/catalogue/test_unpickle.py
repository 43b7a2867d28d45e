"""A weights pickle may hold arrays and nothing that runs."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from effkit.catalogue.unpickle import RefusedPickle, restricted_unpickle


class _Calls:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    "call",
    [
        _Calls(os.system, "touch ran"),
        _Calls(eval, "open('ran', 'w')"),
        _Calls(np.load, "ran"),
        _Calls(np.save, "ran", 1),
    ],
)
def test_a_pickle_that_calls_something_is_refused(
    call: _Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pkl"
    path.write_bytes(pickle.dumps({"conv1": [np.zeros(3), call]}))
    with pytest.raises(RefusedPickle, match="safetensors"):
        restricted_unpickle(path)
    assert not list(tmp_path.glob("ran*"))


@given(
    array=arrays.arrays(
        st.sampled_from([np.float32, np.float64, np.int64, np.uint8]),
        arrays.array_shapes(max_dims=4, max_side=4),
        elements=st.integers(0, 100),
    ),
    protocol=st.integers(0, pickle.HIGHEST_PROTOCOL),
)
def test_arrays_come_through(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray[Any, Any], protocol: int
) -> None:
    path = tmp_path_factory.mktemp("pickle") / "weights.pkl"
    path.write_bytes(pickle.dumps({"a": [array, (array.dtype, 1.5, "x")]}, protocol=protocol))
    np.testing.assert_array_equal(restricted_unpickle(path)["a"][0], array)
