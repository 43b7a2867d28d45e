"""The detached process of one run: `python -m effkit.batch.child FOLDER DESCRIPTOR`.

It outlives whoever started it, so that nothing measured is lost with a coordinator, and publishes the run itself, in
a store too where results are kept in one.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from pathlib import Path

from effkit import attempts, index, store
from effkit.batch.runner import execute
from effkit.bench.cores import leave_free
from effkit.remote.fetching import arrived
from effkit.remote.sending import deliver


def main() -> None:
    """Run what is asked for in a staged folder, unless another process has done so meanwhile."""
    staged, descriptor = Path(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(descriptor, False)  # the lock on the request says that this process lives, and no other
    request, results = attempts.request(staged), staged.parents[1]
    if request.beside_others:
        leave_free(request.measured_threads)

    def tell(text: str) -> None:
        (staged / store.LOG).write_text(f"- - - {text}\n", encoding="utf-8")

    with attempts.alone(results, request.identity, tell):
        if not request.again:
            attempts.recover(results)  # whoever was waited for may have been killed with its record written
            with suppress(store.StoreError):  # a store that is gone now may be back when the run is measured
                deliver(results)
                arrived(results, request.identity)
        if not request.again and index.done(results, request.identity) is not None:
            store.discard(staged)
        else:
            execute(staged, request)
            deliver(results)
            if index.done(results, request.identity) is None:
                arrived(results, request.identity)  # another host's record was first
    gc.freeze()  # the process ends, and need not look through all that it imported before


if __name__ == "__main__":
    try:
        main()
    except store.StoreError as error:
        sys.exit(str(error))
