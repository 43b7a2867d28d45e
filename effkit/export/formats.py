"""The formats by name, and where what they write goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from effkit.export.errors import ExportError
from effkit.spec import unknown_name
from effkit.store import Loaded

Write = Callable[..., str]
"""From a run, a place and, where the format is of one, a candidate's name to the place as it is to be told."""


@dataclass(frozen=True)
class Format:
    """One format: the function that writes it, what its files end in, and whether it is of one candidate."""

    module: str
    function: str
    suffix: str
    one_candidate: bool = False


FORMATS: Mapping[str, Format] = {
    "csv": Format("table", "write_csv", ".csv"),
    "parquet": Format("table", "write_parquet", ".parquet"),
    "latex": Format("latex", "write_latex", ".tex"),
    "mlflow": Format("tracking", "write_mlflow", ""),
    "model-card": Format("model_card", "write_model_card", ".md", one_candidate=True),
}


def export(run: Loaded, to: str, out: str | None = None, candidate: str | None = None) -> str:
    """Write one run in one format.

    Args:
        run: the run.
        to: a name of `FORMATS`.
        out: a file, or a folder that is there; for MLflow its tracking URI. None takes a file named after the run
            in the current folder, and for MLflow `./mlruns`.
        candidate: whose model card; None takes the one that the study chose.

    Returns:
        Where it is.

    Raises:
        SpecError: for an unknown format.
        ExportError: when the run has no such candidate, what the format needs is not installed, or the place cannot be
            written.
    """
    if to not in FORMATS:
        raise unknown_name("format", to, FORMATS)
    found = FORMATS[to]
    if candidate is not None and not found.one_candidate:
        raise ExportError(f"`{to}` holds all candidates: leave --candidate out, or export a model-card.")
    write: Write = getattr(import_module(f"effkit.export.{found.module}"), found.function)
    if not found.suffix:
        return write(run, out or "./mlruns")
    named = f"{run.record.spec.name}-{run.folder.resolve().name}{found.suffix}"
    path = Path(named if out is None else out)
    try:
        if path.is_dir():
            path = path / named
        path.parent.mkdir(parents=True, exist_ok=True)
        return write(run, str(path), candidate) if found.one_candidate else write(run, str(path))
    except OSError as error:  # a record is read already: this is what the place says
        raise ExportError(
            f"{path} cannot be written ({error.strerror or error}): give another place with --out."
        ) from None
