"""One measured run a host: the slot is held until the last process that measures is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from effkit.bench import slot
from effkit.bench.slot import WAITING, measuring_slot

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="effkit measures on Linux and macOS")
ROOT = Path(__file__).parents[2]
VISIT_S = 3.0

HOLDER = f"""
import sys, tempfile, time
from pathlib import Path
from effkit.bench import process
from effkit.bench.process import WorkerProcess
from effkit.bench.slot import measuring_slot
from effkit.models import Recipe
from effkit.models.own import Packed
from effkit.tasks import Task

def slow(items):
    import time
    time.sleep({VISIT_S})
    return [0] * len(items)

scratch = Path(sys.argv[1])
process.sys.executable = sys.argv[2]
task = Task.from_arrays("t", [str(number) for number in range(40)], [0, 1] * 20)
settings = Packed.of(slow).settings(task, scratch)
recipe = Recipe(model="slow", builder="own", kind=task.kind, fit_items=0, seed=0, settings=settings)
with measuring_slot(print), WorkerProcess(threads=1) as worker:
    worker.ask("open", recipe=recipe.to_json(), task=str(task.saved_below(scratch)), products=str(scratch))
    worker.ask("load", folder=str(scratch))
    print("visiting", worker.psutil.pid, flush=True)
    worker.ask("visit", items=[0], least_calls=1, least_s=0.1, most_kept=1000)
"""

OUTLIVES = """#!{python}
# A worker of a system on which processes do not end with their parents.
import sys
from effkit.bench import worker
worker.die_with_parent = lambda parent: None
sys.argv = ["worker", sys.argv[-1]]
worker.main()
"""


@pytest.fixture(autouse=True)
def _host_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests wait for nobody else's measurement."""
    monkeypatch.setenv("EFFKIT_HOST", f"test-{tmp_path.name}-{os.getpid()}")


def _is_free() -> bool:
    told: list[str] = []

    def refuse(text: str) -> None:
        told.append(text)
        raise InterruptedError

    try:
        with measuring_slot(refuse):
            return True
    except InterruptedError:
        assert told == [WAITING]
        return False


def test_a_second_run_waits_and_is_told() -> None:
    told: list[str] = []
    order: list[str] = []

    def second() -> None:
        with measuring_slot(told.append):
            order.append("second")

    with measuring_slot(told.append):
        thread = threading.Thread(target=second)
        thread.start()
        deadline = time.monotonic() + 30
        while not told and time.monotonic() < deadline:
            time.sleep(0.01)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert told == [WAITING]


def test_the_window_lies_within_the_time_it_was_held() -> None:
    with measuring_slot(print) as held:
        time.sleep(0.1)
        window = held.window()
    assert 0.1 <= window.end_s - window.start_s < 5
    assert window.clock.startswith(os.environ["EFFKIT_HOST"] + "/")
    assert slot.descriptors() == ()


def test_hosts_that_share_a_machine_have_slots_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with measuring_slot(print):
        assert not _is_free()
        monkeypatch.setenv("EFFKIT_HOST", os.environ["EFFKIT_HOST"] + "/other")
        assert _is_free()


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_other_users_may_take_it_whatever_the_umask_of_the_first(
    umask: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFKIT_SLOT", str(tmp_path))
    before = os.umask(umask)
    try:
        with measuring_slot(print):
            assert slot.place().parent == tmp_path and slot.place().stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(before)


def test_a_slot_that_may_not_be_read_names_its_owner_and_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFKIT_SLOT", str(tmp_path))
    slot.place().touch(mode=0o600)

    def refuse(*asked: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with (
        pytest.raises(slot.SlotError, match=f"{slot.place()}.* belongs to {slot.place().owner()} .*chmod a.r"),
        measuring_slot(print),
    ):
        pass


def test_a_slot_that_cannot_be_made_names_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EFFKIT_SLOT", str(tmp_path / "nowhere"))
    with pytest.raises(slot.SlotError, match="cannot be made: .* EFFKIT_SLOT name a folder"), measuring_slot(print):
        pass


def test_a_temporary_folder_of_ones_own_gives_no_slot_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EFFKIT_SLOT")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert slot.place().parent == Path("/tmp")


@pytest.mark.parametrize("outlives", [False, True], ids=["ends with its parent", "outlives its parent"])
def test_the_slot_is_held_while_an_orphan_measures(outlives: bool, tmp_path: Path) -> None:
    python = Path(sys.executable)
    if outlives:
        python = tmp_path / "python"
        python.write_text(OUTLIVES.format(python=sys.executable))
        python.chmod(0o755)
    elif sys.platform != "linux":
        pytest.skip("only Linux ends a process with its parent")
    script = tmp_path / "holder.py"
    script.write_text(HOLDER)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    holder = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), str(python)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert holder.stdout is not None
    _, pid = holder.stdout.readline().split()
    time.sleep(0.5)
    assert not _is_free()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    killed = time.monotonic()
    while not _is_free():
        assert time.monotonic() - killed < 60
        time.sleep(0.02)
    waited_s = time.monotonic() - killed
    assert not psutil.pid_exists(int(pid)) or psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE
    assert (waited_s > VISIT_S / 2) == outlives
