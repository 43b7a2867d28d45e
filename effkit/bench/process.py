"""A worker as the coordinator sees it: a process to ask, and to be rid of."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from effkit.bench import nvml, slot
from effkit.bench.energy import MOVED_WITHIN_S, EnergyMeter
from effkit.bench.serving import MOST_BYTES
from effkit.models.base import CPU
from effkit.record import COUNTED, Rank, weakest_rank
from effkit.secrecy import without_secrets

ANSWER_WITHIN_S, MAKE_WITHIN_S, TAKE_BACK_WITHIN_S = 3600.0, 86400.0, 60.0
"""Who does not answer for so long hangs. Making and predicting may take hours on many items."""
MAKING = ("make", "predict")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS", "EFFKIT_THREADS",
)  # fmt: skip


class WorkerFailed(Exception):
    """A candidate crashed, ran out of memory, gave a wrong answer or none. What it says goes into the record."""

    def __init__(self, said: str) -> None:
        super().__init__(without_secrets(said))


class WorkerProcess:
    """One worker process. Use it as a context manager: it is gone on leaving.

    Args:
        threads: threads of every library; 0 leaves the libraries' own choice, all cores.
        cores: cores to pin it to; empty for all.
        device: where PyTorch models run, "cpu" or "cuda".
        meter: measures the energy of making steps, if the worker makes anything.
    """

    def __init__(
        self, *, threads: int, cores: Sequence[int] = (), device: str = "cpu", meter: EnergyMeter | None = None
    ) -> None:
        self._meter, self._overdue = meter, ""
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "effkit.bench.worker", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=environment(threads, device),
            pass_fds=slot.descriptors(),
            start_new_session=True,  # an interrupt from the keyboard is the coordinator's to handle
        )
        self.psutil = psutil.Process(self._process.pid)
        threading.Thread(target=self._bury, daemon=True).start()
        try:
            self.ask("hello", cores=list(cores), threads=threads)
        except BaseException:
            self.close()
            raise
        self.started_s = time.perf_counter() - started

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def family(self) -> list[psutil.Process]:
        """The process and what it had started when first asked, after warm-up: a model's pool is no stranger.

        Looking for them goes through every process of the machine, too much for each visit. One that starts and ends
        later counts with its parent.
        """
        with suppress(psutil.Error):
            return [self.psutil, *self.psutil.children(recursive=True)]
        return [self.psutil]

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a request and wait for its answer without using the processor.

        Raises:
            WorkerFailed: with the reason in a sentence, when there is an error or no answer.
        """
        deadline = time.monotonic() + (within_s := MAKE_WITHIN_S if command in MAKING else ANSWER_WITHIN_S)
        with ExitStack() as energy:
            self._send({"command": command, **arguments})
            while "meter" in (answer := self._parsed(self._line(deadline, within_s), command)):
                self._answer_meter(answer, energy)
        return _checked(answer, command)

    def lend_pipes(self, command: str) -> tuple[int, int]:
        """Start a command that speaks bytes, and lend the ends of its pipes: for requests, and for answers.

        Nobody may `ask` before `take_back`.

        Raises:
            WorkerFailed: when the worker is gone.
        """
        self._send({"command": command})
        assert self._process.stdin is not None and self._process.stdout is not None
        return self._process.stdin.fileno(), self._process.stdout.fileno()

    def take_back(
        self, command: str, *, end: bytes = b"", ended: bytes = b"", within_s: float = TAKE_BACK_WITHIN_S
    ) -> None:
        """Take the pipes back once the command has answered.

        Args:
            command: that was started.
            end: what tells it to end; empty where it has ended by itself.
            ended: what it says then, before its answer. What it said earlier, and the borrower did not take, is lost.
            within_s: longest that it may take to come to its end.

        Raises:
            WorkerFailed: with the reason in a sentence, when there is an error or no answer.
        """
        assert self._process.stdout is not None
        with self._watched(within_s):
            self._write(end)
            while (said := self._process.stdout.read(len(ended))) and said != ended:
                pass
            answer = self._receive(command)
        _checked(answer, command)

    def _line(self, deadline: float, within_s: float) -> bytes:
        """Read a line; end the worker where none is there by the deadline.

        A thread that watches would cost more than all else: who starts one after a pause finds its caches cold.
        """
        assert self._process.stdout is not None
        place = self._process.stdout.fileno()
        waiting = select.poll()
        waiting.register(place, select.POLLIN)
        line = b""
        while not line.endswith(b"\n"):
            left_ms = max(0.0, 1000 * (deadline - time.monotonic()))
            if not waiting.poll(None if self._overdue else left_ms):
                self._give_up(within_s)  # and its end can be read
            if not (read := os.read(place, MOST_BYTES)):
                break
            line += read
        return line

    @contextmanager
    def _watched(self, within_s: float) -> Iterator[None]:
        """End the worker where it takes longer than that."""
        watchdog = threading.Timer(within_s, self._give_up, [within_s])
        watchdog.daemon = True
        watchdog.start()
        try:
            yield
        finally:
            watchdog.cancel()

    def _give_up(self, within_s: float) -> None:
        self._overdue = f"the worker was ended: it gave no answer within {within_s:,.0f} s"
        if self._process.returncode is None:  # else `_bury` has done it
            self._end_group()

    def _bury(self) -> None:
        """Once it is gone, end what it has left: children keep its pipe open, and the slot taken."""
        self._process.wait()
        self._end_group()

    def _end_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _answer_meter(self, question: dict[str, Any], energy: ExitStack) -> None:
        """Open or close an energy window around a making step, as the worker asks."""
        if question["meter"] == "start":
            self._window = energy.enter_context(self._meter.window()) if self._meter else []
            self._send({})
            return
        energy.close()
        if not self._window or self._meter is None:
            self._send({"energy_j": None, "rank": None})
            return
        window = self._window[0]
        parts = {"cpu": window.cpu_j, "memory": window.memory_j, "gpu": window.gpu_j or 0.0}
        shares: dict[Rank, float] = {}
        for method in self._meter.methods:
            shares[method.rank] = shares.get(method.rank, 0.0) + parts[method.component]
        silent = any(parts[each.component] == 0 and each.rank in COUNTED for each in self._meter.methods)
        if silent and window.duration_s >= MOVED_WITHIN_S:  # the others alone would pass for the whole
            self._send({"energy_j": None, "rank": None})
            return
        self._send({"energy_j": sum(parts.values()), "rank": weakest_rank(shares)})

    def _send(self, message: dict[str, Any]) -> None:
        self._write(json.dumps(message).encode() + b"\n")

    def _write(self, message: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(message)
            self._process.stdin.flush()
        except (BrokenPipeError, OSError):
            raise WorkerFailed(self._obituary()) from None

    def _receive(self, command: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        return self._parsed(self._process.stdout.readline(), command)

    def _parsed(self, line: bytes, command: str) -> dict[str, Any]:
        if not line.endswith(b"\n"):  # nothing, or half an answer: it was ended while it wrote
            raise WorkerFailed(f"{self._obituary()} (in `{command}`)")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _obituary(self) -> str:
        """Say in a sentence how the process ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        code = self._process.returncode
        if self._overdue:
            return self._overdue
        if code is None:
            return "the worker closed its pipe but did not end"
        if code < 0:
            name = signal.Signals(-code).name
            why = ": most likely it ran out of memory" if name == "SIGKILL" else ""
            return f"the worker was ended by {name}{why}"
        self._stderr.seek(0)
        last = self._stderr.read().decode(errors="replace").strip().splitlines()[-1:]
        return f"the worker ended with exit code {code}" + (f": {last[0]}" if last else "")

    def close(self) -> None:
        """End the process and everything it started."""
        with suppress(psutil.Error):
            for child in self.psutil.children(recursive=True):  # which is sure that the number is still this process's
                with suppress(psutil.Error):
                    child.kill()
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._end_group()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._stderr.close()


def _checked(answer: dict[str, Any], command: str) -> dict[str, Any]:
    if "error" in answer:
        raise WorkerFailed(f"{answer['error']} (in `{command}`, {answer['where']})")
    return answer


def environment(threads: int, device: str = CPU) -> dict[str, str]:
    """A child's environment: its threads, its device and no other, no network for models, the modules seen here."""
    variables = dict(os.environ)
    for variable in THREAD_VARIABLES:
        variables.pop(variable, None)
        if threads:
            variables[variable] = str(threads)
    variables.setdefault(nvml.ORDER_VARIABLE, nvml.BY_BUS)
    variables |= {
        "EFFKIT_DEVICE": device,
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "TOKENIZERS_PARALLELISM": "true" if threads != 1 else "false",
        "PYTHONUNBUFFERED": "1",
    }
    if device == CPU:  # libraries that take a GPU unasked would be measured on one that the study knows nothing of
        variables["CUDA_VISIBLE_DEVICES"] = ""
    package = str(Path(__file__).resolve().parents[2])
    variables["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([package, str(Path.cwd()), *filter(None, sys.path)]))
    return variables
