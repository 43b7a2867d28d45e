"""The models and tasks that effkit knows, and how their files get here.

``models()`` and ``tasks()`` list them; ``fetch(name)`` brings the files into the cache and checks
each against its SHA-256, those that are there already too: load nothing that it did not return.
"""

from effkit.catalogue.cache import cache_dir
from effkit.catalogue.entries import (
    DECIDING,
    OF_A_TABLE,
    Cost,
    Entry,
    ModelEntry,
    TaskEntry,
    deciding,
    declared,
    find,
    models,
    shipped,
    tasks,
)
from effkit.catalogue.errors import CatalogueError, FetchError
from effkit.catalogue.fetch import (
    download_bytes,
    fetch,
    is_fetched,
    missing_bytes,
    network_sources,
)
from effkit.catalogue.own import own_path

__all__ = [
    "DECIDING",
    "OF_A_TABLE",
    "CatalogueError",
    "Cost",
    "Entry",
    "FetchError",
    "ModelEntry",
    "TaskEntry",
    "cache_dir",
    "deciding",
    "declared",
    "download_bytes",
    "fetch",
    "find",
    "is_fetched",
    "missing_bytes",
    "models",
    "network_sources",
    "own_path",
    "shipped",
    "tasks",
]
