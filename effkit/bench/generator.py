"""The load generator: a process around MLPerf LoadGen that sends requests into a worker's pipe.

Run as `python -m effkit.bench.generator`, once for each sequence of requests, on the coordinator's core.
It is a process of its own because LoadGen cannot be stopped before its schedule is over, which must not
be waited for when a worker dies, and because a busy interpreter would hold up the issuing thread.

Nothing else imports LoadGen.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from contextlib import suppress
from typing import Any

from effkit.bench.serving import ANSWER, END, REQUEST

WORKER_ENDED = 3
"""Exit code when the worker stopped answering before all was answered."""
PIPE_BYTES = 2**20
AT_ONCE = 64
"""Requests of one write: few enough that the worker begins while the others are packed."""
NEVER_NS = 10**15
"""LoadGen's own verdict on latency is not asked for."""


def generate(
    *,
    scenario: str,
    rate_per_s: float,
    queries: int,
    items: int,
    seed: int,
    folder: str,
    requests: int,
    answers: int,
) -> None:
    """Issue one sequence of requests and return when all are answered.

    Args:
        scenario: `Server` (Poisson arrivals) or `Offline` (all at once).
        rate_per_s: of arrivals; for `Offline` what is expected.
        queries: how many.
        items: how many there are to choose from.
        seed: of the arrivals and of the choice of items.
        folder: where LoadGen writes its logs.
        requests: pipe to the worker.
        answers: pipe from the worker.
    """
    # The extension itself: the package of that name has no content, and importing it would hide the extension.
    import mlperf_loadgen as loadgen

    _widen(requests)
    _widen(answers)
    gc.disable()  # a collection would delay whoever is to be issued or noted just then

    def issue(samples: list[Any]) -> None:
        for first in range(0, len(samples), AT_ONCE):
            message = b"".join(REQUEST.pack(each.id, each.index) for each in samples[first : first + AT_ONCE])
            try:
                os.write(requests, message)
            except BrokenPipeError:
                threading.Event().wait()  # the end of the answers ends this process

    def complete() -> None:
        while True:
            number = _read_answer(answers)
            if number is None:
                os._exit(WORKER_ENDED)
            loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(number, 0, 0)])

    threading.Thread(target=complete, daemon=True).start()
    settings = loadgen.TestSettings()
    settings.scenario = getattr(loadgen.TestScenario, scenario)
    settings.mode = loadgen.TestMode.PerformanceOnly
    settings.server_target_qps = settings.offline_expected_qps = rate_per_s
    settings.server_target_latency_ns = NEVER_NS
    settings.min_query_count = queries  # no largest count: reaching it is an error to LoadGen
    settings.min_duration_ms = 0
    # One seed for both would make an item's choice a function of its gap.
    settings.schedule_rng_seed, settings.sample_index_rng_seed, settings.qsl_rng_seed = seed, seed + 1, seed + 2
    output = loadgen.LogOutputSettings()
    output.outdir = folder
    output.copy_summary_to_stdout = False
    log = loadgen.LogSettings()
    log.log_output = output
    log.enable_trace = True
    log.log_mode_async_poll_interval_ms = 100
    system = loadgen.ConstructSUT(issue, lambda: None)
    library = loadgen.ConstructQSL(items, items, lambda _: None, lambda _: None)
    loadgen.StartTestWithLogSettings(system, library, settings, log)
    loadgen.DestroyQSL(library)
    loadgen.DestroySUT(system)


def _read_answer(answers: int) -> int | None:
    """The id that is answered, or None when the worker is at its end.

    One answer a read: what follows the last one belongs to the coordinator.
    """
    read = b""
    while len(read) < ANSWER.size:
        part = os.read(answers, ANSWER.size - len(read))
        if not part:
            return None
        read += part
    (number,) = ANSWER.unpack(read)
    return None if number == END else int(number)


def _widen(pipe: int) -> None:
    """Make room for all requests of a sequence, so that issuing never waits (Linux)."""
    import fcntl

    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):  # beyond what this user may have
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


if __name__ == "__main__":
    generate(**json.loads(sys.argv[1]))
