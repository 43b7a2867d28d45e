"""Which notebook tells a study."""

from __future__ import annotations

from pathlib import Path

from effkit.spec import SpecError


def notebook_for(modality: str, params: Path) -> Path:
    """Return a study's notebook: the one named after its parameter file, or else its modality's.

    `compression-vision.yaml` is told by `compression.ipynb` where it has none of its whole name. All are looked for
    in the `notebooks/` nearest to the parameter file.

    Raises:
        SpecError: when there is none, naming where it was looked for.
    """
    starts = (params.resolve().parent, Path.cwd())
    for name in (f"{params.stem}.ipynb", f"{params.stem.partition('-')[0]}.ipynb", f"{modality}.ipynb"):
        for start in starts:
            for folder in (start, *start.parents):
                if (folder / "notebooks" / name).is_file():
                    return folder / "notebooks" / name
    raise SpecError(
        f"There is no notebooks/{modality}.ipynb above {starts[0]} or {starts[1]}: run it in a checkout of effkit, or "
        "put the parameter file below one, as in its params/."
    )
