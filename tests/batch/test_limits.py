"""What a run may take. Limits end all that their process has started, so it is one of its own here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WAITS_THEN_RUNS = """
import subprocess, sys, time
from pathlib import Path
from effkit.batch import limits
from effkit.bench.slot import WAITING

limits.LOOK_EVERY_S = 0.2
log = Path(sys.argv[1])
log.write_text(f"2026-01-01 12:00:00,000 INFO  30 %  {WAITING}\\n")
child = subprocess.Popen(["sleep", "60"])
run = limits.Limits(log, timeout_s=0.5, memory_bytes=None)
with run.watched():
    time.sleep(1.5)
    assert run.exceeded is None and child.poll() is None
    with log.open("a") as file:
        file.write("2026-01-01 12:00:04,000 INFO  31 %  generation 1/1: starting logreg\\n")
    child.wait(timeout=20)
print(run.exceeded)
"""


def test_time_spent_waiting_for_the_slot_does_not_count(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WAITS_THEN_RUNS, str(tmp_path / "log.txt")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(("timeout", "it took longer than its timeout_s of 0.5")), done.stderr
