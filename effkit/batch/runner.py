"""One parameter file through papermill: the only file that imports it."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from effkit import resolve, store
from effkit.assemble import NOTEBOOK_VARIABLE
from effkit.params import given, parse
from effkit.record import Record
from effkit.spec import SpecError, StudySpec

log = logging.getLogger(__name__)
ENGINE, KERNEL = "effkit", "python3"
WATCH_EVERY_S = 0.5

Watch = Callable[[str], None]
"""Told the last line of a run's log whenever it changes."""


class RunFailed(RuntimeError):
    """The notebook did not finish; the message says where and why, and what was kept."""


@dataclass(frozen=True)
class Runner:
    """Runs studies' notebooks.

    Attributes:
        results: where runs are kept.
        watch: shows what a run is doing.
    """

    results: Path
    watch: Watch = lambda line: None

    def run(self, params: Mapping[str, Any], source: Path) -> store.Loaded:
        """Validate, execute the study's notebook, and put the run in its place.

        Args:
            params: the keys of a parameter file, overrides applied.
            source: the file, beside whose folder the notebooks are.

        Returns:
            The run. Candidates may have failed: `record.failed` names them.

        Raises:
            SpecError: before anything is loaded.
            StoreError: when the results cannot be written.
            RunFailed: when the notebook raises. A run that had measured everything is kept all the same.
        """
        params = given(params)
        spec = parse(params, str(source))
        resolve.check(spec, {}, None)
        notebook = notebook_for(resolve.task_kind(spec.task, None).modality, source)
        store.check_writable(self.results)
        started_at = datetime.now(UTC)
        staged = store.stage(self.results, spec.name, store.run_name(started_at, store.params_hash(params)))
        try:
            error = self._execute(notebook, staged, params)
            if not (staged / store.RECORD).exists():
                raise error or RunFailed(f"{notebook.name} finished without `study.save()`: there is no record.")
            loaded = store.load(store.publish(staged))
        finally:
            store.discard(staged)
        if error is not None:
            raise RunFailed(f"{error} The run itself was complete and is kept in {loaded.folder}.")
        return loaded

    def _execute(self, notebook: Path, staged: Path, params: Mapping[str, Any]) -> RunFailed | None:
        """Execute the notebook into the staged folder; return what went wrong, if anything did."""
        import papermill
        from papermill.exceptions import PapermillExecutionError

        logging.getLogger("papermill").setLevel(logging.ERROR)
        _register_engine()
        variables = {
            store.RUN_VARIABLE: str(staged.resolve()),
            NOTEBOOK_VARIABLE: hashlib.sha256(notebook.read_bytes()).hexdigest(),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        with _environment(variables), _leave_nothing_behind(), self._watching(staged):
            try:
                papermill.execute_notebook(
                    str(notebook),
                    str(staged / store.NOTEBOOK),
                    # A key left out is passed on as None, or the notebook's own default would stand in for it.
                    parameters={**dict.fromkeys(StudySpec.model_fields), **params},
                    engine_name=ENGINE,
                    kernel_name=KERNEL,
                    progress_bar=False,
                    cwd=str(notebook.parent),
                )
            except PapermillExecutionError as error:
                where = f"{notebook.name}, cell {error.exec_count}"
                return RunFailed(f"{where}: {error.ename}: {error.evalue}")
        return None

    @contextmanager
    def _watching(self, staged: Path) -> Iterator[None]:
        """Tell the last line of the run's log while it grows."""
        done = threading.Event()

        def look() -> None:
            shown = ""
            while not done.wait(WATCH_EVERY_S):
                with suppress(OSError, IndexError):
                    line = (staged / store.LOG).read_text(encoding="utf-8").splitlines()[-1]
                    if line != shown:
                        self.watch(line.split(" ", 3)[-1].strip())
                    shown = line

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def notebook_for(modality: str, params: Path) -> Path:
    """Return a study's notebook: the one named after its parameter file, or else its modality's.

    A file named `compression-tabular.yaml` takes `compression-tabular.ipynb`, or else `compression.ipynb`. All are
    looked for in the `notebooks/` nearest to the parameter file.

    Raises:
        SpecError: when there is none, naming where it was looked for.
    """
    starts = (params.resolve().parent, Path.cwd())
    parts = params.stem.split("-")
    names = ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]
    for name in (f"{name}.ipynb" for name in (*names, modality)):
        for start in starts:
            for folder in (start, *start.parents):
                if (folder / "notebooks" / name).is_file():
                    return folder / "notebooks" / name
    raise SpecError(f"There is no notebooks/{modality}.ipynb above {starts[0]} or {starts[1]}.")


def failures(record: Record) -> list[str]:
    """One sentence for each candidate that failed."""
    return [f"{candidate.name} failed: {candidate.error}" for candidate in record.failed]


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _register_engine() -> None:
    """Register a papermill engine whose kernel runs on this interpreter, whatever kernels are installed."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from papermill.engines import NBClientEngine, papermill_engines

    class ThisInterpreter(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            # The kernel's own log would stand between the lines of the run; what it dies of reaches us anyway.
            argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=50"]
            return KernelSpec(argv=argv, display_name="Python 3", language="python")

    class Engine(NBClientEngine):  # type: ignore[misc]
        @classmethod
        def execute_managed_notebook(cls, manager: Any, kernel_name: str, **options: Any) -> None:
            super().execute_managed_notebook(manager, kernel_name, kernel_manager_class=ThisInterpreter, **options)

    papermill_engines.register(ENGINE, Engine)


@contextmanager
def _leave_nothing_behind() -> Iterator[None]:
    """Turn SIGTERM into an interrupt, and end the kernel and its workers whatever happens."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, interrupt) if main else None
    try:
        yield
    finally:
        children = psutil.Process().children(recursive=True)
        for child in children:
            with suppress(psutil.Error):
                child.kill()
        psutil.wait_procs(children, timeout=5)
        if main:
            signal.signal(signal.SIGTERM, before)
