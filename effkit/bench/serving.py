"""A worker under load: it reads whatever requests wait, and answers the first of them together.

Requests and answers are bytes: an id and the item's position in, the id back. JSON would cost more
than a fast model does.
"""

from __future__ import annotations

import select
import struct
import time
from collections import deque
from collections.abc import Sequence
from io import BufferedReader
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from effkit.models.base import Predictor

REQUEST = struct.Struct("<QI")
"""A request's id, and the position of its item in the list that the worker took."""
ANSWER = struct.Struct("<Q")
"""The id of a request that is answered."""
END = 2**64 - 1
"""The id of no request: the load is over."""
LAST_REQUEST = REQUEST.pack(END, 0)
ENDED = ANSWER.pack(END)
MOST_BYTES = 2**16
PASSED, LONGEST_PASS_S = 64, 10.0
"""Items that tell before a load test what rate to expect, fewer where they would take long."""


def passed_per_s(predictor: Predictor, items: Sequence[Any], max_batch: int) -> float:
    """Answer the first items once, in batches, and return how many it did in a second."""
    start = time.perf_counter()
    passed, done, took_s = list(items[:PASSED]), 0, 0.0
    while done < len(passed) and took_s < LONGEST_PASS_S:
        batch = passed[done : done + max_batch]
        predictor.infer(predictor.prepare(batch))
        done, took_s = done + len(batch), time.perf_counter() - start
    return done / took_s


def answer_requests(
    predictor: Predictor, items: Sequence[Any], max_batch: int, requests: BufferedReader, answers: BinaryIO
) -> None:
    """Answer requests until the last one.

    Args:
        predictor: the loaded model.
        items: what requests name by position.
        max_batch: most requests that are answered together.
        requests: where they come from. It is read as a buffer, so that bytes which came along with the
            JSON line before them are not lost.
        answers: where ids go.

    Raises:
        EOFError: when requests stop coming without the last one.
    """
    waiting: deque[tuple[int, int]] = deque()
    rest, over = b"", False
    while waiting or not over:
        if not over and (not waiting or (len(waiting) < max_batch and _more(requests))):
            rest += _read(requests)
            whole = len(rest) - len(rest) % REQUEST.size
            waiting.extend(REQUEST.iter_unpack(rest[:whole]))
            rest = rest[whole:]
            if waiting and waiting[-1][0] == END:
                waiting.pop()
                over = True
            continue
        together = [waiting.popleft() for _ in range(min(max_batch, len(waiting)))]
        predictor.infer(predictor.prepare([items[position] for _, position in together]))
        answers.write(b"".join(ANSWER.pack(number) for number, _ in together))
        answers.flush()


def _read(requests: BufferedReader) -> bytes:
    """Wait until something can be read, and read all that waits."""
    read = requests.read1(MOST_BYTES)
    if not read:
        raise EOFError("the load ended without its last request")
    return read


def _more(requests: BufferedReader) -> bool:
    """Whether a request waits in the pipe; the buffer itself is empty after a read that was not cut short."""
    return bool(select.select([requests], [], [], 0)[0])
