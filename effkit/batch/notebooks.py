"""Which notebook tells a study."""

from __future__ import annotations

from pathlib import Path

from effkit.spec import SpecError

TELL_NO_FILE = ("report", "your_model")
"""Notebooks that would pass over a parameter file: one measures nothing, the other has data and models of its own."""


def notebook_for(modality: str, params: Path) -> Path:
    """Return a study's notebook: the one named after its parameter file, or else its modality's.

    `compression-vision.yaml` is told by `compression.ipynb` where it has none of its whole name, and `report.yaml` by
    its modality's, since `report.ipynb` tells no parameter file. All are looked for in the `notebooks/` nearest to the
    parameter file.

    Raises:
        SpecError: when there is none, naming where it was looked for.
    """
    starts = (params.resolve().parent, Path.cwd())
    named = [name for name in (params.stem, params.stem.partition("-")[0]) if name not in TELL_NO_FILE]
    for name in (*named, modality):
        for start in starts:
            for folder in (start, *start.parents):
                if (folder / "notebooks" / f"{name}.ipynb").is_file():
                    return folder / "notebooks" / f"{name}.ipynb"
    raise SpecError(
        f"There is no notebooks/{modality}.ipynb above {starts[0]} or {starts[1]}: run it in a checkout of effkit, or "
        "put the parameter file below one, as in its params/."
    )
