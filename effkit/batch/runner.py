"""One attempt through papermill: the only file that imports it."""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from effkit import attempts, store
from effkit.attempts import Request
from effkit.batch.limits import Limits
from effkit.bench import host, slot
from effkit.catalogue import own
from effkit.hashing import sha256_of
from effkit.secrecy import without_secrets
from effkit.spec import StudySpec

ENGINE, KERNEL = "effkit", "python3"
PLACES = ("EFFKIT_CACHE", own.VARIABLE, "EFFKIT_LOCAL", host.PRODUCTS_VARIABLE, slot.SLOT_VARIABLE)
"""Variables that name folders or a file. A run has its results folder in `EFFKIT_RUN`."""
SLOW_IMPORTS = ("rfc3987_syntax", "isoduration")
"""A grammar that compiles for a second and a half, and a calendar: for checks of formats that notebooks do not need."""
SAVE_EVERY_S = 5.0
START_KERNEL = (
    "import atexit, gc, runpy; atexit.register(gc.freeze); runpy.run_module('ipykernel_launcher', run_name='__main__')"
)
"""A process that ends looks through all it imported for cycles, most of a second, unless it is told not to."""


def execute(staged: Path, request: Request) -> None:
    """Execute a study's notebook into a staged folder; then publish the run, or put the attempt aside.

    A notebook that raises after the record is there leaves both: the run, and beside it why it raised.

    Args:
        staged: the folder.
        request: what is asked.
    """
    limits = Limits(staged / store.LOG, request.timeout_s, request.memory_bytes)
    failed: tuple[str, str] | None = None
    try:
        with _temporary_folder(staged), _leave_nothing_behind(), limits.watched():
            _execute(Path(request.notebook), staged, request.params)
    except KeyboardInterrupt:
        failed = "stopped", "it was stopped"
    except Exception as error:  # whatever papermill or the disk raises is how this attempt ended
        failed = limits.exceeded or ("failed", _sentence(error, Path(request.notebook).name))
    if not (staged / store.RECORD).exists():
        name = Path(request.notebook).name
        attempts.give_up(
            staged, *(failed or ("failed", f"{name} finished without `study.save()`: there is no record."))
        )
        return
    if failed is not None:
        attempts.note(staged, *failed)
    store.load(staged)
    store.publish(staged)


def _execute(notebook: Path, staged: Path, params: Mapping[str, Any]) -> None:
    for name in SLOW_IMPORTS:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type] # whoever asks for it does without
    import papermill

    logging.getLogger("papermill").setLevel(logging.ERROR)
    _register_engine()
    variables = {
        store.RUN_VARIABLE: str(staged.absolute()),
        store.NOTEBOOK_VARIABLE: sha256_of(notebook),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        # The kernel works in the notebook's folder, where a relative path leads elsewhere.
        **{name: str(Path(given).expanduser().absolute()) for name in PLACES if (given := os.environ.get(name))},
    }
    os.environ.update(variables)
    papermill.execute_notebook(
        _literal(notebook),
        _literal(staged / store.NOTEBOOK),
        # A key left out is passed on as None, or the notebook's own default would stand in for it.
        parameters={**dict.fromkeys(StudySpec.model_fields), **params},
        engine_name=ENGINE,
        kernel_name=KERNEL,
        progress_bar=False,
        cwd=str(notebook.parent),
    )


def _literal(path: Path) -> str:
    """A path as papermill takes it, which puts parameters between braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _sentence(error: Exception, notebook: str) -> str:
    """Say how a notebook ended. The exception alone tells: papermill saves some failures as successes."""
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    if isinstance(error, PapermillExecutionError):
        return f"{notebook}, cell {error.exec_count}: {error.ename}: {error.evalue}"
    if isinstance(error, DeadKernelError):
        return f"{notebook}: its kernel was killed, most likely for want of memory"
    return f"{notebook}: {type(error).__name__}: {error}"


def _register_engine() -> None:
    """Register a papermill engine whose kernel runs on this interpreter, whatever kernels are installed."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from papermill.engines import NBClientEngine, papermill_engines

    class ThisInterpreter(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            # The kernel's own log would stand between the lines of the run; what it dies of reaches us anyway.
            argv = [sys.executable, "-c", START_KERNEL, "-f", "{connection_file}", "--log-level=50"]
            return KernelSpec(argv=argv, display_name="Python 3", language="python")

    class Engine(NBClientEngine):  # type: ignore[misc]
        @classmethod
        def execute_managed_notebook(cls, manager: Any, kernel_name: str, **options: Any) -> None:
            with _fit_to_share(manager.nb), _saved_seldom(manager):
                super().execute_managed_notebook(manager, kernel_name, kernel_manager_class=ThisInterpreter, **options)

    papermill_engines.register(ENGINE, Engine)


@contextmanager
def _fit_to_share(notebook: Any) -> Iterator[None]:
    """Keep to this host what papermill and errors tell: an executed notebook goes where its record goes.

    What its cells show besides is the doing of whoever wrote it.
    """
    paths = notebook.metadata["papermill"]
    paths["input_path"], paths["output_path"] = Path(paths["input_path"]).name, store.NOTEBOOK
    try:
        yield
    finally:
        for cell in notebook.cells:
            for output in cell.get("outputs", ()):
                if output["output_type"] == "error":
                    output["evalue"] = without_secrets(output["evalue"])
                    output["traceback"] = [without_secrets(line) for line in output["traceback"]]


@contextmanager
def _saved_seldom(manager: Any) -> Iterator[None]:
    """Save a notebook every few seconds: papermill does before and after every cell, those of words too.

    The whole is saved at the end in any case; what a kill may cost is what a few seconds have shown.
    """
    save = manager.save

    def if_long_ago() -> None:
        if (manager.now() - manager.last_save_time).total_seconds() >= SAVE_EVERY_S:
            save()

    manager.save = if_long_ago
    try:
        yield
    finally:
        manager.save = save


@contextmanager
def _temporary_folder(staged: Path) -> Iterator[None]:
    """Give the kernel and its workers one temporary folder: what is killed cannot remove its own."""
    before = tempfile.gettempdir()
    folder = tempfile.mkdtemp(prefix=attempts.temporary_prefix(staged))
    tempfile.tempdir = os.environ["TMPDIR"] = folder  # of this process too, which writes the kernel's connection file
    try:
        yield
    finally:
        tempfile.tempdir = os.environ["TMPDIR"] = before
        attempts.remove_temporary(staged)


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
