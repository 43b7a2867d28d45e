"""Public names that load on first use, so that importing a package costs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any


def on_first_use(package: str, name: str, places: Mapping[str, str]) -> Any:
    """Return what a package's public name stands for: the whole of its `__getattr__`.

    Args:
        package: that is asked.
        name: that it is asked for.
        places: the module of each public name, below the package; `module:original` where it is called otherwise there.

    Raises:
        AttributeError: naming those there are.
    """
    if name not in places:
        raise AttributeError(f"{package} has no `{name}`; it has {', '.join(sorted(places))}")
    module, _, original = places[name].partition(":")
    return resolve_name(f"{package}.{module}:{original or name}")
