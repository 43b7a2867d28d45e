"""Which techniques there are: those of effkit, those of installed packages, and your own."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from effkit.spec import SpecError, unknown_name
from effkit.techniques.base import Technique
from effkit.techniques.exits import EXITS
from effkit.techniques.gpu import FP8, INT4, TWO_OF_FOUR
from effkit.techniques.learning import DISTIL, HEAL, TUNE
from effkit.techniques.precision import BF16, FP16, INT8, MIXED, WEIGHTS
from effkit.techniques.pruning import CHANNELS, HEADS, LAYERS, NEURONS, SPARSE
from effkit.techniques.resolution import RESOLUTION
from effkit.techniques.runtimes import ATTENTION, BATCHING, COMPILE, ONNX, OPENVINO
from effkit.techniques.smaller import FEATURES, STATIC, TOKENS, TREES

GROUP = "effkit.techniques"
"""The entry point group: `name = "package.module:TECHNIQUE"`."""

TECHNIQUES: Mapping[str, Technique] = {
    each.name: each
    for each in (
        *(BF16, FP16, INT8, WEIGHTS, MIXED, FP8, INT4, TWO_OF_FOUR),
        *(LAYERS, NEURONS, HEADS, CHANNELS, SPARSE),
        *(DISTIL, HEAL, TUNE, STATIC),
        *(ONNX, OPENVINO, COMPILE, ATTENTION, BATCHING),
        *(TOKENS, RESOLUTION, TREES, FEATURES),
        EXITS,
    )
}
"""Every technique of effkit, by name."""

_registered: dict[str, Technique] = {}


def register(technique: Technique) -> Technique:
    """Add a technique of your own, and return it. Registering it again replaces it.

    Raises:
        SpecError: when its name is one of effkit's, when it does nothing, or when its transform cannot be found
            from another process.
    """
    if technique.name in TECHNIQUES:
        raise SpecError(f"`{technique.name}` is a technique of effkit; give yours another name.")
    _checked(technique)
    _registered[technique.name] = technique
    return technique


def find(name: str) -> Technique:
    """Return a technique by its name.

    Raises:
        SpecError: for an unknown name, naming the nearest; or when an installed one cannot be used.
    """
    if name in TECHNIQUES:
        return TECHNIQUES[name]
    if name in _registered:
        return _registered[name]
    installed = _installed()
    if name not in installed:
        raise unknown_name("technique", name, [*TECHNIQUES, *_registered, *installed])
    try:
        loaded = installed[name].load()
    except Exception as error:  # whatever its package raises as it is imported
        raise SpecError(
            f"`{name}` is {installed[name].value} of an installed package, and that cannot be imported "
            f"({type(error).__name__}: {error}): mend it there, or leave the technique out."
        ) from error
    if not isinstance(loaded, Technique) or loaded.name != name:
        raise SpecError(f"The entry point `{name}` of {GROUP} must be a Technique of that name; it is {loaded!r}.")
    _checked(loaded)
    return loaded


def address(function: Callable[..., Any]) -> dict[str, str]:
    """Say where a function stands, so that a worker can import it, and what is written there.

    Raises:
        SpecError: when it stands in no module that another process can import.
    """
    module, name = function.__module__, function.__qualname__
    if module == "__main__" or "<" in name:
        raise SpecError(
            f"`{module}.{name}` cannot be found from a worker, which is another process: "
            "write the transform as a function of a module that can be imported."
        )
    # So that a changed function is another product: with the helpers and constants of its module.
    source = inspect.getsource(inspect.getmodule(function) or function)
    return {"module": module, "name": name, "sha256": hashlib.sha256(source.encode()).hexdigest()}


def _checked(technique: Technique) -> None:
    if technique.apply is None and technique.transform is None:
        raise SpecError(f"`{technique.name}` does nothing: give it `apply` or `transform`.")
    if technique.transform is not None:
        address(technique.transform)


def _installed() -> dict[str, EntryPoint]:
    return {each.name: each for each in entry_points(group=GROUP)}
