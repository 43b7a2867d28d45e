"""The models and tasks that come with effkit, and how their files get here.

``models()`` and ``tasks()`` list them; ``fetch(name)`` brings the files into the cache and checks
each against its SHA-256; ``verified_path(name, file)`` is the way to a file that is to be loaded.
"""

from effkit.catalogue.cache import cache_dir
from effkit.catalogue.entries import (
    Cost,
    Entry,
    ModelEntry,
    TaskEntry,
    find,
    models,
    tasks,
)
from effkit.catalogue.errors import (
    CatalogueError,
    FetchError,
    HashMismatch,
    UnknownEntry,
)
from effkit.catalogue.fetch import (
    download_bytes,
    fetch,
    is_fetched,
    network_sources,
    verified_path,
    verify,
)
from effkit.catalogue.sources import (
    Archive,
    BundledSource,
    CarrierSource,
    File,
    HubSource,
    LocalSource,
    Source,
)
from effkit.catalogue.unpickle import RefusedPickle, restricted_unpickle

__all__ = [
    "Archive",
    "BundledSource",
    "CarrierSource",
    "CatalogueError",
    "Cost",
    "Entry",
    "FetchError",
    "File",
    "HashMismatch",
    "HubSource",
    "LocalSource",
    "ModelEntry",
    "RefusedPickle",
    "Source",
    "TaskEntry",
    "UnknownEntry",
    "cache_dir",
    "download_bytes",
    "fetch",
    "find",
    "is_fetched",
    "models",
    "network_sources",
    "restricted_unpickle",
    "tasks",
    "verified_path",
    "verify",
]
