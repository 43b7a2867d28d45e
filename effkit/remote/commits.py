"""Which run of an identity counts: the one that was committed first.

A run lies in a store as it does in a folder, `<study>/<run>/`, all of its files before its record. Before the record
is in its place it lies beside it under a partial name, and `.done/<identity>/<number>` is created, which holds the
run's key: only one of several writers can do that. Who finds such a commit and no record in its place puts it there,
so a writer may be killed between any two steps. Another number is created only where the run of the last one has no
record that can be read.
"""

from __future__ import annotations

from itertools import count

from effkit.migrations import read_record
from effkit.record import Record
from effkit.remote.bucket import Bucket
from effkit.store import RECORD

DONE, PARTIAL = ".done", f"{RECORD}.partial"


def commit(bucket: Bucket, identity: str, key: str) -> str:
    """Make a run the one that counts for its identity, if there is none yet; its partial record must be there.

    Returns:
        The key of the run that counts: this one's, or an earlier one's.
    """
    for number in count(1):
        slot = f"{DONE}/{identity}/{number}"
        if bucket.create(slot, key.encode()):
            return key
        holder = (bucket.read(slot) or b"").decode(errors="replace")
        if holder == key or (holder and complete(bucket, holder)):
            return holder
    raise AssertionError("numbers do not end")


def complete(bucket: Bucket, key: str) -> bool:
    """Put the record of a committed run in its place, if its writer has not; return whether it can be read."""
    record = bucket.read(f"{key}/{RECORD}")
    if record is None:
        partial = bucket.read(f"{key}/{PARTIAL}")
        record = bucket.read(f"{key}/{RECORD}") if partial is None else partial  # put there just now
        if partial is not None:
            bucket.write(f"{key}/{RECORD}", partial)
    return record is not None and readable(record) is not None


def complete_all(bucket: Bucket, sizes: dict[str, int]) -> list[str]:
    """Complete every committed run of a listing whose record is not in its place, and return their keys."""
    finished = []
    for path in sizes:
        key, _, name = path.rpartition("/")
        if name == PARTIAL and f"{key}/{RECORD}" not in sizes:
            record = readable(bucket.read(path) or b"")
            slots = bucket.sizes(f"{DONE}/{record.identity}") if record else {}
            if any(bucket.read(slot) == key.encode() for slot in slots) and complete(bucket, key):
                finished.append(key)
    return finished


def readable(content: bytes) -> Record | None:
    """Parse a record; None where it is cut off or broken."""
    try:
        return read_record(content)
    except ValueError:
        return None
