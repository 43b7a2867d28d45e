"""Read an old weights pickle without letting it run code."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from effkit.catalogue.errors import CatalogueError

# An array needs these and nothing else. A bare "any name in numpy" would let a pickle reach
# functions that load or run files (numpy.load, numpy.testing.runstring).
_ALLOWED = frozenset(
    (module, name)
    for package in ("numpy.core", "numpy._core")
    for module, name in (
        (f"{package}.multiarray", "_reconstruct"),
        (f"{package}.multiarray", "scalar"),
        (f"{package}.numeric", "_frombuffer"),
    )
) | {("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")}


class RefusedPickle(CatalogueError, pickle.UnpicklingError):
    """A pickle that wants more than NumPy arrays and plain containers."""


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise RefusedPickle(
                f"the pickle asks for {module}.{name}; only NumPy arrays in plain containers are "
                "read. Convert the weights to safetensors on a machine where you trust them"
            )
        # NumPy 2 renamed its core; the old name still answers but warns.
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def restricted_unpickle(path: Path) -> Any:
    """Load NumPy arrays in plain containers from a pickle, and refuse everything else.

    Args:
        path: The pickle file. Strings of Python 2 are read as latin-1.

    Raises:
        RefusedPickle: The pickle names a global that is not needed for an array.
    """
    with path.open("rb") as stream:
        return _ArraysOnly(stream, encoding="latin1").load()
