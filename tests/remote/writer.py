"""A process that puts a run into a store as soon as it is told to: `python -m tests.remote.writer ADDRESS RUN`."""

from __future__ import annotations

import sys

from effkit import store
from effkit.remote.sending import deliver
from tests.remote.conftest import staged


def main() -> None:
    """Publish and send a run, and say where it is now."""
    results = store.results_dir(sys.argv[1])
    folder = staged(results, sys.argv[2])
    print("ready", flush=True)
    sys.stdin.readline()
    place = store.publish(folder)
    deliver(results)
    print("first" if place.exists() else "late")


if __name__ == "__main__":
    main()
